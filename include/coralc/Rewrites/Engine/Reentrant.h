//===--- Reentrant.h - Functions that are entered again ---------*- C++ -*-===//
//
// A stackless coroutine of Asio is a function that its own operations call
// again, and that jumps to where it left off:
//
//   void operator()(error_code ec = {}, size_t n = 0) {
//     if (!ec) reenter (this) {
//       for (;;) {
//         yield socket_->async_read_some(buffer(*data_), *this);
//         yield async_write(*socket_, buffer(*data_, n), *this);
//       }
//     }
//   }
//
// It is in direct style already: loops, branches and scopes are the user's and
// stay. A yield becomes an await that gives its results to the parameters of
// the function; what stood before the reenter, since it ran at every step,
// stands behind every await. A fork starts the code that only the child runs
// as a coroutine of its own, on a copy of the object.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_REENTRANT_H
#define CORALC_REWRITES_ENGINE_REENTRANT_H

#include "coralc/Rewrites/Engine/Edit.h"
#include "clang/AST/StmtCXX.h"

namespace coralc {

struct ReentrantCode {
  struct Yield {
    /// Where the keyword is.
    unsigned Begin = 0;
    /// What follows it: the start of the operation, a block that ends with
    /// that, or a break, which ends the coroutine.
    const clang::Stmt *Body = nullptr;
    /// Null for a break.
    std::shared_ptr<Operation> Op;
    /// It stands alone where a block would have to be.
    bool WantsBraces = false;
    /// Parameters that the operation does not deliver and somebody looks at.
    llvm::SmallVector<const clang::ParmVarDecl *, 2> Reset;
    /// Parameters whose value behind it nobody looks at.
    llvm::SmallVector<const clang::ParmVarDecl *, 2> Dead;
  };
  /// fork object(*this)(), behind which the two go on in different code.
  struct Fork {
    unsigned Begin = 0;
    const clang::Stmt *Body = nullptr;
    /// The test by which they find out.
    TextRange Test;
    /// The head of the parent's loop, when it has to change.
    TextRange Head;
    /// The code of the child.
    llvm::SmallVector<const clang::Stmt *, 8> Child;
    /// Where the parent's own code ends, when the child's follows it.
    std::optional<unsigned> ParentEnd;
    std::string Executor;
    std::string Name;
  };
  const clang::CXXMethodDecl *Function = nullptr;
  /// Where the reenter begins, and its body.
  unsigned Begin = 0;
  const clang::CompoundStmt *Body = nullptr;
  /// if (!ec) around the reenter, or if (ec) before it.
  const clang::IfStmt *Guard = nullptr;
  const clang::ParmVarDecl *Error = nullptr;
  /// The object is its own handler, or is kept alive by its handlers.
  bool HoldsObject = false;
  bool HoldsSelf = false;
  /// Where the function's agent starts, and what its coroutine is to be called.
  std::string Executor;
  std::string Name;
  std::vector<Yield> Yields;
  std::optional<Fork> Forked;
  std::vector<const clang::ReturnStmt *> Returns;
  /// The base or the member that knew where the coroutine was.
  TextRange Position;
  /// How many such functions the file has.
  size_t Together = 1;
};

/// What turns \p Code into coroutines, but for the includes. \p Unique makes a
/// name out of the one that is wanted.
std::vector<FileEdit>
editReentrant(const ReentrantCode &Code, const SourceText &Text,
              const TargetDialect &Dialect, llvm::StringRef Rethrow,
              llvm::function_ref<std::string(llvm::StringRef)> Unique);

/// The lines that are of no use any more when no function of \p File is
/// entered again.
std::vector<TextRange> reentrantIncludes(const SourceText &Text,
                                         const SourceText::File &File);

/// Where the coroutines of \p Output do not do, step by step, what \p Code does
/// in \p Input; empty when they do.
std::string compareReentrant(const ReentrantCode &Code, const SourceText &Input,
                             const SourceText &Output,
                             const TargetDialect &Dialect);

} // namespace coralc

#endif
