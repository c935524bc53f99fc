//===--- Offer.cpp - What a rewrite would convert, shown in place ---------===//

#include "coralc/Rewrites/Offer.h"
#include "coralc/Rewrites/Engine/Convert.h"
#include "coralc/Support/Diff.h"
#include "llvm/ADT/STLExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

/// Where the first operation of \p A stands.
SourceLocation placeOf(const Agent &A) {
  SourceLocation Place = A.Entry->Function->getLocation();
  bool Found = false;
  forEachNode(A.Body, [&](const Node &N) {
    if (!Found && N.What == Node::Kind::Await && N.Op->Call) {
      Place = N.Op->Call->getBeginLoc();
      Found = true;
    }
  });
  return Place;
}

std::vector<FixItHint> editsOf(const SourceText &Text,
                               ArrayRef<std::string> After) {
  const SourceManager &SM = Text.context().getSourceManager();
  std::vector<FixItHint> Edits;
  for (const auto &[File, Contents] : zip(Text.files(), After)) {
    SourceLocation Start = SM.getLocForStartOfFile(File.Id);
    for (const TextEdit &Edit :
         lineEdits({File.Path, Text.text(File.Range).str(), Contents})) {
      SourceLocation Begin = Start.getLocWithOffset(Edit.Offset);
      Edits.push_back(FixItHint::CreateReplacement(
          CharSourceRange::getCharRange(Begin,
                                        Begin.getLocWithOffset(Edit.Length)),
          Edit.Text));
    }
  }
  return Edits;
}

} // namespace

std::vector<ConversionOffer> offerConversions(const ASTContext &Context,
                                              RewriteTarget Target) {
  Converter Plan(Context, makePatterns({}), Target);
  std::vector<ConversionOffer> Offers;
  for (Agent *A : Plan.convertible()) {
    std::vector<Agent *> Group;
    Plan.addWithCallees(*A, Group);
    std::string Problem;
    std::optional<Converter::Contents> After = Plan.edit(Group, Problem);
    // Without the agent itself, what is left of the group has its own turn.
    if (!After || A->Why)
      continue;
    Offers.push_back(
        {placeOf(*A), A->Entry->Name, editsOf(Plan.text(), *After)});
  }
  llvm::sort(Offers, [&](const ConversionOffer &A, const ConversionOffer &B) {
    return Context.getSourceManager().isBeforeInTranslationUnit(A.Where,
                                                                B.Where);
  });
  return Offers;
}

} // namespace coralc
