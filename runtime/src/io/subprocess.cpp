#include <coral/subprocess.hpp>

#include "spawn_process.hpp"
#include "stream_core.hpp"

#include <coral/detail/waiting.hpp>
#include <coral/errors.hpp>
#include <coral/tasks.hpp>

#include <cerrno>
#include <csignal>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace coral::detail {

/// What stands behind the handles of a process. Holds itself until the child has ended.
class child_process final : public ready_entry, public std::enable_shared_from_this<child_process> {
public:
  child_process(event_loop &loop, pid_t pid, owned_descriptor pidfd)
      : loop_(loop), pid_(pid), pidfd_(std::move(pidfd)) {}

  /// `child` has the parent's ends of the pipes.
  void start(spawned_process &child, std::size_t limit) {
    in_ = stream_of(std::move(child.in), endpoint_kind::write_pipe, limit);
    out_ = stream_of(std::move(child.out), endpoint_kind::read_pipe, limit);
    err_ = stream_of(std::move(child.err), endpoint_kind::read_pipe, limit);
    descriptor_access::watch(loop_, pidfd_.get(), io_direction::read, *this);
    resource_access::add(loop_, closing_);
    self_ = shared_from_this();
  }

  pid_t pid() const noexcept { return pid_; }
  std::optional<int> returncode() const noexcept { return returncode_; }

  task<int> wait() {
    const std::shared_ptr<child_process> keep = shared_from_this();
    while (!returncode_)
      co_await ended_.wait(loop_);
    co_return *returncode_;
  }

  void send_signal(int signal) {
    if (returncode_)
      throw_errno(ESRCH, "kill");
    if (::syscall(SYS_pidfd_send_signal, pidfd_.get(), signal, nullptr, 0) < 0)
      throw_errno("kill");
  }

  bool has_stdin() const noexcept { return in_.has_value(); }
  bool has_stdout() const noexcept { return out_.has_value(); }
  bool has_stderr() const noexcept { return err_.has_value(); }

  stream_writer stdin_() const { return open(in_, "stdin").writer; }
  stream_reader stdout_() { return reader_of(open(out_, "stdout")); }
  stream_reader stderr_() { return reader_of(open(err_, "stderr")); }

  /// The pidfd is readable: the child has ended.
  void run(driver &) override {
    int status = 0;
    const pid_t ended = ::waitpid(pid_, &status, WNOHANG);
    if (ended == 0)
      return;
    if (ended < 0) {
      constexpr int unknown = 255;
      returncode_ = unknown;
      loop_.call_exception_handler(
          {"Unknown child process, will report returncode 255",
           std::make_exception_ptr(std::system_error(errno, std::system_category(), "waitpid")),
           std::nullopt});
    } else {
      returncode_ = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
    }
    ended_.wake_all(loop_);
    release();
  }

  void drop() noexcept override {}

private:
  /// The parent's end of a pipe; dropping the writer closes it, whichever way it goes.
  struct pipe_end {
    std::shared_ptr<stream_core> core;
    stream_writer writer;
  };

  struct closing final : loop_resource {
    explicit closing(child_process &owner) noexcept : owner(owner) {}
    void loop_closed() noexcept override { owner.release(); }
    child_process &owner;
  };

  static std::optional<pipe_end> stream_of(owned_descriptor fd, endpoint_kind kind,
                                           std::size_t limit) {
    if (!fd)
      return std::nullopt;
    auto core = std::make_shared<stream_core>(get_running_loop(), limit);
    start_transport(std::move(fd), kind, core);
    return pipe_end{core, core->writer()};
  }

  static const pipe_end &open(const std::optional<pipe_end> &end, const char *name) {
    if (!end)
      throw value_error(std::string(name) + " of the process is not a pipe");
    return *end;
  }

  /// A reader that keeps the pipe open.
  stream_reader reader_of(const pipe_end &end) {
    return stream_reader(
        std::shared_ptr<reader_core>(shared_from_this(), &end.core->reader_state()));
  }

  void release() noexcept {
    const std::shared_ptr<child_process> keep = std::move(self_);
    descriptor_access::unwatch(loop_, pidfd_.get(), io_direction::read);
    closing_.unlink();
    pidfd_.reset();
  }

  event_loop &loop_;
  const pid_t pid_;
  owned_descriptor pidfd_;
  std::optional<int> returncode_;
  waiter_list ended_;
  std::optional<pipe_end> in_;
  std::optional<pipe_end> out_;
  std::optional<pipe_end> err_;
  closing closing_{*this};
  std::shared_ptr<child_process> self_;
};

namespace {

task<void> feed(stream_writer in, std::string input) {
  try {
    in.write(input);
    co_await in.drain();
  } catch (const std::system_error &error) {
    // A child need not read its input.
    if (error.code() != std::errc::broken_pipe && error.code() != std::errc::connection_reset)
      throw;
  }
  in.close();
}

task<std::string> read_all(stream_reader from) { co_return co_await from.read(); }

task<void> nothing() { co_return; }
task<std::string> no_bytes() { co_return std::string(); }

task<std::pair<std::string, std::string>> communicate(std::shared_ptr<child_process> child,
                                                      std::string input) {
  task<void> in = child->has_stdin() ? feed(child->stdin_(), std::move(input)) : nothing();
  task<std::string> out = child->has_stdout() ? read_all(child->stdout_()) : no_bytes();
  task<std::string> err = child->has_stderr() ? read_all(child->stderr_()) : no_bytes();
  auto all = co_await gather(std::move(in), std::move(out), std::move(err));
  co_await child->wait();
  co_return std::pair(std::move(std::get<1>(all)), std::move(std::get<2>(all)));
}

} // namespace
} // namespace coral::detail

namespace coral {

pid_t process::pid() const noexcept { return state_->pid(); }
std::optional<int> process::returncode() const noexcept { return state_->returncode(); }
task<int> process::wait() { return state_->wait(); }

task<std::pair<std::string, std::string>> process::communicate(std::string input) {
  return detail::communicate(state_, std::move(input));
}

void process::send_signal(int signal) { state_->send_signal(signal); }
void process::terminate() { send_signal(SIGTERM); }
void process::kill() { send_signal(SIGKILL); }
stream_writer process::stdin_() const { return state_->stdin_(); }
stream_reader process::stdout_() const { return state_->stdout_(); }
stream_reader process::stderr_() const { return state_->stderr_(); }

task<process> create_subprocess_exec(std::vector<std::string> arguments,
                                     subprocess::options options) {
  event_loop &loop = get_running_loop();
  detail::spawned_process child = detail::spawn_process(arguments, options);
  auto state = std::make_shared<detail::child_process>(loop, child.pid, std::move(child.pidfd));
  state->start(child, options.limit);
  co_return process(std::move(state));
}

task<process> create_subprocess_shell(std::string command, subprocess::options options) {
  return create_subprocess_exec({"/bin/sh", "-c", std::move(command)}, std::move(options));
}

} // namespace coral
