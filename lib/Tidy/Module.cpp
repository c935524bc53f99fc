//===--- Module.cpp - The checks as a clang-tidy module -------------------===//
//
// Every registered check becomes a clang-tidy check of the same name, so that
// coral, stock clang-tidy and clangd run the same code and clang-tidy gives
// NOLINT, .clang-tidy files, header filters and the deduplication of reports.
//
//===----------------------------------------------------------------------===//

#include "clang-tidy/ClangTidyCheck.h"
#include "clang-tidy/ClangTidyModule.h"
#include "coralc/Checks/Check.h"
#include "clang/ASTMatchers/ASTMatchFinder.h"
#include "clang/Lex/PPCallbacks.h"
#include "clang/Lex/Preprocessor.h"
#include <mutex>

using namespace clang;

namespace coralc {
namespace {

/// What the checks of one translation unit share.
struct SharedUnit {
  bool Recording = false;
  std::vector<SourceRange> SkippedRanges;
  std::shared_ptr<const VocabularySet> Vocabularies;
  std::unique_ptr<TranslationUnit> Unit;
};

/// The vocabularies in force for the main file of \p Context. What is wrong
/// with the project's own, \p Complain is told; the builtin ones remain.
std::shared_ptr<const VocabularySet>
vocabulariesOf(const ASTContext &Context,
               llvm::function_ref<void(std::string)> Complain) {
  FileManager &Manager = Context.getSourceManager().getFileManager();
  llvm::SmallString<256> Path;
  if (OptionalFileEntryRef Main =
          Context.getSourceManager().getFileEntryRefForID(
              Context.getSourceManager().getMainFileID()))
    Path = Main->getName();
  Manager.makeAbsolutePath(Path);
  llvm::Expected<std::shared_ptr<const VocabularySet>> Found =
      vocabulariesFor(Path, Manager.getVirtualFileSystem());
  if (Found)
    return std::move(*Found);
  Complain(llvm::toString(Found.takeError()));
  return {std::shared_ptr<void>(), &builtinVocabularies()};
}

class SkippedRangeRecorder : public PPCallbacks {
public:
  explicit SkippedRangeRecorder(std::shared_ptr<SharedUnit> Shared)
      : Shared(std::move(Shared)) {}
  void SourceRangeSkipped(SourceRange Range, SourceLocation) override {
    Shared->SkippedRanges.push_back(Range);
  }

private:
  std::shared_ptr<SharedUnit> Shared;
};

/// One of our checks, seen from clang-tidy.
///
/// clang-tidy's globs select it only up to the level of the global option
/// CoralLevel; its name in full selects it, and all that it has to say, in any
/// case.
///
/// clang-tidy applies the fix-its of a warning with --fix and those of its
/// notes only with --fix-notes: safe fixes go on the warning, unsafe ones on
/// a note of their own.
class HostedCheck : public tidy::ClangTidyCheck {
public:
  HostedCheck(llvm::StringRef Name, tidy::ClangTidyContext *Context,
              const RegisteredCheck &Check, std::shared_ptr<SharedUnit> Shared)
      : ClangTidyCheck(Name, Context), Id(Name), Shared(std::move(Shared)),
        Level(Options.getLocalOrGlobal(
            LevelOption,
            levelFor(Check, Context->getOptions().Checks.value_or("*"), 0U))),
        IsOn(isSelected(Check, Context->getOptions().Checks.value_or("*"),
                        Level)) {}

  bool isLanguageVersionSupported(const LangOptions &Options) const override {
    return Options.CPlusPlus && IsOn;
  }

  void storeOptions(tidy::ClangTidyOptions::OptionMap &Stored) override {
    Options.store(Stored, LevelOption, Level);
  }

  void registerPPCallbacks(const SourceManager &, Preprocessor *PP,
                           Preprocessor *) override {
    if (!std::exchange(Shared->Recording, true))
      PP->addPPCallbacks(std::make_unique<SkippedRangeRecorder>(Shared));
  }

  void registerMatchers(ast_matchers::MatchFinder *Finder) override {
    Finder->addMatcher(ast_matchers::translationUnitDecl(), this);
  }

  void check(const ast_matchers::MatchFinder::MatchResult &Result) override {
    if (!Shared->Unit) {
      Shared->Vocabularies =
          vocabulariesOf(*Result.Context, [this](std::string Problem) {
            configurationDiag("%0", DiagnosticIDs::Error) << Problem;
          });
      Shared->Unit = std::make_unique<TranslationUnit>(*Result.Context,
                                                       *Shared->Vocabularies);
      Shared->Unit->SkippedRanges = Shared->SkippedRanges;
    }
    for (const Diagnosis &Found : runChecks(
             *Shared->Unit, [&](llvm::StringRef Name) { return Name == Id; }))
      if (Found.Level <= Level)
        emit(Found);
  }

private:
  void emit(const Diagnosis &Found) {
    {
      DiagnosticBuilder Warning = diag(Found.Where, "%0") << Found.Message;
      for (const Diagnosis::Fix &Fix : Found.Fixes)
        if (Fix.Safety == FixSafety::Safe)
          Warning << Fix.Edits;
    }
    for (const Diagnosis::Note &Note : Found.Notes)
      diag(Note.Where, "%0", DiagnosticIDs::Note) << Note.Message;
    for (const Diagnosis::Fix &Fix : Found.Fixes)
      if (Fix.Safety == FixSafety::Unsafe)
        diag(Found.Where, "%0", DiagnosticIDs::Note) << Fix.Title << Fix.Edits;
      else if (Fix.Safety == FixSafety::Shown)
        diag(Found.Where, "%0", DiagnosticIDs::Note) << Fix.Title;
  }

  std::string Id;
  std::shared_ptr<SharedUnit> Shared;
  unsigned Level;
  bool IsOn;
};

/// Finds the SharedUnit of a translation unit by its clang-tidy context. The
/// checks of one unit are made together and die together; units are analysed
/// on several threads by clangd.
class SharedUnits {
public:
  std::shared_ptr<SharedUnit> get(tidy::ClangTidyContext *Context) {
    std::lock_guard<std::mutex> Lock(Mutex);
    std::weak_ptr<SharedUnit> &Slot = Units[Context];
    std::shared_ptr<SharedUnit> Unit = Slot.lock();
    if (!Unit)
      Slot = Unit = std::make_shared<SharedUnit>();
    return Unit;
  }

private:
  std::mutex Mutex;
  llvm::DenseMap<tidy::ClangTidyContext *, std::weak_ptr<SharedUnit>> Units;
};

class CoralModule : public tidy::ClangTidyModule {
public:
  void addCheckFactories(tidy::ClangTidyCheckFactories &Factories) override {
    auto Units = std::make_shared<SharedUnits>();
    for (const RegisteredCheck &Check : registeredChecks())
      Factories.registerCheckFactory(
          Check.Id, [Units, &Check](llvm::StringRef Name,
                                    tidy::ClangTidyContext *Context) {
            return std::make_unique<HostedCheck>(Name, Context, Check,
                                                 Units->get(Context));
          });
  }
};

const tidy::ClangTidyModuleRegistry::Add<CoralModule>
    Register("coral-module", "Checks for C++20 coroutines.");

} // namespace
} // namespace coralc
