// What stands behind the handles of a stream.

#ifndef CORAL_IO_STREAM_CORE_HPP
#define CORAL_IO_STREAM_CORE_HPP

#include <coral/detail/waiting.hpp>
#include <coral/event_loop.hpp>
#include <coral/streams.hpp>

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace coral::detail {

/// The state of a `stream_reader`: bytes that came, and the coroutine that waits for more.
class reader_core {
public:
  reader_core(event_loop &loop, std::size_t limit);

  /// Waits for the next change.
  class awaiter final : public resume_entry {
  public:
    awaiter(reader_core &core, std::span<std::byte> into) noexcept : core_(core), into_(into) {}
    ~awaiter() { leave(); }

    bool await_ready() const noexcept { return false; }

    template <class Promise> void await_suspend(std::coroutine_handle<Promise> awaiting) noexcept {
      waiting(awaiting);
      core_.waiter_ = this;
      core_.into_ = into_;
      waiting_cancellably();
    }

    std::string_view await_resume() const {
      resumed();
      return received_;
    }

    cancel_outcome request_cancel(const std::exception_ptr &) noexcept override;

  private:
    friend reader_core;

    void leave() noexcept {
      if (core_.waiter_ == this)
        core_.waiter_ = nullptr;
    }

    reader_core &core_;
    std::span<std::byte> into_;
    std::string_view received_;
  };

  /// `co_await wait(...)` gives bytes that came and are in no buffer yet: whoever waited takes them
  /// before it waits again, and `feed`s what it leaves. They are in `into`, if there is room in it.
  /// None after any other change. Throws `runtime_error` when another coroutine waits.
  [[nodiscard]] awaiter wait(const char *function, std::span<std::byte> into = {});

  void feed(std::string_view data);
  void feed_eof() noexcept;
  void fail(std::exception_ptr error) noexcept;

  /// Where a transport receives to.
  std::span<std::byte> receive_space() const;

  /// Gives the bytes received there to the coroutine that waits for some, which is then to be run
  /// before anything else happens; null if none does.
  [[nodiscard]] awaiter *hand_over(std::span<const std::byte> bytes) noexcept;

  void connect(transport &t) noexcept { transport_ = &t; }
  void disconnect() noexcept { transport_ = nullptr; }

  event_loop &loop() const noexcept { return loop_; }
  std::size_t limit() const noexcept { return limit_; }
  bool ended() const noexcept { return ended_; }
  const std::exception_ptr &error() const noexcept { return error_; }

  void check() const {
    if (error_) [[unlikely]]
      std::rethrow_exception(error_);
  }

  std::string_view buffered() const noexcept { return std::string_view(buffer_).substr(begin_); }

  /// Takes bytes out of the buffer, which has at least `count`.
  std::string take(std::size_t count);
  void skip(std::size_t count);

private:
  void wake() noexcept;

  // What a message touches comes first, in as few cache lines as there can be.
  awaiter *waiter_ = nullptr;
  /// The waiter's; of no use without one.
  std::span<std::byte> into_;
  std::exception_ptr error_;
  std::string buffer_;
  std::size_t begin_ = 0;
  bool ended_ = false;
  bool paused_ = false;
  transport *transport_ = nullptr;
  event_loop &loop_;
  const std::size_t limit_;
};

/// A connection's protocol: asyncio's `StreamReaderProtocol`.
class stream_core final : public protocol, public std::enable_shared_from_this<stream_core> {
public:
  stream_core(event_loop &loop, std::size_t limit, stream_callback connected = {})
      : reader_(loop, limit), connected_(std::move(connected)) {}

  void connection_made(coral::transport &t) override;
  void connection_lost(std::exception_ptr error) override;
  void pause_writing() override { writing_paused_ = true; }
  void resume_writing() override;
  bool eof_received() override;
  void data_received(bytes_view data) override { reader_.feed(data); }

  stream_pair streams();
  reader_core &reader_state() noexcept { return reader_; }
  stream_reader reader() {
    return stream_reader(std::shared_ptr<reader_core>(shared_from_this(), &reader_));
  }
  stream_writer writer() { return stream_writer(shared_from_this()); }
  coral::transport &transport() const noexcept { return *transport_; }

  void add_writer() noexcept { ++writers_; }
  void drop_writer() noexcept;

  static task<void> drain(std::shared_ptr<stream_core> core);
  static task<void> wait_closed(std::shared_ptr<stream_core> core);

private:
  task<void> wait_drained();

  // Beside the beginning of the reader, for the same reason.
  std::shared_ptr<coral::transport> transport_;
  bool writing_paused_ = false;
  bool lost_ = false;
  reader_core reader_;
  stream_callback connected_;
  std::exception_ptr error_;
  waiter_list drained_;
  waiter_list closed_;
  std::size_t writers_ = 0;
};

} // namespace coral::detail

#endif
