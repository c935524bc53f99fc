//===--- HandlerTemplate.h - Templates over a handler's type ----*- C++ -*-===//
//
// A function may take whatever can be called as its callback:
//
//   template <class Handler>
//   void get(std::string key, Handler handler) {
//     timer_.async_wait([key, handler = std::move(handler)](error_code ec) {
//       handler(ec, size(key));
//     });
//   }
//
// What a template does is not known before it has its arguments. But where all
// that depends on them is the type of a callback, and all that is done with
// that is to keep it, hand it on and call it, everything else means the same
// in each instance. So one instance is read in the place of the template, whose
// text its code has; each instance stands for that one.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_HANDLERTEMPLATE_H
#define CORALC_REWRITES_ENGINE_HANDLERTEMPLATE_H

#include "coralc/Rewrites/Engine/SourceText.h"
#include "clang/AST/Decl.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace coralc {

/// The instance that is read for \p F, a template over a handler's type or an
/// instance of one; null for all other functions, and where there is none.
const clang::FunctionDecl *instanceToRead(const clang::FunctionDecl &F);

/// \p F is read in the place of its template.
bool isReadForTemplate(const clang::FunctionDecl &F);

/// What the user wrote for \p F: the template, if it is read for one.
const clang::FunctionDecl &writtenFor(const clang::FunctionDecl &F);

/// All declarations of that.
llvm::SmallVector<const clang::FunctionDecl *, 2>
declarationsOf(const clang::FunctionDecl &F);

/// \p F with the head of its template, if it has one.
clang::SourceRange wholeRange(const clang::FunctionDecl &F);

/// What the callback of \p F, which is read for a template, is called with, the
/// same by all calls in all instances. \p HandedOnTo says that for a function
/// that gets the callback; \p IsPublic, that code may call \p F which is not
/// seen. Nothing where that is not clear, or where more than values is handed
/// over.
std::optional<llvm::SmallVector<clang::QualType, 2>> valuesForHandler(
    const clang::FunctionDecl &F, bool IsPublic,
    llvm::function_ref<std::optional<llvm::ArrayRef<clang::QualType>>(
        const clang::FunctionDecl &)>
        HandedOnTo);

/// How the template for which \p F is read hands its callback on.
std::string handlerHandedOver(const clang::FunctionDecl &F);

/// What \p E names in code that depends on template arguments, where nothing
/// says which of that name is meant; empty for other code.
clang::DeclarationName namedInTemplate(const clang::Expr &E);

/// Visits the user's code once, as it is read.
class OwnCodeVisitor : public clang::ConstDynamicRecursiveASTVisitor {
public:
  bool
  TraverseFunctionTemplateDecl(const clang::FunctionTemplateDecl *D) override;
};

} // namespace coralc

#endif
