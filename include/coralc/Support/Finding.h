//===--- Finding.h - What Coral tells, as plain data ------------*- C++ -*-===//
//
// A check or a rewrite produces these; reporting, fixing and caching consume
// them. They hold no AST, no SourceLocation and no absolute path, so they
// outlive the translation unit, cross process borders and compare bytewise.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_SUPPORT_FINDING_H
#define CORALC_SUPPORT_FINDING_H

#include <string>
#include <vector>

namespace coralc {

/// A place in a file. Lines and columns count from 1, columns in bytes, as
/// Clang prints them.
struct Place {
  std::string Path;
  unsigned Line = 0;
  unsigned Column = 0;
};

/// Replaces \p Length bytes at \p Offset of the file \p Path.
struct TextEdit {
  std::string Path;
  unsigned Offset = 0;
  unsigned Length = 0;
  std::string Text;
};

/// Whether a fix may be applied without a person reading it.
enum class FixSafety { Safe, Unsafe, Shown };

struct Fix {
  FixSafety Safety = FixSafety::Safe;
  std::vector<TextEdit> Edits;
};

struct Note {
  Place Where;
  std::string Message;
};

enum class Severity { Warning, Error };

/// One defect at one place: what, why, and what to do.
struct Finding {
  /// The check's id ("coral-unawaited-task"), or "clang-diagnostic-error" for
  /// a compiler error in the input.
  std::string Check;
  Place Where;
  Severity Level = Severity::Warning;
  std::string Message;
  std::vector<Note> Notes;
  std::vector<Fix> Fixes;
};

enum class SiteStatus { Converted, Refused };

/// One initiation, generator or callback API that a rewrite looked at, and
/// what became of it.
struct RewriteSite {
  Place Where;
  std::string Pattern;
  SiteStatus Status = SiteStatus::Refused;
  /// The refusal's id; empty when converted.
  std::string Reason;
  /// Why, and what would make it convertible; empty when converted.
  std::string Message;
  /// The function or agent that is converted or kept as a whole.
  std::string Unit;
};

} // namespace coralc

#endif
