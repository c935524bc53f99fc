//===--- Lint.cpp - Runs the checks over one translation unit -------------===//

#include "coralc/Tidy/Lint.h"
#include "clang-tidy/ClangTidy.h"
#include "clang-tidy/ClangTidyModule.h"
#include "coralc/Checks/Check.h"
#include "clang/Frontend/FrontendAction.h"
#include "clang/Tooling/Tooling.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/VirtualFileSystem.h"
#include <map>

using namespace clang;

namespace coralc {

std::vector<CheckInfo> listChecks() {
  std::vector<CheckInfo> List;
  for (const RegisteredCheck &Check : registeredChecks())
    List.push_back(
        {Check.Id, Check.Summary,
         Check.Level == LevelOff ? std::nullopt : std::optional(Check.Level)});
  return List;
}

namespace {

/// Parses and hands the AST to the checks that the context enables.
class LintAction : public ASTFrontendAction {
public:
  LintAction(tidy::ClangTidyContext &Context,
             llvm::IntrusiveRefCntPtr<llvm::vfs::OverlayFileSystem> Files)
      : Consumers(Context, std::move(Files)) {}

  std::unique_ptr<ASTConsumer>
  CreateASTConsumer(CompilerInstance &Compiler, llvm::StringRef File) override {
    return Consumers.createASTConsumer(Compiler, File);
  }

private:
  tidy::ClangTidyASTConsumerFactory Consumers;
};

} // namespace

/// The level that a .clang-tidy file asks for.
static unsigned levelIn(const tidy::ClangTidyOptions::OptionMap &Options) {
  auto Found = Options.find(LevelOption);
  unsigned Level = 0;
  // What is no number, the checks themselves complain about.
  if (Found != Options.end())
    llvm::StringRef(Found->getValue().Value).getAsInteger(10, Level);
  return Level;
}

/// Does a .clang-tidy selection name our checks at all? One that was written
/// without us in mind ("-*,bugprone-*") neither selects nor removes them.
static bool namesOurChecks(llvm::StringRef Globs) {
  llvm::SmallVector<llvm::StringRef> Items;
  Globs.split(Items, ',');
  return llvm::any_of(Items, [](llvm::StringRef Item) {
    Item = Item.trim();
    Item.consume_front("-");
    return Item.starts_with("coral");
  });
}

/// Makes \p Effective an explicit selection of the checks to run, with the
/// level of each. Only ids of ours are in it: no other clang-tidy module and no
/// static analyzer runs.
static void selectChecks(const LintOptions &Options,
                         tidy::ClangTidyOptions &Effective) {
  unsigned Level = Options.Level.value_or(levelIn(Effective.CheckOptions));
  std::string FromFiles = Effective.Checks.value_or("");
  std::string Globs = Options.Checks;
  if (Globs.empty()) {
    Globs = "*";
    if (namesOurChecks(FromFiles))
      Globs += "," + FromFiles;
  }
  std::string Selection = "-*";
  for (const RegisteredCheck &Check : registeredChecks())
    if (isSelected(Check, Globs, Level)) {
      Selection += ("," + Check.Id).str();
      Effective.CheckOptions[(Check.Id + "." + LevelOption).str()] =
          tidy::ClangTidyOptions::ClangTidyValue(
              std::to_string(levelFor(Check, Globs, Level)));
    }
  Effective.Checks = Selection;
}

namespace {

/// Turns clang-tidy's results into findings.
class Converter {
public:
  Converter(const CompileCommand &Command, llvm::vfs::FileSystem &Files)
      : Command(Command), Files(Files) {
    llvm::sys::fs::current_path(Here);
  }

  Finding convert(const tidy::ClangTidyError &Error) {
    Finding Result;
    Result.Check = Error.DiagnosticName;
    Result.Where = place(Error.Message);
    Result.Message = Error.Message.Message;
    Result.Level = Error.DiagLevel == tooling::Diagnostic::Error
                       ? Severity::Error
                       : Severity::Warning;
    addFix(Result, FixSafety::Safe, Error.Message);
    for (const tooling::DiagnosticMessage &Message : Error.Notes) {
      Result.Notes.push_back({place(Message), Message.Message});
      addFix(Result, FixSafety::Unsafe, Message);
    }
    return Result;
  }

private:
  /// The main file as the command names it, other files relative to the
  /// working directory when they are under it.
  std::string name(llvm::StringRef Path) {
    if (Path.empty() || Path == Command.File)
      return Path.str();
    if (absolute(Path) == absolute(Command.File))
      return Command.File;
    std::string Full = absolute(Path);
    llvm::StringRef Rest = Full;
    if (Rest.consume_front(Here) && Rest.consume_front("/"))
      return Rest.str();
    return Path.str();
  }

  std::string absolute(llvm::StringRef Path) {
    llvm::SmallString<256> Full = Path;
    if (llvm::sys::path::is_relative(Full)) {
      Full = Command.Directory;
      llvm::sys::fs::make_absolute(Full);
      llvm::sys::path::append(Full, Path);
    }
    llvm::sys::path::remove_dots(Full, /*remove_dot_dot=*/true);
    return Full.str().str();
  }

  llvm::StringRef contents(llvm::StringRef Path) {
    auto [Slot, Fresh] = Buffers.try_emplace(Path.str());
    if (Fresh)
      if (auto Buffer = Files.getBufferForFile(Path))
        Slot->second = std::move(*Buffer);
    return Slot->second ? Slot->second->getBuffer() : "";
  }

  Place place(const tooling::DiagnosticMessage &Message) {
    if (Message.FilePath.empty())
      return {Command.File, 0, 0};
    llvm::StringRef Before =
        contents(Message.FilePath).take_front(Message.FileOffset);
    return {name(Message.FilePath), unsigned(Before.count('\n')) + 1,
            unsigned(Before.size() - (Before.rfind('\n') + 1)) + 1};
  }

  void addFix(Finding &Result, FixSafety Safety,
              const tooling::DiagnosticMessage &Message) {
    Fix Added;
    Added.Safety = Safety;
    for (const auto &File : Message.Fix)
      for (const tooling::Replacement &Edit : File.second)
        Added.Edits.push_back({name(Edit.getFilePath()), Edit.getOffset(),
                               Edit.getLength(),
                               Edit.getReplacementText().str()});
    if (!Added.Edits.empty())
      Result.Fixes.push_back(std::move(Added));
  }

  const CompileCommand &Command;
  llvm::vfs::FileSystem &Files;
  llvm::SmallString<256> Here;
  std::map<std::string, std::unique_ptr<llvm::MemoryBuffer>> Buffers;
};

} // namespace

LintResult lintTranslationUnit(const CompileCommand &Command,
                               const LintOptions &Options) {
  llvm::IntrusiveRefCntPtr<llvm::vfs::FileSystem> Disk =
      llvm::vfs::createPhysicalFileSystem();
  auto Files = llvm::makeIntrusiveRefCnt<llvm::vfs::OverlayFileSystem>(Disk);
  if (!Command.Directory.empty())
    Files->setCurrentWorkingDirectory(Command.Directory);

  tidy::FileOptionsProvider Configured({}, {}, {}, Files);
  llvm::SmallString<256> Path(Command.File);
  Files->makeAbsolute(Path);
  tidy::ClangTidyOptions Effective = Configured.getOptions(Path);
  selectChecks(Options, Effective);
  Effective.WarningsAsErrors = "";
  Effective.CustomChecks.reset();
  if (!Options.HeaderFilter.empty())
    Effective.HeaderFilterRegex = Options.HeaderFilter;

  tidy::ClangTidyContext Context(std::make_unique<tidy::DefaultOptionsProvider>(
      tidy::ClangTidyGlobalOptions(),
      tidy::ClangTidyOptions::getDefaults().merge(Effective, 0)));
  Context.setCurrentBuildDirectory(Command.Directory);
  tidy::ClangTidyDiagnosticConsumer Consumer(Context);
  auto Printing = std::make_unique<DiagnosticOptions>();
  DiagnosticsEngine Diagnostics(DiagnosticIDs::create(), *Printing, &Consumer,
                                /*ShouldOwnClient=*/false);
  Context.setDiagnosticsEngine(std::move(Printing), &Diagnostics);

  // Without carets Clang prints no error count of its own either.
  std::vector<std::string> Arguments = Command.Arguments;
  Arguments.insert(Arguments.begin() + !Arguments.empty(),
                   "-fno-caret-diagnostics");
  FileSystemOptions InDirectory;
  InDirectory.WorkingDir = Command.Directory;
  llvm::IntrusiveRefCntPtr<FileManager> Manager =
      llvm::makeIntrusiveRefCnt<FileManager>(InDirectory, Files);
  tooling::ToolInvocation Invocation(
      Arguments, std::make_unique<LintAction>(Context, Files), Manager.get());
  Invocation.setDiagnosticConsumer(&Consumer);
  bool Parsed = Invocation.run();

  LintResult Result;
  Result.Incomplete = !Parsed;
  Converter Convert(Command, *Files);
  for (const tidy::ClangTidyError &Error : Consumer.take()) {
    Result.Findings.push_back(Convert.convert(Error));
    Result.Incomplete |= Error.DiagLevel == tooling::Diagnostic::Error;
  }
  return Result;
}

} // namespace coralc
