//===--- Program.h - The units of a program, rewritten together -*- C++ -*-===//
//
// Most translation units are rewritten on their own. Those that define members
// of one class, in which a sequence of operations may run from file to file,
// are read as one; the compile database is searched for those that were not
// named. On request, units that call what has become a coroutine in another are
// rewritten anew, to wait for it. And whatever includes a header that changes
// is compiled again before anything is written, be it part of the run or not.
//
//===----------------------------------------------------------------------===//

#ifndef CORAL_PROGRAM_H
#define CORAL_PROGRAM_H

#include "TranslationUnits.h"
#include "coralc/Rewrites/Rewrite.h"

namespace coralc {

/// What became of one unit, or of several as a whole.
struct GroupResult {
  std::vector<CompileCommand> Units;
  RewriteResult Result;
  /// Headers as other groups change them, with which it was read.
  std::vector<RewrittenFile> Given;
  /// What the user should know beside the sites.
  std::vector<std::string> Notes;
};

/// Rewrites \p Units, and what they are tied to in \p Database, in memory.
std::vector<GroupResult> rewriteProgram(TranslationUnits &Units,
                                        llvm::ArrayRef<CompileCommand> Database,
                                        const RewriteOptions &Options);

} // namespace coralc

#endif
