//===--- Workers.cpp - Runs jobs apart from each other --------------------===//

#include "coralc/Exec/Workers.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Errno.h"
#include "llvm/Support/raw_ostream.h"
#include <cerrno>
#include <csignal>
#include <cstring>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace llvm;

namespace coralc {
namespace {

struct Child {
  size_t Index;
  pid_t Pid;
  int Pipe;
  std::string Output;
};

bool writeAll(int Fd, StringRef Bytes) {
  while (!Bytes.empty()) {
    ssize_t N =
        sys::RetryAfterSignal(-1, ::write, Fd, Bytes.data(), Bytes.size());
    if (N < 0)
      return false;
    Bytes = Bytes.drop_front(N);
  }
  return true;
}

/// Empty if the process ended well.
std::string describeDeath(int Status) {
  if (WIFSIGNALED(Status))
    return "signal " + std::to_string(WTERMSIG(Status)) + " (" +
           strsignal(WTERMSIG(Status)) + ")";
  if (WEXITSTATUS(Status) != 0)
    return "exit code " + std::to_string(WEXITSTATUS(Status));
  return "";
}

/// Starts a child for job \p Index. \return nothing, with the reason in
/// \p Failure, when the system has no more processes or descriptors.
std::optional<Child> start(size_t Index, function_ref<std::string(size_t)> Job,
                           std::string &Failure) {
  int Ends[2];
  if (::pipe(Ends) != 0) {
    Failure = std::string("no pipe: ") + sys::StrError();
    return std::nullopt;
  }
  outs().flush();
  errs().flush();
  pid_t Pid = ::fork();
  if (Pid < 0) {
    Failure = std::string("no process: ") + sys::StrError();
    ::close(Ends[0]);
    ::close(Ends[1]);
    return std::nullopt;
  }
  if (Pid == 0) {
    ::close(Ends[0]);
    bool Written = writeAll(Ends[1], Job(Index));
    errs().flush();
    // No destructors and no atexit handlers: they belong to the parent.
    ::_exit(Written ? 0 : 1);
  }
  ::close(Ends[1]);
  return Child{Index, Pid, Ends[0], {}};
}

/// Takes what there is to read. \return false at the end of the stream.
bool drain(Child &C) {
  char Buffer[65536];
  ssize_t N =
      sys::RetryAfterSignal(-1, ::read, C.Pipe, &Buffer[0], sizeof(Buffer));
  if (N <= 0)
    return false;
  C.Output.append(Buffer, N);
  return true;
}

JobOutcome finish(Child &C) {
  ::close(C.Pipe);
  int Status = 0;
  sys::RetryAfterSignal(-1, ::waitpid, C.Pid, &Status, 0);
  JobOutcome Outcome;
  Outcome.Death = describeDeath(Status);
  if (Outcome.Death.empty())
    Outcome.Result = std::move(C.Output);
  return Outcome;
}

} // namespace

std::vector<JobOutcome> runJobs(size_t Count, unsigned Parallel,
                                function_ref<std::string(size_t)> Job,
                                function_ref<void(size_t)> Progress) {
  std::vector<JobOutcome> Outcomes(Count);
  SmallVector<Child> Running;
  size_t Next = 0, Done = 0;
  while (Done < Count) {
    while (Next < Count && Running.size() < std::max(Parallel, 1u)) {
      std::string Failure;
      if (std::optional<Child> C = start(Next, Job, Failure)) {
        Running.push_back(std::move(*C));
      } else {
        Outcomes[Next].Death = Failure;
        Progress(++Done);
      }
      ++Next;
    }
    SmallVector<pollfd> Polled;
    for (const Child &C : Running)
      Polled.push_back({C.Pipe, POLLIN, 0});
    sys::RetryAfterSignal(-1, ::poll, Polled.data(), Polled.size(), -1);
    for (size_t I = Running.size(); I-- > 0;) {
      if (Polled[I].revents == 0 || drain(Running[I]))
        continue;
      Outcomes[Running[I].Index] = finish(Running[I]);
      Running.erase(Running.begin() + I);
      Progress(++Done);
    }
  }
  return Outcomes;
}

} // namespace coralc
