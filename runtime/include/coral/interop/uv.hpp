// Awaiting libuv in a coral::task, on the program's own `uv_loop_t`.
//
//     coral::task<std::uint64_t> size_of(uv_loop_t *loop, const char *path) {
//       auto stat = co_await coral::uv::request(uv_fs_stat, loop, path);
//       co_return stat->statbuf.st_size;
//     }
//
// `request` awaits a function of libuv that takes a request and a callback. `work` runs a function
// in libuv's thread pool, `write` and `byte_reader` are for streams, `sleep` is for time, `handle`
// owns a handle of any kind. `call` awaits what a program of callbacks calls, with its own request.
//
// libuv's rules of memory are kept here: a handle lives until its close callback, a request and the
// bytes that `write` was given until its callback, whatever becomes of the objects that stand for
// them. Memory that an argument of `request` points to stays the caller's, and so does the request
// of `call`.
//
// The task resumes in libuv's callback; in a program that runs a `coral::uv_loop`
// (`uv_loop::native_handle`), in that loop's next batch. Without one, an exception that leaves a
// task that `coral::spawn` started ends the program: it cannot cross libuv.
//
// A cancelled task has its request cancelled by `uv_cancel`, and throws `cancelled_error` when
// libuv is done with it. A request that libuv cannot cancel ends as it would have; the task is
// cancelled where it next waits.
//
// Everything belongs to the thread that runs the `uv_loop_t`.

#ifndef CORAL_INTEROP_UV_HPP
#define CORAL_INTEROP_UV_HPP

#include <coral/detail/loop_resource.hpp>
#include <coral/detail/ready_queue.hpp>
#include <coral/event_loop.hpp>
#include <coral/task.hpp>

#include <chrono>
#include <concepts>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>

#include <uv.h>

namespace coral::uv {

/// libuv's errors, such as `UV_EOF`. Those that the system has too equal their `std::errc`.
inline const std::error_category &error_category() noexcept {
  class libuv_category final : public std::error_category {
  public:
    const char *name() const noexcept override { return "libuv"; }
    std::string message(int code) const override { return ::uv_strerror(code); }
    std::error_condition default_error_condition(int code) const noexcept override {
      constexpr int first_of_libuvs_own = -3000;
      if (code < 0 && code > first_of_libuvs_own)
        return {-code, std::generic_category()};
      return {code, *this};
    }
  };
  static const libuv_category category;
  return category;
}

/// Gives a result of libuv, or throws it as a `std::system_error` if it is negative.
inline std::ptrdiff_t check(std::ptrdiff_t result, const char *what = "libuv") {
  if (result < 0)
    throw std::system_error(static_cast<int>(result), error_category(), what);
  return result;
}

namespace detail {

/// A coroutine that a callback of libuv resumes.
class callback_waiter : public coral::detail::resume_entry {
public:
  /// Called by libuv, into which nothing may be thrown.
  void complete() noexcept {
    if (event_loop *loop = running_loop_or_null())
      coral::detail::resource_access::make_ready(*loop, *this);
    else
      coral::detail::drive(this->coroutine(), this->owner());
  }

protected:
  ~callback_waiter() = default;
};

/// A request that is under way or done. It is deleted by its callback, or by the awaiter if that is
/// still there then.
template <class Request> class pending_request {
public:
  pending_request() { request.data = this; }
  pending_request(const pending_request &) = delete;
  pending_request &operator=(const pending_request &) = delete;

  virtual ~pending_request() {
    if constexpr (std::same_as<Request, uv_fs_t>)
      ::uv_fs_req_cleanup(&request);
    else if constexpr (std::same_as<Request, uv_getaddrinfo_t>)
      ::uv_freeaddrinfo(request.addrinfo);
  }

  /// The callback, of whichever type libuv wants: most get the status second.
  static void called(Request *request) noexcept { finish(*request, request->result); }
  template <class... Rest> static void called(Request *request, int status, Rest...) noexcept {
    finish(*request, status);
  }

  Request request{};
  std::ptrdiff_t status = 0;
  bool done = false;
  callback_waiter *waiter = nullptr;

private:
  static void finish(Request &request, std::ptrdiff_t status) noexcept {
    auto *self = static_cast<pending_request *>(request.data);
    self->status = status;
    self->done = true;
    if (self->waiter)
      std::exchange(self->waiter, nullptr)->complete();
    else
      delete self;
  }
};

template <class Request> class request_awaiter : public callback_waiter {
public:
  explicit request_awaiter(std::unique_ptr<pending_request<Request>> pending) noexcept
      : pending_(std::move(pending)) {}

  ~request_awaiter() {
    // The callback comes later, and deletes it.
    if (pending_ && pending_->waiter)
      std::exchange(pending_, nullptr).release()->waiter = nullptr;
  }

  bool await_ready() const noexcept { return pending_->done; }

  /// `start` is called with the request and gives libuv's result.
  template <class Promise, class Start>
  void begin(std::coroutine_handle<Promise> awaiting, Start start) {
    this->waiting(awaiting);
    check(start(&pending_->request));
    pending_->waiter = this;
    this->waiting_cancellably();
  }

  coral::detail::cancel_outcome request_cancel(const std::exception_ptr &) noexcept override {
    using coral::detail::cancel_outcome;
    if (pending_->done)
      return cancel_outcome::refused;
    return ::uv_cancel(reinterpret_cast<uv_req_t *>(&pending_->request)) == 0
               ? cancel_outcome::accepted
               : cancel_outcome::refused;
  }

protected:
  std::unique_ptr<pending_request<Request>> finish() {
    if (coral::detail::root *owner = this->owner()) {
      if (pending_->status == UV_ECANCELED)
        owner->resumed();
      else
        owner->resumed_with_request();
    }
    check(pending_->status);
    return std::move(pending_);
  }

  std::unique_ptr<pending_request<Request>> pending_;
};

template <class T>
concept is_request = std::same_as<T, uv_fs_t> || std::same_as<T, uv_getaddrinfo_t> ||
                     std::same_as<T, uv_getnameinfo_t> || std::same_as<T, uv_connect_t> ||
                     std::same_as<T, uv_write_t> || std::same_as<T, uv_shutdown_t> ||
                     std::same_as<T, uv_udp_send_t> || std::same_as<T, uv_random_t>;

} // namespace detail

/// A request that is done, with what it found: `request->statbuf`, `request->addrinfo` and so on.
/// What libuv allocated for it is freed with it.
template <class Request> class finished_request {
public:
  explicit finished_request(std::unique_ptr<detail::pending_request<Request>> done) noexcept
      : done_(std::move(done)) {}

  const Request *operator->() const noexcept { return &done_->request; }

  /// What the callback was told, or `uv_fs_t::result`: not negative.
  std::ptrdiff_t result() const noexcept { return done_->status; }

private:
  std::unique_ptr<detail::pending_request<Request>> done_;
};

namespace detail {

template <class Request, class Start>
class [[nodiscard]] started_request final : public request_awaiter<Request> {
public:
  explicit started_request(Start start)
      : request_awaiter<Request>(std::make_unique<pending_request<Request>>()),
        start_(std::move(start)) {}

  template <class Promise> void await_suspend(std::coroutine_handle<Promise> awaiting) {
    this->begin(awaiting, start_);
  }

  finished_request<Request> await_resume() { return finished_request<Request>(this->finish()); }

private:
  Start start_;
};

} // namespace detail

/// Awaits `function(loop, request, arguments..., callback)`: of the file system, `uv_getaddrinfo`,
/// `uv_getnameinfo`, `uv_random`. Gives the finished request; throws `std::system_error`.
template <detail::is_request Request, class... Parameters, class... Arguments>
auto request(int (*function)(uv_loop_t *, Request *, Parameters...), uv_loop_t *loop,
             Arguments... arguments) {
  auto start = [=](Request *request) {
    return function(loop, request, arguments..., detail::pending_request<Request>::called);
  };
  return detail::started_request<Request, decltype(start)>(start);
}

/// Of `uv_getaddrinfo` and `uv_getnameinfo` the callback is the third argument.
template <detail::is_request Request, class... Told, class... Parameters, class... Arguments>
auto request(int (*function)(uv_loop_t *, Request *, void (*)(Request *, Told...), Parameters...),
             uv_loop_t *loop, Arguments... arguments) {
  auto start = [=](Request *request) {
    return function(loop, request, detail::pending_request<Request>::called, arguments...);
  };
  return detail::started_request<Request, decltype(start)>(start);
}

/// Awaits `function(request, handle, arguments..., callback)`: `uv_tcp_connect`, `uv_shutdown`,
/// `uv_udp_send`.
template <detail::is_request Request, class Handle, class... Parameters, class... Arguments>
auto request(int (*function)(Request *, Handle *, Parameters...), std::type_identity_t<Handle> *on,
             Arguments... arguments) {
  auto start = [=](Request *request) {
    return function(request, on, arguments..., detail::pending_request<Request>::called);
  };
  return detail::started_request<Request, decltype(start)>(start);
}

namespace detail {

/// `void (*)(Request *, Told...)`: what libuv calls when a request is done.
template <class> struct callback_of {
  static constexpr bool is_one = false;
};

template <class Request, class... Told>
  requires std::same_as<decltype(Request::type), uv_req_type>
struct callback_of<void (*)(Request *, Told...)> {
  static constexpr bool is_one = true;

  /// Waits for a request that is the program's own, and so is its `data`: the request is known by
  /// its address.
  class waiter : public callback_waiter {
  public:
    explicit waiter(Request *request) noexcept : request_(request) {}
    ~waiter() {
      if (waits_)
        all().take(request_);
    }

    static void called(Request *request, Told... told) noexcept {
      // The coroutine may be gone.
      waiter *self = all().take(request);
      if (!self)
        return;
      self->waits_ = false;
      self->told_ = {told...};
      self->complete();
    }

    coral::detail::cancel_outcome request_cancel(const std::exception_ptr &) noexcept override {
      using coral::detail::cancel_outcome;
      if (!waits_ || ::uv_cancel(reinterpret_cast<uv_req_t *>(request_)) != 0)
        return cancel_outcome::refused;
      cancelled_ = true;
      return cancel_outcome::accepted;
    }

  protected:
    /// The request is under way.
    void wait() {
      all().put(request_, this);
      waits_ = true;
    }

    auto take() {
      if (coral::detail::root *owner = this->owner()) {
        if (cancelled_)
          owner->resumed();
        else
          owner->resumed_with_request();
      }
      if constexpr (sizeof...(Told) == 1)
        return std::get<0>(told_);
      else if constexpr (sizeof...(Told) > 1)
        return told_;
    }

  private:
    /// Those that wait, by their requests. The loop may run in another thread than where a request
    /// was started before.
    class table {
    public:
      void put(Request *request, waiter *waiting) {
        const std::lock_guard lock(mutex_);
        waiting_[request] = waiting;
      }

      /// Null when nobody waits.
      waiter *take(Request *request) noexcept {
        const std::lock_guard lock(mutex_);
        const auto found = waiting_.find(request);
        if (found == waiting_.end())
          return nullptr;
        waiter *taken = found->second;
        waiting_.erase(found);
        return taken;
      }

    private:
      std::mutex mutex_;
      std::unordered_map<Request *, waiter *> waiting_;
    };

    /// Never destroyed: requests may be under way when the process ends.
    static table &all() {
      static table &only = *new table;
      return only;
    }

    Request *request_;
    std::tuple<Told...> told_;
    bool waits_ = false;
    bool cancelled_ = false;
  };

  /// The argument that is the request.
  template <class... Arguments> static Request *in(Arguments... arguments) noexcept {
    Request *found = nullptr;
    const auto look = [&](auto argument) {
      if constexpr (std::same_as<decltype(argument), Request *>)
        found = argument;
    };
    (look(arguments), ...);
    return found;
  }
};

/// Which parameter is the callback: of `uv_queue_work` the second of two.
template <class... Parameters> constexpr std::size_t callback_index() {
  std::size_t index = 0;
  std::size_t found = sizeof...(Parameters);
  ((found = callback_of<Parameters>::is_one ? index : found, ++index), ...);
  return found;
}

template <class Callback, std::size_t Index, class Function, class... Arguments>
class [[nodiscard]] called_function final : public callback_of<Callback>::waiter {
  using base = typename callback_of<Callback>::waiter;

public:
  explicit called_function(Function *function, Arguments... arguments)
      : base(callback_of<Callback>::in(arguments...)), function_(function),
        arguments_(arguments...) {}

  /// What the function returns is put into `result`, and the coroutine goes on at once when that is
  /// negative: there will be no callback, and what it would be told is zero.
  called_function returning(int &result) && {
    return std::apply(
        [&](Arguments... arguments) { return called_function(result, function_, arguments...); },
        arguments_);
  }

  bool await_ready() const noexcept { return false; }

  template <class Promise> bool await_suspend(std::coroutine_handle<Promise> awaiting) {
    this->waiting(awaiting);
    const int result = start(std::make_index_sequence<sizeof...(Arguments) + 1>());
    if (returned_)
      *returned_ = result;
    if (result >= 0) {
      this->wait();
      this->waiting_cancellably();
      return true;
    }
    if (returned_)
      return false;
    // The coroutine is gone after this, and this object with it.
    this->drop();
    return true;
  }

  auto await_resume() { return this->take(); }

private:
  called_function(int &result, Function *function, Arguments... arguments)
      : called_function(function, arguments...) {
    returned_ = &result;
  }

  template <std::size_t... I> int start(std::index_sequence<I...>) const {
    if constexpr (std::is_void_v<decltype(function_(argument<I>()...))>) {
      function_(argument<I>()...);
      return 0;
    } else {
      return function_(argument<I>()...);
    }
  }

  template <std::size_t I> auto argument() const noexcept {
    if constexpr (I == Index)
      return &base::called;
    else
      return std::get<(I < Index ? I : I - 1)>(arguments_);
  }

  Function *function_;
  std::tuple<Arguments...> arguments_;
  int *returned_ = nullptr;
};

} // namespace detail

/// Awaits `function(arguments..., callback)`, with a request of the caller's among the arguments
/// and the callback in its place: any function of libuv with a callback that is called once. Gives
/// what the callback is told besides the request: nothing (`uv_fs_read`), the status (`uv_write`),
/// or a tuple (`uv_getaddrinfo`). The request's `data` is left alone.
///
///     int status = co_await coral::uv::call(uv_write, request, stream, &bytes, 1);
///
/// Throws nothing. When libuv refuses the call, a callback would never be called, and so the
/// coroutine and whoever waits for it are destroyed; unless it looks at what the function returned:
///
///     int result;
///     co_await coral::uv::call(uv_shutdown, request, stream).returning(result);
///     if (result < 0)
///       co_return;
template <class Result, class... Parameters, class... Arguments>
  requires std::same_as<Result, int> || std::is_void_v<Result>
auto call(Result (*function)(Parameters...), Arguments... arguments) {
  constexpr std::size_t index = detail::callback_index<Parameters...>();
  static_assert(index < sizeof...(Parameters) && sizeof...(Arguments) + 1 == sizeof...(Parameters),
                "coral::uv::call takes a function of libuv that takes a request and a callback, "
                "and all of its arguments but the callback");
  using callback = std::tuple_element_t<index, std::tuple<Parameters...>>;
  return detail::called_function<callback, index, Result(Parameters...), Arguments...>(
      function, arguments...);
}

namespace detail {

class write_awaiter final : public request_awaiter<uv_write_t> {
public:
  write_awaiter(uv_stream_t *stream, std::string bytes)
      : request_awaiter(std::make_unique<pending_write>(std::move(bytes))), stream_(stream) {}

  /// What the stream takes at once is not queued.
  bool await_ready() {
    pending_write &write = pending();
    uv_buf_t all = ::uv_buf_init(write.bytes.data(), static_cast<unsigned>(write.bytes.size()));
    const int written = ::uv_try_write(stream_, &all, 1);
    if (written == UV_EAGAIN)
      return false;
    write.written = static_cast<std::size_t>(check(written, "uv_try_write"));
    return write.written == write.bytes.size();
  }

  template <class Promise> void await_suspend(std::coroutine_handle<Promise> awaiting) {
    pending_write &write = pending();
    const uv_buf_t rest = ::uv_buf_init(write.bytes.data() + write.written,
                                        static_cast<unsigned>(write.bytes.size() - write.written));
    this->begin(awaiting, [&](uv_write_t *request) {
      return ::uv_write(request, stream_, &rest, 1, pending_write::called);
    });
  }

  void await_resume() { this->finish(); }

private:
  struct pending_write final : pending_request<uv_write_t> {
    explicit pending_write(std::string given) noexcept : bytes(std::move(given)) {}
    std::string bytes;
    std::size_t written = 0;
  };

  pending_write &pending() { return static_cast<pending_write &>(*this->pending_); }

  uv_stream_t *stream_;
};

} // namespace detail

/// Writes all of `bytes`, which are kept until libuv is done with them.
[[nodiscard]] inline detail::write_awaiter write(uv_stream_t *stream, std::string bytes) {
  return detail::write_awaiter(stream, std::move(bytes));
}

/// Owns a handle: `handle<uv_tcp_t> tcp(uv_tcp_init, loop)`. Its end closes the handle, whose
/// memory goes with the close callback; the loop has to run for that.
template <class Handle> class handle {
public:
  /// Calls `init(loop, handle, arguments...)`. Throws `std::system_error`.
  template <class... Parameters, class... Arguments>
  explicit handle(int (*init)(uv_loop_t *, Handle *, Parameters...), uv_loop_t *loop,
                  Arguments... arguments) {
    auto made = std::make_unique<Handle>();
    check(init(loop, made.get(), arguments...));
    handle_ = made.release();
  }

  handle(handle &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  handle &operator=(handle &&other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }

  ~handle() {
    if (handle_)
      ::uv_close(reinterpret_cast<uv_handle_t *>(handle_),
                 [](uv_handle_t *closed) { delete reinterpret_cast<Handle *>(closed); });
  }

  Handle *get() const noexcept { return handle_; }
  Handle *operator->() const noexcept { return handle_; }

  /// As a stream: of `uv_tcp_t`, `uv_pipe_t`, `uv_tty_t`.
  uv_stream_t *stream() const noexcept { return reinterpret_cast<uv_stream_t *>(handle_); }

private:
  Handle *handle_;
};

/// Reads a stream, in the background from the first `read` on, and up to a limit ahead. Uses the
/// stream's `data`. The stream outlives it.
class byte_reader {
public:
  explicit byte_reader(uv_stream_t *stream, std::size_t limit = 64 * 1024) noexcept
      : stream_(stream), limit_(limit) {
    stream->data = this;
  }
  byte_reader(const byte_reader &) = delete;
  byte_reader &operator=(const byte_reader &) = delete;
  ~byte_reader() { ::uv_read_stop(stream_); }

  /// What came since the last call, at least a byte; empty at the end. Throws `std::system_error`,
  /// and `runtime_error` when another coroutine reads.
  task<std::string> read() {
    if (waiter_)
      throw runtime_error("read() called while another coroutine is already waiting");
    if (buffer_.empty() && status_ == 0) {
      start();
      co_await waiting_for_bytes(*this);
    }
    if (buffer_.empty() && status_ != UV_EOF)
      check(status_, "uv_read");
    co_return std::exchange(buffer_, {});
  }

private:
  class waiting_for_bytes final : public detail::callback_waiter {
  public:
    explicit waiting_for_bytes(byte_reader &reader) noexcept : reader_(reader) {}
    ~waiting_for_bytes() { leave(); }
    bool await_ready() const noexcept { return false; }
    template <class Promise> void await_suspend(std::coroutine_handle<Promise> awaiting) noexcept {
      this->waiting(awaiting);
      reader_.waiter_ = this;
      this->waiting_cancellably();
    }
    void await_resume() const { this->resumed(); }
    coral::detail::cancel_outcome request_cancel(const std::exception_ptr &) noexcept override {
      leave();
      if (!this->linked())
        this->owner()->run_soon(*this);
      return coral::detail::cancel_outcome::accepted;
    }

  private:
    void leave() noexcept {
      if (reader_.waiter_ == this)
        reader_.waiter_ = nullptr;
    }
    byte_reader &reader_;
  };

  void start() {
    if (std::exchange(reading_, true))
      return;
    check(::uv_read_start(
              stream_,
              [](uv_handle_t *, std::size_t, uv_buf_t *into) {
                // One buffer for all of a thread's streams: its bytes are copied at once.
                static thread_local char received[64 * 1024];
                *into = ::uv_buf_init(received, sizeof received);
              },
              [](uv_stream_t *stream, ssize_t size, const uv_buf_t *from) {
                static_cast<byte_reader *>(stream->data)->received(size, from->base);
              }),
          "uv_read_start");
  }

  void received(ssize_t size, const char *bytes) noexcept {
    if (size == 0)
      return;
    if (size < 0)
      status_ = static_cast<int>(size);
    else
      buffer_.append(bytes, static_cast<std::size_t>(size));
    if (size < 0 || buffer_.size() > limit_) {
      ::uv_read_stop(stream_);
      reading_ = false;
    }
    if (waiter_)
      std::exchange(waiter_, nullptr)->complete();
  }

  uv_stream_t *stream_;
  std::size_t limit_;
  std::string buffer_;
  int status_ = 0;
  bool reading_ = false;
  detail::callback_waiter *waiter_ = nullptr;
};

namespace detail {

class sleep_awaiter final : public callback_waiter {
public:
  sleep_awaiter(uv_loop_t *loop, std::chrono::milliseconds delay)
      : timer_(::uv_timer_init, loop), delay_(delay) {}

  bool await_ready() const noexcept { return false; }

  template <class Promise> void await_suspend(std::coroutine_handle<Promise> awaiting) {
    this->waiting(awaiting);
    timer_->data = this;
    // libuv counts from when its loop last looked at the clock, which may be long ago.
    ::uv_update_time(timer_->loop);
    check(::uv_timer_start(
        timer_.get(),
        [](uv_timer_t *timer) { static_cast<sleep_awaiter *>(timer->data)->complete(); },
        static_cast<std::uint64_t>(delay_.count()), 0));
    this->waiting_cancellably();
  }

  void await_resume() const { this->resumed(); }

  coral::detail::cancel_outcome request_cancel(const std::exception_ptr &) noexcept override {
    ::uv_timer_stop(timer_.get());
    if (!this->linked())
      this->owner()->run_soon(*this);
    return coral::detail::cancel_outcome::accepted;
  }

private:
  handle<uv_timer_t> timer_;
  std::chrono::milliseconds delay_;
};

} // namespace detail

/// Waits for a time that is not negative, by a timer of libuv's.
[[nodiscard]] inline detail::sleep_awaiter sleep(uv_loop_t *loop, std::chrono::milliseconds delay) {
  return detail::sleep_awaiter(loop, delay);
}

namespace detail {

template <class Function, class Result> struct pending_work final : pending_request<uv_work_t> {
  explicit pending_work(Function given) : function(std::move(given)) {}

  void run() noexcept {
    try {
      if constexpr (std::is_void_v<Result>)
        function();
      else
        result.emplace(function());
    } catch (...) {
      error = std::current_exception();
    }
  }

  Function function;
  std::optional<std::conditional_t<std::is_void_v<Result>, char, Result>> result;
  std::exception_ptr error;
};

template <class Function, class Result>
class [[nodiscard]] work_awaiter final : public request_awaiter<uv_work_t> {
  using work = pending_work<Function, Result>;

public:
  work_awaiter(uv_loop_t *loop, Function function)
      : request_awaiter(std::make_unique<work>(std::move(function))), loop_(loop) {}

  template <class Promise> void await_suspend(std::coroutine_handle<Promise> awaiting) {
    this->begin(awaiting, [this](uv_work_t *request) {
      return ::uv_queue_work(
          loop_, request,
          [](uv_work_t *running) {
            static_cast<work *>(static_cast<pending_request<uv_work_t> *>(running->data))->run();
          },
          pending_request<uv_work_t>::called);
    });
  }

  Result await_resume() {
    const std::unique_ptr<pending_request<uv_work_t>> done = this->finish();
    work &finished = static_cast<work &>(*done);
    if (finished.error)
      std::rethrow_exception(finished.error);
    if constexpr (!std::is_void_v<Result>)
      return std::move(*finished.result);
  }

private:
  uv_loop_t *loop_;
};

} // namespace detail

/// Calls `function()` in libuv's thread pool and gives its result, or throws its exception.
template <std::invocable Function> auto work(uv_loop_t *loop, Function function) {
  return detail::work_awaiter<Function, std::invoke_result_t<Function &>>(loop,
                                                                          std::move(function));
}

} // namespace coral::uv

#endif
