#include "server_state.hpp"

#include "sockets.hpp"
#include "stream_transport.hpp"

#include <coral/cancel.hpp>
#include <coral/errors.hpp>

#include <cerrno>
#include <chrono>
#include <exception>
#include <sys/socket.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace coral::detail {

server_state::listener::listener(server_state &owner, owned_descriptor fd)
    : owner_(owner), fd_(std::move(fd)), address_(local_address_of(fd_.get())) {
  const std::string path = address_.path();
  struct stat found;
  if (owner_.options_.cleanup_socket && !path.empty() && path.front() != '\0' &&
      ::stat(path.c_str(), &found) == 0)
    file_.emplace(found.st_dev, found.st_ino);
}

void server_state::listener::remove_file() noexcept {
  struct stat found;
  if (file_ && ::stat(address_.path().c_str(), &found) == 0 &&
      file_ == std::pair(found.st_dev, found.st_ino))
    ::unlink(address_.path().c_str());
}

void server_state::listener::watch() {
  descriptor_access::watch(owner_.loop_, fd_.get(), io_direction::read, *this);
  watched_ = true;
}

void server_state::listener::unwatch() noexcept {
  if (std::exchange(watched_, false))
    descriptor_access::unwatch(owner_.loop_, fd_.get(), io_direction::read);
  if (std::optional<handle> retry = std::exchange(retry_, std::nullopt))
    retry->cancel();
}

void server_state::listener::run(driver &) {
  // A protocol may close the server, and this listener with it.
  const std::shared_ptr<server_state> keep = owner_.shared_from_this();
  for (int accepted = 0; watched_ && accepted < keep->options_.backlog; ++accepted) {
    owned_descriptor fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) {
      if (would_block(errno) || errno == ECONNABORTED)
        return;
      return out_of_resources(*keep, errno);
    }
    try {
      set_no_delay(fd.get(), address_.family());
      std::shared_ptr<stream_protocol> made = keep->factory_();
      std::make_shared<stream_transport>(keep->loop_, std::move(fd), endpoint_kind::socket)
          ->start(std::move(made), keep);
    } catch (...) {
      keep->loop_.call_exception_handler({"Error on transport creation for incoming connection",
                                          std::current_exception(), std::nullopt});
    }
    if (keep->closed_)
      return;
  }
}

/// Without descriptors or memory the connection stays in the backlog, and readable.
void server_state::listener::out_of_resources(server_state &owner, int error) {
  constexpr std::chrono::seconds retry_delay(1);
  unwatch();
  owner.loop_.call_exception_handler(
      {"socket.accept() failed",
       std::make_exception_ptr(std::system_error(error, std::system_category(), "accept")),
       std::nullopt});
  // The handler may have closed the server, and destroyed this.
  if (owner.closed_)
    return;
  retry_ = owner.loop_.call_later(retry_delay, [this] {
    retry_.reset();
    watch();
  });
}

void server_state::add(owned_descriptor bound) {
  listeners_.push_back(std::make_unique<listener>(*this, std::move(bound)));
}

void server_state::start_serving() {
  if (closed_)
    throw runtime_error("server is closed");
  if (serving_)
    return;
  for (const std::unique_ptr<listener> &each : listeners_)
    if (::listen(each->fd(), options_.backlog) < 0)
      throw_errno("listen");
  for (const std::unique_ptr<listener> &each : listeners_)
    each->watch();
  serving_ = true;
  resource_access::add(loop_, *this);
  self_ = shared_from_this();
}

task<void> server_state::serve_forever() {
  const std::shared_ptr<server_state> keep = shared_from_this();
  if (serving_forever_)
    throw runtime_error("server is already being awaited on serve_forever()");
  start_serving();
  serving_forever_ = true;
  std::exception_ptr why;
  try {
    co_await forever_.wait(loop_);
    why = std::make_exception_ptr(cancelled_error());
  } catch (...) {
    why = std::current_exception();
  }
  serving_forever_ = false;
  close();
  co_await wait_closed();
  std::rethrow_exception(why);
}

std::vector<socket_address> server_state::addresses() const {
  std::vector<socket_address> all;
  for (const std::unique_ptr<listener> &each : listeners_)
    all.push_back(each->address());
  return all;
}

void server_state::close() {
  if (std::exchange(closed_, true))
    return;
  const std::shared_ptr<server_state> keep = std::move(self_);
  unlink();
  serving_ = false;
  listeners_.clear();
  if (loop_.is_closed())
    return;
  forever_.wake_all(loop_);
  if (connections_.empty())
    closed_waiters_.wake_all(loop_);
}

task<void> server_state::wait_closed() {
  const std::shared_ptr<server_state> keep = shared_from_this();
  while (!closed_ || !connections_.empty())
    co_await closed_waiters_.wait(loop_);
}

void server_state::detach(server_link &connection) noexcept {
  connection.unlink();
  if (closed_ && connections_.empty() && !loop_.is_closed())
    closed_waiters_.wake_all(loop_);
}

template <class Call> void server_state::each_connection(Call call) {
  link_list rest;
  rest.append(connections_);
  while (!rest.empty()) {
    auto &connection = static_cast<server_link &>(rest.front());
    connection.unlink();
    connections_.push_back(connection);
    call(connection.owner);
  }
}

void server_state::close_clients() {
  each_connection([](stream_transport &connection) { connection.close(); });
}

void server_state::abort_clients() {
  each_connection([](stream_transport &connection) { connection.abort(); });
}

void server_state::loop_closed() noexcept { close(); }

} // namespace coral::detail

namespace coral {

void server::start_serving() { state_->start_serving(); }
task<void> server::serve_forever() { return state_->serve_forever(); }
bool server::is_serving() const noexcept { return state_->is_serving(); }
std::vector<socket_address> server::addresses() const { return state_->addresses(); }
void server::close() { state_->close(); }
task<void> server::wait_closed() { return state_->wait_closed(); }
void server::close_clients() { state_->close_clients(); }
void server::abort_clients() { state_->abort_clients(); }
event_loop &server::loop() const noexcept { return state_->loop(); }

std::uint16_t server::port() const {
  const std::vector<socket_address> all = addresses();
  return all.empty() ? 0 : all.front().port();
}

} // namespace coral
