//===--- SourceFiles.cpp - The text that places point into ----------------===//

#include "coralc/Report/SourceFiles.h"

using namespace llvm;

namespace coralc {

StringRef SourceFiles::text(StringRef Path) {
  auto [It, Inserted] = Files.try_emplace(Path);
  if (Inserted)
    if (auto Buffer = MemoryBuffer::getFile(Path))
      It->second = std::move(*Buffer);
  return It->second ? It->second->getBuffer() : "";
}

unsigned SourceFiles::offset(const Place &P) {
  StringRef Text = text(P.Path);
  size_t Start = 0;
  for (unsigned Line = 1; Line < P.Line; ++Line) {
    size_t Newline = Text.find('\n', Start);
    if (Newline == StringRef::npos)
      return Text.size();
    Start = Newline + 1;
  }
  return std::min(Start + std::max(P.Column, 1u) - 1, Text.size());
}

Place SourceFiles::place(StringRef Path, unsigned Offset) {
  StringRef Before = text(Path).take_front(Offset);
  size_t LastLine = Before.rfind('\n') + 1;
  return {Path.str(), unsigned(Before.count('\n')) + 1,
          unsigned(Before.size() - LastLine) + 1};
}

} // namespace coralc
