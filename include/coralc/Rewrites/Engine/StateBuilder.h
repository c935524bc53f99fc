//===--- StateBuilder.h - Reads functions into states -----------*- C++ -*-===//

#ifndef CORALC_REWRITES_ENGINE_STATEBUILDER_H
#define CORALC_REWRITES_ENGINE_STATEBUILDER_H

#include "coralc/Rewrites/Engine/Colour.h"
#include "coralc/Rewrites/Engine/GraphBuilder.h"
#include "coralc/Rewrites/Engine/RequestOwner.h"
#include "coralc/Rewrites/Engine/StartResult.h"
#include "coralc/Rewrites/Engine/SwitchArms.h"

namespace coralc {

using FunctionSet = llvm::SmallPtrSet<const clang::FunctionDecl *, 4>;
using CallSet = llvm::SmallPtrSet<const clang::CallExpr *, 4>;

/// Reads the functions of a program into the states of a graph, once, with what
/// earlier attempts have shown. Its parts are in a file each.
class StateBuilder {
public:
  /// The calls \p Kept hand over a callback as they did. What is built is of no
  /// use when there are more of them behind it.
  StateBuilder(const SourceText &Text, const PatternList &Patterns,
               const FunctionSet &Distrusted, const Colours &Colour,
               CallSet &Kept)
      : Text(Text), Patterns(Patterns), Colour(Colour),
        Found(findOperations(Text, Patterns)), Kept(Kept) {
    readReferringCallbacks();
    dropKept();
    readHandlers();
    readOwners(Distrusted);
  }

  BuiltGraph build();

private:
  enum class Position { Tail, NotTail };

  //--- The whole ------------------------------------------------------------//

  State &request(const clang::FunctionDecl *F);
  bool refuse(llvm::StringRef Id, clang::SourceLocation Where,
              const llvm::Twine &Message);
  bool breaksContract();
  /// Functions that start no operation themselves, and end with a call of what
  /// does.
  void requestCallers();
  bool mayBegin(const clang::FunctionDecl &F);
  /// Such functions in which no agent begins after all.
  void dropIdleCallers();
  /// A function whose operations all go on beside it stays a function, unless
  /// an agent goes on in it.
  void dropPlainStates();
  /// What goes on in a virtual function would have to be a part of it.
  void refuseVirtualStates();
  /// An operation that no walk through its function comes by, as in a lambda
  /// that is stored, is refused with the function around it.
  void refuseStrayOperations();
  /// The calls that are jumps in the end.
  void findJumps();
  /// Who mentions a state other than by a jump: starts and taken addresses.
  void collectReferences();

  //--- Calls (StateCalls.cpp) -----------------------------------------------//

  /// \p F starts an operation itself, or by calling such a function on the
  /// same object.
  bool reachesOperation(const clang::FunctionDecl *F);
  bool
  reachesOperation(const clang::FunctionDecl *F,
                   llvm::SmallPtrSetImpl<const clang::FunctionDecl *> &Seen);
  bool isSelf(const clang::Expr *Object) const;
  /// The function that \p Call calls on the object whose code this is.
  const clang::FunctionDecl *
  sameObjectCallee(const clang::CallExpr &Call) const;
  std::optional<Delivery> deliveryOf(const clang::FunctionDecl &F);
  bool isOwned(const clang::FunctionDecl &F) const;
  bool isRepeated(const clang::FunctionDecl &F) const;
  const clang::FunctionDecl *jumpTarget(const clang::CallExpr &Call);
  /// Which callback of the current state \p E is.
  std::optional<unsigned> callbackNamedBy(const clang::Expr *E) const;
  /// \p S uses a callback or its context.
  bool mentionsCallback(const clang::Stmt *S) const;
  bool isContextSource(const clang::Expr *E) const;
  /// Which callback \p Call delivers to.
  std::optional<unsigned> deliveredTo(const clang::CallExpr &Call) const;
  bool isDeliveryCall(const clang::CallExpr &Call) const;
  /// done(..), (*done)(..) or std::invoke(done, ..), of an object or a pointer.
  std::optional<unsigned> callbackCalledBy(const clang::CallExpr &Call) const;
  /// The callbacks go on to a function that delivers the same to each.
  bool handsOn(const clang::CallExpr &Call);
  bool deliversTheSame(const Delivery &A, const Delivery &B) const;
  bool deliversTheSame(const Delivery::Completion &A,
                       const Delivery::Completion &B) const;
  /// \p Call is of a coroutine by colour for which the code here may wait.
  bool isWait(const clang::CallExpr &Call) const;
  bool mayWaitIn(const clang::Stmt *S) const;
  void addWait(const clang::CallExpr &Call, Sequence &Out);
  /// \p S holds something that decides where the agent goes on.
  bool isInteresting(const clang::Stmt *S);
  bool buildCall(const clang::CallExpr &Call, const clang::Stmt *S,
                 Position Where, Sequence &Out);
  bool startsInArguments(const clang::CallExpr &Call) const;
  void addJump(const clang::FunctionDecl *Target, const clang::CallExpr &Call,
               const clang::Stmt *S, clang::CallExpr::const_arg_range Arguments,
               Sequence &Out);
  bool buildSuspension(const clang::CallExpr &Call, OperationMatch &Match,
                       Position Where, Sequence &Out);
  /// Whether what \p Call calls keeps its contract is seen by building it,
  /// unless it is a coroutine already.
  void requestDelivering(const clang::CallExpr &Call);
  bool buildOperation(const clang::CallExpr &Call, const Operation &Op,
                      Sequence &Out);
  /// Waits for \p Op, and goes on in the handler of the way in which that
  /// completes. What the handlers hold they all have from when it started.
  bool goOnInOneOf(const Operation &Op, Sequence &Out);
  /// What \p Op completes with goes straight to the callback.
  bool handOn(const Operation &Op, Sequence &Out);
  /// The comments around a handler that goes are said of what it does, and
  /// those behind one that is replaced of its operation.
  bool goOn(const Operation &Op, Sequence &Out);
  std::string commentsBeforeHandler(const Operation &Op) const;
  bool goOnInHandler(const Operation &Op, Sequence &Out);
  bool buildHandler(const Operation &Op, Sequence &Out);
  /// \p E is a call that starts a request and says so by a number that is
  /// negative when it did not.
  const clang::CallExpr *startedBy(const clang::Expr &E) const;
  template <class Place>
  std::optional<TestedStart> testedStart(const Place &Where) const {
    return coralc::testedStart(
        Where, [this](const clang::Expr &E) { return startedBy(E); },
        Text.context());
  }
  bool buildTested(const TestedStart &Start, Trivia AboveTest, Sequence &Out);

  //--- Handlers (StateHandlers.cpp) -----------------------------------------//

  /// What callbacks find by their requests, or by the parameter \c Given.
  struct KnownOwner {
    const clang::CXXRecordDecl *Class;
    bool IsInData, IsFirst;
    const clang::ParmVarDecl *Given;
  };
  void dropKept();
  /// \p Call is waited for no more, which is no reason to refuse the function
  /// around it: somebody calls its callback, as before.
  bool keep(const clang::CallExpr &Call);
  /// \p Op calls a function of the user's, with a callback that has another
  /// form than a lambda.
  static bool canKeep(const Operation &Op);
  /// No agent goes on in the handler of \p Op.
  bool refuseHandler(const Operation &Op, clang::SourceLocation Where,
                     const llvm::Twine &Message);
  /// Which handlers have a name, and what is known of those that are objects.
  void readHandlers();
  void readOperators();
  /// Which functions call a callback that needs the object itself where it gets
  /// a reference to one: a task would complete with a copy.
  void readReferringCallbacks();
  /// \p M is the object that starts the operation, by reference, by pointer or
  /// by shared pointer.
  bool isSelf(const FunctionObject::Member &M);
  /// A member that is the object for one handler is that for all.
  void refuseUnclearMembers();
  /// A member of \p Op's handler that is the object for another handler.
  const FunctionObject::Member *unclearMember(const Operation &Op) const;
  /// Which callbacks find by their request the object that has started the
  /// operation: each of their operations is started with a request that is a
  /// member of the object whose code that is, or with that object itself.
  void readOwners(const FunctionSet &Distrusted);
  /// \p Callback is started by \p Owner; \p Others gets it where that is not
  /// always the same.
  void addOwner(const clang::FunctionDecl *Callback, KnownOwner Owner,
                FunctionSet &Others);
  bool isKnown(const FoundOwner &Owner) const;
  /// Variables that only named the object that an agent goes on in.
  void dropOwners(State &Around, Sequence &Steps);
  bool neverUsed(const clang::VarDecl &V,
                 const clang::FunctionDecl &Callback) const;
  /// Parameters that only led to such an object.
  void dropRequests(Sequence &Steps);
  /// A handler that calls a function with what the operation delivers: the
  /// agent goes on there.
  bool buildBoundHandler(Step Suspend, Sequence &Out);
  /// \p F is the call operator of the class whose code this is.
  bool isOwnOperator(const clang::FunctionDecl &F) const;
  /// The members of a handler are what a lambda would capture.
  bool readMembers(Operation &Op);
  /// \p Object is a strong reference to this object.
  bool holdsSelf(const clang::Expr *Object) const;
  /// The variable that \p E, a bound value, increments or decrements by one and
  /// gives: `++i`. Nobody but the handler of \p Op gets to see that step.
  const clang::Expr *steppedBefore(const clang::Expr &E,
                                   const Operation &Op) const;
  /// Evaluating \p E gives the same before and after the wait.
  bool isSettled(const clang::Expr *E) const;
  /// \p Init, of which the handler of \p Op is made, may stand before the call:
  /// the object of that comes first, and neither sees what the other does.
  static bool mayComeFirst(const clang::Expr &Init, const Operation &Op);
  /// \p E is a variable, or a member of one or of what one points to.
  bool hasSettledPlace(const clang::Expr *E) const;
  /// \p Captured, if that is a parameter of the current function and a way to
  /// an object which may change.
  const clang::ParmVarDecl *
  referenceParameter(const clang::ValueDecl &Captured) const;
  /// Notes the parameters that the handler of \p Op has copies of.
  void noteCopies(const Operation &Op);
  /// A handler refers to \p Variable.
  bool refuseReference(const clang::ValueDecl &Variable,
                       clang::SourceLocation Where);
  bool readCaptures(Operation &Op);
  /// The variable that is moved into \p Capture as it is.
  const clang::VarDecl *movedInto(const clang::VarDecl &Capture) const;
  /// Which callback of the current state \p E is, or moves from.
  std::optional<unsigned> callbackSource(const clang::Expr *E) const;
  /// \p S declares a copy of shared_from_this() that is only there to be
  /// captured: the agent holds that reference itself.
  bool dropsSelf(const clang::Stmt *S);
  /// Other than by the captures of handlers.
  bool isUsedOutsideCaptures(const clang::VarDecl *Var);
  /// Captures of shared_from_this() through which handlers only went on in
  /// other states, or which they handed on to the handlers in them: the agent
  /// holds that reference itself.
  void dropSelves(Sequence &Steps);
  bool isOnlyJumpedThrough(const clang::VarDecl *V,
                           const clang::Stmt *Body) const;

  //--- Statements (StateStatements.cpp) -------------------------------------//

  void buildState(State &S);
  /// No agent goes on in a constructor, in a virtual function, in a coroutine
  /// of its own kind, nor in what returns a value whatever its operations do:
  /// those start agents and stay as they are.
  Position bodyPosition(const clang::FunctionDecl &F) const;
  bool checkFunction(const clang::FunctionDecl &F);
  /// Ends a sequence that falls off its end.
  bool endSequence(Sequence &Steps, clang::SourceLocation Where);
  bool buildCompound(const clang::CompoundStmt &Body, Position Where,
                     Sequence &Out, Trivia &Trailing);
  /// \p From is where the comments before the first statement begin, and then
  /// where those behind the last one do.
  bool buildStatements(llvm::ArrayRef<clang::Stmt *> Statements, unsigned &From,
                       Position Where, Sequence &Out);
  /// What returns here has come to its agent's end, be it in a handler.
  bool returnEndsAgent() const;
  /// \p S ends the function and does nothing else.
  bool endsFunction(const clang::Stmt *S) const;
  /// The comments around a return that \p Out has no more use for; returns
  /// where it ends.
  unsigned takeReturn(const clang::Stmt &Return, unsigned From, Sequence &Out);
  /// Comments that nothing follows stay at the end of their block.
  static void keepTrailing(Trivia Trailing, Sequence &Out);
  /// What is said of an else if is said of its arm.
  static void leadWith(std::string Comments, Sequence &Arm,
                       bool IsElseIf = false);
  /// The comment behind a statement that does not move as it is.
  void addTrailingComment(const clang::Stmt *S, TextRange Range,
                          Trivia &Leading, bool IsTested = false);
  bool buildStatement(const clang::Stmt *S, Position Where, Sequence &Out);
  /// \p S as an if that decides where the agent goes on.
  const clang::IfStmt *asBranch(const clang::Stmt *S);
  /// A macro hides a way to an operation in \p S.
  bool comesOutOfMacro(const clang::Stmt *S);
  bool refuseControlFlow(const clang::Stmt *S);
  bool addCode(const clang::Stmt *S, Sequence &Out);
  bool buildBranch(const clang::IfStmt &If, Position Where, Sequence &Out);
  bool isHeadInteresting(const clang::SwitchStmt &Switch);
  bool leaveSwitch(const clang::Stmt &Break, Sequence &Out);
  bool buildSwitch(const clang::SwitchStmt &Switch, const SwitchArms &Read,
                   Position Where, Sequence &Out);
  /// \p From is where the comments before the arm begin, and then where those
  /// behind it do.
  bool buildArm(const SwitchArm &Arm, bool IsLast, unsigned &From,
                Step::Arm &Out);
  void takeBreak(const clang::BreakStmt &Break, unsigned &From, Step::Arm &Out);
  /// The comments before an arm, and around an else, begin the arm.
  void keepHeadComments(const clang::IfStmt &If, Step &Branch) const;
  /// What is behind a block stands outside of it.
  std::optional<TextRange> rangeOfArm(const clang::Stmt &Arm) const;
  bool buildArm(const clang::Stmt &Arm, Position Where, Sequence &Out);

  //--- What goes on beside (StateBeside.cpp) --------------------------------//

  /// \p Call keeps its callback: what it returns is used beside it.
  void keepCallback(const clang::CallExpr &Call);
  static Refusal resultUsed(const clang::CallExpr &Call);
  /// Makes what \p Call starts a state of its own; false when the code around
  /// it has to answer for it.
  bool startBeside(const clang::CallExpr &Call, const OperationMatch &Match);
  /// The operations in a handler that stays are refused with it.
  void refuseInside(const Operation &Op, const Refusal &Why);
  void addRefused(const clang::CallExpr &Call, const Refusal &Why);
  /// The same for every operation inside \p S, each a statement of its own.
  bool startBesideWithin(const clang::Stmt *S);
  /// The calls below \p S that are whole statements.
  static llvm::SmallPtrSet<const clang::CallExpr *, 8>
  statementCalls(const clang::Stmt *S);
  bool checkBeside(const clang::CallExpr &Call, const Operation &Op);
  /// \p Op's handler starts another operation.
  bool goesOn(const Operation &Op);
  /// What the part that \p Call starts uses of its function.
  void readUses(const clang::CallExpr &Call, const Operation &Op);
  /// No handler has a copy of what the part refers to.
  void checkCopies();
  bool addUse(const clang::VarDecl &V, bool AsObject, bool Captured,
              bool ByReference, clang::SourceLocation Where);

  const SourceText &Text;
  const PatternList &Patterns;
  const Colours &Colour;
  FoundOperations Found;
  StateGraph Graph;
  std::vector<State *> Pending;
  llvm::SmallPtrSet<const clang::FunctionDecl *, 16> Reaching;
  llvm::SmallPtrSet<const clang::CallExpr *, 16> Jumps;
  /// Variables that hold a handler until its operation starts.
  llvm::SmallPtrSet<const clang::VarDecl *, 4> StoredHandlers;
  /// Call operators that are handlers of other objects' operations.
  llvm::SmallPtrSet<const clang::FunctionDecl *, 4> Moved;
  /// Members of handlers that are the object that starts the operation.
  llvm::SmallPtrSet<const clang::ValueDecl *, 4> Selves;
  /// The lambdas in which an agent goes on.
  llvm::SmallPtrSet<const clang::LambdaExpr *, 16> WaitingHandlers;
  /// Where handlers name the function that they call.
  llvm::SmallPtrSet<const clang::Expr *, 8> BoundReferences;
  llvm::DenseMap<const clang::FunctionDecl *, KnownOwner> Owners;
  RequestOwners OwnersKnown{Text};
  /// Declarations of variables that nothing is left of.
  llvm::SmallPtrSet<const clang::Stmt *, 4> GoneOwners;
  /// The callback parameters of the current state and the captures that carry
  /// them into handlers: the way in which a call of it ends.
  llvm::DenseMap<const clang::ValueDecl *, unsigned> Callbacks;
  /// The same for what the callback is given back.
  llvm::SmallPtrSet<const clang::ValueDecl *, 4> Contexts;
  /// Functions whose callbacks may need the object that they are handed.
  FunctionSet Referring;
  CallSet &Kept;
  State *Current = nullptr;
  /// Behind the innermost switch that is read there is nothing but the end.
  bool SwitchIsLast = false;
};

} // namespace coralc

#endif
