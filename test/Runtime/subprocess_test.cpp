// Child processes: every test runs on every backend.

#include "io_fixture.hpp"

#include <coral/detail/owned_descriptor.hpp>
#include <coral/errors.hpp>
#include <coral/subprocess.hpp>
#include <coral/tasks.hpp>

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using coral::create_subprocess_exec;
using coral::create_subprocess_shell;
using coral::process;
using coral::task;
namespace subprocess = coral::subprocess;
using namespace std::chrono_literals;

using output = std::pair<std::string, std::string>;

class SubprocessTest : public IoTest {
protected:
  /// What a shell's command writes, and how it ends.
  static task<output> run(std::string command, subprocess::options options, int &code,
                          std::string input = {}) {
    process child = co_await create_subprocess_shell(std::move(command), std::move(options));
    output written = co_await child.communicate(std::move(input));
    code = child.returncode().value();
    co_return written;
  }

  output shell(std::string command, subprocess::options options = all_pipes()) {
    return complete(run(std::move(command), std::move(options), code));
  }

  output feed(std::string input, std::string command) {
    return complete(run(std::move(command), all_pipes(), code, std::move(input)));
  }

  static subprocess::options all_pipes() {
    return {.stdin_ = subprocess::pipe, .stdout_ = subprocess::pipe, .stderr_ = subprocess::pipe};
  }

  int code = -1000;
};
CORAL_ON_EVERY_LOOP(SubprocessTest);

TEST_P(SubprocessTest, fact_95_communicate_gives_output_and_returncode) {
  EXPECT_EQ(shell("printf hi; exit 3"), output("hi", ""));
  EXPECT_EQ(code, 3);
}

TEST_P(SubprocessTest, fact_95_communicate_feeds_the_child) {
  EXPECT_EQ(feed("to and fro", "cat; printf error >&2"), output("to and fro", "error"));
  EXPECT_EQ(code, 0);
}

TEST_P(SubprocessTest, fact_95_communicate_of_much_in_all_directions) {
  const std::string much(500'000, 'x');
  EXPECT_TRUE(feed(much, "tee /dev/stderr") == output(much, much));
}

TEST_P(SubprocessTest, fact_95_input_that_nobody_reads_is_no_error) {
  EXPECT_EQ(feed(std::string(1'000'000, 'x'), "exec 0<&-; exit 4"), output());
  EXPECT_EQ(code, 4);
}

TEST_P(SubprocessTest, fact_95_a_killed_child_returns_the_negative_signal) {
  auto body = []() -> task<void> {
    process child = co_await create_subprocess_exec("sleep", "100");
    EXPECT_GT(child.pid(), 0);
    EXPECT_EQ(child.returncode(), std::nullopt);
    child.kill();
    EXPECT_EQ(co_await child.wait(), -SIGKILL);
    EXPECT_EQ(child.returncode(), -SIGKILL);
  };
  complete(body());
}

TEST_P(SubprocessTest, fact_95_terminate_and_send_signal) {
  auto body = []() -> task<void> {
    process first = co_await create_subprocess_exec("sleep", "100");
    process second = co_await create_subprocess_exec("sleep", "100");
    first.terminate();
    second.send_signal(SIGHUP);
    EXPECT_EQ(co_await first.wait(), -SIGTERM);
    EXPECT_EQ(co_await second.wait(), -SIGHUP);
    try {
      first.kill();
      ADD_FAILURE() << "nothing was thrown";
    } catch (const std::system_error &error) {
      EXPECT_EQ(error.code(), std::errc::no_such_process);
    }
  };
  complete(body());
}

TEST_P(SubprocessTest, fact_95_cancelling_wait_does_not_kill) {
  auto body = []() -> task<void> {
    process child = co_await create_subprocess_exec({.stdin_ = subprocess::pipe}, "cat");
    auto waiting = coral::create_task(child.wait());
    auto also_waiting = coral::create_task(child.wait());
    co_await coral::yield();
    waiting.cancel();
    bool cancelled = false;
    try {
      co_await waiting;
    } catch (const coral::cancelled_error &) {
      cancelled = true;
    }
    EXPECT_TRUE(cancelled);
    EXPECT_EQ(::kill(child.pid(), 0), 0);
    EXPECT_FALSE(also_waiting.done());
    child.stdin_().close();
    EXPECT_EQ(co_await also_waiting, 0);
    EXPECT_EQ(co_await child.wait(), 0);
  };
  complete(body());
}

TEST_P(SubprocessTest, fact_95_the_child_has_no_descriptors_but_its_own) {
  const coral::detail::descriptor_pair inheritable = coral::detail::make_pipe();
  const int leaky = ::dup(inheritable.first.get());
  // The directory that ls reads has a number too.
  EXPECT_EQ(shell("ls -1 /proc/self/fd | wc -l").first, "4\n");
  ::close(leaky);
}

TEST_P(SubprocessTest, ADescriptorCanBePassedOn) {
  const coral::detail::descriptor_pair pipe = coral::detail::make_pipe();
  const std::string number = std::to_string(pipe.second.get());
  subprocess::options options = SubprocessTest::all_pipes();
  options.pass_fds = {pipe.second.get()};
  EXPECT_EQ(shell("echo passed >/proc/self/fd/" + number, options), output());
  char text[7]{};
  EXPECT_EQ(::read(pipe.first.get(), text, 7), 7);
  EXPECT_STREQ(std::string(text, 6).c_str(), "passed");
}

TEST_P(SubprocessTest, StreamsCanBeUsedDirectly) {
  auto body = []() -> task<void> {
    process child = co_await create_subprocess_exec(
        {.stdin_ = subprocess::pipe, .stdout_ = subprocess::pipe}, "cat");
    coral::stream_writer in = child.stdin_();
    coral::stream_reader out = child.stdout_();
    for (const char *line : {"one\n", "two\n"}) {
      in.write(line);
      co_await in.drain();
      EXPECT_EQ(co_await out.readline(), line);
    }
    in.close();
    EXPECT_EQ(co_await out.read(), "");
    EXPECT_EQ(co_await child.wait(), 0);
    EXPECT_THROW(child.stderr_(), coral::value_error);
  };
  complete(body());
}

TEST_P(SubprocessTest, AReaderOutlivesTheHandleOfItsProcess) {
  auto output_of = [](std::string command) -> task<coral::stream_reader> {
    process child =
        co_await create_subprocess_shell(std::move(command), {.stdout_ = subprocess::pipe});
    co_await child.wait();
    co_return child.stdout_();
  };
  auto body = [&]() -> task<void> {
    coral::stream_reader out = co_await output_of("printf 'still here'");
    EXPECT_EQ(co_await out.read(), "still here");
  };
  complete(body());
}

TEST_P(SubprocessTest, StderrGoesWhereStdoutGoes) {
  EXPECT_EQ(shell("printf out; printf err >&2",
                  {.stdout_ = subprocess::pipe, .stderr_ = subprocess::to_stdout}),
            output("outerr", ""));
  auto misused = [] { return create_subprocess_exec({.stdout_ = subprocess::to_stdout}, "true"); };
  EXPECT_THROW(complete(misused()), coral::value_error);
}

TEST_P(SubprocessTest, ADescriptorCanBeAStandardStream) {
  const coral::detail::descriptor_pair pipe = coral::detail::make_pipe();
  shell("printf direct", {.stdin_ = subprocess::devnull, .stdout_ = pipe.second.get()});
  char text[6];
  EXPECT_EQ(::read(pipe.first.get(), text, 6), 6);
  EXPECT_EQ(std::string(text, 6), "direct");
}

TEST_P(SubprocessTest, DevnullIsEmpty) {
  EXPECT_EQ(shell("wc -c", {.stdin_ = subprocess::devnull, .stdout_ = subprocess::pipe}).first,
            "0\n");
}

TEST_P(SubprocessTest, TheEnvironmentIsTheOneGiven) {
  ::setenv("CORAL_INHERITED", "yes", 1);
  EXPECT_EQ(shell("printf %s $CORAL_INHERITED").first, "yes");
  subprocess::options options = SubprocessTest::all_pipes();
  options.env = std::map<std::string, std::string>{{"CORAL_OWN", "own"}};
  EXPECT_EQ(shell("printf %s \"$CORAL_OWN:$CORAL_INHERITED\"", options).first, "own:");
  ::unsetenv("CORAL_INHERITED");
}

TEST_P(SubprocessTest, TheDirectoryIsTheOneGiven) {
  const temporary_directory directory;
  subprocess::options options = SubprocessTest::all_pipes();
  options.cwd = std::filesystem::path(directory / ".").parent_path().string();
  EXPECT_EQ(shell("pwd", options).first, *options.cwd + "\n");
  options.cwd = directory / "missing";
  EXPECT_THROW(shell("pwd", options), std::system_error);
}

TEST_P(SubprocessTest, ASessionOfItsOwn) {
  subprocess::options options = SubprocessTest::all_pipes();
  options.start_new_session = true;
  EXPECT_EQ(shell("[ $(cut -d\" \" -f6 /proc/$$/stat) = $$ ] && printf own", options).first, "own");
}

TEST_P(SubprocessTest, AProgramThatIsNotThere) {
  for (const char *program : {"coral-no-such-program", "/no/such/program"}) {
    try {
      complete(create_subprocess_exec(SubprocessTest::all_pipes(), program));
      ADD_FAILURE() << "nothing was thrown";
    } catch (const std::system_error &error) {
      EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
      EXPECT_EQ(error.what(), std::string(program) + ": No such file or directory");
    }
  }
  EXPECT_THROW(complete(create_subprocess_exec(std::vector<std::string>())), coral::value_error);
}

TEST_P(SubprocessTest, SigpipeEndsTheChildAsUsual) {
  shell("kill -PIPE $$");
  EXPECT_EQ(code, -SIGPIPE);
}

TEST_P(SubprocessTest, WaitDoesNotWaitForGrandchildren) {
  auto body = []() -> task<void> {
    process child =
        co_await create_subprocess_shell("sleep 100 & printf $!", {.stdout_ = subprocess::pipe});
    EXPECT_EQ(co_await child.wait(), 0);
    const int grandchild = std::stoi(co_await child.stdout_().read(20));
    EXPECT_EQ(::kill(grandchild, SIGKILL), 0);
  };
  complete(body());
}

TEST_P(SubprocessTest, ManyChildrenAtOnce) {
  auto body = []() -> task<void> {
    auto one = [](int number) -> task<int> {
      process child = co_await create_subprocess_shell("exit " + std::to_string(number));
      co_return co_await child.wait();
    };
    std::vector<task<int>> all;
    std::vector<int> expected;
    for (int i = 0; i != 30; ++i) {
      all.push_back(one(i));
      expected.push_back(i);
    }
    EXPECT_EQ(co_await coral::gather(std::move(all)), expected);
  };
  complete(body());
}

TEST_P(SubprocessTest, ADroppedChildIsCollectedAllTheSame) {
  auto body = []() -> task<pid_t> {
    process child = co_await create_subprocess_exec("true");
    co_return child.pid();
  };
  const pid_t pid = complete(body());
  auto until_collected = [&]() -> task<void> {
    while (::kill(pid, 0) == 0)
      co_await coral::sleep(1ms);
  };
  complete(until_collected());
  EXPECT_EQ(errno, ESRCH);
}

TEST_P(SubprocessTest, ALoopThatClosesLetsTheChildGo) {
  auto body = []() -> task<process> {
    co_return co_await create_subprocess_exec(SubprocessTest::all_pipes(), "cat");
  };
  process child = complete(body());
  loop().close();
  // Its input has ended.
  int status = -1;
  EXPECT_EQ(::waitpid(child.pid(), &status, 0), child.pid());
  EXPECT_EQ(status, 0);
  EXPECT_EQ(child.returncode(), std::nullopt);
}

TEST_P(SubprocessTest, AChildThatSomebodyElseCollectedReturns255) {
  collect_errors();
  auto body = []() -> task<int> {
    process child = co_await create_subprocess_exec("true");
    ::waitpid(child.pid(), nullptr, 0);
    co_return co_await child.wait();
  };
  EXPECT_EQ(complete(body()), 255);
  EXPECT_EQ(errors, names{"Unknown child process, will report returncode 255"});
}

} // namespace
