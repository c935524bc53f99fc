//===--- CompileCommand.h - One translation unit to look at -----*- C++ -*-===//

#ifndef CORALC_EXEC_COMPILECOMMAND_H
#define CORALC_EXEC_COMPILECOMMAND_H

#include <string>
#include <vector>

namespace coralc {

/// A file and how it is compiled. \c Arguments is a whole driver command line,
/// compiler first, the file included, as in compile_commands.json.
struct CompileCommand {
  std::string File;
  std::string Directory;
  std::vector<std::string> Arguments;
};

} // namespace coralc

#endif
