//===--- Report.h - Findings and sites, for people and programs -*- C++ -*-===//
//
// The formats in which results leave Coral. All of them are deterministic:
// the same results print the same bytes.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REPORT_REPORT_H
#define CORALC_REPORT_REPORT_H

#include "coralc/Report/SourceFiles.h"
#include "coralc/Support/Finding.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/raw_ostream.h"
#include <vector>

namespace coralc {

/// Orders findings by place, check and message, and drops the copies that a
/// header leaves in every translation unit that includes it.
void sortAndUnique(std::vector<Finding> &Findings);
/// The same for sites, of which there is one at a place whatever the units say:
/// converted, if one of them converts it.
void sortAndUnique(std::vector<RewriteSite> &Sites);

/// `path:line:column: warning: message [check]`, notes below their finding.
void printText(llvm::raw_ostream &OS, llvm::ArrayRef<Finding> Findings);

/// `{"version": 1, "findings": [...]}`. Columns and offsets count bytes.
void printJson(llvm::raw_ostream &OS, llvm::ArrayRef<Finding> Findings);

/// Workflow commands, which GitHub shows beside the code.
void printGitHub(llvm::raw_ostream &OS, llvm::ArrayRef<Finding> Findings);

/// What SARIF tells about a rule.
struct SarifRule {
  std::string Id;
  std::string Summary;
  /// The rule's page, in Markdown.
  std::string Page;
};

/// SARIF 2.1.0 with fixes. \p Complete is false when a translation unit had no
/// or only partial results.
void printSarif(llvm::raw_ostream &OS, llvm::ArrayRef<Finding> Findings,
                llvm::ArrayRef<SarifRule> Rules, llvm::StringRef Version,
                bool Complete, SourceFiles &Sources);

/// `path:line:column: note: not converted: message [id]` for every refusal.
void printRefusals(llvm::raw_ostream &OS, llvm::ArrayRef<RewriteSite> Sites);

/// A file that a rewrite looked at.
struct RewrittenPath {
  std::string Path;
  bool Changed = false;
};

/// `{"version": 1, "sites": [...], "files": [...]}`.
void printRewriteJson(llvm::raw_ostream &OS, llvm::ArrayRef<RewriteSite> Sites,
                      llvm::ArrayRef<RewrittenPath> Files);

} // namespace coralc

#endif
