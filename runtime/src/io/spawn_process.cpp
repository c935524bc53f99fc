#include "spawn_process.hpp"

#include <coral/errors.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

namespace coral::detail {
namespace {

using subprocess::redirection;

void check(int error, const char *what) {
  if (error)
    throw_errno(error, what);
}

class spawn_actions {
public:
  spawn_actions() { check(::posix_spawn_file_actions_init(&actions_), "posix_spawn"); }
  spawn_actions(const spawn_actions &) = delete;
  spawn_actions &operator=(const spawn_actions &) = delete;
  ~spawn_actions() { ::posix_spawn_file_actions_destroy(&actions_); }

  void duplicate(int from, int to) {
    check(::posix_spawn_file_actions_adddup2(&actions_, from, to), "posix_spawn");
  }

  void change_directory(const std::string &to) {
    check(::posix_spawn_file_actions_addchdir_np(&actions_, to.c_str()), "posix_spawn");
  }

  /// Closes everything above the standard streams but what is in `kept`.
  void close_all_but(std::vector<int> kept) {
    std::ranges::sort(kept);
    int next = STDERR_FILENO + 1;
    for (int fd : kept) {
      if (fd < next)
        continue;
      for (; next != fd; ++next)
        check(::posix_spawn_file_actions_addclose(&actions_, next), "posix_spawn");
      // To itself: no longer close-on-exec.
      duplicate(fd, fd);
      ++next;
    }
    check(::posix_spawn_file_actions_addclosefrom_np(&actions_, next), "posix_spawn");
  }

  const posix_spawn_file_actions_t *get() const noexcept { return &actions_; }

private:
  posix_spawn_file_actions_t actions_;
};

class spawn_attributes {
public:
  explicit spawn_attributes(const subprocess::options &options) {
    check(::posix_spawnattr_init(&attributes_), "posix_spawn");
    short flags = POSIX_SPAWN_SETSIGDEF;
    sigset_t by_default;
    sigemptyset(&by_default);
    sigaddset(&by_default, SIGPIPE);
    sigaddset(&by_default, SIGXFSZ);
    ::posix_spawnattr_setsigdefault(&attributes_, &by_default);
    if (options.start_new_session)
      flags |= POSIX_SPAWN_SETSID;
    if (options.process_group) {
      flags |= POSIX_SPAWN_SETPGROUP;
      ::posix_spawnattr_setpgroup(&attributes_, *options.process_group);
    }
    ::posix_spawnattr_setflags(&attributes_, flags);
  }
  spawn_attributes(const spawn_attributes &) = delete;
  spawn_attributes &operator=(const spawn_attributes &) = delete;
  ~spawn_attributes() { ::posix_spawnattr_destroy(&attributes_); }

  const posix_spawnattr_t *get() const noexcept { return &attributes_; }

private:
  posix_spawnattr_t attributes_;
};

/// A standard stream of the child, before it has its number.
class standard_stream {
public:
  /// `number` is the stream's number in the child. Of a pipe, `parents` becomes the other end.
  standard_stream(redirection where, int number, owned_descriptor &parents) : number_(number) {
    switch (where.what()) {
    case redirection::kind::inherit:
      break;
    case redirection::kind::pipe: {
      descriptor_pair ends = make_pipe();
      own_ = above_standard(number == STDIN_FILENO ? ends.first.get() : ends.second.get());
      parents = std::move(number == STDIN_FILENO ? ends.second : ends.first);
      break;
    }
    case redirection::kind::devnull:
      own_ = owned_descriptor(::open("/dev/null", O_RDWR | O_CLOEXEC));
      if (!own_)
        throw_errno("/dev/null");
      own_ = above_standard(own_.get());
      break;
    case redirection::kind::to_stdout:
      if (number != STDERR_FILENO)
        throw value_error("only stderr can be redirected to stdout");
      to_stdout_ = true;
      break;
    case redirection::kind::descriptor:
      own_ = above_standard(where.fd());
      break;
    }
  }

  void apply(spawn_actions &actions) const {
    if (own_)
      actions.duplicate(own_.get(), number_);
    else if (to_stdout_)
      actions.duplicate(STDOUT_FILENO, number_);
  }

private:
  /// A copy that no standard stream of the child will overwrite.
  static owned_descriptor above_standard(int fd) {
    owned_descriptor copy(::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    if (!copy)
      throw_errno("dup");
    return copy;
  }

  int number_;
  owned_descriptor own_;
  bool to_stdout_ = false;
};

std::vector<char *> pointers_to(std::vector<std::string> &strings) {
  std::vector<char *> pointers;
  for (std::string &each : strings)
    pointers.push_back(each.data());
  pointers.push_back(nullptr);
  return pointers;
}

} // namespace

spawned_process spawn_process(const std::vector<std::string> &arguments,
                              const subprocess::options &options) {
  if (arguments.empty() || arguments.front().empty())
    throw value_error("a program is needed");
  spawned_process child;
  const standard_stream streams[] = {
      standard_stream(options.stdin_, STDIN_FILENO, child.in),
      standard_stream(options.stdout_, STDOUT_FILENO, child.out),
      standard_stream(options.stderr_, STDERR_FILENO, child.err),
  };
  spawn_actions actions;
  for (const standard_stream &each : streams)
    each.apply(actions);
  actions.close_all_but(options.pass_fds);
  if (options.cwd)
    actions.change_directory(*options.cwd);
  const spawn_attributes attributes(options);

  std::vector<std::string> own_arguments = arguments;
  std::vector<std::string> own_environment;
  if (options.env)
    for (const auto &[name, value] : *options.env)
      own_environment.push_back(name + "=" + value);
  const std::vector<char *> argv = pointers_to(own_arguments);
  const std::vector<char *> env = pointers_to(own_environment);
  check(::posix_spawnp(&child.pid, argv.front(), actions.get(), attributes.get(), argv.data(),
                       options.env ? env.data() : environ),
        arguments.front().c_str());
  child.pidfd = owned_descriptor(static_cast<int>(::syscall(SYS_pidfd_open, child.pid, 0)));
  if (!child.pidfd) {
    const int error = errno;
    ::kill(child.pid, SIGKILL);
    ::waitpid(child.pid, nullptr, 0);
    throw_errno(error, "pidfd_open");
  }
  return child;
}

} // namespace coral::detail
