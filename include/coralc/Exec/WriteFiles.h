//===--- WriteFiles.h - Writes whole files or none --------------*- C++ -*-===//

#ifndef CORALC_EXEC_WRITEFILES_H
#define CORALC_EXEC_WRITEFILES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <string>

namespace coralc {

struct OutputFile {
  std::string Path;
  std::string Content;
};

/// Writes every file, or none: the contents go to temporary files beside their
/// places first, and are moved there when all of them are complete. Missing
/// directories are created. An existing file keeps its permissions, and a
/// symbolic link keeps pointing at the file that is written.
llvm::Error writeFiles(llvm::ArrayRef<OutputFile> Files);

/// Fails when no file can be made below \p Directory, whether or not it exists
/// yet: to be asked before the work whose results go there.
llvm::Error checkWritable(llvm::StringRef Directory);

} // namespace coralc

#endif
