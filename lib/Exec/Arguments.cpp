//===--- Arguments.cpp - Driver arguments fit for analysis ----------------===//

#include "coralc/Exec/Arguments.h"
#include "coralc/Support/InstallPaths.h"
#include "clang/Options/Options.h"
#include "clang/Tooling/ArgumentsAdjusters.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Option/Arg.h"
#include "llvm/Option/ArgList.h"
#include "llvm/Option/OptTable.h"

using namespace llvm;
using namespace clang::tooling;

namespace coralc {
namespace {

bool changesSeverity(StringRef Argument) {
  return Argument == "-w" || Argument == "-Werror" ||
         Argument.starts_with("-Werror=") || Argument == "-pedantic-errors";
}

CommandLineArguments insertResourceDir(const CommandLineArguments &Arguments,
                                       StringRef) {
  if (Arguments.empty() || any_of(Arguments, [](StringRef A) {
        return A.starts_with("-resource-dir");
      }))
    return Arguments;
  CommandLineArguments Adjusted = Arguments;
  Adjusted.insert(Adjusted.begin() + 1, "-resource-dir=" + resourceDir());
  return Adjusted;
}

} // namespace

std::vector<std::string> adjustArguments(const CompileCommand &Command) {
  std::vector<std::string> Arguments = Command.Arguments;
  for (const ArgumentsAdjuster &Adjust :
       {getClangStripOutputAdjuster(), getClangStripDependencyFileAdjuster(),
        getStripPluginsAdjuster(), getClangSyntaxOnlyAdjuster(),
        ArgumentsAdjuster(insertResourceDir)})
    Arguments = Adjust(Arguments, Command.File);
  erase_if(Arguments, changesSeverity);
  return Arguments;
}

std::vector<std::string>
dropForeignFlags(const std::vector<std::string> &Arguments) {
  if (Arguments.empty())
    return {};
  SmallVector<const char *> Raw;
  for (const std::string &Argument : ArrayRef(Arguments).drop_front())
    Raw.push_back(Argument.c_str());
  const opt::OptTable &Options = clang::getDriverOptTable();
  unsigned MissingIndex, MissingCount;
  opt::InputArgList Parsed =
      Options.ParseArgs(Raw, MissingIndex, MissingCount,
                        opt::Visibility(clang::options::ClangOption));
  SmallVector<unsigned> Foreign;
  for (const opt::Arg *A : Parsed.filtered(clang::options::OPT_UNKNOWN))
    Foreign.push_back(A->getIndex() + 1);
  std::vector<std::string> Kept;
  for (const auto &[Index, Argument] : enumerate(Arguments))
    if (!is_contained(Foreign, Index))
      Kept.push_back(Argument);
  return Kept;
}

} // namespace coralc
