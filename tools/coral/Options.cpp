//===--- Options.cpp - The command line, parsed ---------------------------===//

#include "Options.h"
#include "coralc/Support/Suggest.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Option/Arg.h"
#include "llvm/Option/OptTable.h"
#include "llvm/Option/Option.h"
#include "llvm/Support/Threading.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace llvm::opt;

namespace coralc {
namespace {

#define OPTTABLE_STR_TABLE_CODE
#include "Options.inc"
#undef OPTTABLE_STR_TABLE_CODE

#define OPTTABLE_PREFIXES_TABLE_CODE
#include "Options.inc"
#undef OPTTABLE_PREFIXES_TABLE_CODE

constexpr OptTable::Info InfoTable[] = {
#define OPTION(...) LLVM_CONSTRUCT_OPT_INFO(__VA_ARGS__),
#include "Options.inc"
#undef OPTION
};

class CoralOptTable : public GenericOptTable {
public:
  CoralOptTable()
      : GenericOptTable(OptionStrTable, OptionPrefixesTable, InfoTable) {}
};

const CoralOptTable &table() {
  static const CoralOptTable Table;
  return Table;
}

} // namespace

Error usageError(const Twine &Message) {
  return createStringError(inconvertibleErrorCode(), Message);
}

Expected<Arguments> parseArguments(const Command &For,
                                   ArrayRef<const char *> Raw) {
  std::optional<std::vector<std::string>> Flags;
  auto DashDash = find_if(Raw, [](StringRef A) { return A == "--"; });
  if (DashDash != Raw.end())
    Flags.emplace(DashDash + 1, Raw.end());

  unsigned MissingIndex, MissingCount;
  InputArgList Parsed =
      table().ParseArgs(ArrayRef(Raw.begin(), DashDash), MissingIndex,
                        MissingCount, Visibility(For.Options));
  if (MissingCount != 0)
    return usageError(Twine("option '") + Parsed.getArgString(MissingIndex) +
                      "' needs a value");
  if (const Arg *Unknown = Parsed.getLastArgNoClaim(OPT_UNKNOWN)) {
    std::string Spelling = Unknown->getAsString(Parsed), Nearest;
    // Names shorter than this are near to everything.
    constexpr unsigned MinimumLength = 3, MaximumDistance = 3;
    std::string Hint;
    if (table().findNearest(Spelling, Nearest, Visibility(For.Options),
                            MinimumLength, MaximumDistance) <= MaximumDistance)
      Hint = "; did you mean '" + Nearest + "'?";
    else
      Hint = "; see 'coral " + For.Name.str() + " --help'";
    return usageError(Twine("unknown option '") + Spelling + "'" + Hint);
  }
  return Arguments{std::move(Parsed), std::move(Flags)};
}

namespace {

constexpr size_t HelpColumn = 26, HelpWidth = 80;

/// Prints \p Text from \p HelpColumn on, broken between words.
void printWrapped(raw_ostream &OS, StringRef Text) {
  while (true) {
    StringRef Line = Text;
    if (Line.size() > HelpWidth - HelpColumn)
      Line = Line.take_front(Line.rfind(' ', HelpWidth - HelpColumn + 1));
    OS << Line << "\n";
    Text = Text.drop_front(Line.size()).ltrim();
    if (Text.empty())
      return;
    OS.indent(HelpColumn);
  }
}

void printOption(raw_ostream &OS, const OptTable::Info &Info,
                 Visibility Commands) {
  std::string Name = Info.getPrefixedName(OptionStrTable).str();
  if (Info.MetaVar)
    Name +=
        (StringRef(Name).ends_with("=") ? "" : " ") + std::string(Info.MetaVar);
  OS << "  " << Name;
  size_t Width = 2 + Name.size();
  if (Width >= HelpColumn) {
    OS << "\n";
    Width = 0;
  }
  OS.indent(HelpColumn - Width);
  printWrapped(OS, table().getOptionHelpText(Info.ID, Commands));
}

} // namespace

void printHelp(raw_ostream &OS, const Command &Of) {
  OS << "usage: coral " << Of.Usage << "\n\n" << Of.Summary << ".\n";
  for (OptionID Group : {OPT_files_Group, OPT_work_Group, OPT_results_Group,
                         OPT_general_Group}) {
    bool First = true;
    for (const OptTable::Info &Info : InfoTable) {
      if (Info.GroupID != Group || !(Info.Visibility & Of.Options))
        continue;
      if (std::exchange(First, false))
        OS << "\n" << table().getOptionHelpText(Group) << ":\n";
      printOption(OS, Info, Visibility(Of.Options));
    }
  }
}

Expected<unsigned> choice(const Arguments &Args, OptionID Id,
                          ArrayRef<StringRef> Allowed) {
  const Arg *A = Args.Options.getLastArg(Id);
  if (!A)
    return 0;
  StringRef Value = A->getValue();
  auto It = find(Allowed, Value);
  if (It == Allowed.end())
    return usageError("unknown value '" + Value + "' of '" +
                      A->getSpelling().rtrim('=') + "', which takes " +
                      join(Allowed, ", ") + didYouMean(Value, Allowed));
  return It - Allowed.begin();
}

Inputs inputs(const Arguments &Args) {
  return {Args.positional(), Args.value(OPT_p), Args.Flags};
}

Expected<unsigned> parallelism(const Arguments &Args) {
  const Arg *A = Args.Options.getLastArg(OPT_j);
  if (!A)
    return hardware_concurrency().compute_thread_count();
  unsigned Count;
  if (StringRef(A->getValue()).getAsInteger(10, Count) || Count == 0)
    return usageError("'-j' takes a number of processes, not '" +
                      StringRef(A->getValue()) + "'");
  return Count;
}

} // namespace coralc
