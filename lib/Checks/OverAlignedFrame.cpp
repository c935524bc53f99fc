//===--- OverAlignedFrame.cpp - coral-over-aligned-frame ------------------===//
//
// Reports what a coroutine keeps in its frame and what wants more alignment
// than the frame has: operator new gives what it gives by default, and Clang
// asks for more only with -fcoro-aligned-allocation.
//
//===----------------------------------------------------------------------===//

#include "coralc/Analysis/Suspension.h"
#include "coralc/Checks/Check.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/ExprCXX.h"
#include "clang/Basic/TargetInfo.h"

using namespace clang;

namespace coralc {
namespace {

class Finder {
public:
  explicit Finder(TranslationUnit &Unit)
      : Unit(Unit), Default(Unit.context().getTargetInfo().getNewAlign() /
                            Unit.context().getCharWidth()) {}

  void check(const FunctionDecl &Function) {
    const CXXRecordDecl *Promise =
        Unit.types().promiseOf(Function.getReturnType());
    if (!Promise || allocatesItself(Promise))
      return;
    if (unsigned Alignment =
            alignmentOf(Unit.context().getCanonicalTagType(Promise), nullptr))
      Unit.report(Function.getLocation(),
                  "the promise of this coroutine" + wants(Alignment));
    for (const ParmVarDecl *Parameter : Function.parameters())
      visit(*Parameter);
    anyStatement(bodyOf(Function), [&](const Stmt &Node) {
      if (const auto *Declaration = dyn_cast<DeclStmt>(&Node))
        for (const Decl *Declared : Declaration->decls())
          if (const auto *Variable = dyn_cast<VarDecl>(Declared))
            if (Variable->hasLocalStorage())
              visit(*Variable);
      return false;
    });
  }

private:
  void visit(const VarDecl &Variable) {
    if (Variable.isInvalidDecl() || Variable.getType()->isReferenceType())
      return;
    if (unsigned Alignment = alignmentOf(Variable.getType(), &Variable))
      Unit.report(Variable.getLocation(),
                  "'" + Variable.getNameAsString() + "'" + wants(Alignment));
  }

  std::string wants(unsigned Alignment) const {
    return " wants an alignment of " + std::to_string(Alignment) +
           ", and the frame of a coroutine has one of " +
           std::to_string(Default) +
           "; compile with '-fcoro-aligned-allocation', or keep it elsewhere";
  }

  /// What \p Type, or \p Variable, wants, if that is more than the default.
  unsigned alignmentOf(QualType Type, const VarDecl *Variable) const {
    if (Type->isDependentType() || Type->isIncompleteType() ||
        Type->isUndeducedType())
      return 0;
    CharUnits Wanted = Variable ? Unit.context().getDeclAlign(Variable)
                                : Unit.context().getTypeAlignInChars(Type);
    return Wanted.getQuantity() > Default ? Wanted.getQuantity() : 0;
  }

  /// A promise with an operator new may see to the alignment.
  static bool allocatesItself(const CXXRecordDecl *Promise) {
    return !methodsNamed(
                Promise,
                Promise->getASTContext().DeclarationNames.getCXXOperatorName(
                    OO_New))
                .empty();
  }

  TranslationUnit &Unit;
  unsigned Default;
};

} // namespace

static void checkOverAlignedFrame(TranslationUnit &Unit) {
  if (Unit.context().getLangOpts().CoroAlignedAllocation)
    return;
  Finder Find(Unit);
  for (const FunctionDecl *Function : Unit.functions())
    if (!Function->isInvalidDecl() && isCoroutine(*Function) &&
        !Function->isDependentContext())
      Find.check(*Function);
}

static const RegisterCheck
    Register("coral-over-aligned-frame", 1,
             "an object in a frame that wants more alignment than that has",
             checkOverAlignedFrame);

} // namespace coralc
