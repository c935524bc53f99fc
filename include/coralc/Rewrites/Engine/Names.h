//===--- Names.h - Names as vocabularies write them -------------*- C++ -*-===//

#ifndef CORALC_REWRITES_ENGINE_NAMES_H
#define CORALC_REWRITES_ENGINE_NAMES_H

#include "clang/AST/Decl.h"
#include <string>

namespace coralc {

/// The qualified name of \p D without inline namespaces and template
/// arguments.
std::string qualifiedName(const clang::NamedDecl &D);

/// \p Name wraps a handler and passes its completion on, such as
/// asio::bind_executor: a token may take the handler's place inside it.
bool isHandlerWrapper(llvm::StringRef Name);

} // namespace coralc

#endif
