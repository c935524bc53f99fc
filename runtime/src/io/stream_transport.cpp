#include "stream_transport.hpp"

#include "sockets.hpp"
#include "stream_core.hpp"

#include <coral/errors.hpp>

#include <algorithm>
#include <cerrno>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace coral::detail {
namespace {

std::exception_ptr system_failure(int error, const char *what) {
  return std::make_exception_ptr(std::system_error(error, std::system_category(), what));
}

/// The peer went away: nothing to tell the exception handler.
bool is_disconnection(const std::exception_ptr &error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::system_error &failure) {
    return failure.code() == std::errc::connection_reset ||
           failure.code() == std::errc::connection_aborted ||
           failure.code() == std::errc::broken_pipe;
  } catch (...) {
    return false;
  }
}

} // namespace

stream_transport::stream_transport(event_loop &loop, owned_descriptor fd, endpoint_kind kind)
    : fd_(std::move(fd)), kind_(kind), loop_(loop) {
  if (kind_ == endpoint_kind::socket) {
    local_ = local_address_of(fd_.get());
    remote_ = remote_address_of(fd_.get());
  }
}

void stream_transport::start(std::shared_ptr<stream_protocol> p,
                             std::shared_ptr<server_state> server) {
  set_protocol(std::move(p));
  server_ = std::move(server);
  watch_reading();
  resource_access::add(loop_, *this);
  self_ = shared_from_this();
  if (server_)
    server_->attach(server_place_);
  try {
    protocol_->connection_made(*this);
  } catch (...) {
    loop_.call_exception_handler(
        {"Exception in protocol.connection_made()", std::current_exception(), std::nullopt});
  }
}

void stream_transport::set_protocol(std::shared_ptr<stream_protocol> p) {
  auto *plain = dynamic_cast<coral::protocol *>(p.get());
  auto *buffered = dynamic_cast<buffered_protocol *>(p.get());
  if (!plain && !buffered)
    throw type_error("a transport's protocol derives from coral::protocol or "
                     "coral::buffered_protocol");
  plain_ = plain;
  buffered_ = buffered;
  streams_ = dynamic_cast<stream_core *>(p.get());
  protocol_ = std::move(p);
}

void stream_transport::watch_reading() {
  if (reading_watched_)
    return;
  descriptor_access::watch(loop_, fd_.get(), io_direction::read, read_side_);
  reading_watched_ = true;
}

void stream_transport::unwatch_reading() noexcept {
  if (std::exchange(reading_watched_, false))
    descriptor_access::unwatch(loop_, fd_.get(), io_direction::read);
}

void stream_transport::unwatch_writing() noexcept {
  if (std::exchange(writing_watched_, false))
    descriptor_access::unwatch(loop_, fd_.get(), io_direction::write);
}

void stream_transport::read_ready(driver &scope) {
  if (closing_ || reading_paused_)
    return unwatch_reading();
  if (kind_ == endpoint_kind::write_pipe)
    // Nothing comes from there but the news that nobody reads.
    return force_close(queue_.empty() ? nullptr : system_failure(EPIPE, "write"));
  if (streams_)
    return receive(streams_->reader_state().receive_space(), scope);
  if (plain_)
    return receive(receive_buffer(), scope);
  std::span<std::byte> into;
  try {
    into = buffered_->get_buffer();
    if (into.empty())
      throw runtime_error("get_buffer() returned an empty buffer");
  } catch (...) {
    return fail("Fatal error: protocol.get_buffer() call failed.", std::current_exception());
  }
  receive(into, scope);
}

void stream_transport::receive(std::span<std::byte> into, driver &scope) {
  const std::ptrdiff_t received = kind_ == endpoint_kind::socket
                                      ? ::recv(fd_.get(), into.data(), into.size(), 0)
                                      : ::read(fd_.get(), into.data(), into.size());
  if (received <= 0)
    return nothing_received(received);
  const std::span<const std::byte> bytes = into.first(static_cast<std::size_t>(received));
  // A coroutine that waits for these goes on at once: what it needs of the connection is in the
  // processor's caches now. It may close the connection, and destroy this.
  if (streams_)
    if (reader_core::awaiter *reader = streams_->reader_state().hand_over(bytes))
      return reader->run(scope);
  try {
    if (plain_)
      plain_->data_received(bytes);
    else
      buffered_->buffer_updated(bytes.size());
  } catch (...) {
    fail(plain_ ? "Fatal error: protocol.data_received() call failed."
                : "Fatal error: protocol.buffer_updated() call failed.",
         std::current_exception());
  }
}

void stream_transport::nothing_received(std::ptrdiff_t result) {
  if (result == 0)
    return end_of_stream();
  if (!would_block(errno))
    fail("Fatal read error on transport", system_failure(errno, "read"));
}

void stream_transport::end_of_stream() {
  bool keep_open = false;
  try {
    keep_open = protocol_->eof_received();
  } catch (...) {
    return fail("Fatal error: protocol.eof_received() call failed.", std::current_exception());
  }
  reading_ended_ = true;
  unwatch_reading();
  if (!keep_open || kind_ == endpoint_kind::read_pipe)
    close();
}

void stream_transport::pause_reading() {
  if (kind_ == endpoint_kind::write_pipe)
    throw runtime_error("cannot read from the writing end of a pipe");
  // The descriptor stays watched until it is found readable: a pause may well be over by then.
  reading_paused_ = true;
}

void stream_transport::resume_reading() {
  if (kind_ == endpoint_kind::write_pipe)
    throw runtime_error("cannot read from the writing end of a pipe");
  reading_paused_ = false;
  if (!closing_ && !reading_ended_)
    watch_reading();
}

void stream_transport::refuse_write() {
  if (!can_write_eof())
    throw runtime_error("cannot write to the reading end of a pipe");
  if (eof_written_)
    throw runtime_error("Cannot call write() after write_eof()");
  constexpr unsigned tolerated = 5;
  if (++ignored_writes_ >= tolerated && !released_)
    loop_.call_exception_handler(
        {"write() was called on a transport that is closed", nullptr, std::nullopt});
}

std::ptrdiff_t stream_transport::write_some(const iovec *vectors, std::size_t count) noexcept {
  return kind_ == endpoint_kind::socket ? send_vectors(fd_.get(), vectors, count)
                                        : write_pipe_vectors(fd_.get(), vectors, count);
}

void stream_transport::write(bytes_view data) {
  if (!takes_writes()) [[unlikely]]
    return refuse_write();
  if (data.empty())
    return;
  if (!queue_.empty())
    return queue(data);
  ssize_t written = 0;
  if (kind_ == endpoint_kind::socket) {
    written = ::send(fd_.get(), data.data(), data.size(), MSG_NOSIGNAL);
  } else {
    const iovec vector{const_cast<char *>(data.data()), data.size()};
    written = write_some(&vector, 1);
  }
  if (static_cast<std::size_t>(written) == data.size()) [[likely]]
    return;
  if (written < 0) {
    if (!would_block(errno))
      return fail("Fatal write error on transport", system_failure(errno, "write"));
    written = 0;
  }
  queue(std::string_view(data).substr(static_cast<std::size_t>(written)));
}

void stream_transport::writelines(std::span<const bytes_view> lines) {
  if (!takes_writes())
    return refuse_write();
  std::size_t written = 0;
  if (queue_.empty()) {
    iovec vectors[write_queue::gathered];
    std::size_t count = 0;
    for (const bytes_view &line : lines.first(std::min(lines.size(), write_queue::gathered)))
      vectors[count++] = {const_cast<char *>(line.data()), line.size()};
    const std::ptrdiff_t result = count ? write_some(vectors, count) : 0;
    if (result < 0 && !would_block(errno))
      return fail("Fatal write error on transport", system_failure(errno, "write"));
    written = result < 0 ? 0 : static_cast<std::size_t>(result);
  }
  for (std::string_view line : lines) {
    const std::size_t gone = std::min(written, line.size());
    written -= gone;
    if (gone != line.size())
      queue(line.substr(gone));
  }
}

void stream_transport::queue(std::string_view rest) {
  queue_.push(rest);
  if (!writing_watched_) {
    descriptor_access::watch(loop_, fd_.get(), io_direction::write, write_side_);
    writing_watched_ = true;
  }
  pause_protocol();
}

void stream_transport::write_ready(driver &) {
  iovec vectors[write_queue::gathered];
  const std::size_t count = queue_.gather(vectors);
  const std::ptrdiff_t written = write_some(vectors, count);
  if (written < 0) {
    if (!would_block(errno))
      fail("Fatal write error on transport", system_failure(errno, "write"));
    return;
  }
  queue_.consume(static_cast<std::size_t>(written));
  resume_protocol();
  if (!queue_.empty() || lost_)
    return;
  unwatch_writing();
  if (closing_)
    lose_soon(nullptr);
  else if (eof_written_)
    ::shutdown(fd_.get(), SHUT_WR);
}

void stream_transport::write_eof() {
  if (!can_write_eof())
    throw runtime_error("cannot write to the reading end of a pipe");
  if (closing_ || eof_written_)
    return;
  if (kind_ == endpoint_kind::write_pipe)
    return close();
  eof_written_ = true;
  if (queue_.empty())
    ::shutdown(fd_.get(), SHUT_WR);
}

void stream_transport::set_write_buffer_limits(std::optional<std::size_t> high,
                                               std::optional<std::size_t> low) {
  water_marks marks = default_water_marks;
  if (high)
    marks = {low.value_or(*high / 4), *high};
  else if (low)
    marks = {*low, *low * 4};
  if (marks.high < marks.low)
    throw value_error("high must be >= low");
  marks_ = marks;
  pause_protocol();
}

void stream_transport::pause_protocol() {
  if (queue_.size() <= marks_.high || std::exchange(protocol_paused_, true) || !protocol_)
    return;
  try {
    protocol_->pause_writing();
  } catch (...) {
    loop_.call_exception_handler(
        {"protocol.pause_writing() failed", std::current_exception(), std::nullopt});
  }
}

void stream_transport::resume_protocol() {
  if (queue_.size() > marks_.low || !std::exchange(protocol_paused_, false))
    return;
  try {
    protocol_->resume_writing();
  } catch (...) {
    loop_.call_exception_handler(
        {"protocol.resume_writing() failed", std::current_exception(), std::nullopt});
  }
}

void stream_transport::close() {
  if (closing_)
    return;
  closing_ = true;
  if (loop_.is_closed())
    return loop_closed();
  unwatch_reading();
  if (queue_.empty()) {
    // Still watched, if this is called for what was written last.
    unwatch_writing();
    lose_soon(nullptr);
  }
}

void stream_transport::abort() { force_close(nullptr); }

void stream_transport::fail(const char *message, std::exception_ptr error) {
  if (!is_disconnection(error))
    loop_.call_exception_handler({message, error, std::nullopt});
  force_close(std::move(error));
}

void stream_transport::force_close(std::exception_ptr error) {
  if (lost_)
    return;
  closing_ = true;
  if (loop_.is_closed())
    return loop_closed();
  queue_.clear();
  unwatch_reading();
  unwatch_writing();
  lose_soon(std::move(error));
}

void stream_transport::lose_soon(std::exception_ptr error) {
  if (std::exchange(lost_, true))
    return;
  loop_.call_soon(
      [this, keep = shared_from_this()](std::exception_ptr &why) { lose(std::move(why)); },
      std::move(error));
}

void stream_transport::lose(std::exception_ptr error) {
  if (released_)
    return;
  struct at_end {
    stream_transport &owner;
    ~at_end() { owner.release(); }
  } release_at_end{*this};
  protocol_->connection_lost(std::move(error));
}

void stream_transport::release() noexcept {
  const std::shared_ptr<transport> keep = std::move(self_);
  released_ = true;
  closing_ = lost_ = true;
  unlink();
  fd_.reset();
  queue_.clear();
  if (const std::shared_ptr<server_state> server = std::move(server_))
    server->detach(server_place_);
  plain_ = nullptr;
  buffered_ = nullptr;
  streams_ = nullptr;
  const std::shared_ptr<stream_protocol> last = std::move(protocol_);
}

std::string stream_transport::unclosed() const {
  return closing_ ? std::string() : transport_between(local_, remote_);
}

void stream_transport::loop_closed() noexcept {
  if (released_)
    return;
  unwatch_reading();
  unwatch_writing();
  release();
}

} // namespace coral::detail
