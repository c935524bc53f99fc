//===--- CompileCommands.h - Which translation units, and how ---*- C++ -*-===//
//
// What the user names (files, directories, a build directory, flags) becomes
// a list of compile commands that Clang can parse whoever wrote them: Clang or
// GCC, with or without an output file.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_EXEC_COMPILECOMMANDS_H
#define CORALC_EXEC_COMPILECOMMANDS_H

#include "coralc/Exec/CompileCommand.h"
#include "llvm/Support/Error.h"
#include <optional>
#include <string>
#include <vector>

namespace coralc {

/// What the command line names.
struct Inputs {
  /// Files and directories. A directory stands for the translation units
  /// below it.
  std::vector<std::string> Paths;
  /// Where compile_commands.json is; empty to search the parent directories of
  /// each path and the `build` directories in them.
  std::string BuildDirectory;
  /// Flags for every file, instead of a compile database.
  std::optional<std::vector<std::string>> Flags;
};

/// The commands for \p In, adjusted (see Arguments.h), in the order of
/// the paths, each file once. No path at all stands for every translation unit
/// of \c BuildDirectory. Fails on a missing path, on a missing or broken
/// compile database (naming the directories that were tried), and when nothing
/// is left to look at.
llvm::Expected<std::vector<CompileCommand>>
loadCompileCommands(const Inputs &In);

/// Every command of the compile database that the files of \p In are compiled
/// by, files that are compiled in several ways once for each. Empty where flags
/// are given instead.
std::vector<CompileCommand> loadWholeDatabase(const Inputs &In);

/// The files that \p Command reads and that are not system headers, itself
/// first, by the names in their #include lines: those behind conditions too.
std::vector<std::string> includedFiles(const CompileCommand &Command);

} // namespace coralc

#endif
