#include <coral/exception_group.hpp>

namespace coral {

exception_group::exception_group(std::string message, std::vector<std::exception_ptr> exceptions) {
  if (exceptions.empty())
    throw value_error("an exception group holds at least one exception");
  for (const std::exception_ptr &each : exceptions)
    if (!each)
      throw value_error("an exception group holds exceptions, and one of these is null");
  std::string what = message + " (" + std::to_string(exceptions.size()) +
                     (exceptions.size() == 1 ? " sub-exception)" : " sub-exceptions)");
  content_ = std::make_shared<const content>(
      content{std::move(message), std::move(what), std::move(exceptions)});
}

} // namespace coral
