//===--- FixesTest.cpp - Fixes of many findings as one change -------------===//

#include "coralc/Report/Fixes.h"
#include "llvm/Support/FileSystem.h"
#include "gtest/gtest.h"

using namespace coralc;

namespace {

class Fixes : public testing::Test {
protected:
  Fixes() {
    llvm::SmallString<128> Name;
    int Fd;
    EXPECT_FALSE(llvm::sys::fs::createTemporaryFile("fixes", "cpp", Fd, Name));
    llvm::raw_fd_ostream(Fd, /*shouldClose=*/true) << "0123456789\n";
    Path = Name.str().str();
  }
  ~Fixes() override { llvm::sys::fs::remove(Path); }

  Finding finding(FixSafety Safety, std::vector<TextEdit> Edits) {
    return {"coral-x", {Path, 1, 1}, Severity::Warning,
            "m",       {},           {{Safety, std::move(Edits)}}};
  }
  TextEdit edit(unsigned Offset, unsigned Length, std::string Text) {
    return {Path, Offset, Length, std::move(Text)};
  }
  FixPlan plan(std::vector<Finding> Findings,
               FixSafety Limit = FixSafety::Safe) {
    SourceFiles Sources;
    return llvm::cantFail(planFixes(Findings, Limit, Sources));
  }

  std::string Path;
};

TEST_F(Fixes, SafeOnesAreTakenAndUnsafeOnesWait) {
  std::vector<Finding> Findings = {
      finding(FixSafety::Safe, {edit(0, 1, "a")}),
      finding(FixSafety::Unsafe, {edit(1, 1, "b")}),
      finding(FixSafety::Shown, {edit(2, 1, "c")})};
  FixPlan Plan = plan(Findings);
  EXPECT_EQ(Plan.Changes.at(0).After, "a123456789\n");
  EXPECT_EQ(Plan.Fixed, 1u);
  EXPECT_EQ(Plan.Left.size(), 2u);
  Plan = plan(Findings, FixSafety::Unsafe);
  EXPECT_EQ(Plan.Changes.at(0).After, "ab23456789\n");
  EXPECT_EQ(Plan.Left.size(), 1u);
}

TEST_F(Fixes, SharedEditsAreMadeOnce) {
  FixPlan Plan = plan(
      {finding(FixSafety::Safe, {edit(0, 0, "#include\n"), edit(3, 1, "x")}),
       finding(FixSafety::Safe, {edit(0, 0, "#include\n"), edit(5, 1, "y")})});
  EXPECT_EQ(Plan.Changes.at(0).After, "#include\n012x4y6789\n");
  EXPECT_EQ(Plan.Fixed, 2u);
}

TEST_F(Fixes, AnOverlappingFixIsLeftWhole) {
  FixPlan Plan =
      plan({finding(FixSafety::Safe, {edit(2, 3, "x")}),
            finding(FixSafety::Safe, {edit(0, 1, "y"), edit(4, 2, "z")})});
  EXPECT_EQ(Plan.Changes.at(0).After, "01x56789\n");
  EXPECT_EQ(Plan.Overlapping, 1u);
  EXPECT_EQ(Plan.Left.size(), 1u);
}

TEST_F(Fixes, NothingIsDoneToAFileThatShrank) {
  SourceFiles Sources;
  std::vector<Finding> Findings = {
      finding(FixSafety::Safe, {edit(100, 1, "x")})};
  llvm::Expected<FixPlan> Plan = planFixes(Findings, FixSafety::Safe, Sources);
  ASSERT_FALSE(Plan);
  std::string Message = llvm::toString(Plan.takeError());
  EXPECT_TRUE(llvm::StringRef(Message).contains("changed while")) << Message;
}

TEST(MergedChanges, BothAreMadeOrNothing) {
  FileChange A{"f", "1\n2\n3\n", "1\n2\n3\n4\n"};
  std::optional<FileChange> Both =
      mergeChanges(A, {"f", A.Before, "0\n1\n2\n3\n"});
  ASSERT_TRUE(Both);
  EXPECT_EQ(Both->Before, A.Before);
  EXPECT_EQ(Both->After, "0\n1\n2\n3\n4\n");
  EXPECT_FALSE(mergeChanges(A, {"f", A.Before, "1\n2\n3\n5\n"}));
}

TEST(MergedChanges, TheSecondMayBeginWithTheFirst) {
  FileChange A{"f", "1\n2\n3\n", "1\n2\n3\n4\n"};
  std::optional<FileChange> Both =
      mergeChanges(A, {"f", A.After, "1\n2\n3\n4\n5\n"});
  ASSERT_TRUE(Both);
  EXPECT_EQ(Both->Before, A.Before);
  EXPECT_EQ(Both->After, "1\n2\n3\n4\n5\n");
}

TEST(MergedChanges, OneMayBeAPartOfTheOther) {
  FileChange A{"f", "f\na\n}\ng\n", "f\nb\n}\n\nh\n}\ng\n"};
  FileChange B{"f", A.Before, A.After + "i\n"};
  for (const auto &[First, Second] : {std::pair(A, B), std::pair(B, A)}) {
    std::optional<FileChange> Both = mergeChanges(First, Second);
    ASSERT_TRUE(Both);
    EXPECT_EQ(Both->After, B.After);
  }
}

TEST_F(Fixes, YamlHoldsTheFixesOfTheLimit) {
  SourceFiles Sources;
  std::string Yaml;
  llvm::raw_string_ostream OS(Yaml);
  printFixesYaml(OS,
                 {finding(FixSafety::Safe, {edit(0, 1, "taken")}),
                  finding(FixSafety::Unsafe, {edit(1, 1, "kept back")})},
                 FixSafety::Safe, Sources);
  EXPECT_TRUE(llvm::StringRef(Yaml).contains("ReplacementText: taken")) << Yaml;
  EXPECT_FALSE(llvm::StringRef(Yaml).contains("kept back")) << Yaml;
}

} // namespace
