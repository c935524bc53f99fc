//===--- LeakedStopIteration.cpp - coral-leaked-stop-iteration ------------===//
//
// Reports ends of sequences that can leave a coroutine: an end signal thrown
// instead of `co_return`, a next element asked for without knowing that there
// is one, directly or through functions of the translation unit, and an end
// signal stored in a future.
//
//===----------------------------------------------------------------------===//

#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/EndOfSequence.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Checks/Check.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/ParentMap.h"
#include "clang/Lex/Lexer.h"
#include "llvm/ADT/StringSwitch.h"

using namespace clang;

namespace coralc {
namespace {

class LeakReporter {
public:
  LeakReporter(TranslationUnit &Unit, EndOfSequence &Ends)
      : Unit(Unit), Ends(Ends) {}

  void check(const FunctionDecl &Function) {
    checkStored(Function);
    if (!isCoroutine(Function))
      return;
    for (const EndOfSequenceSite &Site : Ends.leaks(Function))
      report(Function, Site);
  }

private:
  void report(const FunctionDecl &Function, const EndOfSequenceSite &Site) {
    const CoroutineType *Type = Unit.types().lookup(Function.getReturnType());
    bool Generator = Type && (Type->Kind == CoroutineKind::Generator ||
                              Type->Kind == CoroutineKind::AsyncGenerator);
    std::string Here = Generator ? "this generator" : "this coroutine";
    SourceLocation Where = Site.Where->getExprLoc();
    switch (Site.Kind) {
    case EndOfSequenceSite::Throw: {
      std::string Signal = "'" + recordOf(Site.Signal)->getNameAsString() + "'";
      Diagnosis &Report = Unit.report(
          Where, Signal + " leaves " + Here + " as an error, not as its end; " +
                     (Generator ? "end it with 'co_return'"
                                : "return what says so, or throw another "
                                  "exception"));
      if (Generator)
        offerReturn(Report, Function, *cast<CXXThrowExpr>(Site.Where), *Type);
      return;
    }
    case EndOfSequenceSite::Next:
      Unit.report(Where,
                  nameOf(*Site.Where) +
                      " raises the end of the sequence, which would leave " +
                      Here +
                      " as an error; check for the end before, or handle it");
      return;
    case EndOfSequenceSite::Dereference:
      Unit.report(Where, "this may read past the end of the generator's "
                         "sequence; compare the iterator with the end before");
      return;
    case EndOfSequenceSite::Call:
      Unit.report(Where, nameOf(*Site.Where) +
                             " may raise the end of a sequence, which would "
                             "leave " +
                             Here + " as an error; handle it here or there")
          .note(Site.Origin->getExprLoc(), "it comes from here");
      return;
    }
  }

  static std::string nameOf(const Expr &Call) {
    return ("'" + calleeName(cast<CallExpr>(Call)) + "'").str();
  }

  /// `throw stop_iteration();` becomes `co_return;`, with a value if there is
  /// one and the generator takes one.
  void offerReturn(Diagnosis &Report, const FunctionDecl &Function,
                   const CXXThrowExpr &Throw, const CoroutineType &Type) {
    ParentMap Parents(const_cast<Stmt *>(bodyOf(Function)));
    const Stmt *Parent = Parents.getParent(&Throw);
    if (isa_and_nonnull<ExprWithCleanups>(Parent))
      Parent = Parents.getParent(Parent);
    const auto *Signal =
        dyn_cast<CXXConstructExpr>(ignoreWrappers(Throw.getSubExpr()));
    if (const auto *Cast =
            dyn_cast<CXXFunctionalCastExpr>(ignoreWrappers(Throw.getSubExpr())))
      Signal = dyn_cast<CXXConstructExpr>(ignoreWrappers(Cast->getSubExpr()));
    if (isa_and_nonnull<Expr>(Parent) || !Signal ||
        !Throw.getBeginLoc().isFileID() || !Throw.getEndLoc().isFileID())
      return;
    std::string Text = "co_return";
    bool TakesValue = !methodsNamed(Type.Promise, "return_value").empty();
    if (TakesValue != (Signal->getNumArgs() == 1))
      return;
    if (TakesValue)
      Text +=
          (" " + Lexer::getSourceText(CharSourceRange::getTokenRange(
                                          Signal->getArg(0)->getSourceRange()),
                                      Unit.context().getSourceManager(),
                                      Unit.context().getLangOpts()))
              .str();
    Report.fix(FixSafety::Safe, "end the generator",
               FixItHint::CreateReplacement(Throw.getSourceRange(), Text));
  }

  /// promise.set_exception(make_exception_ptr(stop_iteration()))
  void checkStored(const FunctionDecl &Function) {
    anyStatement(bodyOf(Function), [&](const Stmt &Node) {
      const auto *Call = dyn_cast<CXXMemberCallExpr>(&Node);
      if (!Call ||
          !llvm::StringSwitch<bool>(calleeName(*Call))
               .Cases({"set_exception", "set_error"}, true)
               .Cases({"setException", "set_exception_at_thread_exit"}, true)
               .Default(false))
        return false;
      for (const Expr *Argument : Call->arguments())
        if (std::string Signal = signalIn(Argument); !Signal.empty())
          Unit.report(Call->getExprLoc(),
                      "a future cannot carry '" + Signal +
                          "': it would end the sequence of whoever awaits it; "
                          "store another exception");
      return false;
    });
  }

  std::string signalIn(const Expr *Argument) const {
    std::string Signal;
    anyStatement(Argument, [&](const Stmt &Node) {
      const auto *Value = dyn_cast<CXXConstructExpr>(&Node);
      if (!Value || !Ends.isEndSignal(Value->getType()))
        return false;
      Signal = recordOf(Value->getType())->getNameAsString();
      return true;
    });
    return Signal;
  }

  TranslationUnit &Unit;
  EndOfSequence &Ends;
};

} // namespace

static void checkLeakedStopIteration(TranslationUnit &Unit) {
  EndOfSequence Ends(Unit.types());
  LeakReporter Reporter(Unit, Ends);
  for (const FunctionDecl *Function : Unit.functions())
    if (!Function->isInvalidDecl())
      Reporter.check(*Function);
}

static const RegisterCheck
    Register("coral-leaked-stop-iteration", 0,
             "an end of a sequence that can leave a coroutine or generator",
             checkLeakedStopIteration);

} // namespace coralc
