//===--- @CLASS@.cpp - @ID@ ---===//

#include "coralc/Checks/Check.h"
#include "clang/AST/Decl.h"

using namespace clang;

namespace coralc {

static void check@CLASS@(TranslationUnit &Unit) {
  for (const FunctionDecl *Function : Unit.functions())
    if (Function->getName() == "@SNAKE@")
      Unit.report(Function->getLocation(),
                  "what is wrong with '@SNAKE@', why; what to do");
}

static const RegisterCheck Register("@ID@", 0, "one line about the defect",
                                    check@CLASS@);

} // namespace coralc
