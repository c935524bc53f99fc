//===--- Coral.cpp - The coral command ------------------------------------===//

#include "Commands.h"
#include "coralc/Support/Suggest.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/Option/OptTable.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace coralc;

namespace {

constexpr StringRef LintUsage =
    "lint [options] [paths] [-p <dir> | -- <compiler flags>]";
constexpr StringRef RewriteUsage =
    "rewrite [options] [paths] [-p <dir> | -- <compiler flags>]";

constexpr Command Commands[] = {
    {"lint", LintUsage, "Find defects of coroutine code", LintVis, runLint},
    {"rewrite", RewriteUsage,
     "Move callbacks and generators to native coroutines", RewriteVis,
     runRewrite},
    {"explain", "explain <id>",
     "Print the page of a check, a rewrite or a refusal", OtherVis, runExplain},
    {"list", "list [checks|rewrites|vocabularies|refusals]",
     "List what coral knows", OtherVis, runList},
};

void printOverview(raw_ostream &OS) {
  OS << "Coral, the coroutine compiler for C++\n\n"
        "usage: coral <command> [options]\n\ncommands:\n";
  for (const Command &C : Commands)
    OS << "  " << left_justify(C.Name, 10) << C.Summary << "\n";
  OS << "\n'coral <command> --help' describes a command.\n\n"
        "exit codes:\n"
        "  0         nothing found, or everything written\n"
        "  1         there are findings, or a rewrite has a diff\n"
        "  2         usage, configuration or internal error\n"
        "  3         incomplete: a file did not parse, or its analysis "
        "crashed\n";
}

Expected<int> runCommand(ArrayRef<const char *> Raw) {
  if (Raw.empty())
    return usageError("no command; see 'coral --help'");
  StringRef Name = Raw.front();
  if (Name == "--help" || Name == "-h") {
    printOverview(outs());
    return Clean;
  }
  if (Name == "--version") {
    outs() << "coral " CORAL_VERSION " (LLVM " LLVM_VERSION_STRING ")\n";
    return Clean;
  }
  const Command *C =
      find_if(Commands, [&](const Command &C) { return C.Name == Name; });
  if (C == std::end(Commands)) {
    SmallVector<StringRef> Names =
        map_to_vector(Commands, [](const Command &C) { return C.Name; });
    for (StringRef Option : {"--help", "--version"})
      Names.push_back(Option);
    StringRef Kind = Name.starts_with("-") ? "option" : "command";
    std::string Hint = didYouMean(Name, Names);
    return usageError("unknown " + Kind + " '" + Name + "'" +
                      (Hint.empty() ? "; see 'coral --help'" : Hint));
  }
  Expected<Arguments> Args = parseArguments(*C, Raw.drop_front());
  if (!Args)
    return Args.takeError();
  if (Args->has(OPT_help)) {
    printHelp(outs(), *C);
    return Clean;
  }
  return C->Run(*Args);
}

} // namespace

int main(int Argc, const char **Argv) {
  Expected<int> Code = runCommand(ArrayRef(Argv, Argc).drop_front());
  if (Code)
    return *Code;
  errs() << "coral: error: " << toString(Code.takeError()) << "\n";
  return Failed;
}
