// Looks values up in a store that answers later, as a remote one would.
//
//   key_value_client
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
#include <utility>

using lookup_handler = std::function<void(std::error_code, std::string)>;

// Every lookup calls its handler exactly once, never before it returns.
class store {
public:
  explicit store(asio::io_context &io_context) : io_context_(io_context) {}

  void put(std::string key, std::string value,
           std::chrono::milliseconds latency) {
    entries_[std::move(key)] = {std::move(value), latency};
  }

  // Delivers the value of key, or an error when there is none.
  void get(std::string key, lookup_handler done) {
    auto timer =
        std::make_shared<asio::steady_timer>(io_context_, latency_of(key));
    timer->async_wait([this, timer, key, done](std::error_code ec) {
      if (ec) {
        done(ec, "");
        return;
      }

      auto found = entries_.find(key);
      if (found == entries_.end()) {
        done(std::make_error_code(std::errc::invalid_argument), "");
        return;
      }
      done(ec, found->second.value);
    });
  }

  // Delivers the values of two keys, joined; the second lookup begins when the
  // first has succeeded.
  void get_both(std::string first, std::string second, lookup_handler done) {
    get(first, [this, second, done](std::error_code ec, std::string left) {
      if (ec) {
        done(ec, "");
        return;
      }

      get(second, [left, done](std::error_code ec, std::string right) {
        if (ec) {
          done(ec, "");
          return;
        }
        done(ec, left + " " + right);
      });
    });
  }

private:
  struct entry {
    std::string value;
    std::chrono::milliseconds latency;
  };

  std::chrono::milliseconds latency_of(const std::string &key) const {
    auto found = entries_.find(key);
    if (found == entries_.end())
      return std::chrono::milliseconds(10);
    return found->second.latency;
  }

  asio::io_context &io_context_;
  std::map<std::string, entry> entries_;
};

void print(const std::string &what, std::error_code ec,
           const std::string &value) {
  std::cout << what << ": ";
  if (ec)
    std::cout << "failed: " << ec.message();
  else
    std::cout << value;
  std::cout << '\n';
}

int main() {
  asio::io_context io_context;

  store fruits(io_context);
  fruits.put("color", "yellow", std::chrono::milliseconds(60));
  fruits.put("name", "banana", std::chrono::milliseconds(120));
  fruits.put("price", "3", std::chrono::milliseconds(180));

  fruits.get("name", [](std::error_code ec, std::string value) {
    print("name", ec, value);
  });
  fruits.get("weight", [](std::error_code ec, std::string value) {
    print("weight", ec, value);
  });
  fruits.get_both("color", "price", [](std::error_code ec, std::string value) {
    print("color and price", ec, value);
  });
  fruits.get_both("weight", "name", [](std::error_code ec, std::string value) {
    print("weight and name", ec, value);
  });
  std::cout << "waiting\n";

  io_context.run();
  std::cout << "done\n";
}
