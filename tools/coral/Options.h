//===--- Options.h - The command line, parsed -------------------*- C++ -*-===//
//
// Every option is declared once, in Options.td; help, parsing and "did you
// mean" come from there.
//
//===----------------------------------------------------------------------===//

#ifndef CORAL_OPTIONS_H
#define CORAL_OPTIONS_H

#include "coralc/Exec/CompileCommands.h"
#include "llvm/Option/ArgList.h"
#include "llvm/Option/OptTable.h"
#include "llvm/Support/Error.h"

namespace coralc {

/// The commands that an option belongs to.
enum OptionVisibility : unsigned {
  LintVis = 1 << 1,
  RewriteVis = 1 << 2,
  OtherVis = 1 << 3
};

enum OptionID {
  OPT_INVALID = 0,
#define OPTION(...) LLVM_MAKE_OPT_ID(__VA_ARGS__),
#include "Options.inc"
#undef OPTION
};

struct Arguments;

/// A command of `coral`, as help shows it and as it runs.
struct Command {
  llvm::StringRef Name;
  llvm::StringRef Usage;
  llvm::StringRef Summary;
  /// The options it has, as a visibility of Options.td.
  unsigned Options;
  /// \return the exit code. An error is exit code 2.
  llvm::Expected<int> (*Run)(const Arguments &);
};

/// The arguments of one command.
struct Arguments {
  llvm::opt::InputArgList Options;
  /// What stands after `--`.
  std::optional<std::vector<std::string>> Flags;

  std::vector<std::string> positional() const {
    return Options.getAllArgValues(OPT_INPUT);
  }
  /// The last value of a `--name=value` option, or \p Default.
  std::string value(OptionID Id, llvm::StringRef Default = "") const {
    return Options.getLastArgValue(Id, Default).str();
  }
  bool has(OptionID Id) const { return Options.hasArg(Id); }
};

/// Parses what follows the command's name. Unknown options, options without
/// their value and options given to the wrong command are errors.
llvm::Expected<Arguments> parseArguments(const Command &For,
                                         llvm::ArrayRef<const char *> Raw);

/// Prints the help of one command.
void printHelp(llvm::raw_ostream &OS, const Command &Of);

/// An error that ends the run with exit code 2. \p Message says what to do.
llvm::Error usageError(const llvm::Twine &Message);

/// The index of the value of \p Id among \p Allowed; the first when the option
/// is not given. Any other value is an error.
llvm::Expected<unsigned> choice(const Arguments &Args, OptionID Id,
                                llvm::ArrayRef<llvm::StringRef> Allowed);

/// The paths, `-p` and flags of \p Args, and the processes that `-j` allows.
Inputs inputs(const Arguments &Args);
llvm::Expected<unsigned> parallelism(const Arguments &Args);

} // namespace coralc

#endif
