//===--- Refusals.cpp - Why the engine says no ----------------------------===//
//
// Every reason has a page of its name under docs/refusals; the summaries are
// the same, word for word.
//
//===----------------------------------------------------------------------===//

#include "coralc/Rewrites/Engine/Pattern.h"
#include "llvm/ADT/STLExtras.h"

using namespace llvm;

namespace coralc {

static std::vector<RefusalInfo> &refusals() {
  static std::vector<RefusalInfo> Known;
  return Known;
}

RegisterRefusal::RegisterRefusal(StringRef Id, StringRef Summary) {
  std::vector<RefusalInfo> &Known = refusals();
  Known.insert(
      upper_bound(Known, Id,
                  [](StringRef Id, const RefusalInfo &R) { return Id < R.Id; }),
      {Id, Summary});
}

std::vector<RefusalInfo> listRefusals() { return refusals(); }

namespace {

const RegisterRefusal EngineRefusals[] = {
    {"address-taken", "a function is used other than by calling it"},
    {"await-in-a-condition",
     "a condition would await in a function without any variable"},
    {"callee-refused", "the awaited function is not converted itself"},
    {"capture-by-reference", "a handler refers to a variable that is gone"},
    {"capture-of-a-copy", "a handler works on a copy of a referenced object"},
    {"coroutines-switched-off",
     "the target's coroutines are off where the header is included"},
    {"declared-in-a-header", "a function is declared where others may use it"},
    {"dependent-code", "what the code does depends on template arguments"},
    {"generator-pulled-elsewhere", "a generator is pulled other than by loops"},
    {"generator-state-shared", "others use what says where a generator is"},
    {"irreducible-flow", "the handlers form no structured loop or branch"},
    {"known-in-one-file", "moved code uses what only its own file declares"},
    {"lifetime-differs", "only some handlers keep the object alive"},
    {"list-in-an-await", "an initializer list would be inside an await"},
    {"lock-across-suspension", "a lock would be held while waiting"},
    {"macro-in-the-way", "the code to move comes out of a macro"},
    {"no-executor", "nothing names the executor that the target needs"},
    {"not-a-plain-function", "the function is a coroutine already"},
    {"observable-destructor", "a destructor would run later than it did"},
    {"operation-in-a-lambda", "an operation starts in a stored lambda"},
    {"operation-in-a-loop", "a loop calls callback functions without waiting"},
    {"operation-not-last", "nothing would wait for this operation"},
    {"output-does-not-verify", "the output failed its own verification"},
    {"preprocessor-in-the-way", "a preprocessor directive splits the code"},
    {"several-results", "an operation delivers several values"},
    {"shared-continuation", "two independent starts share a handler"},
    {"signature-owned-by-others", "a virtual function cannot change its type"},
    {"size-not-fixed", "a local variable has no place in a coroutine frame"},
    {"start-result-used", "what an initiation returns is used beside it"},
    {"started-later", "the target starts an operation after what follows it"},
    {"target-has-no-generator", "the target library has no generator type"},
    {"target-has-no-request", "the target library cannot wait for this"},
    {"unreachable-code", "code follows that never runs"},
    {"unsupported-control-flow", "an operation starts inside a statement"},
    {"unsupported-handler", "the handler has a form that is not understood"},
};

} // namespace
} // namespace coralc
