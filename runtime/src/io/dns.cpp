#include <coral/dns.hpp>

#include <coral/errors.hpp>
#include <coral/event_loop.hpp>
#include <coral/executors.hpp>

#include <cerrno>
#include <memory>
#include <netdb.h>
#include <optional>

namespace coral {
namespace {

class gai_category final : public std::error_category {
public:
  const char *name() const noexcept override { return "getaddrinfo"; }
  std::string message(int code) const override { return ::gai_strerror(code); }
};

[[noreturn]] void fail(int code, const std::string &what) {
  if (code == EAI_SYSTEM)
    throw std::system_error(errno, std::system_category(), what);
  throw gaierror(code, what);
}

const char *null_if_empty(const std::string &text) noexcept {
  return text.empty() ? nullptr : text.c_str();
}

/// Asks the system. Nothing if the host is not numeric and only numbers are wanted.
std::optional<std::vector<address_info>> look_up(const std::string &host,
                                                 const std::string &service,
                                                 const address_hints &wanted, bool numbers_only) {
  addrinfo hints{};
  hints.ai_family = wanted.family;
  hints.ai_socktype = wanted.type;
  hints.ai_protocol = wanted.protocol;
  hints.ai_flags = wanted.flags | (numbers_only ? AI_NUMERICHOST | AI_NUMERICSERV : 0);
  addrinfo *found = nullptr;
  // Both empty is an error to the system.
  const char *name = null_if_empty(service);
  const int result =
      ::getaddrinfo(null_if_empty(host), name || !host.empty() ? name : "0", &hints, &found);
  if (result == EAI_NONAME && numbers_only)
    return std::nullopt;
  if (result != 0)
    fail(result, host);
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, ::freeaddrinfo);
  std::vector<address_info> all;
  for (const addrinfo *each = found; each; each = each->ai_next)
    all.push_back({each->ai_family, each->ai_socktype, each->ai_protocol,
                   socket_address(each->ai_addr, each->ai_addrlen),
                   each->ai_canonname ? each->ai_canonname : ""});
  return all;
}

} // namespace

const std::error_category &gaierror_category() noexcept {
  static const gai_category category;
  return category;
}

task<std::vector<address_info>> getaddrinfo(std::string host, std::string service,
                                            address_hints hints) {
  // NOLINTNEXTLINE(coral-blocking-call): what is numeric is looked up nowhere.
  if (auto numeric = look_up(host, service, hints, true))
    co_return std::move(*numeric);
  auto ask = [host = std::move(host), service = std::move(service), hints] {
    return *look_up(host, service, hints, false);
  };
  co_return co_await get_running_loop().run_in_executor(nullptr, std::move(ask));
}

task<std::pair<std::string, std::string>> getnameinfo(socket_address address, int flags) {
  auto ask = [address, flags] {
    char host[NI_MAXHOST];
    char service[NI_MAXSERV];
    const int result = ::getnameinfo(address.data(), address.size(), host, sizeof host, service,
                                     sizeof service, flags);
    if (result != 0)
      fail(result, address.to_string());
    return std::pair<std::string, std::string>(host, service);
  };
  co_return co_await get_running_loop().run_in_executor(nullptr, std::move(ask));
}

} // namespace coral
