// stream_reader: what reading gives, however the bytes come.

#include "manual_event.hpp"

#include <coral/loop/manual.hpp>
#include <coral/streams.hpp>
#include <coral/tasks.hpp>

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using coral::stream_reader;
using coral::task;
using namespace std::chrono_literals;

class StreamReader : public testing::Test {
protected:
  template <class T> T run(task<T> work) { return loop.run_until_complete(std::move(work)); }

  /// The text of the `Error` that `work` throws.
  template <class Error, class T> std::string error_of(task<T> work) {
    try {
      run(std::move(work));
    } catch (const Error &error) {
      return error.what();
    }
    return "nothing was thrown";
  }

  /// Feeds `pieces` one by one, each in a batch of its own, then the end.
  task<void> feed(std::vector<std::string> pieces) {
    for (const std::string &piece : pieces) {
      co_await coral::yield();
      reader.feed_data(piece);
    }
    co_await coral::yield();
    reader.feed_eof();
  }

  coral::manual_loop loop;
  stream_reader reader{loop, 8};
};

TEST_F(StreamReader, ReadGivesWhatIsThere) {
  reader.feed_data("abcdef");
  EXPECT_EQ(run(reader.read(4)), "abcd");
  EXPECT_EQ(run(reader.read(100)), "ef");
}

TEST_F(StreamReader, ReadWaitsForTheFirstBytesOnly) {
  auto feeding = loop.create_task(feed({"ab", "cd"}));
  EXPECT_EQ(run(reader.read(100)), "ab");
  EXPECT_EQ(run(reader.read(100)), "cd");
  EXPECT_EQ(run(reader.read(100)), "");
  EXPECT_TRUE(reader.at_eof());
}

TEST_F(StreamReader, ReadOfNothingDoesNotWait) { EXPECT_EQ(run(reader.read(0)), ""); }

TEST_F(StreamReader, ReadToTheEnd) {
  auto feeding = loop.create_task(feed({"abc", "defghijklmnopqrstuv", "w"}));
  EXPECT_EQ(run(reader.read()), "abcdefghijklmnopqrstuvw");
}

TEST_F(StreamReader, BytesOutliveTheEndOfTheStream) {
  reader.feed_data("ab");
  reader.feed_eof();
  EXPECT_FALSE(reader.at_eof());
  EXPECT_EQ(run(reader.read(10)), "ab");
  EXPECT_TRUE(reader.at_eof());
  EXPECT_EQ(run(reader.read(10)), "");
}

TEST_F(StreamReader, NullBytesAreBytes) {
  reader.feed_data(std::string_view("a\0b", 3));
  EXPECT_EQ(run(reader.readexactly(3)), std::string("a\0b", 3));
}

TEST_F(StreamReader, ReadintoFillsTheCallersMemory) {
  std::array<std::byte, 4> memory{};
  reader.feed_data("abcdef");
  EXPECT_EQ(run(reader.readinto(memory)), 4u);
  EXPECT_EQ(memory[3], std::byte('d'));
  EXPECT_EQ(run(reader.readinto(memory)), 2u);
  EXPECT_EQ(memory[0], std::byte('e'));
  reader.feed_eof();
  EXPECT_EQ(run(reader.readinto(memory)), 0u);
  EXPECT_EQ(run(reader.readinto({})), 0u);
}

TEST_F(StreamReader, fact_91_readexactly_gives_all_that_was_asked_for) {
  auto feeding = loop.create_task(feed({"ab", "cd", "efg"}));
  EXPECT_EQ(run(reader.readexactly(5)), "abcde");
  EXPECT_EQ(run(reader.readexactly(0)), "");
  EXPECT_EQ(run(reader.readexactly(2)), "fg");
}

TEST_F(StreamReader, fact_91_readexactly_short_throws_what_there_was) {
  auto feeding = loop.create_task(feed({"ab", "c"}));
  try {
    run(reader.readexactly(5));
    FAIL() << "nothing was thrown";
  } catch (const coral::incomplete_read_error &error) {
    EXPECT_EQ(error.partial(), "abc");
    EXPECT_EQ(error.expected(), 5u);
    EXPECT_STREQ(error.what(), "3 bytes read on a total of 5 expected bytes");
  }
  EXPECT_TRUE(reader.at_eof());
}

TEST_F(StreamReader, fact_91_readexactly_may_exceed_the_limit) {
  reader.feed_data(std::string(100, 'x'));
  EXPECT_EQ(run(reader.readexactly(100)).size(), 100u);
}

TEST_F(StreamReader, fact_91_readuntil_gives_the_separator_too) {
  auto feeding = loop.create_task(feed({"ab\r", "\ncd\r\nef"}));
  EXPECT_EQ(run(reader.readuntil("\r\n")), "ab\r\n");
  EXPECT_EQ(run(reader.readuntil("\r\n")), "cd\r\n");
  try {
    run(reader.readuntil("\r\n"));
    FAIL() << "nothing was thrown";
  } catch (const coral::incomplete_read_error &error) {
    EXPECT_EQ(error.partial(), "ef");
    EXPECT_EQ(error.expected(), std::nullopt);
  }
}

TEST_F(StreamReader, fact_91_readuntil_of_a_long_separator_split_everywhere) {
  auto feeding = loop.create_task(feed({"x", "A", "A", "A", "B", "y"}));
  EXPECT_EQ(run(reader.readuntil("AAB")), "xAAAB");
}

TEST_F(StreamReader, fact_91_readuntil_past_the_limit_found) {
  reader.feed_data("0123456789\nrest");
  try {
    run(reader.readuntil());
    FAIL() << "nothing was thrown";
  } catch (const coral::limit_overrun_error &error) {
    EXPECT_EQ(error.consumed(), 10u);
    EXPECT_STREQ(error.what(), "Separator is found, but chunk is longer than limit");
  }
  // It is all still there.
  EXPECT_EQ(run(reader.readexactly(15)), "0123456789\nrest");
}

TEST_F(StreamReader, fact_91_readuntil_past_the_limit_not_found) {
  reader.feed_data("0123456789a");
  try {
    run(reader.readuntil("END"));
    FAIL() << "nothing was thrown";
  } catch (const coral::limit_overrun_error &error) {
    // The last two bytes may be the beginning of a separator.
    EXPECT_EQ(error.consumed(), 9u);
    EXPECT_STREQ(error.what(), "Separator is not found, and chunk exceed the limit");
  }
}

TEST_F(StreamReader, fact_91_readuntil_at_the_limit_is_within_it) {
  reader.feed_data("01234567\n");
  EXPECT_EQ(run(reader.readuntil()), "01234567\n");
}

TEST_F(StreamReader, fact_91_readuntil_needs_a_separator) {
  EXPECT_EQ(error_of<coral::value_error>(reader.readuntil("")),
            "Separator should be at least one-byte string");
}

TEST_F(StreamReader, fact_91_readline_gives_the_rest_at_the_end) {
  auto feeding = loop.create_task(feed({"one\ntw", "o\nthr", "ee"}));
  EXPECT_EQ(run(reader.readline()), "one\n");
  EXPECT_EQ(run(reader.readline()), "two\n");
  EXPECT_EQ(run(reader.readline()), "three");
  EXPECT_EQ(run(reader.readline()), "");
}

TEST_F(StreamReader, fact_91_readline_drops_a_line_over_the_limit) {
  reader.feed_data("0123456789\nnext\n");
  EXPECT_EQ(error_of<coral::value_error>(reader.readline()),
            "Separator is found, but chunk is longer than limit");
  EXPECT_EQ(run(reader.readline()), "next\n");
}

TEST_F(StreamReader, fact_91_readline_drops_the_beginning_of_a_line_over_the_limit) {
  reader.feed_data("0123456789");
  EXPECT_EQ(error_of<coral::value_error>(reader.readline()),
            "Separator is not found, and chunk exceed the limit");
  reader.feed_data("next\n");
  EXPECT_EQ(run(reader.readline()), "next\n");
}

TEST_F(StreamReader, fact_91_a_second_reader_is_refused) {
  auto first = loop.create_task(reader.read(10));
  auto second = [&]() -> task<std::string> {
    co_await coral::yield();
    co_return co_await reader.readline();
  };
  EXPECT_EQ(error_of<coral::runtime_error>(second()),
            "readuntil() called while another coroutine is already waiting for incoming data");
  reader.feed_data("ab");
  EXPECT_EQ(loop.run_until_complete(first), "ab");
}

TEST_F(StreamReader, fact_91_a_second_read_says_which_it_is) {
  auto first = loop.create_task(reader.readexactly(1));
  auto second = [&]() -> task<std::string> {
    co_await coral::yield();
    co_return co_await reader.read(1);
  };
  EXPECT_EQ(error_of<coral::runtime_error>(second()),
            "read() called while another coroutine is already waiting for incoming data");
  reader.feed_eof();
  EXPECT_THROW(loop.run_until_complete(first), coral::incomplete_read_error);
}

TEST_F(StreamReader, AnErrorIsThrownToWhoeverReads) {
  auto waiting = loop.create_task(reader.read(10));
  auto fail = [&]() -> task<void> {
    co_await coral::yield();
    reader.set_exception(std::make_exception_ptr(std::runtime_error("broken")));
  };
  run(fail());
  try {
    loop.run_until_complete(waiting);
    FAIL() << "nothing was thrown";
  } catch (const std::runtime_error &error) {
    EXPECT_STREQ(error.what(), "broken");
  }
  EXPECT_TRUE(reader.exception());
  EXPECT_EQ(error_of<std::runtime_error>(reader.readline()), "broken");
  EXPECT_EQ(error_of<std::runtime_error>(reader.readexactly(1)), "broken");
}

TEST_F(StreamReader, ACancelledReadTakesNothing) {
  auto cancelled = loop.create_task(reader.readexactly(4));
  auto body = [&]() -> task<void> {
    co_await coral::yield();
    reader.feed_data("ab");
    co_await coral::yield();
    cancelled.cancel();
    reader.feed_data("cd");
  };
  run(body());
  EXPECT_THROW(loop.run_until_complete(cancelled), coral::cancelled_error);
  EXPECT_EQ(run(reader.readexactly(4)), "abcd");
}

TEST_F(StreamReader, ACancelledReadMakesRoomForTheNext) {
  auto cancelled = loop.create_task(reader.read(4));
  auto body = [&]() -> task<std::string> {
    co_await coral::yield();
    cancelled.cancel();
    try {
      co_await cancelled;
    } catch (const coral::cancelled_error &) {
    }
    reader.feed_data("x");
    co_return co_await reader.read(4);
  };
  EXPECT_EQ(run(body()), "x");
}

TEST_F(StreamReader, ALimitOfZeroIsRefused) {
  EXPECT_THROW(stream_reader(loop, 0), coral::value_error);
}

TEST_F(StreamReader, ManySmallReadsOfALargeBuffer) {
  std::string all;
  for (int i = 0; i != 1000; ++i)
    all += std::to_string(i) + ",";
  stream_reader large(loop, 1 << 20);
  large.feed_data(all);
  std::string seen;
  auto body = [&]() -> task<void> {
    while (seen.size() != all.size())
      seen += co_await large.readuntil(",");
  };
  run(body());
  EXPECT_EQ(seen, all);
}

} // namespace
