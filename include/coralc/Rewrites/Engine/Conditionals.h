//===--- Conditionals.h - Text that is not always compiled ------*- C++ -*-===//
//
// Between #if and #endif stands text that is compiled in some builds and not in
// others. The AST is that of one build. What it says of a function that stands
// there is true of that build alone, and what the other builds do with the rest
// of the file can only be seen in the text.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_CONDITIONALS_H
#define CORALC_REWRITES_ENGINE_CONDITIONALS_H

#include "coralc/Rewrites/Engine/SourceText.h"
#include "llvm/ADT/SmallSet.h"
#include "llvm/ADT/StringMap.h"
#include <vector>

namespace coralc {

class Conditionals {
public:
  explicit Conditionals(const SourceText &Text);

  /// The innermost branch of an #if around \p Offset, or 0 for text that is
  /// always compiled: what an include guard is around is, too.
  unsigned branchOf(unsigned Offset) const;

  /// \p Name occurs in some branch other than \p Branch.
  bool isNamedOutside(llvm::StringRef Name, unsigned Branch) const;

private:
  void read(const SourceText &Text, const SourceText::File &File);

  /// Where a branch begins or ends, and which one is there from then on.
  std::vector<std::pair<unsigned, unsigned>> Changes;
  unsigned Branches = 0;
  llvm::StringMap<llvm::SmallSet<unsigned, 2>> Names;
};

} // namespace coralc

#endif
