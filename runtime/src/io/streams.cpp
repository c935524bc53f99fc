#include "sockets.hpp"
#include "stream_core.hpp"

#include <coral/errors.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace coral::detail {

reader_core::reader_core(event_loop &loop, std::size_t limit) : loop_(loop), limit_(limit) {
  if (limit == 0)
    throw value_error("Limit cannot be <= 0");
}

cancel_outcome reader_core::awaiter::request_cancel(const std::exception_ptr &) noexcept {
  leave();
  if (!linked())
    resource_access::make_ready(core_.loop_, *this);
  return cancel_outcome::accepted;
}

reader_core::awaiter reader_core::wait(const char *function, std::span<std::byte> into) {
  if (waiter_)
    throw runtime_error(std::string(function) +
                        "() called while another coroutine is already waiting for incoming data");
  if (std::exchange(paused_, false) && transport_)
    transport_->resume_reading();
  return awaiter(*this, into);
}

void reader_core::wake() noexcept {
  if (awaiter *woken = std::exchange(waiter_, nullptr))
    resource_access::make_ready(loop_, *woken);
}

void reader_core::feed(std::string_view data) {
  if (data.empty())
    return;
  buffer_.append(data);
  wake();
  if (transport_ && !paused_ && buffered().size() > 2 * limit_) {
    transport_->pause_reading();
    paused_ = true;
  }
}

void reader_core::feed_eof() noexcept {
  ended_ = true;
  wake();
}

void reader_core::fail(std::exception_ptr error) noexcept {
  error_ = std::move(error);
  wake();
}

std::span<std::byte> reader_core::receive_space() const {
  // Whoever waits is looked at next, when the system has received.
  __builtin_prefetch(waiter_);
  return waiter_ && !into_.empty() ? into_ : receive_buffer();
}

reader_core::awaiter *reader_core::hand_over(std::span<const std::byte> bytes) noexcept {
  awaiter *waiter = std::exchange(waiter_, nullptr);
  if (waiter)
    waiter->received_ = {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
  return waiter;
}

std::string reader_core::take(std::size_t count) {
  if (begin_ == 0 && count == buffer_.size()) {
    std::string all = std::exchange(buffer_, {});
    skip(0);
    return all;
  }
  std::string taken = buffer_.substr(begin_, count);
  skip(count);
  return taken;
}

void reader_core::skip(std::size_t count) {
  begin_ += count;
  constexpr std::size_t kept_capacity = 4096;
  if (begin_ == buffer_.size()) {
    begin_ = 0;
    if (buffer_.capacity() > kept_capacity)
      std::string().swap(buffer_);
    else
      buffer_.clear();
  } else if (begin_ > buffer_.size() / 2) {
    buffer_.erase(0, begin_);
    begin_ = 0;
  }
  if (paused_ && transport_ && buffered().size() <= limit_) {
    paused_ = false;
    transport_->resume_reading();
  }
}

void stream_core::connection_made(coral::transport &t) {
  transport_ = t.shared_from_this();
  reader_.connect(t);
  if (stream_callback connected = std::exchange(connected_, nullptr))
    connected(reader(), writer());
}

void stream_core::connection_lost(std::exception_ptr error) {
  lost_ = true;
  error_ = error;
  reader_.disconnect();
  if (error)
    reader_.fail(std::move(error));
  else
    reader_.feed_eof();
  drained_.wake_all(reader_.loop());
  closed_.wake_all(reader_.loop());
}

void stream_core::resume_writing() {
  writing_paused_ = false;
  drained_.wake_all(reader_.loop());
}

bool stream_core::eof_received() {
  reader_.feed_eof();
  // The peer may still read.
  return true;
}

stream_pair stream_core::streams() { return {reader(), writer()}; }

void stream_core::drop_writer() noexcept {
  if (--writers_ == 0 && transport_)
    transport_->close();
}

task<void> stream_core::drain(std::shared_ptr<stream_core> core) {
  core->reader_.check();
  if (core->writing_paused_ || core->transport_->is_closing()) [[unlikely]]
    co_await core->wait_drained();
}

task<void> stream_core::wait_drained() {
  // A transport that closes says so in the next batch.
  if (transport_->is_closing() && !lost_)
    co_await yield();
  if (lost_) {
    if (error_)
      std::rethrow_exception(error_);
    throw_errno(ECONNRESET, "Connection lost");
  }
  while (writing_paused_ && !lost_)
    co_await drained_.wait(reader_.loop());
  if (error_)
    std::rethrow_exception(error_);
}

task<void> stream_core::wait_closed(std::shared_ptr<stream_core> core) {
  while (!core->lost_)
    co_await core->closed_.wait(core->reader_.loop());
  if (core->error_)
    std::rethrow_exception(core->error_);
}

namespace {

task<std::string> read_some(std::shared_ptr<reader_core> core, std::size_t count) {
  core->check();
  if (count == 0)
    co_return std::string();
  if (core->buffered().empty() && !core->ended()) {
    const std::string_view received = co_await core->wait("read");
    if (!received.empty()) {
      core->feed(received.substr(std::min(count, received.size())));
      co_return std::string(received.substr(0, count));
    }
    core->check();
  }
  co_return core->take(std::min(count, core->buffered().size()));
}

task<std::string> read_all(std::shared_ptr<reader_core> core) {
  std::string all;
  for (;;) {
    std::string some = co_await read_some(core, core->limit());
    if (some.empty())
      co_return all;
    all += some;
  }
}

task<std::size_t> read_into(std::shared_ptr<reader_core> core, std::span<std::byte> into) {
  core->check();
  if (into.empty())
    co_return 0;
  if (core->buffered().empty() && !core->ended()) {
    const std::string_view received = co_await core->wait("readinto", into);
    if (!received.empty())
      co_return received.size();
    core->check();
  }
  const std::size_t count = std::min(into.size(), core->buffered().size());
  std::memcpy(into.data(), core->buffered().data(), count);
  core->skip(count);
  co_return count;
}

task<std::string> read_exactly(std::shared_ptr<reader_core> core, std::size_t count) {
  core->check();
  while (core->buffered().size() < count) {
    if (core->ended())
      throw incomplete_read_error(core->take(core->buffered().size()), count);
    core->feed(co_await core->wait("readexactly"));
    core->check();
  }
  co_return core->take(count);
}

task<std::string> read_until(std::shared_ptr<reader_core> core, std::string separator) {
  if (separator.empty())
    throw value_error("Separator should be at least one-byte string");
  core->check();
  // No separator begins before this.
  std::size_t searched = 0;
  for (;;) {
    const std::string_view buffered = core->buffered();
    if (buffered.size() - searched >= separator.size()) {
      const std::size_t found = buffered.find(separator, searched);
      if (found != buffered.npos) {
        if (found > core->limit())
          throw limit_overrun_error("Separator is found, but chunk is longer than limit", found);
        co_return core->take(found + separator.size());
      }
      searched = buffered.size() + 1 - separator.size();
      if (searched > core->limit())
        throw limit_overrun_error("Separator is not found, and chunk exceed the limit", searched);
    }
    if (core->ended())
      throw incomplete_read_error(core->take(buffered.size()), std::nullopt);
    core->feed(co_await core->wait("readuntil"));
    core->check();
  }
}

task<std::string> read_line(std::shared_ptr<reader_core> core) {
  try {
    co_return co_await read_until(core, "\n");
  } catch (const incomplete_read_error &ended) {
    co_return ended.partial();
  } catch (const limit_overrun_error &overrun) {
    const std::string_view buffered = core->buffered();
    const bool found = buffered.substr(overrun.consumed()).starts_with('\n');
    core->skip(found ? overrun.consumed() + 1 : buffered.size());
    throw value_error(overrun.what());
  }
}

} // namespace

void client_failed(const stream_writer &writer, std::exception_ptr error) {
  writer.transport().loop().call_exception_handler(
      {"Unhandled exception in client_connected_cb", std::move(error), std::nullopt});
  writer.transport().close();
}

} // namespace coral::detail

namespace coral {

incomplete_read_error::incomplete_read_error(std::string partial,
                                             std::optional<std::size_t> expected)
    : std::runtime_error(std::to_string(partial.size()) + " bytes read on a total of " +
                         (expected ? std::to_string(*expected) : "undefined") + " expected bytes"),
      partial_(std::make_shared<const std::string>(std::move(partial))), expected_(expected) {}

stream_reader::stream_reader(event_loop &loop, std::size_t limit)
    : core_(std::make_shared<detail::reader_core>(loop, limit)) {}

stream_reader::stream_reader(std::shared_ptr<detail::reader_core> core) noexcept
    : core_(std::move(core)) {}

task<std::string> stream_reader::read(std::size_t count) { return detail::read_some(core_, count); }
task<std::string> stream_reader::read() { return detail::read_all(core_); }

task<std::size_t> stream_reader::readinto(std::span<std::byte> into) {
  return detail::read_into(core_, into);
}

task<std::string> stream_reader::readexactly(std::size_t count) {
  return detail::read_exactly(core_, count);
}

task<std::string> stream_reader::readuntil(std::string separator) {
  return detail::read_until(core_, std::move(separator));
}

task<std::string> stream_reader::readline() { return detail::read_line(core_); }

bool stream_reader::at_eof() const noexcept { return core_->ended() && core_->buffered().empty(); }
std::exception_ptr stream_reader::exception() const noexcept { return core_->error(); }
void stream_reader::feed_data(bytes_view data) { core_->feed(data); }
void stream_reader::feed_eof() { core_->feed_eof(); }
void stream_reader::set_exception(std::exception_ptr error) { core_->fail(std::move(error)); }

stream_writer::stream_writer(std::shared_ptr<detail::stream_core> core) noexcept
    : core_(std::move(core)) {
  core_->add_writer();
}

stream_writer::stream_writer(const stream_writer &other) noexcept : core_(other.core_) {
  if (core_)
    core_->add_writer();
}

stream_writer &stream_writer::operator=(stream_writer other) noexcept {
  std::swap(core_, other.core_);
  return *this;
}

stream_writer::~stream_writer() {
  if (core_)
    core_->drop_writer();
}

void stream_writer::write(bytes_view data) { core_->transport().write(data); }

void stream_writer::writelines(std::initializer_list<bytes_view> lines) {
  writelines(std::span<const bytes_view>(lines.begin(), lines.size()));
}

void stream_writer::writelines(std::span<const bytes_view> lines) {
  core_->transport().writelines(lines);
}

task<void> stream_writer::drain() { return detail::stream_core::drain(core_); }
void stream_writer::write_eof() { core_->transport().write_eof(); }
bool stream_writer::can_write_eof() const noexcept { return core_->transport().can_write_eof(); }
void stream_writer::close() { core_->transport().close(); }
bool stream_writer::is_closing() const noexcept { return core_->transport().is_closing(); }
task<void> stream_writer::wait_closed() { return detail::stream_core::wait_closed(core_); }
transport &stream_writer::transport() const noexcept { return core_->transport(); }

} // namespace coral
