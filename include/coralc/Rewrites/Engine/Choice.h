//===--- Choice.h - Coroutines that end in one of several ways --*- C++ -*-===//
//
// A function that is handed one callback for each way in which it may end calls
// exactly one of them:
//
//   void fetch(std::string url, std::function<void(reply)> on_reply,
//              std::function<void(std::error_code)> on_error);
//
// Its coroutine returns what that one would get, and which it is. A variant
// does so by its index, even where two callbacks get the same:
//
//   coral::task<std::variant<reply, std::error_code>> fetch(std::string url);
//
//   auto result = co_await fetch(url);
//   if (result.index() == 1) {
//     std::error_code ec = std::get<1>(result);
//     ...
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_CHOICE_H
#define CORALC_REWRITES_ENGINE_CHOICE_H

#include "coralc/Rewrites/Engine/StateGraph.h"
#include "clang/AST/ASTContext.h"

namespace coralc {

/// One of the \p Handlers of a call takes something away that another one
/// uses, and nothing says which of them is made first.
bool takeTheSame(llvm::ArrayRef<Operation> Handlers);

/// What a coroutine returns in the place of \p Delivers' callbacks.
std::string deliveredType(const Delivery &Delivers);

/// \p Values, of which \p Written is the text, as the value of a coroutine that
/// ends in \p Way, one of several.
std::string returnedChoice(const Delivery &Delivers, unsigned Way,
                           llvm::ArrayRef<const clang::Expr *> Values,
                           llvm::StringRef Written,
                           const clang::ASTContext &Context);

/// The same for \p Written that is all of what the way gets.
std::string handedOnChoice(const Delivery &Delivers, unsigned Way,
                           llvm::StringRef Written,
                           const clang::ASTContext &Context);

/// `T{..}` for a value of the type \p Type that is in braces alone.
std::string withType(llvm::StringRef Type, llvm::StringRef Value);

/// What the variable \p Result has for the callback that gets \p Types, moved
/// out where that is not as good as a copy.
std::string takenFrom(llvm::StringRef Result, unsigned Way,
                      llvm::ArrayRef<clang::QualType> Types,
                      const clang::ASTContext &Context);

/// `result.index() == 1` or `!=` of a variable that has the result of an await.
struct ChoiceTest {
  unsigned Way;
  bool IsEqual;
};
std::optional<ChoiceTest> choiceTest(const clang::Expr *E);

/// \p E is what takenFrom writes.
bool isTaken(const clang::Expr *E);

/// \p S does nothing but give the parts of such to variables: `std::tie(a, b) =
/// ..`.
bool unpacksTaken(const clang::Stmt *S);

/// What \p Value, the operand of a co_return in a coroutine that returns a
/// variant of \p Alternatives, says: the way, and the values.
struct ChoiceMade {
  unsigned Way;
  llvm::SmallVector<const clang::Expr *, 4> Values;
};
std::optional<ChoiceMade>
choiceMade(const clang::Expr &Value,
           llvm::ArrayRef<clang::TemplateArgument> Alternatives,
           const clang::ASTContext &Context);

/// The types that a variant of \p Type holds one of; none for another type.
llvm::ArrayRef<clang::TemplateArgument> alternativesOf(clang::QualType Type);

} // namespace coralc

#endif
