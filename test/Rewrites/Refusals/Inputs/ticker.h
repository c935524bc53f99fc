#include <asio/steady_timer.hpp>

class ticker {
public:
  explicit ticker(asio::io_context &io) : timer_(io) {}
  void start();
  void tock();

private:
  asio::steady_timer timer_;
};
