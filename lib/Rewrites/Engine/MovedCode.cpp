//===--- MovedCode.cpp - Code that moves to another place -----------------===//

#include "coralc/Rewrites/Engine/MovedCode.h"
#include "coralc/Rewrites/Engine/HandlerTemplate.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/TypeLoc.h"
#include "clang/Basic/CharInfo.h"
#include "clang/Lex/Lexer.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Path.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

/// Every declaration that code names, types included.
class UseVisitor : public ConstDynamicRecursiveASTVisitor {
public:
  explicit UseVisitor(
      function_ref<void(const NamedDecl &, SourceLocation)> Visit)
      : Visit(Visit) {}

  bool VisitDeclRefExpr(const DeclRefExpr *E) override {
    Visit(*E->getDecl(), E->getLocation());
    return true;
  }
  bool VisitMemberExpr(const MemberExpr *E) override {
    Visit(*E->getMemberDecl(), E->getMemberLoc());
    return true;
  }
  bool VisitCXXConstructExpr(const CXXConstructExpr *E) override {
    Visit(*E->getConstructor()->getParent(), E->getLocation());
    return true;
  }
  bool VisitTypeLoc(TypeLoc Written) override {
    QualType Type = Written.getType();
    if (const auto *Named = Type->getAs<TypedefType>())
      Visit(*Named->getDecl(), Written.getBeginLoc());
    else if (const TagDecl *Tag = Type->getAsTagDecl())
      Visit(*Tag, Written.getBeginLoc());
    return true;
  }

private:
  function_ref<void(const NamedDecl &, SourceLocation)> Visit;
};

void forEachUse(const FunctionDecl &F,
                function_ref<void(const NamedDecl &, SourceLocation)> Visit) {
  UseVisitor V(Visit);
  for (const ParmVarDecl *P : F.parameters())
    V.TraverseDecl(P);
  V.TraverseStmt(F.getBody());
}

/// Each translation unit has a \p D of its own.
bool isOfItsUnit(const NamedDecl &D) {
  return D.getFormalLinkage() == Linkage::Internal ||
         D.isInAnonymousNamespace();
}

/// A \p D of another unit is as good: nothing that it does or is depends on
/// which one it is.
bool isSameInEveryUnit(const NamedDecl &D,
                       SmallPtrSetImpl<const Decl *> &Seen) {
  if (!isOfItsUnit(D) || !Seen.insert(&D).second)
    return true;
  if (const auto *V = dyn_cast<VarDecl>(&D))
    return V->getType().isConstQualified() && V->getEvaluatedValue();
  const auto *F = dyn_cast<FunctionDecl>(&D);
  if (!F)
    return isa<TypeDecl>(D);
  if (!F->hasBody(F))
    return false;
  bool Same = true;
  UseVisitor([&](const NamedDecl &Used, SourceLocation) {
    const auto *V = dyn_cast<VarDecl>(&Used);
    Same &= !(V && V->isStaticLocal()) && isSameInEveryUnit(Used, Seen);
  }).TraverseStmt(F->getBody());
  return Same;
}

class MovedCode {
public:
  MovedCode(const SourceText::File &To, const SourceText &Text)
      : To(To), Text(Text), SM(Text.context().getSourceManager()) {}

  std::optional<Refusal> check(const FunctionDecl &F) {
    std::optional<Refusal> Why = checkMacros(F);
    forEachUse(F, [&](const NamedDecl &D, SourceLocation Where) {
      if (!Why && !isFound(D))
        Why = refusal(F, D.getNameAsString(), Where);
    });
    return Why;
  }

  /// The source file that includes \p D's header, and where.
  std::optional<SourceLocation> inclusionOf(const NamedDecl &D) const {
    FileID Id = SM.getFileID(SM.getExpansionLoc(D.getLocation()));
    SourceLocation Inclusion;
    while (Id.isValid() && !isSource(Id)) {
      Inclusion = SM.getIncludeLoc(Id);
      Id = SM.getFileID(Inclusion);
    }
    if (Id.isInvalid() || Id == To.Id || Inclusion.isInvalid())
      return std::nullopt;
    return Inclusion;
  }

private:
  bool isSource(FileID Id) const {
    return any_of(Text.files(), [&](const SourceText::File &File) {
      return File.IsSource && File.Id == Id;
    });
  }

  /// \p D is known, and the same, in the file that the code moves to.
  bool isFound(const NamedDecl &D) const {
    if (const auto *V = dyn_cast<VarDecl>(&D); V && V->isLocalVarDeclOrParm())
      return true;
    if (D.getDeclContext()->isFunctionOrMethod() || isa<FieldDecl>(D))
      return true;
    SmallPtrSet<const Decl *, 4> Seen;
    return any_of(D.redecls(),
                  [&](const Decl *Declared) {
                    FileID Id = SM.getFileID(
                        SM.getExpansionLoc(Declared->getLocation()));
                    return Id == To.Id || !isSource(Id);
                  }) &&
           isSameInEveryUnit(D, Seen);
  }

  std::optional<Refusal> checkMacros(const FunctionDecl &F) const {
    StringSet<> Macros;
    for (const SourceText::File &File : Text.files())
      if (File.IsSource)
        addMacros(Text.text(File.Range), Macros);
    std::string Code = Text.text(F.getSourceRange()).str();
    Lexer Raw(SourceLocation(), Text.context().getLangOpts(), Code.data(),
              Code.data(), Code.data() + Code.size());
    for (Token T; !Raw.LexFromRawLexer(T);)
      if (T.is(tok::raw_identifier) && Macros.contains(T.getRawIdentifier()))
        return refusal(F, T.getRawIdentifier(), F.getLocation());
    return std::nullopt;
  }

  static void addMacros(StringRef Code, StringSet<> &Macros) {
    while (!Code.empty()) {
      auto [Line, Rest] = Code.split('\n');
      Code = Rest;
      Line = Line.ltrim();
      if (Line.consume_front("#") && (Line = Line.ltrim(), true) &&
          (Line.consume_front("define") || Line.consume_front("undef")))
        Macros.insert(Line.ltrim().take_while(
            [](char C) { return isAsciiIdentifierContinue(C); }));
    }
  }

  Refusal refusal(const FunctionDecl &F, StringRef Name,
                  SourceLocation Where) const {
    return {"known-in-one-file", SM.getExpansionLoc(Where),
            "'" + F.getQualifiedNameAsString() + "' would move to '" +
                sys::path::filename(To.Path).str() +
                "', where its sequence begins, but '" + Name.str() +
                "', which it uses, belongs to its own file; declare that in a "
                "header, once for all files"};
  }

  const SourceText::File &To;
  const SourceText &Text;
  const SourceManager &SM;
};

} // namespace

std::vector<const FunctionDecl *> movedFunctions(const Agent &A,
                                                 const SourceText::File &To,
                                                 const SourceText &Text) {
  std::vector<const FunctionDecl *> Result;
  for (const State *S : A.States) {
    std::optional<unsigned> At = Text.offset(S->Function->getBeginLoc());
    if (At && &Text.fileOf(*At) != &To && !is_contained(Result, S->Function))
      Result.push_back(S->Function);
  }
  return Result;
}

std::optional<Refusal> checkMovedCode(const Agent &A,
                                      const SourceText::File &To,
                                      const SourceText &Text) {
  for (const FunctionDecl *F : movedFunctions(A, To, Text))
    if (std::optional<Refusal> Why = MovedCode(To, Text).check(*F))
      return Why;
  return std::nullopt;
}

using Scopes = SmallPtrSet<const DeclContext *, 8>;

/// The scopes in which a name in \p Inner may be found: the classes and
/// namespaces around, and the bases of those classes.
static void addScopes(const DeclContext *Inner, Scopes &To) {
  for (; Inner; Inner = Inner->getParent()) {
    To.insert(Inner->getPrimaryContext());
    const auto *Record = dyn_cast<CXXRecordDecl>(Inner);
    if (Record && Record->hasDefinition())
      for (const CXXBaseSpecifier &Base : Record->bases())
        if (const CXXRecordDecl *Class = Base.getType()->getAsCXXRecordDecl())
          addScopes(Class, To);
  }
}

/// The names in the parameters and the body of \p F that are looked up outside.
static std::vector<std::string> outerNames(const FunctionDecl &F,
                                           const SourceText &Text) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    StringSet<> Own;
    bool VisitVarDecl(const VarDecl *V) override {
      Own.insert(V->getName());
      return true;
    }
  } Locals;
  Locals.TraverseDecl(&F);
  SourceLocation Begin = F.param_empty() ? F.getBody()->getBeginLoc()
                                         : F.getParamDecl(0)->getBeginLoc();
  std::string Code = Text.text(SourceRange(Begin, F.getEndLoc())).str();
  Lexer Raw(SourceLocation(), Text.context().getLangOpts(), Code.data(),
            Code.data(), Code.data() + Code.size());
  std::vector<std::string> Result;
  Token Last, T;
  Last.startToken();
  for (Raw.LexFromRawLexer(T); !T.is(tok::eof); Raw.LexFromRawLexer(T)) {
    bool IsInner = Last.isOneOf(tok::period, tok::arrow, tok::coloncolon);
    if (T.is(tok::raw_identifier) && !IsInner &&
        !Locals.Own.contains(T.getRawIdentifier()))
      Result.push_back(T.getRawIdentifier().str());
    Last = T;
  }
  return Result;
}

/// \p D says no more than its name says outside of its class: it overrides what
/// a base declares, or is the class itself.
static bool meansTheSame(const NamedDecl *D) {
  const auto *Method = dyn_cast<CXXMethodDecl>(D);
  const auto *Record = dyn_cast<CXXRecordDecl>(D);
  return (Method && Method->size_overridden_methods() != 0) ||
         (Record && Record->isInjectedClassName());
}

std::optional<Refusal> checkMovedNames(const Agent &A, const SourceText &Text) {
  const FunctionDecl &Entry = *A.Entry->Function;
  Scopes There;
  addScopes(Entry.getDeclContext(), There);
  for (const State *S : A.States) {
    const FunctionDecl &F = *S->Function;
    if (S->IsPart)
      continue;
    Scopes Here, Differing;
    addScopes(F.getDeclContext(), Here);
    for (const DeclContext *Scope : There)
      if (!Here.contains(Scope))
        Differing.insert(Scope);
    for (const DeclContext *Scope : Here)
      if (!There.contains(Scope))
        Differing.insert(Scope);
    if (Differing.empty())
      continue;
    for (const std::string &Name : outerNames(F, Text)) {
      DeclarationName Wanted = &Text.context().Idents.get(Name);
      for (const DeclContext *Scope : Differing)
        if (any_of(Scope->lookup(Wanted),
                   [](const NamedDecl *D) { return !meansTheSame(D); }))
          return Refusal{"unsupported-handler", F.getLocation(),
                         "'" + S->Name + "' would become a part of '" +
                             A.Entry->Name + "', and '" + Name +
                             "' may mean something else there; write that "
                             "with the class or namespace that it belongs to"};
    }
  }
  return std::nullopt;
}

/// \p D is declared, and a class defined, in front of \p Place or in it, or in
/// another file.
static bool isKnownAt(TextRange Place, const NamedDecl &D,
                      const SourceText &Text) {
  if (D.getParentFunctionOrMethod())
    return true;
  auto IsThere = [&](const Decl *Declared) {
    std::optional<unsigned> At = Text.offset(Declared->getBeginLoc());
    return !At || *At < Place.End ||
           &Text.fileOf(*At) != &Text.fileOf(Place.Begin);
  };
  const auto *Tag = dyn_cast<TagDecl>(&D);
  if (const TagDecl *Definition = Tag ? Tag->getDefinition() : nullptr)
    return IsThere(Definition);
  return any_of(D.redecls(), IsThere);
}

/// What is around \p F and known as a whole inside of it: its class.
static std::optional<TextRange> placeOf(const FunctionDecl &F,
                                        const SourceText &Text) {
  const Decl *Outermost = &F;
  for (const DeclContext *Around = F.getLexicalDeclContext();
       isa<CXXRecordDecl>(Around); Around = Around->getLexicalParent())
    Outermost = cast<Decl>(Around);
  return Text.range(Outermost->getSourceRange());
}

const FunctionDecl *laterHome(const Agent &A, const FunctionDecl &Anchor,
                              const SourceText &Text) {
  std::optional<TextRange> Place = placeOf(Anchor, Text);
  if (!Place)
    return nullptr;
  const SourceText::File &Here = Text.fileOf(Place->Begin);
  SmallPtrSet<const Decl *, 8> Moved;
  for (const State *S : A.States)
    if (!S->IsPart)
      Moved.insert(S->Function->getCanonicalDecl());
  Moved.insert(Anchor.getCanonicalDecl());
  const FunctionDecl *Home = nullptr;
  unsigned Begin = Place->End;
  bool IsAllKnown = true;
  for (const State *S : A.States) {
    const FunctionDecl &F = *S->Function;
    std::optional<unsigned> At = Text.offset(F.getBeginLoc());
    if (!At || &writtenFor(F) != &F)
      return nullptr;
    forEachUse(F, [&](const NamedDecl &D, SourceLocation) {
      IsAllKnown &=
          Moved.contains(D.getCanonicalDecl()) || isKnownAt(*Place, D, Text);
    });
    if (S->IsPart || F.getLexicalDeclContext()->isRecord() ||
        !F.getDeclContext()->Equals(Anchor.getDeclContext()) || *At < Begin ||
        &Text.fileOf(*At) != &Here)
      continue;
    Home = &F;
    Begin = *At;
  }
  return IsAllKnown ? nullptr : Home;
}

std::vector<TargetDialect::Include>
includesOfMovedCode(const Agent &A, const SourceText::File &To,
                    const SourceText &Text) {
  std::vector<TargetDialect::Include> Result;
  for (const FunctionDecl *F : movedFunctions(A, To, Text))
    forEachUse(*F, [&](const NamedDecl &D, SourceLocation) {
      std::optional<SourceLocation> Where = MovedCode(To, Text).inclusionOf(D);
      std::optional<unsigned> At = Where ? Text.offset(*Where) : std::nullopt;
      if (!At)
        return;
      StringRef Line = Text.text(TextRange{*At, Text.lineEnd(*At)});
      bool Quoted = Line.starts_with("\"");
      StringRef Header = Line.drop_front().take_until(
          [](char C) { return C == '>' || C == '"'; });
      if (none_of(Result, [&](const TargetDialect::Include &I) {
            return I.Header == Header;
          }))
        Result.push_back({Header.str(), {}, Quoted});
    });
  return Result;
}

} // namespace coralc
