//===--- SupportTest.cpp - Suggestions and vocabularies -------------------===//

#include "coralc/Support/Suggest.h"
#include "coralc/Vocabulary/Vocabulary.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/VirtualFileSystem.h"
#include "gtest/gtest.h"

using namespace coralc;

namespace {

TEST(Suggest, OnlyWhatIsNear) {
  EXPECT_EQ(didYouMean("rewrit", {"lint", "rewrite"}),
            "; did you mean 'rewrite'?");
  EXPECT_EQ(didYouMean("banana", {"lint", "rewrite"}), "");
  EXPECT_EQ(didYouMean("x", {"y"}), "");
  EXPECT_EQ(didYouMean("", {}), "");
}

std::string problem(llvm::StringRef Text) {
  llvm::Expected<Vocabulary> V = parseVocabulary(Text, "v.yaml");
  return V ? "none" : llvm::toString(V.takeError());
}

TEST(Vocabulary, NamesAreQualifiedByEachNamespace) {
  Vocabulary V = llvm::cantFail(parseVocabulary("library: x\nsummary: s\n"
                                                "namespaces: [a, b::c]\n"
                                                "detaching: [f, g::h]\n"
                                                "coroutine-switches: [M]\n",
                                                "v.yaml"));
  EXPECT_EQ(V.names(Role::Detaching),
            (llvm::ArrayRef<std::string>{"a::f", "b::c::f", "a::g::h",
                                         "b::c::g::h"}));
  EXPECT_EQ(V.names(Role::CoroutineSwitch), (llvm::ArrayRef<std::string>{"M"}));
}

TEST(Vocabulary, TheGlobalNamespaceAddsNothing) {
  Vocabulary V = llvm::cantFail(parseVocabulary("library: x\nsummary: s\n"
                                                "namespaces: ['::', '*']\n"
                                                "blocking: [sleep]\n",
                                                "v.yaml"));
  EXPECT_EQ(V.names(Role::Blocking),
            (llvm::ArrayRef<std::string>{"sleep", "*::sleep"}));
}

TEST(Vocabulary, WhatIsNoNameIsAnErrorWithItsPlace) {
  llvm::StringRef Head = "library: x\nsummary: s\nnamespaces: [a]\n";
  for (llvm::StringRef Bad : {"task<int>", "'a::'", "a b", "f()", "1st"}) {
    std::string Said = problem((Head + "detaching: [f, " + Bad + "]\n").str());
    EXPECT_TRUE(llvm::StringRef(Said).starts_with("v.yaml:4:16: not a name"))
        << Said;
  }
  EXPECT_TRUE(llvm::StringRef(problem("library: x\nsummary: s\n"
                                      "namespaces: ['a*']\n"))
                  .starts_with("v.yaml:3:14: not a namespace"));
}

TEST(Vocabulary, AnUnknownKeyIsAnErrorWithItsPlace) {
  EXPECT_EQ(problem("library: x\nsummary: s\nnamespaces: [a]\n"
                    "detacing: [f]\n"),
            "v.yaml:4:1: unknown key 'detacing'; did you mean 'detaching'?");
  EXPECT_TRUE(
      llvm::StringRef(problem("library: x\nsummary: s\nnamespaces: [a]\n"
                              "completion-tokens:\n  concept: [f]\n"))
          .contains("v.yaml:5:3: unknown key 'concept'; did you mean"))
      << problem("library: x\nsummary: s\nnamespaces: [a]\n"
                 "completion-tokens:\n  concept: [f]\n");
}

TEST(Vocabulary, WhatIsRequiredIsRequired) {
  EXPECT_TRUE(llvm::StringRef(problem("library: x\nsummary: s\n"))
                  .contains("missing required key 'namespaces'"))
      << problem("library: x\nsummary: s\n");
  EXPECT_TRUE(
      llvm::StringRef(problem("library: x\nsummary: s\nnamespaces: []\n"))
          .contains("'namespaces' is empty"))
      << problem("library: x\nsummary: s\nnamespaces: []\n");
  EXPECT_TRUE(
      llvm::StringRef(problem("library: ''\nsummary: s\nnamespaces: [a]\n"))
          .contains("'library' is empty"))
      << problem("library: ''\nsummary: s\nnamespaces: [a]\n");
}

TEST(Vocabulary, BrokenYamlIsAnError) {
  EXPECT_NE(problem("library: [x\n"), "none");
  EXPECT_NE(problem("- a\n- b\n"), "none");
  EXPECT_NE(problem(""), "none");
}

TEST(Vocabulary, BuiltinOnesKnowTheirLibraries) {
  const VocabularySet &Builtin = builtinVocabularies();
  EXPECT_TRUE(Builtin.has(Role::Detaching, "boost::asio::co_spawn"));
  EXPECT_TRUE(Builtin.has(Role::TokenConcept, "asio::completion_token_for"));
  EXPECT_FALSE(Builtin.has(Role::Detaching, "co_spawn"));
  EXPECT_FALSE(Builtin.has(Role::EndSignal, "std::out_of_range"));
}

/// The project's vocabularies for /a/b/x.cpp, or what is wrong with them.
std::string detachingNames(llvm::StringRef Outer, llvm::StringRef Inner) {
  llvm::vfs::InMemoryFileSystem Files;
  for (auto [Path, Text] : {std::pair("/a/.coral.yaml", Outer),
                            std::pair("/a/b/.coral.yaml", Inner)})
    if (!Text.empty())
      Files.addFile(Path, 0, llvm::MemoryBuffer::getMemBufferCopy(Text));
  auto Found = vocabulariesFor("/a/b/x.cpp", Files);
  if (!Found)
    return llvm::toString(Found.takeError());
  std::string Names;
  for (llvm::StringRef Name : {"ours::fire", "ours::launch", "asio::co_spawn"})
    if ((*Found)->has(Role::Detaching, Name))
      Names += (Name + " ").str();
  return Names;
}

TEST(Vocabulary, ProjectsAddTheirOwnFromEveryDirectoryAbove) {
  constexpr llvm::StringLiteral Fire =
      "vocabularies:\n- library: ours\n  summary: s\n"
      "  namespaces: [ours]\n  detaching: [fire]\n";
  constexpr llvm::StringLiteral Launch =
      "vocabularies:\n- library: ours\n  summary: s\n"
      "  namespaces: [ours]\n  detaching: [launch]\n";
  EXPECT_EQ(detachingNames("", ""), "asio::co_spawn ");
  EXPECT_EQ(detachingNames("# nothing yet\n", ""), "asio::co_spawn ");
  EXPECT_EQ(detachingNames(Fire, ""), "ours::fire asio::co_spawn ");
  EXPECT_EQ(detachingNames(Fire, Launch),
            "ours::fire ours::launch asio::co_spawn ");
}

TEST(Vocabulary, AProjectsMistakeIsAnErrorWithItsPlace) {
  EXPECT_EQ(detachingNames("", "vocabulary:\n- library: ours\n"),
            "/a/b/.coral.yaml:1:1: unknown key 'vocabulary'; did you mean "
            "'vocabularies'?");
  EXPECT_EQ(detachingNames("vocabularies:\n- library: ours\n  summary: s\n"
                           "  namespaces: [ours]\n  blockin: [f]\n",
                           ""),
            "/a/.coral.yaml:5:3: unknown key 'blockin'; did you mean "
            "'blocking'?");
}

} // namespace
