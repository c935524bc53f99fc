// Lets the harness end a program that has no way to end by itself, as if the
// program's own event loop had failed: the loop's next blocking wait throws.
// The exception takes the way of any exception that leaves a loop's run(), so
// the program's catch blocks and destructors run with its operations still
// pending, and a leak check at exit means something.
//
// Linked into the original and the rewritten program with
// --wrap=epoll_wait. The signal stays blocked outside of the wait: it neither
// interrupts other system calls nor gets lost.

#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <sys/epoll.h>

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

} // namespace

extern "C" int __wrap_epoll_wait(int Descriptor, epoll_event *Events,
                                 int MaxEvents, int Timeout) {
  if (StopRequested && Timeout != 0)
    stop();

  sigset_t Mask;
  pthread_sigmask(SIG_BLOCK, nullptr, &Mask);
  sigdelset(&Mask, stopSignal());
  int Count = epoll_pwait(Descriptor, Events, MaxEvents, Timeout, &Mask);
  if (Count < 0 && StopRequested)
    stop();
  return Count;
}
