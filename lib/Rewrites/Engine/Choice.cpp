//===--- Choice.cpp - Coroutines that end in one of several ways ----------===//

#include "coralc/Rewrites/Engine/Choice.h"
#include "coralc/Rewrites/Engine/Render.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/ExprCXX.h"
#include "llvm/ADT/STLExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

/// What making \p Handler moves from.
SmallPtrSet<const ValueDecl *, 4> takenBy(const Operation &Handler) {
  const LambdaExpr *Lambda = Handler.lambda();
  if (!Lambda)
    return givenUpBy(Handler.Made ? Handler.Made : Handler.HandlerArgument);
  SmallPtrSet<const ValueDecl *, 4> Result;
  for (const Expr *Init : Lambda->capture_inits())
    if (Init)
      Result.insert_range(givenUpBy(Init));
  return Result;
}

std::string alternativeType(const Delivery::Completion &Way) {
  return Way.Types.empty() ? "std::monostate" : tupleType(Way.TypeTexts);
}

const ClassTemplateSpecializationDecl *instanceOf(QualType Type,
                                                  StringRef Template) {
  const auto *Record = dyn_cast_or_null<ClassTemplateSpecializationDecl>(
      Type.getNonReferenceType()->getAsCXXRecordDecl());
  return Record && qualifiedName(*Record) == Template ? Record : nullptr;
}

/// The user's own value may have the type that stands for several or none.
bool isStandIn(const Delivery::Completion &Way) {
  const CXXRecordDecl *Record =
      Way.Types.size() == 1 ? Way.Types.front()->getAsCXXRecordDecl() : nullptr;
  return Record && Record->isInStdNamespace() &&
         is_contained({"tuple", "monostate"}, Record->getName());
}

/// The type of what \p Way gets says that it is that way.
bool isKnownByType(const Delivery &Delivers, unsigned Way,
                   const ASTContext &Context) {
  const Delivery::Completion &This = Delivers.Ways[Way];
  return all_of(enumerate(Delivers.Ways), [&](const auto &Each) {
    const Delivery::Completion &Other = Each.value();
    if (Each.index() == Way)
      return true;
    if (This.Types.size() != Other.Types.size())
      return !isStandIn(This) && !isStandIn(Other);
    return !equal(This.Types, Other.Types, [&](QualType Left, QualType Right) {
      return Context.hasSameType(Left, Right);
    });
  });
}

std::string inPlace(const Delivery &Delivers, unsigned Way,
                    StringRef Arguments) {
  return deliveredType(Delivers) + "(std::in_place_index<" +
         std::to_string(Way) + ">" + (Arguments.empty() ? "" : ", ") +
         Arguments.str() + ")";
}

/// The variable with the result of an await, and a choice by its type, that
/// \p E names or moves from.
bool isAwaitedChoice(const Expr *E) {
  const VarDecl *V = variableNamedBy(E);
  return V && V->hasInit() && !alternativesOf(V->getType()).empty() &&
         isa<CoawaitExpr>(asWritten(V->getInit()));
}

/// I of std::in_place_index<I>.
std::optional<unsigned> placeNamedBy(const Expr *E) {
  const ClassTemplateSpecializationDecl *Tag =
      instanceOf(E->getType(), "std::in_place_index_t");
  if (!Tag)
    return std::nullopt;
  return Tag->getTemplateArgs()[0].getAsIntegral().getLimitedValue();
}

} // namespace

bool takeTheSame(ArrayRef<Operation> Handlers) {
  return any_of(Handlers, [&](const Operation &Handler) {
    SmallPtrSet<const ValueDecl *, 4> Taken = takenBy(Handler);
    return any_of(Handlers, [&](const Operation &Other) {
      return &Other != &Handler && any_of(Taken, [&](const ValueDecl *D) {
        return mentions(Other.Made ? Other.Made : Other.HandlerArgument, D);
      });
    });
  });
}

std::string deliveredType(const Delivery &Delivers) {
  if (!Delivers.hasChoice())
    return tupleType(Delivers.Ways.front().TypeTexts);
  std::string Types;
  for (const Delivery::Completion &Way : Delivers.Ways)
    Types += (Types.empty() ? "" : ", ") + alternativeType(Way);
  return "std::variant<" + Types + ">";
}

std::string withType(StringRef Type, StringRef Value) {
  return ((Value.starts_with("{") ? Type : "") + Value).str();
}

std::string returnedChoice(const Delivery &Delivers, unsigned Way,
                           ArrayRef<const Expr *> Values, StringRef Written,
                           const ASTContext &Context) {
  const Delivery::Completion &Ends = Delivers.Ways[Way];
  bool IsOfItsType =
      Values.size() != 1 || Written.starts_with(Ends.TypeTexts.front() + "{") ||
      Context.hasSameUnqualifiedType(asWritten(Values.front())->getType(),
                                     Ends.Types.front());
  if (!IsOfItsType || !isKnownByType(Delivers, Way, Context))
    return inPlace(Delivers, Way, Written);
  return Values.size() == 1 ? Written.str()
                            : alternativeType(Ends) + "(" + Written.str() + ")";
}

std::string handedOnChoice(const Delivery &Delivers, unsigned Way,
                           StringRef Written, const ASTContext &Context) {
  return isKnownByType(Delivers, Way, Context)
             ? Written.str()
             : inPlace(Delivers, Way, Written);
}

std::string takenFrom(StringRef Result, unsigned Way, ArrayRef<QualType> Types,
                      const ASTContext &Context) {
  bool Copies = all_of(Types, [&](QualType Type) {
    return Type.getNonReferenceType().isTriviallyCopyableType(Context);
  });
  return "std::get<" + std::to_string(Way) + ">(" +
         (Copies ? Result.str() : ("std::move(" + Result + ")").str()) + ")";
}

std::optional<ChoiceTest> choiceTest(const Expr *E) {
  const auto *Test = dyn_cast<BinaryOperator>(E);
  if (!Test || !Test->isEqualityOp())
    return std::nullopt;
  const auto *Index = dyn_cast<CXXMemberCallExpr>(asWritten(Test->getLHS()));
  const auto *Way = dyn_cast<IntegerLiteral>(asWritten(Test->getRHS()));
  if (!Index || !Way || !isNamed(Index->getDirectCallee(), {"index"}) ||
      !isAwaitedChoice(Index->getImplicitObjectArgument()))
    return std::nullopt;
  return ChoiceTest{unsigned(Way->getValue().getLimitedValue()),
                    Test->getOpcode() == BO_EQ};
}

bool isTaken(const Expr *E) {
  const auto *Call = dyn_cast<CallExpr>(asWritten(E));
  const FunctionDecl *Callee = Call ? Call->getDirectCallee() : nullptr;
  return Callee && qualifiedName(*Callee) == "std::get" &&
         isAwaitedChoice(Call->getArg(0));
}

bool unpacksTaken(const Stmt *S) {
  const auto *E = dyn_cast<Expr>(S);
  const auto *Assignment =
      E ? dyn_cast<CXXOperatorCallExpr>(asWritten(E)) : nullptr;
  if (!Assignment || Assignment->getOperator() != OO_Equal ||
      !isTaken(Assignment->getArg(1)))
    return false;
  const auto *Tie = dyn_cast<CallExpr>(asWritten(Assignment->getArg(0)));
  return Tie && Tie->getDirectCallee() &&
         qualifiedName(*Tie->getDirectCallee()) == "std::tie";
}

ArrayRef<TemplateArgument> alternativesOf(QualType Type) {
  const ClassTemplateSpecializationDecl *Variant =
      Type.isNull() ? nullptr : instanceOf(Type, "std::variant");
  return Variant ? Variant->getTemplateArgs()[0].getPackAsArray()
                 : ArrayRef<TemplateArgument>();
}

std::optional<ChoiceMade> choiceMade(const Expr &Value,
                                     ArrayRef<TemplateArgument> Alternatives,
                                     const ASTContext &Context) {
  const Expr &E = *asWritten(&Value);
  const auto *Made = dyn_cast<CXXConstructExpr>(&E);
  if (Made && Made->getNumArgs() > 0 && !alternativesOf(E.getType()).empty())
    if (std::optional<unsigned> Way = placeNamedBy(Made->getArg(0)))
      return ChoiceMade{
          *Way, SmallVector<const Expr *, 4>(drop_begin(Made->arguments()))};
  const auto *Known = find_if(Alternatives, [&](const TemplateArgument &Type) {
    return Context.hasSameUnqualifiedType(Type.getAsType(), E.getType());
  });
  if (Known == Alternatives.end())
    return std::nullopt;
  const CXXRecordDecl *Record = E.getType()->getAsCXXRecordDecl();
  bool IsNothing = Record && qualifiedName(*Record) == "std::monostate";
  ChoiceMade Result{unsigned(Known - Alternatives.begin()), {}};
  if (!IsNothing)
    Result.Values.push_back(&E);
  return Result;
}

} // namespace coralc
