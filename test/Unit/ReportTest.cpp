//===--- ReportTest.cpp - The formats of results --------------------------===//

#include "coralc/Report/Report.h"
#include "llvm/Support/JSON.h"
#include "gtest/gtest.h"

using namespace coralc;

namespace {

Finding finding(std::string Path, unsigned Line, std::string Message) {
  return {"coral-x", {Path, Line, 2}, Severity::Warning, Message, {}, {}};
}

template <typename... Args>
std::string print(void (*Printer)(llvm::raw_ostream &, Args...),
                  std::type_identity_t<Args>... Values) {
  std::string Text;
  llvm::raw_string_ostream OS(Text);
  Printer(OS, Values...);
  return Text;
}

TEST(Report, FindingsAreOrderedByPlaceAndKeptOnce) {
  std::vector<Finding> Findings = {
      finding("b.h", 1, "m"), finding("a.h", 9, "m"), finding("b.h", 1, "m"),
      finding("a.h", 10, "m")};
  sortAndUnique(Findings);
  EXPECT_EQ(print(printText, Findings), "a.h:9:2: warning: m [coral-x]\n"
                                        "a.h:10:2: warning: m [coral-x]\n"
                                        "b.h:1:2: warning: m [coral-x]\n");
}

TEST(Report, TextHasNotesBelow) {
  Finding F = finding("a.cpp", 1, "m");
  F.Level = Severity::Error;
  F.Notes.push_back({{"a.h", 3, 4}, "here"});
  EXPECT_EQ(print(printText, F), "a.cpp:1:2: error: m [coral-x]\n"
                                 "a.h:3:4: note: here\n");
}

TEST(Report, GitHubEscapesWhatWouldEndTheCommand) {
  Finding F = finding("a,b:c.cpp", 1, "50% of\ntwo");
  EXPECT_EQ(print(printGitHub, F),
            "::warning file=a%2Cb%3Ac.cpp,line=1,col=2,title=coral-x::50%25 "
            "of%0Atwo\n");
}

TEST(Report, JsonIsJsonWhateverTheBytes) {
  Finding F = finding("a.cpp", 1, "caf\xe9");
  F.Fixes.push_back({FixSafety::Unsafe, {{"a.cpp", 3, 0, "\x80"}}});
  llvm::json::Value V = llvm::cantFail(llvm::json::parse(print(printJson, F)));
  const llvm::json::Object &O = *V.getAsObject();
  EXPECT_EQ(O.getInteger("version"), 1);
  const llvm::json::Object &First = *(*O.getArray("findings"))[0].getAsObject();
  EXPECT_EQ(First.getString("severity"), "warning");
  EXPECT_EQ((*First.getArray("fixes"))[0].getAsObject()->getString("safety"),
            "unsafe");
}

TEST(Report, NoFindingsAreAnEmptyList) {
  llvm::json::Value V = llvm::cantFail(
      llvm::json::parse(print(printJson, llvm::ArrayRef<Finding>())));
  EXPECT_TRUE(V.getAsObject()->getArray("findings")->empty());
}

TEST(Report, SarifEncodesPathsAndNamesRules) {
  SourceFiles Sources;
  std::string Text;
  llvm::raw_string_ostream OS(Text);
  printSarif(OS, finding("dir/a b.cpp", 1, "m"),
             SarifRule{"coral-x", "summary", "# page"}, "1.2",
             /*Complete=*/false, Sources);
  llvm::json::Value V = llvm::cantFail(llvm::json::parse(Text));
  EXPECT_EQ(V.getAsObject()->getString("version"), "2.1.0");
  EXPECT_TRUE(llvm::StringRef(Text).contains(R"("uri": "dir/a%20b.cpp")"))
      << Text;
  EXPECT_TRUE(llvm::StringRef(Text).contains(R"("ruleIndex": 0)")) << Text;
  EXPECT_TRUE(llvm::StringRef(Text).contains(R"("executionSuccessful": false)"))
      << Text;
}

TEST(Report, OnlyRefusalsAreNoted) {
  std::vector<RewriteSite> Sites = {
      {{"a.cpp", 1, 2}, "p", SiteStatus::Converted, "", "", "f"},
      {{"a.cpp", 3, 4}, "p", SiteStatus::Refused, "why-not", "it may", "g"}};
  EXPECT_EQ(print(printRefusals, Sites),
            "a.cpp:3:4: note: not converted: it may [why-not]\n");
}

TEST(Report, RewriteJsonHasNoReasonForWhatIsConverted) {
  std::vector<RewriteSite> Sites = {
      {{"a.cpp", 1, 2}, "p", SiteStatus::Converted, "", "", "f"},
      {{"a.cpp", 3, 4}, "p", SiteStatus::Refused, "why-not", "it may", "g"}};
  std::string Text;
  llvm::raw_string_ostream OS(Text);
  printRewriteJson(OS, Sites, {{"a.cpp", true}});
  llvm::json::Value V = llvm::cantFail(llvm::json::parse(Text));
  const llvm::json::Array &Printed = *V.getAsObject()->getArray("sites");
  EXPECT_EQ(Printed[0].getAsObject()->getString("status"), "converted");
  EXPECT_EQ(Printed[0].getAsObject()->get("reason"), nullptr);
  EXPECT_EQ(Printed[1].getAsObject()->getString("reason"), "why-not");
}

} // namespace
