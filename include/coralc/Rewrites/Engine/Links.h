//===--- Links.h - What ties a unit to others of its program ----*- C++ -*-===//

#ifndef CORALC_REWRITES_ENGINE_LINKS_H
#define CORALC_REWRITES_ENGINE_LINKS_H

#include "coralc/Rewrites/Engine/Convert.h"
#include "coralc/Rewrites/Rewrite.h"

namespace coralc {

/// The classes that the unit of \p Plan shares with other files.
UnitLinks findLinks(Converter &Plan);

/// The names of the callback functions that others may call and that are
/// coroutines now.
std::vector<std::string> findOffers(Converter &Plan);

} // namespace coralc

#endif
