// The options of every command, declared once: parsing, help and "did you
// mean" read this table. An option belongs to the commands it is visible in.
include "llvm/Option/OptParser.td"

def LintVis : OptionVisibility;
def RewriteVis : OptionVisibility;
def OtherVis : OptionVisibility;

// --NAME VALUE and --NAME=VALUE.
multiclass Eq<string name, string metavar, string help,
              list<OptionVisibility> vis> {
  def NAME # _EQ : Joined<["--"], name # "=">, HelpText<help>,
                   MetaVarName<metavar>, Visibility<vis>;
  def NAME : Separate<["--"], name>, Alias<!cast<Joined>(NAME # "_EQ")>,
             Visibility<vis>;
}

class F<string name, string help, list<OptionVisibility> vis>
    : Flag<["--"], name>, HelpText<help>, Visibility<vis>;

def help : F<"help", "Print this help and exit",
             [LintVis, RewriteVis, OtherVis]>;
def h : Flag<["-"], "h">, Alias<help>,
        Visibility<[LintVis, RewriteVis, OtherVis]>;
def version : F<"version", "Print the version and exit", [OtherVis]>;

// Which translation units.
def p : Separate<["-"], "p">, MetaVarName<"<dir>">,
        HelpText<"Read compile_commands.json from <dir> instead of searching "
                 "the parent directories of each file">,
        Visibility<[LintVis, RewriteVis]>;
def p_EQ : Joined<["-"], "p=">, Alias<p>, Visibility<[LintVis, RewriteVis]>;
def j : JoinedOrSeparate<["-"], "j">, MetaVarName<"<n>">,
        HelpText<"Look at <n> translation units at a time (default: one per "
                 "processor)">,
        Visibility<[LintVis, RewriteVis]>;
def quiet : F<"quiet", "Print results only: no progress, no summary",
              [LintVis, RewriteVis]>;

// What coral does with what it found.
def diff : F<"diff", "Print the changes as a unified diff and write nothing "
             "(rewrite: the default)", [LintVis, RewriteVis]>;
defm export_fixes : Eq<"export-fixes", "<file>",
                       "Write the changes to <file>, for "
                       "clang-apply-replacements", [LintVis, RewriteVis]>;

// coral lint.
defm checks : Eq<"checks", "<globs>",
                 "Comma-separated globs of checks to run, a leading '-' takes "
                 "away: '-*,coral-unawaited-task'", [LintVis]>;
defm level : Eq<"level", "<0|1|2>",
                "Which checks run by default: 0 quiet (default), 1 more, "
                "2 strict", [LintVis]>;
defm header_filter : Eq<"header-filter", "<regex>",
                        "Also report findings in headers whose path matches "
                        "(default: only the named files)", [LintVis]>;
defm format : Eq<"format", "<text|json|sarif|github>",
                 "How to print the findings (default: text)", [LintVis]>;
def fix : F<"fix", "Apply the safe fixes", [LintVis]>;
def unsafe_fixes : F<"unsafe-fixes",
                     "Include fixes that a person must read: with --fix, "
                     "--diff or --export-fixes", [LintVis]>;

// coral rewrite.
defm pattern : Eq<"pattern", "<names>",
                  "Comma-separated patterns to rewrite (default: all; see "
                  "'coral list rewrites')", [RewriteVis]>;
defm target : Eq<"target", "<coral|asio|std>",
                 "The coroutine library to write for (default: coral)",
                 [RewriteVis]>;
def in_place : F<"in-place", "Write the changes into the files",
                 [RewriteVis]>;
defm output_dir : Eq<"output-dir", "<dir>",
                     "Write the rewritten files below <dir> and leave the "
                     "originals alone", [RewriteVis]>;
defm report : Eq<"report", "<json>",
                 "Print what became of every site instead of the diff",
                 [RewriteVis]>;
