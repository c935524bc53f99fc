//===--- CoroutineNames.h - What new functions are called -------*- C++ -*-===//

#ifndef CORALC_REWRITES_ENGINE_COROUTINENAMES_H
#define CORALC_REWRITES_ENGINE_COROUTINENAMES_H

#include "coralc/Rewrites/Engine/Plan.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace coralc {

/// Adds every identifier in \p Code to \p To.
void addIdentifiers(std::string Code, const clang::LangOptions &Options,
                    llvm::StringSet<> &To);

/// Finds names for what is added to the user's code: in the user's style, and
/// such that nothing of the user's or added before is called so.
class CoroutineNames {
public:
  explicit CoroutineNames(const SourceText &Text);

  /// What the coroutine of \p A does, said by its entry or, when that is a
  /// constructor, just starts things, or goes on behind the start (\p
  /// IsBeside), by its first operation.
  std::string of(const Agent &A, bool IsBeside);

  /// \p Wanted, or with a number.
  std::string unique(llvm::StringRef Wanted,
                     const clang::CXXRecordDecl *Class = nullptr);

  /// \p Wanted, or with a number, so that the code of \p A, which begins beside
  /// other code, names nothing so.
  std::string unmentioned(const Agent &A, llvm::StringRef Wanted) const;

private:
  bool claim(llvm::StringRef Name, const clang::CXXRecordDecl *Class);

  const SourceText &Text;
  /// All that the user wrote.
  llvm::StringSet<> Identifiers;
  /// The names that were given, and the classes that have them.
  llvm::StringMap<llvm::SmallPtrSet<const clang::CXXRecordDecl *, 2>> Claimed;
};

} // namespace coralc

#endif
