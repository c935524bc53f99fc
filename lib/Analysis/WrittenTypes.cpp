//===--- WrittenTypes.cpp - Types as the text has them --------------------===//

#include "coralc/Analysis/WrittenTypes.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/DeclCXX.h"
#include "clang/Lex/Lexer.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/StringSwitch.h"

using namespace clang;

namespace coralc {

SourceRange returnTypeRange(const FunctionDecl &Function) {
  const auto *Prototype = Function.getType()->getAs<FunctionProtoType>();
  FunctionTypeLoc Written = Function.getFunctionTypeLoc();
  return Written && Prototype && Prototype->hasTrailingReturn()
             ? Written.getReturnLoc().getSourceRange()
             : Function.getReturnTypeSourceRange();
}

llvm::StringRef textOf(SourceRange Range, const ASTContext &Context) {
  return Lexer::getSourceText(CharSourceRange::getTokenRange(Range),
                              Context.getSourceManager(),
                              Context.getLangOpts());
}

/// Is \p Type, written at \p Where, what the text says? Where a type is not
/// known Clang goes on with int.
static bool isKnown(QualType Type, SourceRange Where,
                    const ASTContext &Context) {
  if (!Context.hasSameUnqualifiedType(Type, Context.IntTy))
    return true;
  if (isa<BuiltinType>(Type))
    return llvm::StringSwitch<bool>(textOf(Where, Context))
        .Cases({"int", "signed", "signed int"}, true)
        .Default(false);
  const auto *Alias = dyn_cast<TypedefType>(Type);
  const TypedefNameDecl *Named = Alias ? Alias->getDecl() : nullptr;
  return Named && !Named->isInvalidDecl() && Named->getTypeSourceInfo() &&
         isKnown(Named->getUnderlyingType(),
                 Named->getTypeSourceInfo()->getTypeLoc().getSourceRange(),
                 Context);
}

/// Has \p Record a list of bases, and Clang none of them?
static bool lostItsBases(const CXXRecordDecl &Record) {
  llvm::StringRef Head =
      textOf({Record.getLocation(), Record.getBraceRange().getBegin()},
             Record.getASTContext());
  return !Record.getNumBases() &&
         llvm::any_of(llvm::seq<size_t>(0, Head.size()), [&](size_t At) {
           return Head[At] == ':' && !Head.substr(At).starts_with("::") &&
                  !Head.take_front(At + 1).ends_with("::");
         });
}

/// Are all bases of \p Record, or of its template, there? What is missing may
/// bring a promise along.
static bool isWhole(const CXXRecordDecl *Record) {
  Record = definitionOf(Record);
  return Record && !Record->isInvalidDecl() && !lostItsBases(*Record) &&
         llvm::all_of(Record->bases(), [](const CXXBaseSpecifier &Base) {
           return isWhole(recordOf(Base.getType()));
         });
}

bool returnTypeIsKnown(const FunctionDecl &Function) {
  const CXXRecordDecl *Record = recordOf(Function.getDeclaredReturnType());
  return (!Record || isWhole(Record)) &&
         isKnown(Function.getDeclaredReturnType(), returnTypeRange(Function),
                 Function.getASTContext());
}

} // namespace coralc
