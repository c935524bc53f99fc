// The transport of a stream socket, or of one end of a pipe.

#ifndef CORAL_IO_STREAM_TRANSPORT_HPP
#define CORAL_IO_STREAM_TRANSPORT_HPP

#include "server_state.hpp"
#include "write_queue.hpp"

#include <coral/detail/descriptor.hpp>
#include <coral/detail/loop_resource.hpp>
#include <coral/detail/owned_descriptor.hpp>
#include <coral/transports.hpp>

#include <memory>
#include <string>

namespace coral::detail {

class stream_core;

/// Level-triggered: reading is watched from the start to the end, writing only while something is
/// queued. From `start` until the connection is lost the transport holds itself.
class stream_transport final : public transport, public loop_resource {
public:
  stream_transport(event_loop &loop, owned_descriptor fd, endpoint_kind kind);

  /// Calls `connection_made` and begins to read. `server`, if any, counts the connection.
  void start(std::shared_ptr<stream_protocol> p, std::shared_ptr<server_state> server = nullptr);

  void close() override;
  void abort() override;
  bool is_closing() const noexcept override { return closing_; }
  socket_address local_address() const override { return local_; }
  socket_address remote_address() const override { return remote_; }
  int native_handle() const noexcept override { return fd_.get(); }
  event_loop &loop() const noexcept override { return loop_; }

  void write(bytes_view data) override;
  void writelines(std::span<const bytes_view> lines) override;
  void write_eof() override;
  bool can_write_eof() const noexcept override { return kind_ != endpoint_kind::read_pipe; }
  std::size_t get_write_buffer_size() const noexcept override { return queue_.size(); }
  void set_write_buffer_limits(std::optional<std::size_t> high,
                               std::optional<std::size_t> low) override;
  water_marks get_write_buffer_limits() const noexcept override { return marks_; }
  void pause_reading() override;
  void resume_reading() override;
  bool is_reading() const noexcept override { return !closing_ && !reading_paused_; }
  void set_protocol(std::shared_ptr<stream_protocol> p) override;
  const std::shared_ptr<stream_protocol> &get_protocol() const noexcept override {
    return protocol_;
  }

  /// The loop closes: gives everything back, and calls nobody.
  void loop_closed() noexcept override;
  std::string unclosed() const override;

private:
  template <void (stream_transport::*Ready)(driver &)> class side final : public ready_entry {
  public:
    explicit side(stream_transport &owner) noexcept : owner_(owner) {}
    void run(driver &scope) override { (owner_.*Ready)(scope); }
    void drop() noexcept override {}

  private:
    stream_transport &owner_;
  };

  void read_ready(driver &scope);
  void write_ready(driver &);
  void receive(std::span<std::byte> into, driver &scope);
  void nothing_received(std::ptrdiff_t result);
  void end_of_stream();
  std::ptrdiff_t write_some(const iovec *vectors, std::size_t count) noexcept;
  bool takes_writes() const noexcept { return !closing_ && !eof_written_ && can_write_eof(); }
  void refuse_write();
  void queue(std::string_view rest);
  void watch_reading();
  void unwatch_reading() noexcept;
  void unwatch_writing() noexcept;
  void pause_protocol();
  void resume_protocol();
  void fail(const char *message, std::exception_ptr error);
  void force_close(std::exception_ptr error);
  void lose_soon(std::exception_ptr error);
  void lose(std::exception_ptr error);
  void release() noexcept;

  // What a message touches comes first, in as few cache lines as there can be.
  side<&stream_transport::read_ready> read_side_{*this};
  owned_descriptor fd_;
  const endpoint_kind kind_;
  bool closing_ = false;
  bool lost_ = false;
  bool released_ = false;
  bool eof_written_ = false;
  bool reading_paused_ = false;
  bool reading_ended_ = false;
  bool reading_watched_ = false;
  bool writing_watched_ = false;
  bool protocol_paused_ = false;
  stream_core *streams_ = nullptr;
  protocol *plain_ = nullptr;
  write_queue queue_;
  buffered_protocol *buffered_ = nullptr;
  event_loop &loop_;
  std::shared_ptr<stream_protocol> protocol_;
  water_marks marks_ = default_water_marks;
  unsigned ignored_writes_ = 0;
  side<&stream_transport::write_ready> write_side_{*this};
  socket_address local_;
  socket_address remote_;
  std::shared_ptr<server_state> server_;
  server_link server_place_{*this};
  std::shared_ptr<transport> self_;
};

} // namespace coral::detail

#endif
