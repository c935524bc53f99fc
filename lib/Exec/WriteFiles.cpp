//===--- WriteFiles.cpp - Writes whole files or none ----------------------===//

#include "coralc/Exec/WriteFiles.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace coralc {
namespace {

Error cannotWrite(StringRef Path, std::error_code EC) {
  return createStringError(EC, "cannot write '" + Path + "': " + EC.message());
}

struct Pending {
  std::string Place;
  sys::fs::TempFile File;
};

Expected<Pending> prepare(const OutputFile &Output) {
  StringRef Directory = sys::path::parent_path(Output.Path);
  if (!Directory.empty())
    if (std::error_code EC = sys::fs::create_directories(Directory))
      return cannotWrite(Output.Path, EC);

  SmallString<256> Place(Output.Path);
  unsigned Mode = sys::fs::all_read | sys::fs::all_write;
  sys::fs::file_status Status;
  if (!sys::fs::status(Output.Path, Status)) {
    // A rename would succeed where the directory is writable.
    if (std::error_code EC =
            sys::fs::access(Output.Path, sys::fs::AccessMode::Write))
      return cannotWrite(Output.Path, EC);
    if (std::error_code EC = sys::fs::real_path(Output.Path, Place))
      return cannotWrite(Output.Path, EC);
    Mode = Status.permissions();
  }

  Expected<sys::fs::TempFile> Temp =
      sys::fs::TempFile::create(Place + ".%%%%%%.tmp", Mode);
  if (!Temp)
    return cannotWrite(Output.Path, errorToErrorCode(Temp.takeError()));
  raw_fd_ostream OS(Temp->FD, /*shouldClose=*/false);
  OS << Output.Content;
  OS.flush();
  if (std::error_code EC = OS.error()) {
    OS.clear_error();
    consumeError(Temp->discard());
    return cannotWrite(Output.Path, EC);
  }
  return Pending{Place.str().str(), std::move(*Temp)};
}

} // namespace

Error checkWritable(StringRef Directory) {
  SmallString<256> Existing(Directory);
  sys::fs::make_absolute(Existing);
  while (!sys::fs::exists(Existing) && sys::path::has_parent_path(Existing))
    sys::path::remove_filename(Existing);
  if (!sys::fs::is_directory(Existing))
    return cannotWrite(Directory, make_error_code(std::errc::not_a_directory));
  if (std::error_code EC =
          sys::fs::access(Existing, sys::fs::AccessMode::Write))
    return cannotWrite(Directory, EC);
  return Error::success();
}

Error writeFiles(ArrayRef<OutputFile> Files) {
  std::vector<Pending> Prepared;
  scope_exit Discard([&] {
    for (Pending &P : Prepared)
      consumeError(P.File.discard());
  });
  for (const OutputFile &File : Files) {
    Expected<Pending> P = prepare(File);
    if (!P)
      return P.takeError();
    Prepared.push_back(std::move(*P));
  }
  Discard.release();
  Error Result = Error::success();
  for (Pending &P : Prepared)
    if (Error E = P.File.keep(P.Place))
      Result = joinErrors(std::move(Result),
                          cannotWrite(P.Place, errorToErrorCode(std::move(E))));
  return Result;
}

} // namespace coralc
