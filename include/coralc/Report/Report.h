//===--- Report.h - Findings, for people and programs -----------*- C++ -*-===//

#ifndef CORALC_REPORT_REPORT_H
#define CORALC_REPORT_REPORT_H

#include "coralc/Support/Finding.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/raw_ostream.h"
#include <vector>

namespace coralc {

/// Orders findings by place, check and message, and drops the copies that a
/// header leaves in every translation unit that includes it.
void sortAndUnique(std::vector<Finding> &Findings);

/// `path:line:column: warning: message [check]`, notes below their finding.
void printText(llvm::raw_ostream &OS, llvm::ArrayRef<Finding> Findings);

} // namespace coralc

#endif
