// The options of every command, declared once: parsing, help and "did you
// mean" read this table. An option belongs to the commands it is visible in.
include "llvm/Option/OptParser.td"

def LintVis : OptionVisibility;
def RewriteVis : OptionVisibility;
def OtherVis : OptionVisibility;

// The headings of help, in the order in which it prints them.
def files_Group : OptionGroup<"files">, HelpText<"what to look at">;
def work_Group : OptionGroup<"work">, HelpText<"what to do">;
def results_Group : OptionGroup<"results">, HelpText<"what to do with the results">;
def general_Group : OptionGroup<"general">, HelpText<"general">;

class In<list<OptionVisibility> vis, OptionGroup group> {
  list<OptionVisibility> Visibility = vis;
  OptionGroup Group = group;
}

// --NAME=VALUE and --NAME VALUE.
multiclass Eq<string name, string metavar, string help,
              list<OptionVisibility> vis, OptionGroup group> {
  def _EQ : Joined<["--"], name # "=">, HelpText<help>, MetaVarName<metavar>,
            In<vis, group>;
  def NAME : Separate<["--"], name>, Alias<!cast<Joined>(NAME # "_EQ")>,
             Visibility<vis>;
}

def p : Separate<["-"], "p">, MetaVarName<"<dir>">,
        HelpText<"Take the compile commands from <dir>/compile_commands.json "
                 "instead of the nearest one above each file, in a directory "
                 "or in its 'build'">,
        In<[LintVis, RewriteVis], files_Group>;
def p_EQ : Joined<["-"], "p=">, Alias<p>, Visibility<[LintVis, RewriteVis]>;
defm header_filter : Eq<"header-filter", "<regex>",
                        "Of headers, report those with a matching path only; "
                        "by default all that are not system headers",
                        [LintVis], files_Group>;
def j : JoinedOrSeparate<["-"], "j">, MetaVarName<"<n>">,
        HelpText<"Look at <n> translation units at a time; one per processor "
                 "by default">,
        In<[LintVis, RewriteVis], files_Group>;

defm checks : Eq<"checks", "<globs>",
                 "Run the checks of the level that these comma-separated "
                 "globs match, and any that is named in full; a leading '-' "
                 "takes away: '*,-coral-unawaited-task'",
                 [LintVis], work_Group>;
defm level : Eq<"level", "<0|1|2>",
                "Which checks run, unless they are named in full: 0 quiet "
                "(default), 1 more, 2 strict", [LintVis], work_Group>;
defm pattern : Eq<"pattern", "<names>",
                  "Rewrite these comma-separated patterns only; see 'coral "
                  "list rewrites'", [RewriteVis], work_Group>;
defm target : Eq<"target", "<coral|asio|std>",
                 "The coroutine library to write for; coral by default",
                 [RewriteVis], work_Group>;

def keep_callbacks : Flag<["--"], "keep-callbacks">,
                     HelpText<"Keep each function that takes a callback beside "
                              "the coroutine made of it, deprecated and "
                              "forwarding to that">,
                     In<[RewriteVis], work_Group>;

defm wrap : Eq<"wrap", "<functions>",
               "Await these comma-separated functions of others, too, each of "
               "which calls once the callback that is its last argument",
               [RewriteVis], work_Group>;

def propagate : Flag<["--"], "propagate">,
                HelpText<"Let callers of what becomes a coroutine become "
                         "coroutines, too, in all files of the run">,
                In<[RewriteVis], work_Group>;

defm format : Eq<"format", "<text|json|sarif|github>",
                 "How to print the findings; text by default",
                 [LintVis], results_Group>;
def fix : Flag<["--"], "fix">,
          HelpText<"Apply the safe fixes and print what stays">,
          In<[LintVis], results_Group>;
def diff : Flag<["--"], "diff">,
           HelpText<"Print what --fix would change as a unified diff and "
                    "write nothing">,
           HelpTextForVariants<[RewriteVis],
                               "Print the changes as a unified diff and write "
                               "nothing; the default">,
           In<[LintVis, RewriteVis], results_Group>;
def in_place : Flag<["--"], "in-place">,
               HelpText<"Write the changes into the files">,
               In<[RewriteVis], results_Group>;
defm output_dir : Eq<"output-dir", "<dir>",
                     "Write the files, changed or not, below <dir> and leave "
                     "the originals alone", [RewriteVis], results_Group>;
defm export_fixes : Eq<"export-fixes", "<file>",
                       "Write the changes to <file> for "
                       "clang-apply-replacements", [LintVis, RewriteVis],
                       results_Group>;
def unsafe_fixes : Flag<["--"], "unsafe-fixes">,
                   HelpText<"With --fix, --diff or --export-fixes: include "
                            "fixes that a person must read">,
                   In<[LintVis], results_Group>;
defm report : Eq<"report", "<json>",
                 "Print what became of every site instead of the diff",
                 [RewriteVis], results_Group>;
def quiet : Flag<["--"], "quiet">,
            HelpText<"Print results only: no progress, no summary">,
            In<[LintVis, RewriteVis], results_Group>;

def help : Flag<["--"], "help">, HelpText<"Print this help">,
           In<[LintVis, RewriteVis, OtherVis], general_Group>;
def h : Flag<["-"], "h">, Alias<help>,
        Visibility<[LintVis, RewriteVis, OtherVis]>;
