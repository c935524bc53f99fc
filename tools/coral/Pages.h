//===--- Pages.h - The documentation in the binary --------------*- C++ -*-===//

#ifndef CORAL_PAGES_H
#define CORAL_PAGES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace coralc {

/// The page of one check, rewrite or refusal.
struct Page {
  llvm::StringRef FileName;
  llvm::StringRef Source;

  llvm::StringRef id() const;
  /// The Markdown below the front matter.
  llvm::StringRef body() const;
};

/// Every page: checks, then rewrites, then refusals, each sorted by id.
llvm::ArrayRef<Page> pages();

/// Null if there is no page of that id.
const Page *findPage(llvm::StringRef Id);

} // namespace coralc

#endif
