#include <coral/detail/worker_processes.hpp>

#include <cxxabi.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>
#include <typeinfo>
#include <utility>
#include <vector>

namespace coral::detail {
namespace {

class descriptor {
public:
  descriptor() noexcept = default;
  explicit descriptor(int number) noexcept : number_(number) {}
  descriptor(descriptor &&other) noexcept : number_(std::exchange(other.number_, -1)) {}
  descriptor &operator=(descriptor &&other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~descriptor() { reset(); }

  int get() const noexcept { return number_; }
  void reset() noexcept {
    if (number_ >= 0)
      ::close(std::exchange(number_, -1));
  }

private:
  int number_ = -1;
};

[[noreturn]] void throw_errno(const char *what) {
  throw std::system_error(errno, std::system_category(), what);
}

struct connection {
  descriptor here;
  descriptor there;
};

connection make_connection(int type) {
  int both[2];
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, both) != 0)
    throw_errno("socketpair");
  return {descriptor(both[0]), descriptor(both[1])};
}

bool send_all(int to, const void *data, std::size_t size) noexcept {
  const char *rest = static_cast<const char *>(data);
  while (size != 0) {
    const ssize_t sent = ::send(to, rest, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR)
      continue;
    if (sent <= 0)
      return false;
    rest += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

bool receive_all(int from, void *data, std::size_t size) noexcept {
  char *rest = static_cast<char *>(data);
  while (size != 0) {
    const ssize_t received = ::recv(from, rest, size, 0);
    if (received < 0 && errno == EINTR)
      continue;
    if (received <= 0)
      return false;
    rest += received;
    size -= static_cast<std::size_t>(received);
  }
  return true;
}

/// A text is its length and its bytes.
bool send_text(int to, const std::string &text) noexcept {
  const std::uint64_t size = text.size();
  return send_all(to, &size, sizeof size) && send_all(to, text.data(), text.size());
}

bool receive_text(int from, std::string &text) {
  std::uint64_t size;
  if (!receive_all(from, &size, sizeof size))
    return false;
  text.resize(size);
  return receive_all(from, text.data(), text.size());
}

bool send_request(int to, const worker_request &request) noexcept {
  return send_all(to, &request.entry, sizeof request.entry) && send_text(to, request.bytes);
}

bool receive_request(int from, worker_request &request) {
  return receive_all(from, &request.entry, sizeof request.entry) &&
         receive_text(from, request.bytes);
}

bool send_reply(int to, const worker_reply &reply) noexcept {
  return send_all(to, &reply.failed, sizeof reply.failed) && send_text(to, reply.type_name) &&
         send_text(to, reply.bytes);
}

bool receive_reply(int from, worker_reply &reply) {
  return receive_all(from, &reply.failed, sizeof reply.failed) &&
         receive_text(from, reply.type_name) && receive_text(from, reply.bytes);
}

std::string name_of(const std::type_info *type) {
  if (!type)
    return "an unknown type";
  int status = 0;
  const std::unique_ptr<char, void (*)(void *)> name(
      abi::__cxa_demangle(type->name(), nullptr, nullptr, &status), std::free);
  return status == 0 ? name.get() : type->name();
}

worker_reply answer(const worker_request &request) {
  try {
    std::istringstream arguments(request.bytes);
    return {false, "", request.entry(arguments)};
  } catch (const std::exception &error) {
    return {true, name_of(abi::__cxa_current_exception_type()), error.what()};
  } catch (...) {
    const std::string type = name_of(abi::__cxa_current_exception_type());
    return {true, type, type};
  }
}

// What the forked processes do. The server was forked while the program may have had other threads:
// it makes system calls only.

[[noreturn]] void be_worker(int program) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  worker_request request;
  while (receive_request(program, request)) {
    const worker_reply reply = answer(request);
    std::cout.flush();
    std::fflush(nullptr);
    if (!send_reply(program, reply))
      break;
  }
  ::_exit(0);
}

/// What the program asks of the server: a worker at the other end of the descriptor that comes
/// along, or, with the number of a worker, its end and its status.
struct server_request {
  pid_t ended;
};

struct server_reply {
  pid_t worker;
  int status;
};

/// The control data that carries one descriptor.
union descriptor_message {
  char space[CMSG_SPACE(sizeof(int))];
  cmsghdr alignment;
};

ssize_t receive_order(int program, server_request &request, descriptor &passed) noexcept {
  descriptor_message control;
  iovec part{&request, sizeof request};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = &control;
  message.msg_controllen = sizeof control;
  ssize_t size;
  do
    size = ::recvmsg(program, &message, MSG_CMSG_CLOEXEC);
  while (size < 0 && errno == EINTR);
  if (const cmsghdr *header = CMSG_FIRSTHDR(&message); size > 0 && header) {
    int number;
    std::memcpy(&number, CMSG_DATA(header), sizeof number);
    passed = descriptor(number);
  }
  return size;
}

/// The same descriptor under a number that no library has known. Some keep descriptors of their own
/// and change them after a fork, by numbers that here may mean something else: libuv does.
descriptor out_of_the_way(descriptor given) noexcept {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t numbers = std::min<rlim_t>(limit.rlim_cur, 1 << 16);
  const int moved =
      ::fcntl(given.get(), F_DUPFD_CLOEXEC, static_cast<int>(numbers > 16 ? numbers - 16 : 3));
  return moved < 0 ? std::move(given) : descriptor(moved);
}

server_reply start_worker(int control, const descriptor &connection) noexcept {
  const pid_t worker = ::fork();
  if (worker == 0) {
    ::close(control);
    be_worker(connection.get());
  }
  return {worker, worker < 0 ? errno : 0};
}

server_reply end_worker(pid_t worker) noexcept {
  int status = 0;
  ::kill(worker, SIGKILL);
  while (::waitpid(worker, &status, 0) < 0 && errno == EINTR)
    ;
  return {worker, status};
}

void reset_signals() noexcept {
  for (int signal = 1; signal != NSIG; ++signal)
    ::signal(signal, signal == SIGINT ? SIG_IGN : SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void be_server(int program) {
  reset_signals();
  const descriptor moved = out_of_the_way(descriptor(program));
  const int control = moved.get();
  ::close_range(3, static_cast<unsigned>(control) - 1, 0);
  ::close_range(static_cast<unsigned>(control) + 1, ~0u, 0);
  for (;;) {
    server_request request;
    descriptor passed;
    if (receive_order(control, request, passed) <= 0)
      ::_exit(0);
    const server_reply reply = request.ended != 0
                                   ? end_worker(request.ended)
                                   : start_worker(control, out_of_the_way(std::move(passed)));
    ::send(control, &reply, sizeof reply, MSG_NOSIGNAL);
  }
}

std::string describe(int status) {
  if (WIFSIGNALED(status))
    return "was killed by signal " + std::to_string(WTERMSIG(status));
  return "exited with status " + std::to_string(WEXITSTATUS(status));
}

struct worker {
  pid_t process;
  descriptor connection;
};

} // namespace

class worker_processes::state {
public:
  state() {
    connection control = make_connection(SOCK_SEQPACKET);
    // What is buffered is written once, by the program.
    std::cout.flush();
    std::fflush(nullptr);
    server_ = ::fork();
    if (server_ < 0)
      throw_errno("fork");
    if (server_ == 0)
      be_server(control.there.get());
    control_ = std::move(control.here);
  }

  ~state() {
    for (worker &each : idle_)
      end(each);
    control_.reset();
    while (::waitpid(server_, nullptr, 0) < 0 && errno == EINTR)
      ;
  }

  worker take() {
    std::lock_guard lock(mutex_);
    if (idle_.empty())
      return start();
    worker taken = std::move(idle_.back());
    idle_.pop_back();
    return taken;
  }

  void give_back(worker &&given) {
    std::lock_guard lock(mutex_);
    idle_.push_back(std::move(given));
  }

  /// How the worker ended.
  std::string bury(worker &dead) {
    std::lock_guard lock(mutex_);
    const std::optional<server_reply> reply = end(dead);
    return reply ? describe(reply->status) : "is gone with its server process";
  }

private:
  // All with the mutex held.

  worker start() {
    connection made = make_connection(SOCK_STREAM);
    const std::optional<server_reply> reply = ask({0}, made.there.get());
    if (!reply)
      throw broken_process_pool("the process that starts workers is gone");
    if (reply->worker < 0)
      throw std::system_error(reply->status, std::system_category(), "fork");
    return {reply->worker, std::move(made.here)};
  }

  std::optional<server_reply> end(worker &ended) {
    ended.connection.reset();
    return ask({ended.process}, -1);
  }

  std::optional<server_reply> ask(server_request request, int passed) {
    descriptor_message control;
    iovec part{&request, sizeof request};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (passed >= 0) {
      message.msg_control = &control;
      message.msg_controllen = sizeof control;
      cmsghdr *header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(sizeof passed);
      std::memcpy(CMSG_DATA(header), &passed, sizeof passed);
    }
    while (::sendmsg(control_.get(), &message, MSG_NOSIGNAL) < 0)
      if (errno != EINTR)
        return std::nullopt;
    server_reply reply;
    if (!receive_all(control_.get(), &reply, sizeof reply))
      return std::nullopt;
    return reply;
  }

  std::mutex mutex_;
  descriptor control_;
  pid_t server_ = -1;
  std::vector<worker> idle_;
};

worker_processes::worker_processes() : state_(std::make_unique<state>()) {}
worker_processes::~worker_processes() = default;

worker_reply worker_processes::call(const worker_request &request) {
  worker chosen = state_->take();
  const int connection = chosen.connection.get();
  worker_reply reply;
  if (!send_request(connection, request) || !receive_reply(connection, reply))
    throw broken_process_pool("the worker process " + state_->bury(chosen) + " during the call");
  state_->give_back(std::move(chosen));
  return reply;
}

} // namespace coral::detail
