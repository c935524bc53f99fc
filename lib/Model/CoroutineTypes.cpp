//===--- CoroutineTypes.cpp - What a type means to coroutines -------------===//

#include "coralc/Model/CoroutineTypes.h"
#include "coralc/Model/AwaitCustomization.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/DeclCXX.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/ExprCXX.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace clang;

namespace coralc {

CoroutineTypes::CoroutineTypes(ASTContext &Context,
                               const VocabularySet &Vocabularies)
    : Context(Context), Vocabularies(Vocabularies) {}
CoroutineTypes::~CoroutineTypes() = default;

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

bool CoroutineTypes::plays(Role R, const NamedDecl &Declaration) const {
  std::string Name = vocabularyName(Declaration);
  if (Vocabularies.has(R, Name))
    return true;
  if (const auto *Function = dyn_cast<FunctionDecl>(&Declaration);
      Function && Function->isExternC())
    return Vocabularies.has(R, "extern C::" + Name);
  // In any namespace: what is left without those that it is in.
  const DeclContext *Scope = Declaration.getDeclContext();
  unsigned Parts = 1;
  for (; Scope && Scope->isRecord(); Scope = Scope->getParent())
    ++Parts;
  llvm::StringRef Inner = Name;
  while (Inner.count("::") >= Parts)
    Inner = Inner.split("::").second;
  return Vocabularies.has(R, ("*::" + Inner).str());
}

bool CoroutineTypes::plays(Role R, QualType Type) const {
  const CXXRecordDecl *Record = recordOf(Type);
  if (!Record)
    return false;
  auto Plays = [&](const CXXRecordDecl *Class) {
    return Class->getDeclName() && plays(R, *Class);
  };
  if (Plays(Record))
    return true;
  return Record->hasDefinition() &&
         !Record->forallBases(
             [&](const CXXRecordDecl *Base) { return !Plays(Base); });
}

bool CoroutineTypes::calls(Role R, const Expr *Call) const {
  if (!Call)
    return false;
  Call = Call->IgnoreUnlessSpelledInSource();
  if (const auto *Construction = dyn_cast<CXXConstructExpr>(Call))
    return plays(R, Construction->getType());
  const auto *Plain = dyn_cast<CallExpr>(Call);
  if (!Plain)
    return false;
  const FunctionDecl *Callee = Plain->getDirectCallee();
  if (Callee && plays(R, *Callee))
    return true;
  // A function object: what it is called, nobody knows but its users.
  const auto *Operator = dyn_cast<CXXOperatorCallExpr>(Plain);
  if (!Operator || Operator->getOperator() != OO_Call)
    return false;
  const auto *Object =
      dyn_cast<DeclRefExpr>(Operator->getArg(0)->IgnoreParenImpCasts());
  return Object && plays(R, *Object->getDecl());
}

//===----------------------------------------------------------------------===//
// The promise
//===----------------------------------------------------------------------===//

const ClassTemplateDecl *CoroutineTypes::coroutineTraits() {
  if (std::exchange(LookedForTraits, true))
    return Traits;
  const TranslationUnitDecl *Unit = Context.getTranslationUnitDecl();
  for (const NamedDecl *Std : Unit->lookup(&Context.Idents.get("std")))
    if (const auto *Namespace = dyn_cast<NamespaceDecl>(Std))
      for (const NamedDecl *Found :
           Namespace->lookup(&Context.Idents.get("coroutine_traits")))
        if (const auto *Template = dyn_cast<ClassTemplateDecl>(Found))
          Traits = Template->getCanonicalDecl();
  return Traits;
}

/// The promise_type that a specialisation of coroutine_traits itself declares;
/// what it inherits from the primary template is the nested one.
static const CXXRecordDecl *promiseIn(const CXXRecordDecl *Specialisation) {
  if (!Specialisation || !Specialisation->hasDefinition())
    return nullptr;
  return recordOf(memberType(Specialisation, "promise_type"));
}

/// Could a partial specialisation whose first argument is \p Pattern be chosen
/// for \p Result? Templates are compared, their arguments are not.
static bool matchesPattern(QualType Pattern, QualType Result) {
  const auto *Spec = Pattern->getAs<TemplateSpecializationType>();
  if (!Spec)
    return Pattern.getCanonicalType() == Result.getCanonicalType();
  const CXXRecordDecl *Wanted = patternOf(recordOf(Pattern));
  return Wanted && Wanted == patternOf(recordOf(Result));
}

/// Is \p Partial meant for coroutines of any parameters?
static bool
takesAnyParameters(const ClassTemplatePartialSpecializationDecl &Partial) {
  const TemplateArgumentList &Arguments = Partial.getTemplateArgs();
  if (Arguments.size() != 2 || Arguments[1].getKind() != TemplateArgument::Pack)
    return false;
  llvm::ArrayRef<TemplateArgument> Rest = Arguments[1].pack_elements();
  return Rest.size() == 1 && Rest[0].isPackExpansion();
}

/// The promise_type that \p Result itself declares, if it is one of
/// coroutines. A future of callbacks may call its other half so, too.
static const CXXRecordDecl *nestedPromise(QualType Result) {
  if (Result->isReferenceType())
    return nullptr;
  const CXXRecordDecl *Promise =
      recordOf(memberType(recordOf(Result), "promise_type"));
  return llvm::any_of(
             llvm::ArrayRef<llvm::StringRef>{
                 "get_return_object", "initial_suspend", "final_suspend",
                 "return_void", "return_value", "unhandled_exception"},
             [&](llvm::StringRef Name) {
               return !methodsNamed(Promise, Name).empty();
             })
             ? Promise
             : nullptr;
}

const CXXRecordDecl *CoroutineTypes::promiseByTraits(QualType Result) {
  const ClassTemplateDecl *Template = coroutineTraits();
  const CXXRecordDecl *Nested = nestedPromise(Result);
  if (!Template)
    return Nested;
  auto IsFor = [&](const ClassTemplateSpecializationDecl &Spec, auto Matches) {
    const TemplateArgumentList &Arguments = Spec.getTemplateArgs();
    return Arguments.size() &&
           Arguments[0].getKind() == TemplateArgument::Type &&
           Matches(Arguments[0].getAsType());
  };
  llvm::SmallVector<ClassTemplatePartialSpecializationDecl *, 8> Partials;
  const_cast<ClassTemplateDecl *>(Template)->getPartialSpecializations(
      Partials);
  // A nested promise is what the primary template takes, so it is what those
  // get that no specialization is for.
  if (Nested)
    llvm::erase_if(Partials, [](const auto *Partial) {
      return !takesAnyParameters(*Partial);
    });
  llvm::erase_if(Partials, [&](const auto *Partial) {
    return !IsFor(*Partial, [&](QualType Pattern) {
      return matchesPattern(Pattern, Result);
    });
  });
  if (Nested && Partials.empty())
    return Nested;
  for (const ClassTemplateSpecializationDecl *Spec :
       Template->specializations()) {
    auto From = Spec->getSpecializedTemplateOrPartial();
    auto *Partial = From.dyn_cast<ClassTemplatePartialSpecializationDecl *>();
    if ((!Nested || (Partial && llvm::is_contained(Partials, Partial))) &&
        IsFor(*Spec,
              [&](QualType Type) { return Context.hasSameType(Type, Result); }))
      if (const CXXRecordDecl *Promise = promiseIn(Spec))
        return Promise;
  }
  for (const ClassTemplatePartialSpecializationDecl *Partial : Partials)
    if (const CXXRecordDecl *Promise = promiseIn(Partial))
      return Promise;
  return Nested;
}

const CXXRecordDecl *CoroutineTypes::promiseOf(QualType Result) {
  if (Result.isNull())
    return nullptr;
  auto [Known, Fresh] =
      Promises.try_emplace(Result.getCanonicalType().getAsOpaquePtr());
  if (Fresh) {
    const CXXRecordDecl *Promise = promiseByTraits(Result);
    Promises[Result.getCanonicalType().getAsOpaquePtr()] = Promise;
    return Promise;
  }
  return Known->second;
}

//===----------------------------------------------------------------------===//
// Awaiters
//===----------------------------------------------------------------------===//

Readiness CoroutineTypes::readiness(QualType Awaiter) {
  const CXXRecordDecl *Record = recordOf(Awaiter);
  if (!Record)
    return Readiness::Unknown;
  for (const FunctionDecl *Ready : methodsNamed(Record, "await_ready"))
    if (std::optional<bool> Value = constantResult(Ready))
      return *Value ? Readiness::Always : Readiness::Never;
  return Readiness::Unknown;
}

bool CoroutineTypes::neverSuspends(const CoroutineSuspendExpr &Suspension) {
  const Expr *Ready = Suspension.getReadyExpr();
  if (!Ready)
    return false;
  const auto *Call = dyn_cast<CallExpr>(Ready->IgnoreImplicit());
  const FunctionDecl *Callee = Call ? Call->getDirectCallee() : nullptr;
  return constantResult(Callee).value_or(false);
}

static bool hasEmptyBody(const FunctionDecl *Function) {
  const auto *Body = dyn_cast_or_null<CompoundStmt>(visibleBody(Function));
  return Body && Body->body_empty();
}

/// Does \p Suspend let its coroutine go on or end, whatever else it does? The
/// handle is then only looked at or destroyed, never kept and never handed on.
static bool dropsHandle(const FunctionDecl *Suspend) {
  const Stmt *Body = visibleBody(Suspend);
  if (!Body || Suspend->getNumParams() != 1)
    return false;
  QualType Returned = Suspend->getReturnType();
  if (!Returned->isVoidType() && !Returned->isBooleanType())
    return false;
  const ParmVarDecl *Handle = Suspend->getParamDecl(0);
  if (const FunctionDecl *Pattern = Suspend->getTemplateInstantiationPattern();
      Pattern && !Suspend->getBody())
    Handle = Pattern->getParamDecl(0);
  bool Destroys = false, Kept = false;
  auto IsHandle = [&](const Expr *Object) {
    const auto *Ref = dyn_cast<DeclRefExpr>(Object->IgnoreParenImpCasts());
    return Ref && Ref->getDecl() == Handle;
  };
  unsigned Uses = 0, Harmless = 0;
  anyStatement(Body, [&](const Stmt &Node) {
    if (const auto *Ref = dyn_cast<DeclRefExpr>(&Node))
      Uses += Ref->getDecl() == Handle;
    Kept |= isa<LambdaExpr>(Node) || isa<CXXThisExpr>(Node);
    const Expr *Object = nullptr;
    llvm::StringRef Name;
    if (const auto *Member = dyn_cast<MemberExpr>(&Node)) {
      Object = Member->getBase();
      if (Member->getMemberDecl()->getDeclName().isIdentifier())
        Name = Member->getMemberDecl()->getName();
    } else if (const auto *Member =
                   dyn_cast<CXXDependentScopeMemberExpr>(&Node)) {
      if (Member->isImplicitAccess())
        return false;
      Object = Member->getBase();
      if (const IdentifierInfo *Id = Member->getMember().getAsIdentifierInfo())
        Name = Id->getName();
    }
    if (Object && IsHandle(Object)) {
      Harmless += Name == "promise" || Name == "destroy";
      Destroys |= Name == "destroy";
    }
    return false;
  });
  return Uses == Harmless && (Destroys || !Kept);
}

/// The awaiter that `co_await` gets out of a \p Record, read off operator
/// co_await or off the class itself.
static const CXXRecordDecl *
awaiterOf(const CXXRecordDecl *Record,
          llvm::ArrayRef<const FunctionDecl *> Operators) {
  for (const FunctionDecl *Operator : Operators)
    if (const CXXRecordDecl *Awaiter = recordOf(returnTypeOf(Operator)))
      return Awaiter;
  return Operators.empty() ? Record : nullptr;
}

/// Namespace-scope operator co_await overloads that take \p Record.
static llvm::SmallVector<const FunctionDecl *, 2>
freeOperators(const CXXRecordDecl *Record, DeclarationName Name) {
  llvm::SmallVector<const FunctionDecl *, 2> Found;
  const CXXRecordDecl *Wanted = patternOf(Record);
  for (const DeclContext *Scope = Record->getDeclContext(); Scope;
       Scope = Scope->getParent()) {
    if (!Scope->isFileContext())
      continue;
    for (const NamedDecl *Candidate : Scope->lookup(Name)) {
      const auto *Function = dyn_cast<FunctionDecl>(Candidate);
      if (const auto *Template = dyn_cast<FunctionTemplateDecl>(Candidate))
        Function = Template->getTemplatedDecl();
      if (Function && !Function->isDeleted() && Function->getNumParams() == 1 &&
          patternOf(recordOf(Function->getParamDecl(0)->getType())) == Wanted)
        Found.push_back(Function);
    }
  }
  return Found;
}

/// Does the promise turn \p Record into something awaitable?
static bool transformedByPromise(const CXXRecordDecl *Promise,
                                 const CXXRecordDecl *Record) {
  return llvm::any_of(
      methodsNamed(Promise, "await_transform"), [&](const FunctionDecl *F) {
        return F->getNumParams() >= 1 &&
               patternOf(recordOf(F->getParamDecl(0)->getType())) ==
                   patternOf(Record);
      });
}

/// Has \p Record public operations of its own besides the awaiter's three?
static bool offersMoreThanAwait(const CXXRecordDecl *Record) {
  return llvm::any_of(Record->decls(), [](const Decl *Member) {
    if (const auto *Template = dyn_cast<FunctionTemplateDecl>(Member))
      Member = Template->getTemplatedDecl();
    const auto *Method = dyn_cast<CXXMethodDecl>(Member);
    return Method && Method->getAccess() == AS_public && !Method->isStatic() &&
           !Method->isImplicit() && !Method->isDeleted() &&
           !isa<CXXConstructorDecl, CXXDestructorDecl>(Method) &&
           Method->getOverloadedOperator() != OO_Equal &&
           Method->getOverloadedOperator() != OO_Coawait &&
           !(Method->getIdentifier() &&
             Method->getName().starts_with("await_"));
  });
}

void CoroutineTypes::readAwaiter(CoroutineType &Facts) {
  const CXXRecordDecl *Record = Facts.Record;
  DeclarationName Name =
      Context.DeclarationNames.getCXXOperatorName(OO_Coawait);
  llvm::SmallVector<const FunctionDecl *, 2> Operators =
      methodsNamed(Record, Name);
  for (const FunctionDecl *Operator : Operators) {
    const auto *Method = cast<CXXMethodDecl>(Operator);
    Facts.AwaitableAsLvalue |= Method->getRefQualifier() != RQ_RValue;
    Facts.AwaitableAsRvalue |=
        Method->getRefQualifier() != RQ_LValue || Method->isConst();
  }
  for (const FunctionDecl *Operator : freeOperators(Record, Name)) {
    QualType Parameter = Operator->getParamDecl(0)->getType();
    Facts.AwaitableAsLvalue |= !Parameter->isRValueReferenceType();
    Facts.AwaitableAsRvalue |=
        !Parameter->isLValueReferenceType() ||
        Parameter.getNonReferenceType().isConstQualified();
    Operators.push_back(Operator);
  }
  if (Operators.empty() && !methodsNamed(Record, "await_ready").empty() &&
      !methodsNamed(Record, "await_suspend").empty())
    Facts.AwaitableAsLvalue = Facts.AwaitableAsRvalue = true;
  if (!Facts.isAwaitable() && Facts.Promise &&
      transformedByPromise(Facts.Promise, Record))
    Facts.AwaitableAsRvalue = true;
  if (!Facts.isAwaitable() && Facts.Promise)
    if (const FunctionDecl *Customization =
            awaitCustomization(*Facts.Promise, *Record)) {
      Facts.AwaitableAsRvalue = true;
      Operators.push_back(Customization);
    }
  if (!Facts.isAwaitable())
    return;

  Facts.Shared = isCopyable(*Record) && Facts.AwaitableAsLvalue;
  Facts.OnlyAwaitable = !Facts.Promise && !offersMoreThanAwait(Record);
  const CXXRecordDecl *Awaiter = awaiterOf(Record, Operators);
  if (!Awaiter)
    return;
  for (const FunctionDecl *Resume : methodsNamed(Awaiter, "await_resume"))
    Facts.Result = returnTypeOf(Resume);
  llvm::SmallVector<const FunctionDecl *, 2> Suspends =
      methodsNamed(Awaiter, "await_suspend");
  Readiness Ready = readiness(Context.getCanonicalTagType(Awaiter));
  Facts.Synchronous =
      Ready == Readiness::Always ||
      (Facts.Start == StartPolicy::Eager && Ready == Readiness::Unknown &&
       !Suspends.empty() && llvm::all_of(Suspends, dropsHandle));
}

//===----------------------------------------------------------------------===//
// Start and release
//===----------------------------------------------------------------------===//

void CoroutineTypes::readPromise(CoroutineType &Facts) {
  for (const FunctionDecl *Initial :
       methodsNamed(Facts.Promise, "initial_suspend")) {
    QualType Awaiter = returnTypeOf(Initial);
    auto Suspends = methodsNamed(recordOf(Awaiter), "await_suspend");
    switch (readiness(Awaiter)) {
    case Readiness::Always:
      Facts.Start = StartPolicy::Eager;
      break;
    case Readiness::Never:
      // One that does something with the handle may well post it to a queue.
      if (llvm::all_of(Suspends, hasEmptyBody))
        Facts.Start = StartPolicy::Lazy;
      break;
    case Readiness::Unknown:
      break;
    }
  }
}

/// Does \p Body count something down? It then destroys only what nobody else
/// holds, and a running coroutine may well hold itself.
static bool countsDown(const Stmt *Body) {
  return anyStatement(Body, [](const Stmt &Node) {
    if (const auto *Unary = dyn_cast<UnaryOperator>(&Node))
      return Unary->isDecrementOp();
    if (const auto *Operator = dyn_cast<CXXOperatorCallExpr>(&Node))
      return Operator->getOperator() == OO_MinusMinus;
    const auto *Call = dyn_cast<CallExpr>(&Node);
    return Call && calleeName(*Call) == "fetch_sub";
  });
}

/// Does \p Body destroy only a coroutine that is in a certain state? One that
/// is in another runs on.
static bool asksForState(const Stmt *Body) {
  return anyStatement(Body, [](const Stmt &Node) {
    const auto *If = dyn_cast<IfStmt>(&Node);
    bool NamesState = If && anyStatement(If->getCond(), [](const Stmt &Inner) {
                        const auto *Ref = dyn_cast<DeclRefExpr>(&Inner);
                        return Ref && isa<EnumConstantDecl>(Ref->getDecl());
                      });
    return NamesState && anyStatement(If->getThen(), [](const Stmt &Inner) {
             const auto *Call = dyn_cast<CallExpr>(&Inner);
             return Call && calleeName(*Call) == "destroy";
           });
  });
}

/// What a destructor does, as far as the calls in it tell by their names,
/// through functions of the same class.
static ReleasePolicy releaseIn(const Stmt *Body, unsigned Depth) {
  ReleasePolicy Policy = ReleasePolicy::Unknown;
  anyStatement(Body, [&](const Stmt &Node) {
    const auto *Call = dyn_cast<CallExpr>(&Node);
    if (!Call)
      return false;
    Policy = llvm::StringSwitch<ReleasePolicy>(calleeName(*Call))
                 .Case("destroy", ReleasePolicy::Destroys)
                 .Cases({"join", "wait", "sync_wait"}, ReleasePolicy::Joins)
                 .Case("detach", ReleasePolicy::Detaches)
                 .Default(ReleasePolicy::Unknown);
    if (Policy == ReleasePolicy::Unknown && Depth)
      if (const auto *Method =
              dyn_cast_or_null<CXXMethodDecl>(Call->getDirectCallee()))
        Policy = releaseIn(visibleBody(Method), Depth - 1);
    return Policy != ReleasePolicy::Unknown;
  });
  if (Policy == ReleasePolicy::Destroys &&
      (countsDown(Body) || asksForState(Body)))
    return ReleasePolicy::Unknown;
  return Policy;
}

/// What destroying a \p Record does, through its destructor, its members and
/// its bases.
static ReleasePolicy releaseOf(const CXXRecordDecl *Record, unsigned Depth) {
  if (!Record)
    return ReleasePolicy::Unknown;
  if (const CXXDestructorDecl *Destructor = Record->getDestructor())
    if (ReleasePolicy Policy = releaseIn(visibleBody(Destructor), 2);
        Policy != ReleasePolicy::Unknown)
      return Policy;
  if (!Depth)
    return ReleasePolicy::Unknown;
  for (const FieldDecl *Field : Record->fields())
    if (ReleasePolicy Policy = releaseOf(recordOf(Field->getType()), Depth - 1);
        Policy != ReleasePolicy::Unknown)
      return Policy;
  for (const CXXBaseSpecifier &Base : Record->bases())
    if (ReleasePolicy Policy = releaseOf(recordOf(Base.getType()), Depth - 1);
        Policy != ReleasePolicy::Unknown)
      return Policy;
  return ReleasePolicy::Unknown;
}

/// Holds an object of \p Record anything at all?
static bool holdsNothing(const CXXRecordDecl *Record) {
  Record = definitionOf(Record);
  return Record && Record->field_empty() &&
         llvm::all_of(Record->bases(), [](const CXXBaseSpecifier &Base) {
           const CXXRecordDecl *Class = recordOf(Base.getType());
           return Class && holdsNothing(Class);
         });
}

/// Does the frame of a coroutine with this promise destroy itself?
static bool destroysItself(CoroutineTypes &Types,
                           const CXXRecordDecl *Promise) {
  return llvm::any_of(
      methodsNamed(Promise, "final_suspend"), [&](const FunctionDecl *Final) {
        QualType Awaiter = returnTypeOf(Final);
        if (Types.readiness(Awaiter) == Readiness::Always)
          return true;
        return llvm::any_of(methodsNamed(recordOf(Awaiter), "await_suspend"),
                            [](const FunctionDecl *Suspend) {
                              return releaseIn(visibleBody(Suspend), 0) ==
                                     ReleasePolicy::Destroys;
                            });
      });
}

//===----------------------------------------------------------------------===//
// Guards
//===----------------------------------------------------------------------===//

/// Is one of the words of \p Name (in snake_case or CamelCase) a guard's?
static bool isGuardName(llvm::StringRef Name) {
  std::string Lower = Name.lower();
  static constexpr llvm::StringLiteral Words[] = {"lock",   "guard", "units",
                                                  "permit", "lease", "holder"};
  return llvm::any_of(Words, [&](llvm::StringRef Word) {
    return llvm::StringRef(Lower).contains(Word);
  });
}

static bool givesSomethingBack(const Stmt *Body, unsigned Depth) {
  return anyStatement(Body, [&](const Stmt &Node) {
    const auto *Call = dyn_cast<CallExpr>(&Node);
    if (!Call)
      return false;
    llvm::StringRef Name = calleeName(*Call);
    if (Name.starts_with("unlock") || Name.starts_with("release") ||
        Name.starts_with("return_") || Name == "signal" || Name == "leave" ||
        Name == "give_back")
      return true;
    return Depth &&
           givesSomethingBack(visibleBody(Call->getDirectCallee()), Depth - 1);
  });
}

bool CoroutineTypes::isLockLike(QualType Type) {
  const CXXRecordDecl *Record = recordOf(Type);
  if (!Record || Type->isReferenceType() || isCopyable(*Record))
    return false;
  const CXXDestructorDecl *Destructor = Record->getDestructor();
  if (!Destructor || !Destructor->isUserProvided())
    return false;
  if (!methodsNamed(Record,
                    Context.DeclarationNames.getCXXOperatorName(OO_Arrow))
           .empty())
    return false;
  return isGuardName(Record->getName()) ||
         givesSomethingBack(visibleBody(Destructor), 2);
}

//===----------------------------------------------------------------------===//
// All together
//===----------------------------------------------------------------------===//

static CoroutineKind kindOf(CoroutineTypes &Types, const CoroutineType &Facts) {
  if (Facts.isAwaitable())
    return Facts.Promise ? CoroutineKind::Task : CoroutineKind::Awaitable;
  if (!methodsNamed(Facts.Promise, "yield_value").empty()) {
    // The first of them that is there tells; an element may be awaitable by
    // itself.
    for (llvm::StringRef Name : {"begin", "next", "operator()"}) {
      auto Steps = methodsNamed(Facts.Record, Name);
      for (const FunctionDecl *Next : Steps)
        if (const CoroutineType *Step = Types.lookup(returnTypeOf(Next));
            Step && Step->isAwaitable())
          return CoroutineKind::AsyncGenerator;
      if (!Steps.empty())
        break;
    }
    return CoroutineKind::Generator;
  }
  return Facts.Release == ReleasePolicy::Detaches ? CoroutineKind::FireAndForget
                                                  : CoroutineKind::Other;
}

std::unique_ptr<CoroutineType>
CoroutineTypes::compute(const CXXRecordDecl &Record) {
  CoroutineType Facts;
  Facts.Record = &Record;
  QualType Type = Context.getCanonicalTagType(&Record);
  Facts.Promise = promiseOf(Type);
  if (Facts.Promise)
    readPromise(Facts);
  readAwaiter(Facts);
  if (!Facts.Promise && !Facts.isAwaitable())
    return nullptr;

  Facts.Release = releaseOf(&Record, 2);
  if (Facts.Release == ReleasePolicy::Unknown && Facts.Promise &&
      (holdsNothing(&Record) || destroysItself(*this, Facts.Promise)))
    Facts.Release = ReleasePolicy::Detaches;
  Facts.Nodiscard = Record.hasAttr<WarnUnusedResultAttr>() ||
                    patternOf(&Record)->hasAttr<WarnUnusedResultAttr>();
  if (!Facts.Result.isNull() && Facts.Result->isDependentType())
    Facts.Result = QualType();
  if (Facts.Result.isNull())
    if (const auto *Spec = dyn_cast<ClassTemplateSpecializationDecl>(&Record))
      if (Spec->getTemplateArgs().size() &&
          Spec->getTemplateArgs()[0].getKind() == TemplateArgument::Type)
        Facts.Result = Spec->getTemplateArgs()[0].getAsType();
  Facts.ResultIsLockLike = !Facts.Result.isNull() && isLockLike(Facts.Result);
  Facts.Kind = kindOf(*this, Facts);
  return std::make_unique<CoroutineType>(Facts);
}

const CoroutineType *CoroutineTypes::lookup(QualType Type) {
  const CXXRecordDecl *Record = recordOf(Type);
  if (!Record || Record->isInvalidDecl() || Record->isLambda())
    return nullptr;
  const CXXRecordDecl *Key = Record->getCanonicalDecl();
  if (auto Known = Cache.find(Key); Known != Cache.end())
    return Known->second.get();
  // Put an answer in first: a type may be reached again through its own
  // members.
  Cache[Key] = nullptr;
  std::unique_ptr<CoroutineType> Facts = compute(*Record);
  return (Cache[Key] = std::move(Facts)).get();
}

} // namespace coralc
