//===--- CompileCommands.cpp - Which translation units, and how -----------===//

#include "coralc/Exec/CompileCommands.h"
#include "coralc/Exec/Arguments.h"
#include "clang/Tooling/CompilationDatabase.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include <map>

using namespace llvm;
using clang::tooling::CompilationDatabase;

namespace coralc {
namespace {

Error failure(const Twine &Message) {
  return createStringError(inconvertibleErrorCode(), Message);
}

std::string absolutePath(StringRef Path, StringRef Directory = "") {
  SmallString<256> Absolute(Path);
  if (!Directory.empty())
    sys::path::make_absolute(Directory, Absolute);
  sys::fs::make_absolute(Absolute);
  sys::path::remove_dots(Absolute, /*remove_dot_dot=*/true);
  return Absolute.str().str();
}

bool isSource(StringRef Path) {
  return StringSwitch<bool>(sys::path::extension(Path))
      .Cases({".cpp", ".cc", ".cxx", ".c++", ".C", ".cppm", ".ixx"}, true)
      .Default(false);
}

bool isBelow(StringRef Path, StringRef Directory) {
  return Path.consume_front(Directory) &&
         (Directory.ends_with("/") || Path.starts_with("/"));
}

/// The compile databases of a run, each read once.
class Databases {
public:
  explicit Databases(const Inputs &In) : In(In) {}

  /// The database for what \p Directory holds.
  Expected<CompilationDatabase *> forDirectory(StringRef Directory) {
    if (!In.BuildDirectory.empty())
      return load(absolutePath(In.BuildDirectory));
    SmallVector<StringRef> Tried;
    for (StringRef Dir = Directory; !Dir.empty();
         Dir = sys::path::parent_path(Dir)) {
      SmallString<256> Build(Dir);
      sys::path::append(Build, "build");
      for (StringRef Candidate : {Dir, StringRef(Build)})
        if (hasDatabase(Candidate))
          return load(Candidate);
      Tried.push_back(Dir);
    }
    return failure("no compile_commands.json in " + join(Tried, ", ") +
                   ", nor in a 'build' directory in one of them; name its "
                   "directory with -p, or give the compiler flags after '--'");
  }

private:
  static bool hasDatabase(StringRef Directory) {
    return any_of(std::array{"compile_commands.json", "compile_flags.txt"},
                  [&](StringRef Name) {
                    return sys::fs::exists(Directory + "/" + Name);
                  });
  }

  Expected<CompilationDatabase *> load(StringRef Directory) {
    auto [It, Inserted] = Loaded.try_emplace(Directory);
    if (!Inserted)
      return It->second.get();
    if (!hasDatabase(Directory))
      return failure("no compile_commands.json in " + Directory +
                     "; configure with -DCMAKE_EXPORT_COMPILE_COMMANDS=ON, or "
                     "name another directory with -p");
    std::string Message;
    It->second = CompilationDatabase::loadFromDirectory(Directory, Message);
    if (!It->second)
      return failure("cannot read the compile database in " + Directory + ": " +
                     StringRef(Message).rtrim());
    return It->second.get();
  }

  const Inputs &In;
  StringMap<std::unique_ptr<CompilationDatabase>> Loaded;
};

class Collector {
public:
  explicit Collector(const Inputs &In) : In(In), Known(In) {}

  Error addPath(StringRef Path) {
    sys::fs::file_status Status;
    if (std::error_code EC = sys::fs::status(Path, Status))
      return failure("cannot read '" + Path + "': " + EC.message());
    if (sys::fs::is_directory(Status))
      return addDirectory(Path);
    return addFile(Path);
  }

  Error addWholeDatabase() {
    Expected<CompilationDatabase *> Database = Known.forDirectory("");
    if (!Database)
      return Database.takeError();
    addAll(**Database, "/");
    if (Commands.empty())
      return failure("the compile database in " + In.BuildDirectory +
                     " is empty");
    return Error::success();
  }

  /// Every command of every database that the paths lead to.
  void addProgram() {
    SmallVector<std::string> Directories;
    for (const std::string &Path : In.Paths)
      Directories.push_back(
          sys::fs::is_directory(Path)
              ? absolutePath(Path)
              : sys::path::parent_path(absolutePath(Path)).str());
    if (In.Paths.empty())
      Directories.emplace_back();
    SmallPtrSet<const CompilationDatabase *, 2> Added;
    for (const std::string &Directory : Directories) {
      Expected<CompilationDatabase *> Database = Known.forDirectory(Directory);
      if (!Database)
        consumeError(Database.takeError());
      else if (Added.insert(*Database).second)
        for (const clang::tooling::CompileCommand &C :
             (*Database)->getAllCompileCommands())
          push(absolutePath(C.Filename, C.Directory), C);
    }
  }

  std::vector<CompileCommand> take() { return std::move(Commands); }

private:
  Error addFile(StringRef Path) {
    std::string Absolute = absolutePath(Path);
    if (In.Flags) {
      addFixed(Path);
      return Error::success();
    }
    Expected<CompilationDatabase *> Database =
        Known.forDirectory(sys::path::parent_path(Absolute));
    if (!Database)
      return Database.takeError();
    std::vector<clang::tooling::CompileCommand> Found =
        (*Database)->getCompileCommands(Absolute);
    if (Found.empty())
      return failure("no compile command for '" + Path +
                     "' in the compile database; give the compiler flags "
                     "after '--'");
    add(Path, Found.front());
    return Error::success();
  }

  Error addDirectory(StringRef Path) {
    std::string Absolute = absolutePath(Path);
    size_t Before = Commands.size();
    if (In.Flags) {
      if (Error E = addFixedBelow(Path))
        return E;
    } else {
      Expected<CompilationDatabase *> Database = Known.forDirectory(Absolute);
      if (!Database)
        return Database.takeError();
      addAll(**Database, Absolute);
    }
    if (Commands.size() == Before)
      return failure("no translation unit below '" + Path + "'");
    return Error::success();
  }

  void addAll(const CompilationDatabase &Database, StringRef Below) {
    std::map<std::string, clang::tooling::CompileCommand> Sorted;
    for (clang::tooling::CompileCommand &C : Database.getAllCompileCommands())
      if (std::string File = absolutePath(C.Filename, C.Directory);
          isBelow(File, Below))
        Sorted.try_emplace(File, std::move(C));
    for (const auto &[File, C] : Sorted)
      add(File, C);
  }

  Error addFixedBelow(StringRef Directory) {
    std::vector<std::string> Files;
    std::error_code EC;
    for (sys::fs::recursive_directory_iterator It(Directory, EC), End;
         !EC && It != End; It.increment(EC))
      if (isSource(It->path()))
        Files.push_back(It->path());
    if (EC)
      return failure("cannot read '" + Directory + "': " + EC.message());
    llvm::sort(Files);
    for (const std::string &File : Files)
      addFixed(File);
    return Error::success();
  }

  void addFixed(StringRef Path) {
    if (!Seen.insert(absolutePath(Path)).second)
      return;
    CompileCommand Command{Path.str(), absolutePath("."), {"clang++"}};
    append_range(Command.Arguments, *In.Flags);
    Command.Arguments.push_back(Path.str());
    Command.Arguments = adjustArguments(Command);
    Commands.push_back(std::move(Command));
  }

  void add(StringRef Path, const clang::tooling::CompileCommand &Found) {
    if (Seen.insert(absolutePath(Path)).second)
      push(Path, Found);
  }

  void push(StringRef Path, const clang::tooling::CompileCommand &Found) {
    CompileCommand Command{absolutePath(Path), Found.Directory,
                           dropForeignFlags(Found.CommandLine)};
    Command.Arguments = adjustArguments(Command);
    Commands.push_back(std::move(Command));
  }

  const Inputs &In;
  Databases Known;
  StringSet<> Seen;
  std::vector<CompileCommand> Commands;
};

} // namespace

Expected<std::vector<CompileCommand>> loadCompileCommands(const Inputs &In) {
  Collector C(In);
  if (In.Paths.empty()) {
    if (Error E = C.addWholeDatabase())
      return E;
    return C.take();
  }
  for (const std::string &Path : In.Paths)
    if (Error E = C.addPath(Path))
      return E;
  return C.take();
}

std::vector<CompileCommand> loadWholeDatabase(const Inputs &In) {
  Collector C(In);
  if (!In.Flags)
    C.addProgram();
  return C.take();
}

std::vector<std::string> includedFiles(const CompileCommand &Command) {
  std::vector<std::string> Directories;
  for (size_t I = 0; I != Command.Arguments.size(); ++I) {
    StringRef A = Command.Arguments[I];
    if (!A.consume_front("-I") && !A.consume_front("-iquote"))
      continue;
    if (A.empty() && I + 1 != Command.Arguments.size())
      A = Command.Arguments[I + 1];
    Directories.push_back(absolutePath(A, Command.Directory));
  }
  std::vector<std::string> Files{absolutePath(Command.File, Command.Directory)};
  StringSet<> Seen{Files.front()};
  for (size_t I = 0; I != Files.size(); ++I) {
    auto Buffer = MemoryBuffer::getFile(Files[I]);
    if (!Buffer)
      continue;
    StringRef Here = sys::path::parent_path(Files[I]);
    std::vector<std::string> Places{Here.str()};
    append_range(Places, Directories);
    SmallVector<StringRef, 64> Lines;
    (*Buffer)->getBuffer().split(Lines, '\n', -1, /*KeepEmpty=*/false);
    for (StringRef Line : Lines) {
      Line = Line.ltrim();
      if (!Line.consume_front("#") ||
          !(Line = Line.ltrim()).consume_front("include"))
        continue;
      StringRef Name = Line.ltrim().drop_front().take_until(
          [](char C) { return C == '>' || C == '"'; });
      for (const std::string &Place : Places) {
        std::string Path = absolutePath(Name, Place);
        if (!sys::fs::is_regular_file(Path))
          continue;
        if (Seen.insert(Path).second)
          Files.push_back(std::move(Path));
        break;
      }
    }
  }
  return Files;
}

} // namespace coralc
