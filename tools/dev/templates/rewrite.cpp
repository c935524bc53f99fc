//===--- @CLASS@.cpp - What is recognised ---===//

#include "coralc/Rewrites/Engine/Pattern.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

class @CLASS@ : public Pattern {
public:
  std::optional<OperationMatch>
  matchOperation(const CallExpr &Call, const SourceText &Text) override {
    return std::nullopt;
  }
};

const RegisterPattern<@CLASS@> Register("@ID@",
                                        "one line about what is rewritten");

} // namespace
} // namespace coralc
