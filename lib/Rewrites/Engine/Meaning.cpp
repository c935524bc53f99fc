//===--- Meaning.cpp - What code means, comparably ------------------------===//

#include "coralc/Rewrites/Engine/Meaning.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "clang/AST/ExprCXX.h"
#include "clang/Index/USRGeneration.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/xxhash.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

std::string usrOf(const Decl &D) {
  SmallString<128> Usr;
  index::generateUSRForDecl(&D, Usr);
  return Usr.str().str();
}

/// Everything that the compiler knows of a piece of code and that could differ
/// in another unit.
class Digester : public ConstDynamicRecursiveASTVisitor {
public:
  explicit Digester(const ASTContext &Context)
      : Context(Context), Policy(Context.getLangOpts()) {
    Policy.AnonymousTagLocations = false;
  }

  uint64_t take() {
    uint64_t Result = xxh3_64bits(Bytes);
    Bytes.clear();
    return Result;
  }

  bool VisitStmt(const Stmt *S) override {
    Bytes += S->getStmtClassName();
    return true;
  }
  bool VisitExpr(const Expr *E) override {
    // In a template not everything has one.
    if (!E->getType().isNull())
      type(E->getType());
    return true;
  }
  bool VisitDecl(const Decl *D) override {
    Bytes += D->getDeclKindName();
    // Whether a destructor or a defaulted function may throw is known where
    // somebody asked.
    const auto *F = dyn_cast<FunctionDecl>(D);
    bool IsAsked = F && (F->isDefaulted() || isa<CXXDestructorDecl>(F));
    if (const auto *Value = dyn_cast<ValueDecl>(D); Value && !IsAsked)
      type(Value->getType());
    if (const auto *Named = dyn_cast<NamedDecl>(D))
      Bytes += Named->getNameAsString();
    return true;
  }
  bool VisitDeclRefExpr(const DeclRefExpr *E) override {
    return refer(*E->getDecl());
  }
  bool VisitMemberExpr(const MemberExpr *E) override {
    return refer(*E->getMemberDecl());
  }
  bool VisitCXXConstructExpr(const CXXConstructExpr *E) override {
    return refer(*E->getConstructor());
  }
  bool VisitIntegerLiteral(const IntegerLiteral *E) override {
    SmallString<16> Digits;
    E->getValue().toString(Digits, 16, /*Signed=*/false);
    Bytes += Digits;
    return true;
  }
  bool VisitFloatingLiteral(const FloatingLiteral *E) override {
    SmallString<16> Digits;
    E->getValue().toString(Digits);
    Bytes += Digits;
    return true;
  }
  bool VisitCharacterLiteral(const CharacterLiteral *E) override {
    Bytes += std::to_string(E->getValue());
    return true;
  }
  bool VisitStringLiteral(const clang::StringLiteral *E) override {
    // What the preprocessor makes up, as for __FILE__, is how a file was named.
    const SourceManager &SM = Context.getSourceManager();
    if (!SM.isWrittenInScratchSpace(SM.getSpellingLoc(E->getBeginLoc())))
      Bytes += E->getBytes();
    return true;
  }
  bool VisitBinaryOperator(const BinaryOperator *E) override {
    Bytes += E->getOpcodeStr();
    return true;
  }
  bool VisitUnaryOperator(const UnaryOperator *E) override {
    Bytes += UnaryOperator::getOpcodeStr(E->getOpcode());
    return true;
  }

private:
  bool refer(const Decl &D) {
    auto [It, New] = Names.try_emplace(&D);
    if (New)
      It->second = usrOf(D);
    Bytes += It->second;
    return true;
  }

  void type(QualType T) {
    auto [It, New] = Types.try_emplace(T.getCanonicalType().getAsOpaquePtr());
    if (New)
      It->second = isa<DeducedType>(T.getCanonicalType())
                       ? std::string("auto")
                       : T.getCanonicalType().getAsString(Policy);
    Bytes += It->second;
  }

  const ASTContext &Context;
  PrintingPolicy Policy;
  std::string Bytes;
  DenseMap<const Decl *, std::string> Names;
  DenseMap<void *, std::string> Types;
};

/// What is defined at namespace or class scope.
class DefinitionFinder : public ConstDynamicRecursiveASTVisitor {
public:
  explicit DefinitionFinder(const ASTContext &Context) : Digest(Context) {}

  bool VisitFunctionDecl(const FunctionDecl *F) override {
    if (F->isThisDeclarationADefinition())
      add(*F);
    return true;
  }
  bool VisitVarDecl(const VarDecl *V) override {
    if (!isa<ParmVarDecl>(V))
      add(*V);
    return true;
  }
  bool VisitCXXRecordDecl(const CXXRecordDecl *R) override {
    if (!R->isThisDeclarationADefinition() || R->isLambda())
      return true;
    // Its functions have a meaning of their own.
    for (const Decl *D : R->decls())
      if (const auto *Value = dyn_cast<ValueDecl>(D);
          Value && !Value->isImplicit())
        Digest.VisitDecl(Value);
    Result.push_back({usrOf(*R), R->getNameAsString(), Digest.take()});
    return true;
  }
  bool TraverseStmt(const Stmt *) override { return true; }

  std::vector<Meaning> Result;

private:
  void add(const NamedDecl &D) {
    Digest.TraverseDecl(&D);
    Result.push_back({usrOf(D), D.getNameAsString(), Digest.take()});
  }

  Digester Digest;
};

} // namespace

std::vector<Meaning> readMeanings(const ASTContext &Context) {
  const SourceManager &SM = Context.getSourceManager();
  DefinitionFinder Finder(Context);
  for (const Decl *D : Context.getTranslationUnitDecl()->decls()) {
    SourceLocation Where = SM.getExpansionLoc(D->getLocation());
    if (Where.isValid() && !SM.isInSystemHeader(Where))
      Finder.TraverseDecl(D);
  }
  return std::move(Finder.Result);
}

std::optional<std::string> findDifference(ArrayRef<Meaning> Alone,
                                          ArrayRef<Meaning> Joined) {
  // What several declarations define, as a variable, has several meanings.
  StringMap<SmallVector<uint64_t, 1>> Known;
  for (const Meaning &M : Joined)
    Known[M.Usr].push_back(M.Digest);
  for (const Meaning &M : Alone)
    if (!is_contained(Known.lookup(M.Usr), M.Digest))
      return M.Name;
  return std::nullopt;
}

/// A template is instantiated for a handler before and for a token afterwards.
static const NamedDecl &patternOf(const NamedDecl &D) {
  const auto *F = dyn_cast<FunctionDecl>(&D);
  const FunctionTemplateDecl *Template = F ? F->getPrimaryTemplate() : nullptr;
  if (!Template)
    return D;
  while (const auto *Member = Template->getInstantiatedFromMemberTemplate())
    Template = Member;
  return *Template;
}

void collectNames(const Stmt &Code, NamedDeclarations &Into) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    NamedDeclarations &Into;
    explicit Visitor(NamedDeclarations &Into) : Into(Into) {}
    bool note(const NamedDecl &D) {
      const auto *V = dyn_cast<VarDecl>(&D);
      if (!V || !V->isLocalVarDeclOrParm())
        Into[D.getNameAsString()].insert(usrOf(patternOf(D)));
      return true;
    }
    bool VisitDeclRefExpr(const DeclRefExpr *E) override {
      return note(*E->getDecl());
    }
    bool VisitMemberExpr(const MemberExpr *E) override {
      return note(*E->getMemberDecl());
    }
    bool VisitCXXConstructExpr(const CXXConstructExpr *E) override {
      // Which constructor it is the arguments say, and a coroutine declares
      // variables that were parameters.
      return note(*E->getConstructor()->getParent());
    }
  } V(Into);
  V.TraverseStmt(&Code);
}

} // namespace coralc
