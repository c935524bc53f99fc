//===--- Pages.cpp - The documentation in the binary ----------------------===//

#include "Pages.h"
#include "llvm/ADT/STLExtras.h"
#include <vector>

using namespace llvm;

namespace coralc {

StringRef Page::id() const {
  StringRef Name = FileName;
  Name.consume_back(".md");
  return Name;
}

StringRef Page::body() const {
  StringRef Body = Source;
  if (Body.consume_front("---\n"))
    Body = Body.split("\n---\n").second;
  return Body.ltrim('\n');
}

ArrayRef<Page> pages() {
  static const std::vector<Page> All = {
#include "Pages-checks.inc"
#include "Pages-refusals.inc"
#include "Pages-rewrites.inc"
  };
  return All;
}

const Page *findPage(StringRef Id) {
  const Page *It =
      find_if(pages(), [&](const Page &P) { return P.id() == Id; });
  return It == pages().end() ? nullptr : It;
}

} // namespace coralc
