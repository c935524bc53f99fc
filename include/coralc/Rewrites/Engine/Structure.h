//===--- Structure.h - From states to a structured coroutine ----*- C++ -*-===//

#ifndef CORALC_REWRITES_ENGINE_STRUCTURE_H
#define CORALC_REWRITES_ENGINE_STRUCTURE_H

#include "coralc/Rewrites/Engine/Plan.h"

namespace coralc {

/// Gives \p A the body that its states make, of branches and loops, or the
/// reason why they make none.
void structure(Agent &A, const SourceText &Text);

} // namespace coralc

#endif
