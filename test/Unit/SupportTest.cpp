//===--- SupportTest.cpp - Suggestions and vocabularies -------------------===//

#include "coralc/Support/Suggest.h"
#include "coralc/Vocabulary/Vocabulary.h"
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
  EXPECT_EQ(V.Detaching, (std::vector<std::string>{"a::f", "a::g::h", "b::c::f",
                                                   "b::c::g::h"}));
  EXPECT_EQ(V.CoroutineSwitches, (std::vector<std::string>{"M"}));
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
  EXPECT_TRUE(Builtin.isDetaching("boost::asio::co_spawn"));
  EXPECT_TRUE(Builtin.isEndSignal("coral::stop_iteration"));
  EXPECT_TRUE(Builtin.isCompletionTokenConcept("asio::completion_token_for"));
  EXPECT_FALSE(Builtin.isDetaching("co_spawn"));
  EXPECT_FALSE(Builtin.isEndSignal("std::out_of_range"));
}

} // namespace
