//===--- Parse.h - Parses the input and what it became ----------*- C++ -*-===//

#ifndef CORALC_REWRITES_ENGINE_PARSE_H
#define CORALC_REWRITES_ENGINE_PARSE_H

#include "coralc/Exec/CompileCommand.h"
#include "coralc/Support/Finding.h"
#include "clang/Frontend/ASTUnit.h"
#include <memory>
#include <optional>

namespace coralc {

struct Parsed {
  /// Null when there was not even a translation unit.
  std::unique_ptr<clang::ASTUnit> Unit;
  std::vector<Finding> Errors;
};

/// Parses \p Command; with \p Contents, as if the file held that.
Parsed parse(const CompileCommand &Command,
             std::optional<llvm::StringRef> Contents);

/// \p Command as the output needs it: at least C++20, and the headers of the
/// runtime on the include path.
CompileCommand commandForOutput(const CompileCommand &Command,
                                const clang::LangOptions &Input);

} // namespace coralc

#endif
