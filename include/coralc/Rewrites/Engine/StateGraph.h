//===--- StateGraph.h - The control flow between suspensions ----*- C++ -*-===//
//
// Callback code scatters one logical sequence of operations, an *agent*, over
// functions and handlers. This is the graph that the programmer had in mind:
//
//   state      a function body entered by a plain call from a handler or from
//              outside, or a case of a hand-made state machine
//   step       a piece of a state: code that moves as it is, a branch, be it
//              one with many arms, a suspension, a jump to another state, or an
//              end
//   suspension the start of an operation together with the wait for it. What
//              the handler does *follows* the suspension in the same sequence:
//              a handler is where the sequence goes on, not a state of its own
//
// For the echo session
//
//   void do_read() { socket_.async_read_some(b, [..](ec, n) {
//                      if (!ec) do_write(n); }); }
//   void do_write(size_t n) { async_write(socket_, b, [..](ec, size_t) {
//                      if (!ec) do_read(); }); }
//
// the graph is
//
//   do_read:  suspend read(ec, n);  branch !ec {jump do_write(n)} {end}
//   do_write: suspend write(ec);    branch !ec {jump do_read()}   {end}
//
// A sequence is well formed when a suspension is the last thing its activation
// does (Danvy's condition for returning to direct style). An operation that is
// started while its function goes on is no suspension of that function: what
// its handler does is a state of its own, begun where the operation is started.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_STATEGRAPH_H
#define CORALC_REWRITES_ENGINE_STATEGRAPH_H

#include "coralc/Rewrites/Engine/BoundCall.h"
#include "coralc/Rewrites/Engine/FunctionObject.h"
#include "clang/AST/Decl.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/Stmt.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/SmallVector.h"
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace coralc {

class Pattern;

/// Why something stays as it is. \c Id names a page under docs/refusals.
struct Refusal {
  llvm::StringRef Id;
  clang::SourceLocation Where;
  std::string Message;
};

/// What an operation delivers: one parameter of its handler.
struct Binding {
  /// Null when the handler leaves the parameter unnamed.
  const clang::ParmVarDecl *Decl = nullptr;
  clang::QualType Type;
  /// The type as the user wrote it, without reference and const.
  std::string TypeText;
  bool IsError = false;
};

/// A suspension: an operation that is started and waited for, or a value that
/// is yielded; or one of the ways in which that has completed.
struct Operation {
  /// What the initiation returns, where somebody looks at it: whether the
  /// handler will be called. A branch follows that goes on in the handler or
  /// with what is done when it will not be.
  struct Outcome {
    /// The variable that gets it; null when it has no name.
    const clang::VarDecl *Variable = nullptr;
    /// \c Variable is declared where the operation is started.
    bool IsDeclared = false;
    /// What stands for it in the condition of the branch, when that is not the
    /// variable: the call, or its assignment.
    const clang::Expr *InCondition = nullptr;
  };
  enum class Form {
    /// A completion token takes the handler's place.
    CompletionToken,
    /// The call returns a task once its handler argument is gone.
    Task,
    /// A function of libuv, which is awaited by a function that calls it.
    Request,
    /// A function of others, which a lambda calls with a callback that goes on
    /// with the coroutine.
    Callback,
    /// A value handed to the consumer of a generator.
    Yield,
    /// Starts nothing: the task that was awaited before has completed in the
    /// way of which this is the handler.
    Completion
  };
  Form How = Form::CompletionToken;
  const Pattern *Origin = nullptr;
  /// The initiation; null for a yield.
  const clang::CallExpr *Call = nullptr;
  /// The argument that the handler is given back.
  const clang::Expr *Request = nullptr;
  /// The handler, and the argument of \c Call that holds it: the same, or a
  /// wrapper such as bind_executor(strand, handler).
  const clang::Expr *Handler = nullptr;
  const clang::Expr *HandlerArgument = nullptr;
  /// The types of a callback, the parameter's and that of what it calls.
  std::string HolderText, SignatureText;
  /// The argument of \c Call that a pointer to a function gets back, and that
  /// goes with it.
  const clang::Expr *Context = nullptr;
  /// Where the handler is made: \c Handler, or the initializer of the variable
  /// \c Stored, which \c Handler names.
  const clang::Expr *Made = nullptr;
  const clang::VarDecl *Stored = nullptr;
  /// What the handler calls, when it names a function.
  std::optional<BoundCall> Bound;
  /// The handler, when it is an object of a class of the user's.
  std::optional<FunctionObject> Object;
  llvm::SmallVector<Binding, 3> Results;
  /// The handlers of a task that completes in one of several ways, each a
  /// completion; the branch that follows goes on in one of them. There is no
  /// other handler then.
  std::vector<Operation> Handlers;
  /// Completion: which of them it is.
  unsigned Way = 0;
  /// Parameters of the handler that get what the call was given.
  llvm::SmallVector<std::pair<const clang::ParmVarDecl *, const clang::Expr *>,
                    1>
      Given;
  std::optional<Outcome> Returned;
  /// Steps of variables that its handler is bound to ('++i' in 'bind(f, ++i)'),
  /// taken before the operation starts.
  llvm::SmallVector<const clang::Expr *, 1> StepsBefore;
  /// Variables that the handler's captures introduce ([p = make()]).
  llvm::SmallVector<const clang::VarDecl *, 2> InitCaptures;
  /// The handler holds a strong reference to its object while it waits.
  bool HoldsSelf = false;
  /// The handler is the object itself, a copy or moved, and lives on in it.
  bool IsObject = false;
  const clang::Expr *YieldedValue = nullptr;
  /// The executor on which the handler ran, as text, where the coroutine would
  /// not go on there by itself. Depends on the target.
  std::string ResumesOn;

  /// A call of what becomes a coroutine by its colour, as the last thing that
  /// an agent does: there is no handler.
  bool isPlainCall() const {
    return How == Form::Task && !HandlerArgument && Handlers.empty();
  }
  /// \p E is what \c Call gets for a handler.
  bool isHandler(const clang::Expr *E) const;
  /// The library calls the handler, from its loop.
  bool isOfLibrary() const {
    return How == Form::CompletionToken || How == Form::Request;
  }
  const clang::LambdaExpr *lambda() const {
    return llvm::dyn_cast_if_present<clang::LambdaExpr>(Made);
  }
  /// What the handler runs, when it is a lambda or an object.
  const clang::CompoundStmt *body() const;
  const Binding *error() const {
    return !Results.empty() && Results.front().IsError ? &Results.front()
                                                       : nullptr;
  }
};

struct State;
struct Step;
using Sequence = std::vector<Step>;

/// The comments before a step, without the indentation that all their lines
/// have, and whether an empty line was there.
struct Trivia {
  std::string Comments;
  bool BlankLine = false;
};

/// The labels before an arm of a switch, and how the arm looks.
struct ArmHead {
  struct Label {
    const clang::SwitchCase *Case = nullptr;
    Trivia Leading;
  };
  /// None for what happens when no label fits and there is no default.
  llvm::SmallVector<Label, 2> Labels;
  /// The user's block around it.
  const clang::CompoundStmt *Braces = nullptr;
  /// The break at its end, and the comment behind that.
  const clang::BreakStmt *Break = nullptr;
  std::string BehindBreak;
  /// It goes on in the next arm.
  bool FallsThrough = false;
};

struct Step {
  enum class Kind {
    /// A statement without any suspension inside, moved as it is; or, without
    /// a \c Source, comments that stand alone.
    Code,
    Branch,
    /// A branch with many arms, one of which is for all that no other is for.
    Switch,
    /// Goes on behind the switch around it, from inside of an arm.
    Leave,
    Suspend,
    /// A tail call of another state.
    Jump,
    /// The handler of \c Op stays a function of its own, and is called.
    Call,
    /// The agent is done; \c Values is what it delivers to its caller.
    End
  };
  Kind What = Kind::Code;
  Trivia Leading;
  /// Which of its comments stood behind the statement, and does so again if
  /// that is moved as it is.
  std::string Behind;
  /// Code: the statement. Branch, Switch: the if or switch statement; none
  /// for a branch that goes on in the way in which \c Op has completed, \c Then
  /// in the first.
  const clang::Stmt *Source = nullptr;
  Sequence Then, Else;
  struct Arm {
    ArmHead Head;
    Sequence Steps;
  };
  /// Switch: in order of the text.
  std::vector<Arm> Arms;
  /// Suspend: what is waited for. Call, and a jump without a \c Source: whose
  /// handler it is.
  std::shared_ptr<Operation> Op;
  State *Target = nullptr;
  /// Jump: one for each parameter of \c Target; null for one that has its
  /// value already.
  llvm::SmallVector<const clang::Expr *, 2> Arguments;
  /// Jump: the callback that finds by its request the object whose member
  /// function \c Target is.
  const clang::FunctionDecl *Through = nullptr;
  /// End: the call of the completion callback, or null; then \c Op is what the
  /// callback is handed on to, if it is: a task, or the completion that goes
  /// straight to it.
  const clang::CallExpr *Call = nullptr;
  /// End: which of several callbacks that is.
  unsigned Way = 0;

  /// What it decides between.
  llvm::SmallVector<Sequence *, 4> inner();
  llvm::SmallVector<const Sequence *, 4> inner() const;
};

/// What a state's caller gets when the agent that starts there ends.
struct Delivery {
  /// A way to end.
  struct Completion {
    /// The callback parameter that receives the values.
    const clang::ParmVarDecl *Callback = nullptr;
    /// The parameter that a callback which is a pointer to a function gets
    /// back, and which of its arguments that is: the first or the last.
    const clang::ParmVarDecl *Context = nullptr;
    unsigned ContextArgument = 0;
    llvm::SmallVector<clang::QualType, 2> Types;
    llvm::SmallVector<std::string, 2> TypeTexts;
    /// A callback that is const cannot be called.
    bool IsChangedByCall = false;
    /// How the callback goes on to who keeps it.
    std::string HandedOver;

    /// What \p Call, which calls the callback, hands to it.
    llvm::SmallVector<const clang::Expr *, 4>
    valuesOf(const clang::CallExpr &Call) const;
  };
  /// Exactly one of them comes about.
  llvm::SmallVector<Completion, 2> Ways;
  /// The coroutine that returns them, where there is one already.
  const clang::FunctionDecl *Coroutine = nullptr;

  /// The coroutine says in which of several ways it ended.
  bool hasChoice() const { return Ways.size() > 1; }
  /// \p P is there for a callback alone.
  bool replaces(const clang::ParmVarDecl *P) const;
};

/// A class built by hand to hand out one value per call of its pull function,
/// and the loops that call it:
///
///   while (auto token = tokens.next())
///     use(*token);
struct PullGenerator {
  struct Loop {
    const clang::WhileStmt *Statement = nullptr;
    /// The optional that holds the value: `token`.
    const clang::VarDecl *Item = nullptr;
    /// The uses of the value: `*token` and `token->`.
    std::vector<const clang::CXXOperatorCallExpr *> Uses;
    /// The object that is pulled from: `tokens`.
    const clang::Expr *Object = nullptr;
  };
  const clang::CXXMethodDecl *Pull = nullptr;
  std::string ValueText;
  std::vector<Loop> Loops;
  /// Declarations that only said where the machine is.
  std::vector<const clang::Decl *> Obsolete;
};

struct ReentrantCode;
struct RepeatedCallback;

/// Code that waits as if it blocked, on a stack of its own, in functions and
/// lambdas that are handed a context to wait with. It is in direct style, so
/// that it only changes its spelling; all of it or, since a function waits for
/// another, nothing.
struct DirectCode {
  /// A function that is entered again where it left off; then there is nothing
  /// else but \c Sites.
  std::shared_ptr<ReentrantCode> Reentrant;
  /// The same for what a handle calls again and again.
  std::shared_ptr<RepeatedCallback> Repeated;
  struct Coroutine {
    /// The definition, or the call operator of \c Lambda.
    const clang::FunctionDecl *Function = nullptr;
    const clang::LambdaExpr *Lambda = nullptr;
    /// The parameter that goes.
    const clang::ParmVarDecl *Context = nullptr;
    std::vector<const clang::ReturnStmt *> Returns;
    bool Waits = false;
  };
  struct Await {
    const clang::CallExpr *Call = nullptr;
    /// The index of the argument that is the context.
    unsigned Context = 0;
    /// The variable that gets the error; null where it is thrown.
    const clang::Expr *Error = nullptr;
    /// \c Call calls a coroutine of this code.
    bool IsOfCoroutine = false;
    /// What follows binds tighter than an await.
    bool WantsParentheses = false;
    /// The operation goes on where the context does, which its other arguments
    /// do not say.
    bool WantsExecutor = false;
    /// That executor as it can be named there, or empty.
    std::string Executor;
  };
  struct Start {
    const clang::CallExpr *Call = nullptr;
    /// The call that binds a coroutine's arguments, and which of its arguments
    /// stands for the context; null when there is none.
    const clang::CallExpr *Binder = nullptr;
    unsigned Placeholder = 0;
    /// Somebody is told of the end.
    bool HasHandler = false;
  };
  std::vector<Coroutine> Coroutines;
  std::vector<Await> Awaits;
  std::vector<Start> Starts;
  /// What is reported of it, one by one.
  std::vector<clang::SourceLocation> Sites;
};

/// A variable of the function around an agent that starts in its middle.
struct Borrowed {
  const clang::VarDecl *Variable = nullptr;
  bool ByReference = false;
  /// The handler got it by a move.
  bool IsMoved = false;
};

struct State {
  /// The function whose body this is; for a state of a hand-made machine the
  /// function that holds the switch.
  const clang::FunctionDecl *Function = nullptr;
  /// A piece of \c Function that several states go on in.
  bool IsPart = false;
  /// The start of an operation in the middle of \c Function, which does not
  /// wait for it: this part begins there and goes on beside the function.
  const clang::CallExpr *Beside = nullptr;
  /// What a part that goes on beside its function uses of it.
  llvm::SmallVector<Borrowed, 4> Uses;
  /// References among the parameters that a handler captures as such, and those
  /// of which one has a copy.
  llvm::SmallPtrSet<const clang::ParmVarDecl *, 2> Referred, CopiedInto;
  Sequence Steps;
  /// Parameters and variables that nothing is left of.
  llvm::SmallPtrSet<const clang::VarDecl *, 1> Unneeded;
  std::optional<Delivery> Delivers;
  /// Others call \c Function as it is: code that is not here, for it is
  /// declared in a header, or coroutines whose handler it was.
  bool HasToStay = false;
  /// Coroutines do, whose handler it was.
  bool IsCalledByCoroutines = false;
  /// One callback of \c Delivers is called, once and last, on every path.
  bool KeepsContract = true;
  /// It may be a state for what it calls last, and starts no operation itself.
  bool IsBegunByCall = false;
  /// \c Function itself becomes the coroutine, and its callers wait for it or
  /// start it.
  bool IsColoured = false;
  /// It is coloured because ways of agents on the same object end in it, and is
  /// called nowhere else.
  bool IsSharedEnd = false;
  /// Set on the first state of a generator.
  std::shared_ptr<PullGenerator> Generator;
  /// Set on a state that has no steps, but is such code.
  std::shared_ptr<DirectCode> Direct;
  std::optional<Refusal> Why;
  /// Names the state in refusals and reports.
  std::string Name;

  /// Waits for nothing and goes on in no other state.
  bool isPlain() const;

  llvm::ArrayRef<clang::ParmVarDecl *> parameters() const {
    if (IsPart)
      return {};
    return Function->parameters();
  }
};

/// A call of a state from outside every agent.
struct StartSite {
  const clang::CallExpr *Call = nullptr;
  const clang::FunctionDecl *Caller = nullptr;
  /// The call is a whole statement.
  bool IsStatement = false;
};

/// All states of a translation unit, and who enters them from outside.
class StateGraph {
public:
  /// The state that is all of \p Function.
  State *find(const clang::FunctionDecl *Function) const;
  State &add(const clang::FunctionDecl *Function);

  std::vector<std::unique_ptr<State>> States;
  llvm::MapVector<const State *, std::vector<StartSite>> Starts;
  /// Functions whose address is taken, with the place.
  llvm::MapVector<const State *, clang::SourceLocation> AddressTaken;
};

/// Calls \p Visit for every step, inner ones included.
void forEachStep(const Sequence &Steps,
                 llvm::function_ref<void(const Step &)> Visit);

} // namespace coralc

#endif
