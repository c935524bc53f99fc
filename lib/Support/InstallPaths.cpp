//===--- InstallPaths.cpp - Where Coral's own files are -------------------===//

#include "coralc/Support/InstallPaths.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"

using namespace llvm;

namespace coralc {

std::string runtimeIncludeDir() {
  if (auto Override = sys::Process::GetEnv("CORAL_RUNTIME_INCLUDE"))
    return *Override;
  static int Anchor;
  std::string Executable = sys::fs::getMainExecutable(nullptr, &Anchor);
  StringRef Bin = sys::path::parent_path(Executable);
  for (StringRef Relative : {"../include", "../../runtime/include"}) {
    SmallString<128> Dir(Bin);
    sys::path::append(Dir, Relative);
    sys::path::remove_dots(Dir, /*remove_dot_dot=*/true);
    SmallString<128> Probe(Dir);
    sys::path::append(Probe, "coral", "task.hpp");
    if (sys::fs::exists(Probe))
      return Dir.str().str();
  }
  return "";
}

std::string resourceDir() {
  if (auto Override = sys::Process::GetEnv("CORAL_RESOURCE_DIR"))
    return *Override;
  return CORAL_CLANG_RESOURCE_DIR;
}

} // namespace coralc
