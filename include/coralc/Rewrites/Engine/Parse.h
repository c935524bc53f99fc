//===--- Parse.h - Parses the input and what it became ----------*- C++ -*-===//

#ifndef CORALC_REWRITES_ENGINE_PARSE_H
#define CORALC_REWRITES_ENGINE_PARSE_H

#include "coralc/Exec/CompileCommand.h"
#include "coralc/Support/Finding.h"
#include "clang/Frontend/ASTUnit.h"
#include "llvm/ADT/ArrayRef.h"
#include <memory>

namespace coralc {

struct Parsed {
  /// Null when there was not even a translation unit.
  std::unique_ptr<clang::ASTUnit> Unit;
  std::vector<Finding> Errors;
};

/// A file as if it held something else.
struct VirtualFile {
  llvm::StringRef Path;
  llvm::StringRef Contents;
};

/// Parses \p Command, with \p Files in the place of what is on disk.
Parsed parse(const CompileCommand &Command,
             llvm::ArrayRef<VirtualFile> Files = {});

/// \p Command as the output needs it: at least C++20, and the headers of the
/// runtime on the include path.
CompileCommand commandForOutput(const CompileCommand &Command);

} // namespace coralc

#endif
