//===--- JoinedUnit.cpp - Several translation units read as one -----------===//

#include "coralc/Rewrites/Engine/JoinedUnit.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Path.h"

using namespace llvm;

namespace coralc {

std::string absolutePath(StringRef Path, StringRef Directory) {
  SmallString<256> Absolute(Path);
  sys::path::make_absolute(Directory, Absolute);
  sys::path::remove_dots(Absolute, /*remove_dot_dot=*/true);
  return Absolute.str().str();
}

/// The file of \p Command is called \p Name.
static void rename(CompileCommand &Command, StringRef Name) {
  std::string File = absolutePath(Command.File, Command.Directory);
  for (std::string &Argument : MutableArrayRef(Command.Arguments).drop_front())
    if (absolutePath(Argument, Command.Directory) == File)
      Argument = Name.str();
  Command.File = Name.str();
}

CompileCommand withAbsolutePath(const CompileCommand &Command) {
  CompileCommand Result = Command;
  rename(Result, absolutePath(Command.File, Command.Directory));
  return Result;
}

/// The arguments of \p Unit that say where headers are and which macros there
/// are, each with its value.
static std::vector<std::vector<std::string>>
environment(const CompileCommand &Unit) {
  std::vector<std::vector<std::string>> Result;
  ArrayRef<std::string> Arguments(Unit.Arguments);
  for (size_t I = 0; I != Arguments.size(); ++I) {
    StringRef A = Arguments[I];
    constexpr StringRef Kinds[] = {"-I", "-isystem", "-iquote", "-D", "-U"};
    const StringRef *Kind =
        find_if(Kinds, [&](StringRef K) { return A.starts_with(K); });
    if (Kind == std::end(Kinds))
      continue;
    if (A != *Kind)
      Result.push_back({A.str()});
    else if (++I != Arguments.size())
      Result.push_back({A.str(), Arguments[I]});
  }
  return Result;
}

JoinedUnit joinUnits(ArrayRef<CompileCommand> Units) {
  JoinedUnit Joined;
  Joined.Command = Units.front();
  CompileCommand &Command = Joined.Command;
  rename(Command, absolutePath("joined-by-coral.cpp", Command.Directory));
  std::vector<std::vector<std::string>> Known = environment(Command);
  for (const CompileCommand &Unit : Units) {
    std::string Path = absolutePath(Unit.File, Unit.Directory);
    Joined.Contents += "#include \"" + Path + "\"\n";
    Joined.Sources.push_back(std::move(Path));
    for (std::vector<std::string> &Flag : environment(Unit)) {
      if (is_contained(Known, Flag))
        continue;
      Command.Arguments.insert(Command.Arguments.begin() + 1, Flag.begin(),
                               Flag.end());
      Known.push_back(std::move(Flag));
    }
  }
  return Joined;
}

} // namespace coralc
