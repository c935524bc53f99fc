// Coroutines in the manner of Asio: what may be awaited is what the promise's
// await_transform takes, and co_spawn starts things.
#pragma once
#include <coroutine>
#include <exception>
#include <utility>

namespace asio {

struct io_context {
  io_context();
  io_context(const io_context &) = delete;
  void run();
};
struct detached_t {};
inline constexpr detached_t detached{};

template <class T> class awaitable_frame;

template <class T = void> class [[nodiscard]] awaitable {
public:
  awaitable(awaitable &&other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  ~awaitable() {
    if (frame_)
      frame_->destroy();
  }
  bool await_ready() const noexcept { return false; }
  template <class U> void await_suspend(std::coroutine_handle<awaitable_frame<U>> h);
  T await_resume();

private:
  awaitable_frame<T> *frame_ = nullptr;
};

template <class T> struct awaitable_result {
  template <class U> void return_value(U &&u);
};
template <> struct awaitable_result<void> {
  void return_void();
};
template <class T> class awaitable_frame : public awaitable_result<T> {
public:
  awaitable<T> get_return_object() noexcept;
  auto initial_suspend() noexcept { return std::suspend_always(); }
  auto final_suspend() noexcept {
    struct result {
      bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<>) noexcept {}
      void await_resume() const noexcept {}
    };
    return result{};
  }
  void unhandled_exception();
  template <class U> auto await_transform(awaitable<U> a) const { return a; }
  void destroy();
};

template <class T, class Token> void co_spawn(io_context &, awaitable<T>, Token &&);
template <class F, class Token> void co_spawn(io_context &, F, Token &&) {}
template <class F> void post(io_context &, F &&) {}

struct steady_timer {
  explicit steady_timer(io_context &);
  awaitable<> async_wait();
};

} // namespace asio

template <class T, class... Args> struct std::coroutine_traits<asio::awaitable<T>, Args...> {
  using promise_type = asio::awaitable_frame<T>;
};
