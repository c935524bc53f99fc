//===--- InstallPaths.h - Where Coral's own files are -----------*- C++ -*-===//
//
// The same binary runs from a build tree and from an install prefix, so these
// are found from the running executable, not compiled in.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_SUPPORT_INSTALLPATHS_H
#define CORALC_SUPPORT_INSTALLPATHS_H

#include <string>

namespace coralc {

/// The include directory of the runtime that `--target=coral` is written for:
/// what `-isystem` needs so that `#include <coral/task.hpp>` is found. In
/// order: the environment variable CORAL_RUNTIME_INCLUDE, `../include` of an
/// installed executable, `../../runtime/include` of a build tree. Empty when
/// none of them holds the runtime.
std::string runtimeIncludeDir();

/// Clang's resource directory (`clang -print-resource-dir`): the environment
/// variable CORAL_RESOURCE_DIR, or the one of the Clang that Coral was built
/// with. Without it not even <stddef.h> is found.
std::string resourceDir();

} // namespace coralc

#endif
