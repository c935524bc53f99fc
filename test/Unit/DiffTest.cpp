//===--- DiffTest.cpp - Unified diffs and line edits ----------------------===//

#include "coralc/Support/Diff.h"
#include "gtest/gtest.h"
#include <random>

using namespace coralc;

namespace {

std::string diff(std::string Before, std::string After,
                 std::string Path = "a.cpp") {
  std::string Text;
  llvm::raw_string_ostream OS(Text);
  printUnifiedDiff(OS, {Path, Before, After});
  return Text;
}

TEST(Diff, EqualFilesHaveNone) {
  EXPECT_EQ(diff("", ""), "");
  EXPECT_EQ(diff("a\nb\n", "a\nb\n"), "");
  EXPECT_EQ(diff("a", "a"), "");
}

TEST(Diff, ChangedLineStandsBetweenThreeLinesOfContext) {
  EXPECT_EQ(
      diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n"),
      "--- a/a.cpp\n+++ b/a.cpp\n"
      "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
}

TEST(Diff, EmptySidesAreNamedByTheLineBefore) {
  EXPECT_EQ(diff("", "a\n"), "--- a/a.cpp\n+++ b/a.cpp\n@@ -0,0 +1 @@\n+a\n");
  EXPECT_EQ(diff("a\nb\n", ""),
            "--- a/a.cpp\n+++ b/a.cpp\n@@ -1,2 +0,0 @@\n-a\n-b\n");
}

TEST(Diff, MissingNewlineAtTheEndIsSaid) {
  EXPECT_EQ(diff("a", "a\n"), "--- a/a.cpp\n+++ b/a.cpp\n@@ -1 +1 @@\n"
                              "-a\n\\ No newline at end of file\n+a\n");
  EXPECT_EQ(diff("a\n", "a\nb"), "--- a/a.cpp\n+++ b/a.cpp\n@@ -1 +1,2 @@\n"
                                 " a\n+b\n\\ No newline at end of file\n");
}

TEST(Diff, HunksWhoseContextsTouchAreOne) {
  EXPECT_EQ(diff("a\n1\n2\n3\n4\n5\n6\nb\n", "A\n1\n2\n3\n4\n5\n6\nB\n"),
            "--- a/a.cpp\n+++ b/a.cpp\n@@ -1,8 +1,8 @@\n"
            "-a\n+A\n 1\n 2\n 3\n 4\n 5\n 6\n-b\n+B\n");
}

TEST(Diff, HunksFurtherApartAreTwo) {
  EXPECT_EQ(diff("a\n1\n2\n3\n4\n5\n6\n7\nb\n", "A\n1\n2\n3\n4\n5\n6\n7\nB\n"),
            "--- a/a.cpp\n+++ b/a.cpp\n@@ -1,4 +1,4 @@\n-a\n+A\n 1\n 2\n 3\n"
            "@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-b\n+B\n");
}

TEST(Diff, NamesArePatchable) {
  EXPECT_EQ(diff("a\n", "b\n", "/usr/a b.cpp"),
            "--- a/usr/a b.cpp\t\n+++ b/usr/a b.cpp\t\n"
            "@@ -1 +1 @@\n-a\n+b\n");
}

std::string apply(const FileChange &Change) {
  std::string Result;
  size_t At = 0;
  for (const TextEdit &E : lineEdits(Change)) {
    EXPECT_EQ(E.Path, Change.Path);
    EXPECT_LE(At, E.Offset);
    Result += Change.Before.substr(At, E.Offset - At) + E.Text;
    At = E.Offset + E.Length;
  }
  return Result + Change.Before.substr(At);
}

size_t changedLines(const FileChange &Change) {
  size_t Count = 0;
  for (const TextEdit &E : lineEdits(Change))
    Count +=
        llvm::StringRef(Change.Before).substr(E.Offset, E.Length).count('\n') +
        llvm::StringRef(E.Text).count('\n');
  return Count;
}

/// The length of the shortest script, by the textbook table.
size_t editDistance(const std::vector<int> &L, const std::vector<int> &R) {
  std::vector<std::vector<size_t>> Table(L.size() + 1,
                                         std::vector<size_t>(R.size() + 1));
  for (size_t I = 0; I <= L.size(); ++I)
    for (size_t J = 0; J <= R.size(); ++J)
      Table[I][J] = I == 0 || J == 0 ? I + J
                    : L[I - 1] == R[J - 1]
                        ? Table[I - 1][J - 1]
                        : 1 + std::min(Table[I - 1][J], Table[I][J - 1]);
  return Table.back().back();
}

TEST(Diff, ScriptsOfRandomFilesAreRightAndShortest) {
  std::mt19937 Random(1);
  auto RandomLines = [&] {
    std::vector<int> Lines(Random() % 12);
    for (int &Line : Lines)
      Line = Random() % 4;
    return Lines;
  };
  auto Text = [](const std::vector<int> &Lines) {
    std::string Joined;
    for (int Line : Lines)
      Joined += std::to_string(Line) + "\n";
    return Joined;
  };
  for (int Round = 0; Round < 3000; ++Round) {
    std::vector<int> Old = RandomLines(), New = RandomLines();
    FileChange Change{"a.cpp", Text(Old), Text(New)};
    ASSERT_EQ(apply(Change), Change.After);
    ASSERT_EQ(changedLines(Change), editDistance(Old, New));
  }
}

TEST(Diff, FilesWithNothingInCommonAreReplaced) {
  std::string Before, After;
  for (int I = 0; I < 6000; ++I) {
    Before += "a" + std::to_string(I) + "\n";
    After += "b" + std::to_string(I) + "\n";
  }
  EXPECT_EQ(apply({"a.cpp", Before, After}), After);
}

} // namespace
