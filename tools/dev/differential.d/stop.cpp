// Lets the harness end a program that has no way to end by itself, as if the
// program's own event loop had failed: the loop's next blocking wait throws.
// The exception takes the way of any exception that leaves a loop's run(), so
// the program's catch blocks and destructors run with its operations still
// pending, and a leak check at exit means something.
//
// Linked into the original and the rewritten program with
// --wrap=epoll_wait. A shared library that waits by itself, such as libuv,
// finds epoll_wait and epoll_pwait here before those of the C library; the
// exception leaves through it by its unwind tables. The signal stays blocked
// outside of the wait: it neither interrupts other system calls nor gets lost.

#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

volatile std::sig_atomic_t StopRequested = 0;

int stopSignal() { return SIGRTMAX - 3; }

void requestStop(int) { StopRequested = 1; }

// Runs before any thread of the program exists, so all inherit the mask.
[[gnu::constructor]] void prepareStop() {
  struct sigaction Action = {};
  Action.sa_handler = requestStop;
  sigaction(stopSignal(), &Action, nullptr);

  sigset_t Blocked;
  sigemptyset(&Blocked);
  sigaddset(&Blocked, stopSignal());
  pthread_sigmask(SIG_BLOCK, &Blocked, nullptr);

  if (std::getenv("DIFFERENTIAL_STOP_AT_FIRST_WAIT"))
    StopRequested = 1;
}

[[noreturn]] void stop() {
  StopRequested = 0;
  throw std::runtime_error("stopped by the harness");
}

int wait(int Descriptor, epoll_event *Events, int MaxEvents, int Timeout,
         const sigset_t *Wanted) {
  if (StopRequested && Timeout != 0)
    stop();

  sigset_t Mask;
  if (Wanted)
    Mask = *Wanted;
  else
    pthread_sigmask(SIG_BLOCK, nullptr, &Mask);
  sigdelset(&Mask, stopSignal());
  int Count = syscall(SYS_epoll_pwait, Descriptor, Events, MaxEvents, Timeout,
                      &Mask, std::size_t(_NSIG / 8));
  if (Count < 0 && StopRequested)
    stop();
  return Count;
}

} // namespace

extern "C" {

int __wrap_epoll_wait(int Descriptor, epoll_event *Events, int MaxEvents,
                      int Timeout) {
  return wait(Descriptor, Events, MaxEvents, Timeout, nullptr);
}

int epoll_wait(int Descriptor, epoll_event *Events, int MaxEvents,
               int Timeout) {
  return wait(Descriptor, Events, MaxEvents, Timeout, nullptr);
}

int epoll_pwait(int Descriptor, epoll_event *Events, int MaxEvents, int Timeout,
                const sigset_t *Mask) {
  return wait(Descriptor, Events, MaxEvents, Timeout, Mask);
}
}
