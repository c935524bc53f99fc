//===--- Parse.cpp - Parses the input and what it became ------------------===//

#include "coralc/Rewrites/Engine/Parse.h"
#include "coralc/Exec/Arguments.h"
#include "coralc/Support/InstallPaths.h"
#include "clang/Basic/Diagnostic.h"
#include "clang/Tooling/CompilationDatabase.h"
#include "clang/Tooling/Tooling.h"
#include "llvm/ADT/StringSwitch.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

class OneCommand : public tooling::CompilationDatabase {
public:
  explicit OneCommand(const CompileCommand &Command)
      : Command(Command.Directory, Command.File, adjustArguments(Command), "") {
  }
  std::vector<tooling::CompileCommand>
  getCompileCommands(StringRef) const override {
    return {Command};
  }

private:
  tooling::CompileCommand Command;
};

/// Keeps errors as findings and everything else quiet.
class ErrorCollector : public DiagnosticConsumer {
public:
  explicit ErrorCollector(std::vector<Finding> &Errors) : Errors(Errors) {}

  void HandleDiagnostic(DiagnosticsEngine::Level Level,
                        const clang::Diagnostic &Info) override {
    DiagnosticConsumer::HandleDiagnostic(Level, Info);
    if (Level < DiagnosticsEngine::Error)
      return;
    SmallString<128> Message;
    Info.FormatDiagnostic(Message);
    Finding F;
    F.Check = "clang-diagnostic-error";
    F.Level = Severity::Error;
    F.Message = Message.str();
    if (Info.hasSourceManager() && Info.getLocation().isValid()) {
      PresumedLoc Where = Info.getSourceManager().getPresumedLoc(
          Info.getSourceManager().getExpansionLoc(Info.getLocation()));
      if (Where.isValid())
        F.Where = {Where.getFilename(), Where.getLine(), Where.getColumn()};
    }
    Errors.push_back(std::move(F));
  }

private:
  std::vector<Finding> &Errors;
};

} // namespace

Parsed parse(const CompileCommand &Command, ArrayRef<VirtualFile> Files) {
  Parsed Result;
  OneCommand Database(Command);
  tooling::ClangTool Tool(Database, {Command.File});
  Tool.clearArgumentsAdjusters();
  ErrorCollector Errors(Result.Errors);
  Tool.setDiagnosticConsumer(&Errors);
  Tool.setPrintErrorMessage(false);
  for (const VirtualFile &F : Files)
    Tool.mapVirtualFile(F.Path, F.Contents);
  std::vector<std::unique_ptr<ASTUnit>> Units;
  Tool.buildASTs(Units);
  if (!Units.empty())
    Result.Unit = std::move(Units.front());
  if (!Result.Unit && Result.Errors.empty()) {
    Finding F;
    F.Check = "clang-diagnostic-error";
    F.Level = Severity::Error;
    F.Where.Path = Command.File;
    F.Message = "cannot be parsed; check the compile command";
    Result.Errors.push_back(std::move(F));
  }
  return Result;
}

/// The arguments ask for a C++ that has coroutines.
static bool hasCoroutineStandard(ArrayRef<std::string> Arguments) {
  StringRef Standard;
  for (StringRef A : Arguments)
    if (A.consume_front("-std=") || A.consume_front("--std="))
      Standard = A;
  Standard.consume_front("gnu++") || Standard.consume_front("c++");
  return StringSwitch<bool>(Standard)
      .Cases({"20", "2a", "23", "2b", "26", "2c"}, true)
      .Default(false);
}

CompileCommand commandForOutput(const CompileCommand &Command) {
  CompileCommand Result = Command;
  auto At = Result.Arguments.begin() + 1;
  std::vector<std::string> More;
  std::string Runtime = runtimeIncludeDir();
  if (!Runtime.empty())
    More.push_back("-isystem" + Runtime);
  Result.Arguments.insert(At, More.begin(), More.end());
  if (!hasCoroutineStandard(Command.Arguments)) {
    auto Separator = llvm::find(Result.Arguments, "--");
    Result.Arguments.insert(Separator, "-std=c++20");
  }
  return Result;
}

} // namespace coralc
