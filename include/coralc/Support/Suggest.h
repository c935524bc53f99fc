//===--- Suggest.h - "did you mean" -----------------------------*- C++ -*-===//

#ifndef CORALC_SUPPORT_SUGGEST_H
#define CORALC_SUPPORT_SUGGEST_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <string>

namespace coralc {

/// The candidate that \p Word was probably meant to be, as the tail of an
/// error message: "; did you mean 'x'?", or empty when nothing is close.
std::string didYouMean(llvm::StringRef Word,
                       llvm::ArrayRef<llvm::StringRef> Candidates);

} // namespace coralc

#endif
