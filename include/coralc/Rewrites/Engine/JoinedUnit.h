//===--- JoinedUnit.h - Several translation units read as one ---*- C++ -*-===//
//
// The sequence of a class is scattered over the files that define its members.
// Those are read as one unit, whose main file includes them one after another:
//
//   #include "/src/session_read.cpp"
//   #include "/src/session_write.cpp"
//
// so that there is one AST, one graph and one plan, and an offset of the text
// still is a place in one of the files. What it costs is that names could mean
// something else in the company of other files; Meaning.h is what tells.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_JOINEDUNIT_H
#define CORALC_REWRITES_ENGINE_JOINEDUNIT_H

#include "coralc/Exec/CompileCommand.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace coralc {

struct JoinedUnit {
  /// How the main file, which is on no disk, is compiled: as the first of the
  /// units, with the include directories and macros of all.
  CompileCommand Command;
  std::string Contents;
  /// The files of the units, absolute, in their order.
  std::vector<std::string> Sources;
};

JoinedUnit joinUnits(llvm::ArrayRef<CompileCommand> Units);

/// \p Command, with its file named by an absolute path.
CompileCommand withAbsolutePath(const CompileCommand &Command);

/// \p Path as seen from \p Directory, without dots.
std::string absolutePath(llvm::StringRef Path, llvm::StringRef Directory);

} // namespace coralc

#endif
