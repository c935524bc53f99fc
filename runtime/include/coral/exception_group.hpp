// coral::exception_group: Python's ExceptionGroup, several errors at once. A value; copies share
// what they hold, and can be used on any thread.

#ifndef CORAL_EXCEPTION_GROUP_HPP
#define CORAL_EXCEPTION_GROUP_HPP

#include <coral/errors.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace coral {

/// The errors of tasks that ran beside each other, in the order they came. A group may hold groups.
class exception_group : public std::exception {
public:
  /// Throws `value_error` when `exceptions` is empty or holds a null.
  exception_group(std::string message, std::vector<std::exception_ptr> exceptions);

  /// The text given, without the count that `what` adds.
  const std::string &message() const noexcept { return content_->message; }

  const std::vector<std::exception_ptr> &exceptions() const noexcept {
    return content_->exceptions;
  }

  /// "message (2 sub-exceptions)".
  const char *what() const noexcept override { return content_->what.c_str(); }

  /// The group of those that are an `Error`, or derive from it, here and in groups within; nothing
  /// if there is none.
  template <class Error> std::optional<exception_group> subgroup() const {
    return filter([](const std::exception_ptr &each) { return is<Error>(each); });
  }

  /// Those that are an `Error`, and the rest: Python's `split`, what `except*` does.
  template <class Error>
  std::pair<std::optional<exception_group>, std::optional<exception_group>> split() const {
    return {subgroup<Error>(),
            filter([](const std::exception_ptr &each) { return !is<Error>(each); })};
  }

private:
  struct content {
    std::string message;
    std::string what;
    std::vector<std::exception_ptr> exceptions;
  };

  template <class Error> static bool is(const std::exception_ptr &error) {
    try {
      std::rethrow_exception(error);
    } catch (const Error &) {
      return true;
    } catch (...) {
      return false;
    }
  }

  template <class Matches> std::optional<exception_group> filter(Matches matches) const {
    std::vector<std::exception_ptr> found;
    for (const std::exception_ptr &each : exceptions()) {
      try {
        std::rethrow_exception(each);
      } catch (const exception_group &nested) {
        if (std::optional<exception_group> part = nested.filter(matches))
          found.push_back(std::make_exception_ptr(*std::move(part)));
      } catch (...) {
        if (matches(each))
          found.push_back(each);
      }
    }
    if (found.empty())
      return std::nullopt;
    return exception_group(message(), std::move(found));
  }

  std::shared_ptr<const content> content_;
};

} // namespace coral

#endif
