//===--- Explain.cpp - coral explain --------------------------------------===//

#include "Commands.h"

using namespace llvm;

namespace coralc {

Expected<int> runExplain(const Arguments &Args) {
  return usageError("not here");
}

} // namespace coralc
