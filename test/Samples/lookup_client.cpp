// Looks values up in a store that says in one of two ways what it has found.
//
//   lookup_client
//
// Prints each answer when it arrives.

#include <asio.hpp>
#include <chrono>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <system_error>

using value_handler = std::function<void(std::string)>;
using error_handler = std::function<void(std::error_code)>;

// Every lookup calls exactly one of its handlers, once, never before it
// returns.
class store {
public:
  explicit store(asio::io_context &io_context) : io_context_(io_context) {}

  void put(std::string key, std::string value) { entries_[key] = value; }

  // Delivers the value of key, or why there is none.
  void get(std::string key, value_handler found, error_handler failed) {
    auto timer = std::make_shared<asio::steady_timer>(
        io_context_, std::chrono::milliseconds(20));
    timer->async_wait([this, timer, key, found, failed](std::error_code ec) {
      if (ec) {
        failed(ec);
        return;
      }

      auto entry = entries_.find(key);
      if (entry == entries_.end())
        failed(std::make_error_code(std::errc::invalid_argument));
      else
        found(entry->second);
    });
  }

private:
  asio::io_context &io_context_;
  std::map<std::string, std::string> entries_;
};

class reader {
public:
  reader(asio::io_context &io_context, store &entries)
      : timer_(io_context), store_(entries) {}

  // Says whether there is a value, or that something went wrong.
  void has(std::string key, std::function<void(bool)> answer,
           std::function<void(std::string)> wrong) {
    timer_.expires_after(std::chrono::milliseconds(5));
    timer_.async_wait([this, key, answer, wrong](std::error_code ec) {
      if (ec) {
        wrong(ec.message());
        return;
      }
      store_.get(
          key, [answer](std::string) { answer(true); },
          [answer, wrong](std::error_code ec) {
            if (ec == std::errc::invalid_argument)
              answer(false);
            else
              wrong("cannot tell: " + ec.message());
          });
    });
  }

  // Asks again until there is a value, or tries more times.
  void insist(std::string key, int tries, value_handler found,
              error_handler failed) {
    timer_.expires_after(std::chrono::milliseconds(5));
    timer_.async_wait([this, key, tries, found, failed](std::error_code ec) {
      if (ec) {
        failed(ec);
        return;
      }
      store_.get(key, found,
                 [this, key, tries, found, failed](std::error_code ec) {
                   std::cout << "no " << key << ", " << tries << " left\n";
                   if (tries == 0) {
                     failed(ec);
                     return;
                   }
                   if (tries == 1)
                     store_.put(key, "late");
                   insist(key, tries - 1, found, failed);
                 });
    });
  }

  void run() {
    timer_.expires_after(std::chrono::milliseconds(5));
    timer_.async_wait([this](std::error_code ec) {
      if (ec)
        return;
      // The answers are printed as they come.
      has(
          "weight",
          [this](bool there) {
            std::cout << "weight: " << std::boolalpha << there << '\n';
            insist(
                "weight", 3,
                [this](std::string value) {
                  std::cout << "weight: " << value << '\n';
                  store_.get(
                      "price",
                      [](const std::string &value) {
                        std::cout << "price: " << value << '\n';
                      },
                      [this](std::error_code ec) {
                        std::cout << "price: " << ec.message() << '\n';
                        finish();
                      });
                },
                [](std::error_code ec) {
                  std::cout << "weight: " << ec.message() << '\n';
                });
          },
          [](std::string what) { std::cout << what << '\n'; });
    });
  }

private:
  void finish() {
    insist(
        "color", 0, [](std::string value) { std::cout << value << '\n'; },
        [](std::error_code) { std::cout << "no color\n"; });
  }

  asio::steady_timer timer_;
  store &store_;
};

int main() {
  asio::io_context io_context;

  store fruits(io_context);
  fruits.put("name", "banana");
  reader hungry(io_context, fruits);
  hungry.run();
  fruits.get(
      "name", [](std::string value) { std::cout << "name: " << value << '\n'; },
      [](std::error_code ec) { std::cout << ec.message() << '\n'; });
  std::cout << "waiting\n";

  io_context.run();
  std::cout << "done\n";
}
