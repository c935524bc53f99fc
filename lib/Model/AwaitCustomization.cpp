//===--- AwaitCustomization.cpp - Awaited by way of the promise -----------===//

#include "coralc/Model/AwaitCustomization.h"
#include "coralc/Model/Records.h"
#include "clang/AST/DeclCXX.h"
#include "clang/AST/DeclFriend.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/ExprCXX.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"

using namespace clang;

namespace coralc {

using Names = llvm::SmallVector<llvm::StringRef, 4>;

/// The names that an await_transform of \p Promise which takes anything calls.
static Names namesCalled(const CXXRecordDecl &Promise) {
  Names Found;
  for (const FunctionDecl *Transform :
       methodsNamed(&Promise, "await_transform")) {
    if (!Transform->getNumParams() ||
        recordOf(Transform->getParamDecl(0)->getType()))
      continue;
    anyStatement(visibleBody(Transform), [&](const Stmt &Node) {
      const auto *Call = dyn_cast<CallExpr>(&Node);
      if (!Call || !Call->getNumArgs())
        return false;
      if (llvm::StringRef Name = calleeName(*Call); !Name.empty())
        Found.push_back(Name);
      const auto *Object =
          dyn_cast<DeclRefExpr>(Call->getCallee()->IgnoreParenImpCasts());
      if (Object && isa<VarDecl>(Object->getDecl()))
        Found.push_back("tag_invoke");
      return false;
    });
  }
  llvm::erase_if(Found, [](llvm::StringRef Name) {
    return Name == "move" || Name == "forward";
  });
  return Found;
}

/// \p Candidate, or what it is a template of, if it is a function with one of
/// the \p Called names.
static const FunctionDecl *asCalled(const NamedDecl *Candidate,
                                    const Names &Called) {
  if (const auto *Template = dyn_cast_or_null<FunctionTemplateDecl>(Candidate))
    Candidate = Template->getTemplatedDecl();
  const auto *Function = dyn_cast_or_null<FunctionDecl>(Candidate);
  return Function && Function->getIdentifier() && !Function->isDeleted() &&
                 llvm::is_contained(Called, Function->getName())
             ? Function
             : nullptr;
}

/// Does \p Function make something else out of a \p Record? One that gives it
/// back says how it is to be awaited, not by what.
static bool takes(const FunctionDecl &Function, const CXXRecordDecl &Record) {
  const CXXRecordDecl *Given = recordOf(returnTypeOf(&Function));
  if (Given && patternOf(Given) == patternOf(&Record))
    return false;
  return llvm::any_of(Function.parameters(), [&](const ParmVarDecl *P) {
    const CXXRecordDecl *Class = recordOf(P->getType());
    return Class && patternOf(Class) == patternOf(&Record);
  });
}

static const FunctionDecl *customizationIn(const CXXRecordDecl &Record,
                                           const Names &Called,
                                           unsigned Depth) {
  const CXXRecordDecl *Class = definitionOf(&Record);
  if (!Class)
    return nullptr;
  for (const FriendDecl *Friend : Class->friends())
    if (const FunctionDecl *Function =
            asCalled(Friend->getFriendDecl(), Called))
      if (takes(*Function, Record))
        return Function;
  for (llvm::StringRef Name : Called)
    for (const FunctionDecl *Method : methodsNamed(Class, Name))
      return Method;
  for (const DeclContext *Scope = Class->getDeclContext(); Scope;
       Scope = Scope->getParent())
    if (const auto *Namespace = dyn_cast<NamespaceDecl>(Scope))
      for (llvm::StringRef Name : Called)
        for (const NamedDecl *Candidate :
             Namespace->lookup(&Class->getASTContext().Idents.get(Name)))
          if (const FunctionDecl *Function = asCalled(Candidate, Called))
            if (takes(*Function, Record))
              return Function;
  if (Depth)
    for (const CXXBaseSpecifier &Base : Class->bases())
      if (const CXXRecordDecl *Of = recordOf(Base.getType()))
        if (const FunctionDecl *Found = customizationIn(*Of, Called, Depth - 1))
          return Found;
  return nullptr;
}

const FunctionDecl *awaitCustomization(const CXXRecordDecl &Promise,
                                       const CXXRecordDecl &Record) {
  Names Called = namesCalled(Promise);
  return Called.empty() ? nullptr : customizationIn(Record, Called, 2);
}

} // namespace coralc
