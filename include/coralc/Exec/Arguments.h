//===--- Arguments.h - Driver arguments fit for analysis --------*- C++ -*-===//

#ifndef CORALC_EXEC_ARGUMENTS_H
#define CORALC_EXEC_ARGUMENTS_H

#include "coralc/Exec/CompileCommand.h"

namespace coralc {

/// The driver arguments of \p Command, made fit for a parse without output: no
/// output, dependency file or plugin; no warning turned into an error, and no
/// `-w`, which would silence checks; `-fsyntax-only`; and the resource
/// directory of the Clang that Coral is linked to. Adjusting twice changes
/// nothing the second time.
std::vector<std::string> adjustArguments(const CompileCommand &Command);

/// \p Arguments without the flags that only another compiler knows, such as
/// GCC's `-fcoroutines`: compile databases are often written for GCC.
std::vector<std::string>
dropForeignFlags(const std::vector<std::string> &Arguments);

} // namespace coralc

#endif
