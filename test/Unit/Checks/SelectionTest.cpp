//===--- SelectionTest.cpp - Which checks a selection asks for ------------===//

#include "coralc/Checks/Check.h"
#include "gtest/gtest.h"

using namespace coralc;

namespace {

/// The highest level that 'coral-a' may have to be selected; -1 for none.
int upTo(llvm::StringRef Globs, unsigned Level) {
  int Highest = -1;
  for (unsigned Own = 0; Own <= LevelOff; ++Own)
    if (isSelected({"coral-a", Own, "", nullptr}, Globs, Level)) {
      EXPECT_EQ(Highest, int(Own) - 1) << Globs.str();
      Highest = int(Own);
    }
  return Highest;
}

TEST(Selection, GlobsSelectUpToTheLevel) {
  for (unsigned Level : {0, 1, 2})
    for (llvm::StringRef Globs : {"*", "coral-*", "-*,coral-*", "x,*a", "\n*"})
      EXPECT_EQ(upTo(Globs, Level), int(Level)) << Globs.str();
}

TEST(Selection, ANameInFullSelectsAtAnyLevel) {
  for (llvm::StringRef Globs :
       {"coral-a", "-*,coral-a", "*, coral-a", "coral-b\ncoral-a", "coral-a,*",
        "-coral-a,coral-a", "coral-a,coral-*"})
    EXPECT_EQ(upTo(Globs, 0), int(LevelOff)) << Globs.str();
}

TEST(Selection, WhatIsTakenAwayStaysAway) {
  for (llvm::StringRef Globs :
       {"", "coral-b", "*,-coral-a", "coral-a,-coral-*", "coral-a,-*",
        "*, -coral-a ", "bugprone-*", "coral-a-longer", "["})
    EXPECT_EQ(upTo(Globs, 2), -1) << Globs.str();
}

TEST(Selection, ANameInFullTellsAll) {
  RegisteredCheck Check = {"coral-a", 0, "", nullptr};
  EXPECT_EQ(levelFor(Check, "coral-a", 0), LevelOff);
  EXPECT_EQ(levelFor(Check, "*,-coral-b,coral-a", 1), LevelOff);
  EXPECT_EQ(levelFor(Check, "*", 0), 0u);
  EXPECT_EQ(levelFor(Check, "coral-*", 1), 1u);
  EXPECT_EQ(levelFor(Check, "coral-a,-coral-a,*", 2), 2u);
}

} // namespace
