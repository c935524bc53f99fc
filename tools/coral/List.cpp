//===--- List.cpp - coral list --------------------------------------------===//

#include "Commands.h"
#include "coralc/Rewrites/Rewrite.h"
#include "coralc/Support/Suggest.h"
#include "coralc/Tidy/Lint.h"
#include "coralc/Vocabulary/Vocabulary.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace coralc {
namespace {

struct Row {
  StringRef Name;
  std::string Text;
};

std::vector<Row> checks() {
  std::vector<Row> Rows;
  for (const CheckInfo &C : listChecks())
    Rows.push_back(
        {C.Id, formatv("{0}  {1}",
                       left_justify(C.Level ? utostr(*C.Level) : "off", 3),
                       C.Summary)});
  return Rows;
}

std::vector<Row> rewrites() {
  std::vector<Row> Rows;
  for (const RewriteInfo &R : listRewrites())
    Rows.push_back({R.Name, R.Summary.str()});
  return Rows;
}

std::vector<Row> refusals() {
  std::vector<Row> Rows;
  for (const RefusalInfo &R : listRefusals())
    Rows.push_back({R.Id, R.Summary.str()});
  return Rows;
}

std::vector<Row> vocabularies() {
  std::vector<Row> Rows;
  for (const Vocabulary &V : builtinVocabularies().all())
    Rows.push_back({V.Library, V.Summary});
  return Rows;
}

struct Topic {
  StringRef Name;
  std::vector<Row> (*Rows)();
};

constexpr Topic Topics[] = {{"checks", checks},
                            {"rewrites", rewrites},
                            {"vocabularies", vocabularies},
                            {"refusals", refusals}};

void print(ArrayRef<Row> Rows, StringRef Indent) {
  size_t Width = 0;
  for (const Row &R : Rows)
    Width = std::max(Width, R.Name.size());
  for (const Row &R : Rows)
    outs() << Indent << left_justify(R.Name, Width + 2) << R.Text << "\n";
}

} // namespace

Expected<int> runList(const Arguments &Args) {
  std::vector<std::string> Names = Args.positional();
  if (Names.empty()) {
    for (const Topic &T : Topics) {
      outs() << T.Name << ":\n";
      print(T.Rows(), "  ");
    }
    return Clean;
  }
  SmallVector<StringRef> Known =
      map_to_vector(Topics, [](const Topic &T) { return T.Name; });
  for (const std::string &Name : Names) {
    const Topic *T =
        find_if(Topics, [&](const Topic &T) { return T.Name == Name; });
    if (T == std::end(Topics))
      return usageError("nothing to list by the name '" + Name + "', only " +
                        join(Known, ", ") + didYouMean(Name, Known));
    print(T->Rows(), "");
  }
  return Clean;
}

} // namespace coralc
