#include <asio/steady_timer.hpp>
#include <coral/interop/asio.hpp>

struct foreign {
  struct promise_type {
    foreign get_return_object();
    std::suspend_never initial_suspend();
    std::suspend_never final_suspend() noexcept;
    void return_void();
    void unhandled_exception();
  };
};

foreign waits(asio::steady_timer &timer) { co_await timer.async_wait(coral::use_task); }
