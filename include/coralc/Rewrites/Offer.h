//===--- Offer.h - What a rewrite would convert, shown in place -*- C++ -*-===//

#ifndef CORALC_REWRITES_OFFER_H
#define CORALC_REWRITES_OFFER_H

#include "coralc/Rewrites/Rewrite.h"
#include "clang/Basic/Diagnostic.h"

namespace clang {
class ASTContext;
} // namespace clang

namespace coralc {

/// One coroutine that \c coral \c rewrite would make, with all that has to
/// become one with it.
struct ConversionOffer {
  /// Its first operation.
  clang::SourceLocation Where;
  /// The function in which it begins, as the user calls it.
  std::string Function;
  std::vector<clang::FixItHint> Edits;
};

/// What can be converted in a parsed translation unit, in the order of the
/// text. Nothing has looked at the output, as rewriteTranslationUnit does,
/// which may refuse some of it.
std::vector<ConversionOffer> offerConversions(const clang::ASTContext &Context,
                                              RewriteTarget Target);

} // namespace coralc

#endif
