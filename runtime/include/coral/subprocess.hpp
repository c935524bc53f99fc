// Child processes: asyncio's `create_subprocess_exec` and `create_subprocess_shell`, on any loop.
//
//     coral::task<int> lines(std::string path) {
//       auto wc = co_await coral::create_subprocess_exec({.stdout_ = coral::subprocess::pipe},
//       "wc",
//                                                        "-l", path);
//       auto [out, err] = co_await wc.communicate();
//       co_return std::stoi(out);
//     }
//
// A child inherits the standard streams and those descriptors that are named, and no others. Its
// signal mask is its parent's; SIGPIPE and SIGXFSZ do what they do by default.

#ifndef CORAL_SUBPROCESS_HPP
#define CORAL_SUBPROCESS_HPP

#include <coral/streams.hpp>
#include <coral/task.hpp>

#include <sys/types.h>

#include <concepts>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coral {
namespace detail {
class child_process;
}

namespace subprocess {

/// What becomes of a standard stream of the child.
class redirection {
public:
  enum class kind : unsigned char { inherit, pipe, devnull, to_stdout, descriptor };

  constexpr redirection() noexcept = default;
  constexpr redirection(kind what) noexcept : kind_(what) {}

  /// A descriptor of the parent, which stays the parent's.
  constexpr redirection(int fd) noexcept : kind_(kind::descriptor), fd_(fd) {}

  constexpr kind what() const noexcept { return kind_; }
  constexpr int fd() const noexcept { return fd_; }

private:
  kind kind_ = kind::inherit;
  int fd_ = -1;
};

/// The parent's own.
inline constexpr redirection inherit{redirection::kind::inherit};
/// Python's `PIPE`: a stream of the parent's.
inline constexpr redirection pipe{redirection::kind::pipe};
/// Python's `DEVNULL`.
inline constexpr redirection devnull{redirection::kind::devnull};
/// Python's `STDOUT`: for stderr, where stdout goes.
inline constexpr redirection to_stdout{redirection::kind::to_stdout};

/// How a child is started.
struct options {
  redirection stdin_ = inherit;
  redirection stdout_ = inherit;
  redirection stderr_ = inherit;
  /// The child's directory; a relative program is looked for there.
  std::optional<std::string> cwd = std::nullopt;
  /// The child's whole environment; without it, the parent's. A program's name is looked for in
  /// the `PATH` of the parent.
  std::optional<std::map<std::string, std::string>> env = std::nullopt;
  /// Descriptors of the parent that the child has too, under the same numbers.
  std::vector<int> pass_fds = {};
  /// The child leads a session of its own.
  bool start_new_session = false;
  /// The process group to put the child into; 0 is one of its own.
  std::optional<pid_t> process_group = std::nullopt;
  /// The limit of the streams.
  std::size_t limit = stream_reader::default_limit;
};

} // namespace subprocess

/// asyncio.subprocess.Process: a handle, which can be copied. Dropping it changes nothing: the
/// child goes on, and the loop collects it when it ends. Calls belong to the thread of the loop.
class process {
public:
  explicit process(std::shared_ptr<detail::child_process> state) noexcept
      : state_(std::move(state)) {}

  pid_t pid() const noexcept;

  /// How the child ended: its exit code, or the negative number of the signal that killed it.
  /// Nothing while it runs, or while the loop does not know yet.
  std::optional<int> returncode() const noexcept;

  /// Waits until the child ends. Cancelling that does not kill it. With pipes that nobody reads, a
  /// child that writes much never ends: use `communicate`.
  task<int> wait();

  /// Writes `input` to the child's stdin and closes it, reads stdout and stderr to their ends, and
  /// waits. Gives what came from stdout and stderr, as far as they are pipes. A child that does not
  /// read its input is no error.
  task<std::pair<std::string, std::string>> communicate(std::string input = {});

  /// Throws `std::system_error`, `no_such_process`, once the child has ended: Python's
  /// `ProcessLookupError`.
  void send_signal(int signal);
  void terminate();
  void kill();

  /// The streams of what is a pipe; otherwise they throw `value_error`.
  stream_writer stdin_() const;
  stream_reader stdout_() const;
  stream_reader stderr_() const;

private:
  std::shared_ptr<detail::child_process> state_;
};

/// Starts a program: `arguments` are its name or path and what it is given. A name without a slash
/// is looked for in `PATH`. Throws `std::system_error`, such as `no_such_file_or_directory`, when
/// it cannot be started, and `value_error` without a program.
task<process> create_subprocess_exec(std::vector<std::string> arguments,
                                     subprocess::options options = {});

/// The same, with the arguments one by one: `create_subprocess_exec(options, "wc", "-l", path)`.
template <std::convertible_to<std::string> Program, std::convertible_to<std::string>... Arguments>
task<process> create_subprocess_exec(subprocess::options options, Program &&program,
                                     Arguments &&...arguments) {
  return create_subprocess_exec(std::vector<std::string>{std::forward<Program>(program),
                                                         std::forward<Arguments>(arguments)...},
                                std::move(options));
}

template <std::convertible_to<std::string> Program, std::convertible_to<std::string>... Arguments>
task<process> create_subprocess_exec(Program &&program, Arguments &&...arguments) {
  return create_subprocess_exec(subprocess::options(), std::forward<Program>(program),
                                std::forward<Arguments>(arguments)...);
}

/// The same for a command of `/bin/sh`.
task<process> create_subprocess_shell(std::string command, subprocess::options options = {});

} // namespace coral

#endif
