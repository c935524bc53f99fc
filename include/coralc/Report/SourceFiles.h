//===--- SourceFiles.h - The text that places point into --------*- C++ -*-===//

#ifndef CORALC_REPORT_SOURCEFILES_H
#define CORALC_REPORT_SOURCEFILES_H

#include "coralc/Support/Finding.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>

namespace coralc {

/// Reads each file once. A file that cannot be read is empty.
class SourceFiles {
public:
  llvm::StringRef text(llvm::StringRef Path);

  /// The byte that \p P points at, or the end of a file that is shorter.
  unsigned offset(const Place &P);
  /// Line and column, in bytes, of a byte.
  Place place(llvm::StringRef Path, unsigned Offset);

private:
  llvm::StringMap<std::unique_ptr<llvm::MemoryBuffer>> Files;
};

} // namespace coralc

#endif
