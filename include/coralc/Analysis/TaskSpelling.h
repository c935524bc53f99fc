//===--- TaskSpelling.h - The task type that a file uses --------*- C++ -*-===//
//
// A fix that makes a coroutine out of a function has to name a task type: the
// one that the code around it uses, in the words in which it is used there.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_ANALYSIS_TASKSPELLING_H
#define CORALC_ANALYSIS_TASKSPELLING_H

#include "llvm/ADT/StringRef.h"
#include <map>
#include <string>

namespace clang {
class ASTContext;
class ClassTemplateDecl;
class Decl;
class DeclContext;
class FunctionDecl;
} // namespace clang

namespace coralc {

class CoroutineTypes;

/// The task template that the functions of the main file return most often.
class TaskSpelling {
public:
  TaskSpelling(clang::ASTContext &Context, CoroutineTypes &Types);

  /// "task<int>", as it can be written at \p Place, for a coroutine whose
  /// result is spelled \p Result ("" for void). Empty when the file uses no
  /// task type.
  std::string wrap(llvm::StringRef Result,
                   const clang::DeclContext *Place) const;

private:
  using Votes = std::map<const clang::ClassTemplateDecl *, unsigned>;
  void count(const clang::Decl *Node, Votes &Count);
  bool resultHasDefault() const;
  std::string name(const clang::DeclContext *Place) const;

  clang::ASTContext &Context;
  CoroutineTypes &Types;
  const clang::ClassTemplateDecl *Template = nullptr;
  /// The first function that returns it.
  const clang::FunctionDecl *Example = nullptr;
};

} // namespace coralc

#endif
