//===--- ExecTest.cpp - Workers, their results, and writing files ---------===//

#include "coralc/Exec/Arguments.h"
#include "coralc/Exec/Wire.h"
#include "coralc/Exec/Workers.h"
#include "coralc/Exec/WriteFiles.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "gtest/gtest.h"
#include <csignal>
#include <unistd.h>

using namespace coralc;
using namespace llvm;

namespace {

TEST(Workers, ResultsComeInTheOrderOfTheJobs) {
  std::vector<JobOutcome> Outcomes = runJobs(20, 4, [](size_t I) {
    ::usleep((20 - I) * 500);
    return std::to_string(I);
  });
  for (size_t I = 0; I != 20; ++I)
    EXPECT_EQ(Outcomes[I].Result, std::to_string(I));
}

TEST(Workers, ADeathCostsOneResult) {
  std::vector<JobOutcome> Outcomes = runJobs(4, 2, [](size_t I) -> std::string {
    if (I == 1)
      ::raise(SIGKILL);
    if (I == 2)
      ::_exit(70);
    return "fine";
  });
  EXPECT_EQ(Outcomes[0].Result, "fine");
  EXPECT_EQ(Outcomes[1].Result, std::nullopt);
  EXPECT_EQ(Outcomes[1].Death, "signal 9 (Killed)");
  EXPECT_EQ(Outcomes[2].Death, "exit code 70");
  EXPECT_EQ(Outcomes[3].Result, "fine");
}

TEST(Workers, ResultsMayBeLargerThanAPipe) {
  std::vector<JobOutcome> Outcomes =
      runJobs(3, 3, [](size_t I) { return std::string(1 << 22, 'a' + I); });
  EXPECT_EQ(Outcomes[2].Result, std::string(1 << 22, 'c'));
}

TEST(Workers, NoJobsAreNoWork) {
  EXPECT_TRUE(runJobs(0, 4, [](size_t) { return ""; }).empty());
}

TEST(Workers, ProgressCountsUp) {
  std::vector<size_t> Counted;
  runJobs(
      3, 1, [](size_t) { return ""; },
      [&](size_t Done) { Counted.push_back(Done); });
  EXPECT_EQ(Counted, (std::vector<size_t>{1, 2, 3}));
}

Finding example() {
  return {"coral-x",
          {"a.cpp", 1, 2},
          Severity::Error,
          std::string("bytes\0\xff", 7),
          {{{"b.h", 3, 4}, "note"}},
          {{FixSafety::Unsafe, {{"a.cpp", 5, 6, "text"}}}}};
}

TEST(Wire, EverythingComesBack) {
  Finding F = example();
  std::string Bytes = toWire(F);
  std::optional<Finding> Back = fromWire<Finding>(Bytes);
  ASSERT_TRUE(Back);
  EXPECT_EQ(toWire(*Back), Bytes);
  EXPECT_EQ(Back->Message, F.Message);
  EXPECT_EQ(Back->Fixes.at(0).Edits.at(0).Length, 6u);
}

TEST(Wire, AnythingButTheWholeIsNothing) {
  Finding F = example();
  std::string Bytes = toWire(F);
  for (size_t Size = 0; Size != Bytes.size(); ++Size)
    EXPECT_FALSE(fromWire<Finding>(StringRef(Bytes).take_front(Size)));
  EXPECT_FALSE(fromWire<Finding>(Bytes + "x"));
  EXPECT_FALSE(fromWire<Finding>(std::string(64, '\xff')));
}

class WriteFilesTest : public testing::Test {
protected:
  WriteFilesTest() {
    EXPECT_FALSE(sys::fs::createUniqueDirectory("coral-write", Directory));
  }
  ~WriteFilesTest() override { sys::fs::remove_directories(Directory); }

  std::string path(StringRef Name) { return (Directory + "/" + Name).str(); }
  std::string read(StringRef Name) {
    auto Buffer = MemoryBuffer::getFile(path(Name));
    return Buffer ? (*Buffer)->getBuffer().str() : "(none)";
  }
  size_t count() {
    size_t Count = 0;
    std::error_code EC;
    for (sys::fs::directory_iterator It(Directory, EC), End; It != End;
         It.increment(EC))
      ++Count;
    return Count;
  }

  SmallString<128> Directory;
};

TEST_F(WriteFilesTest, DirectoriesAreMade) {
  cantFail(writeFiles(OutputFile{path("x/y/a.cpp"), "text"}));
  EXPECT_EQ(read("x/y/a.cpp"), "text");
}

TEST_F(WriteFilesTest, OneThatFailsKeepsAllFromBeingWritten) {
  cantFail(writeFiles({{path("a"), "old"}, {path("file"), ""}}));
  Error E = writeFiles({{path("a"), "new"}, {path("file/b"), "new"}});
  ASSERT_TRUE(bool(E));
  std::string Message = toString(std::move(E));
  EXPECT_TRUE(StringRef(Message).starts_with("cannot write '")) << Message;
  EXPECT_EQ(read("a"), "old");
  EXPECT_EQ(count(), 2u);
}

TEST_F(WriteFilesTest, PlacesAreCheckedWithoutMakingThem) {
  cantFail(writeFiles(OutputFile{path("file"), ""}));
  EXPECT_FALSE(errorToBool(checkWritable(path("x/y"))));
  EXPECT_TRUE(errorToBool(checkWritable(path("file"))));
  EXPECT_TRUE(errorToBool(checkWritable(path("file/x"))));
  EXPECT_EQ(count(), 1u);
}

TEST_F(WriteFilesTest, PermissionsStay) {
  cantFail(writeFiles(OutputFile{path("a"), "old"}));
  sys::fs::setPermissions(path("a"), sys::fs::perms(0750));
  cantFail(writeFiles(OutputFile{path("a"), "new"}));
  EXPECT_EQ(*sys::fs::getPermissions(path("a")), sys::fs::perms(0750));
}

TEST_F(WriteFilesTest, LinksStayLinks) {
  cantFail(writeFiles(OutputFile{path("a"), "old"}));
  ASSERT_FALSE(sys::fs::create_link(path("a"), path("link")));
  cantFail(writeFiles(OutputFile{path("link"), "new"}));
  EXPECT_EQ(read("a"), "new");
  bool IsLink = false;
  EXPECT_FALSE(sys::fs::is_symlink_file(path("link"), IsLink));
  EXPECT_TRUE(IsLink);
}

TEST(Arguments, AreFitForAParseWithoutOutput) {
  std::vector<std::string> Adjusted =
      adjustArguments({"a.cpp",
                       "/",
                       {"clang++", "-Werror", "-Werror=shadow", "-w", "-Wall",
                        "-c", "-o", "a.o", "-MD", "-MF", "a.d", "a.cpp"}});
  EXPECT_EQ(Adjusted[0], "clang++");
  EXPECT_TRUE(llvm::StringRef(Adjusted[1]).starts_with("-resource-dir="))
      << Adjusted[1];
  Adjusted.erase(Adjusted.begin(), Adjusted.begin() + 2);
  EXPECT_EQ(Adjusted,
            (std::vector<std::string>{"-Wall", "a.cpp", "-fsyntax-only"}));
}

TEST(Arguments, AdjustingTwiceChangesNothing) {
  CompileCommand Command{"a.cpp", "/", {"clang++", "-c", "a.cpp"}};
  Command.Arguments = adjustArguments(Command);
  EXPECT_EQ(adjustArguments(Command), Command.Arguments);
}

TEST(Arguments, OnlyFlagsOfAnotherCompilerAreDropped) {
  EXPECT_EQ(dropForeignFlags({"g++", "-fconcepts-diagnostics-depth=3",
                              "-std=c++20", "-DX=1", "-I", "inc",
                              "-fno-such-flag-at-all", "a.cpp"}),
            (std::vector<std::string>{"g++", "-std=c++20", "-DX=1", "-I", "inc",
                                      "a.cpp"}));
  EXPECT_TRUE(dropForeignFlags({}).empty());
}

} // namespace
