#include "datagram_transport.hpp"

#include "sockets.hpp"

#include <coral/errors.hpp>

#include <cerrno>
#include <span>
#include <sys/socket.h>
#include <system_error>

namespace coral::detail {
namespace {

constexpr water_marks marks = transport::default_water_marks;

} // namespace

socket_datagram_transport::socket_datagram_transport(event_loop &loop, owned_descriptor fd)
    : loop_(loop), fd_(std::move(fd)), local_(local_address_of(fd_.get())),
      remote_(remote_address_of(fd_.get())) {}

template <class Call> void socket_datagram_transport::guarded(const char *message, Call call) {
  try {
    call();
  } catch (...) {
    loop_.call_exception_handler({message, std::current_exception(), std::nullopt});
  }
}

void socket_datagram_transport::start(std::shared_ptr<datagram_protocol> p) {
  protocol_ = std::move(p);
  descriptor_access::watch(loop_, fd_.get(), io_direction::read, read_side_);
  resource_access::add(loop_, *this);
  self_ = shared_from_this();
  guarded("Exception in protocol.connection_made()", [this] { protocol_->connection_made(*this); });
}

void socket_datagram_transport::read_ready() {
  if (closing_)
    return;
  const std::span<std::byte> into = receive_buffer();
  sockaddr_storage from{};
  socklen_t size = sizeof from;
  const ssize_t received = ::recvfrom(fd_.get(), into.data(), into.size(), 0,
                                      reinterpret_cast<sockaddr *>(&from), &size);
  if (received < 0) {
    if (!would_block(errno))
      tell_error(errno);
    return;
  }
  guarded("Exception in protocol.datagram_received()", [&] {
    protocol_->datagram_received(
        std::span<const std::byte>(into.first(static_cast<std::size_t>(received))),
        socket_address(reinterpret_cast<sockaddr *>(&from), size));
  });
}

void socket_datagram_transport::tell_error(int error) {
  guarded("Exception in protocol.error_received()",
          [&] { protocol_->error_received(std::error_code(error, std::system_category())); });
}

void socket_datagram_transport::sendto(bytes_view data) {
  if (closing_)
    return;
  if (remote_.family() == AF_UNSPEC)
    throw value_error("sendto needs an address: the endpoint has no remote address");
  send(data, {});
}

void socket_datagram_transport::sendto(bytes_view data, const socket_address &to) {
  if (closing_)
    return;
  if (remote_.family() == AF_UNSPEC)
    return send(data, to);
  if (to != remote_)
    throw value_error("Invalid address: must be " + remote_.to_string());
  send(data, {});
}

int socket_datagram_transport::send_now(std::string_view bytes, const socket_address &to) noexcept {
  const bool connected = to.family() == AF_UNSPEC;
  return ::sendto(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL,
                  connected ? nullptr : to.data(), connected ? 0 : to.size()) < 0
             ? errno
             : 0;
}

void socket_datagram_transport::send(bytes_view data, const socket_address &to) {
  if (queue_.empty()) {
    const int error = send_now(data, to);
    if (error == 0)
      return;
    if (!would_block(error))
      return tell_error(error);
    watch_writing();
  }
  queue_.push_back({std::string(std::string_view(data)), to});
  queued_ += data.size();
  if (queued_ > marks.high && !std::exchange(protocol_paused_, true))
    guarded("protocol.pause_writing() failed", [this] { protocol_->pause_writing(); });
}

void socket_datagram_transport::watch_writing() {
  descriptor_access::watch(loop_, fd_.get(), io_direction::write, write_side_);
  writing_watched_ = true;
}

void socket_datagram_transport::write_ready() {
  while (!queue_.empty()) {
    const int error = send_now(queue_.front().bytes, queue_.front().to);
    if (would_block(error))
      break;
    queued_ -= queue_.front().bytes.size();
    queue_.pop_front();
    if (error) {
      tell_error(error);
      break;
    }
  }
  if (lost_)
    return;
  if (queued_ <= marks.low && std::exchange(protocol_paused_, false))
    guarded("protocol.resume_writing() failed", [this] { protocol_->resume_writing(); });
  if (lost_ || !queue_.empty())
    return;
  writing_watched_ = false;
  descriptor_access::unwatch(loop_, fd_.get(), io_direction::write);
  if (closing_)
    lose_soon(nullptr);
}

void socket_datagram_transport::unwatch() noexcept {
  if (!fd_)
    return;
  descriptor_access::unwatch(loop_, fd_.get(), io_direction::read);
  if (std::exchange(writing_watched_, false))
    descriptor_access::unwatch(loop_, fd_.get(), io_direction::write);
}

void socket_datagram_transport::close() {
  if (closing_)
    return;
  if (loop_.is_closed())
    return loop_closed();
  closing_ = true;
  if (!queue_.empty()) {
    descriptor_access::unwatch(loop_, fd_.get(), io_direction::read);
    return;
  }
  // The writing too, if this is called for what was sent last.
  unwatch();
  lose_soon(nullptr);
}

void socket_datagram_transport::abort() {
  if (lost_)
    return;
  if (loop_.is_closed())
    return loop_closed();
  closing_ = true;
  queue_.clear();
  queued_ = 0;
  unwatch();
  lose_soon(nullptr);
}

void socket_datagram_transport::lose_soon(std::exception_ptr error) {
  if (std::exchange(lost_, true))
    return;
  auto lose = [this, keep = shared_from_this()](std::exception_ptr &why) {
    if (!protocol_)
      return;
    const std::shared_ptr<datagram_protocol> told = protocol_;
    release();
    told->connection_lost(std::move(why));
  };
  loop_.call_soon(std::move(lose), std::move(error));
}

void socket_datagram_transport::release() noexcept {
  const std::shared_ptr<datagram_transport> keep = std::move(self_);
  closing_ = lost_ = true;
  unlink();
  fd_.reset();
  queue_.clear();
  queued_ = 0;
  const std::shared_ptr<datagram_protocol> last = std::move(protocol_);
}

std::string socket_datagram_transport::unclosed() const {
  return closing_ ? std::string() : transport_between(local_, remote_);
}

void socket_datagram_transport::loop_closed() noexcept {
  if (!protocol_)
    return;
  unwatch();
  release();
}

} // namespace coral::detail
