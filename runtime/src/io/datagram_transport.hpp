// The transport of a datagram socket.

#ifndef CORAL_IO_DATAGRAM_TRANSPORT_HPP
#define CORAL_IO_DATAGRAM_TRANSPORT_HPP

#include <coral/detail/descriptor.hpp>
#include <coral/detail/loop_resource.hpp>
#include <coral/detail/owned_descriptor.hpp>
#include <coral/transports.hpp>

#include <cstddef>
#include <deque>
#include <memory>
#include <string>

namespace coral::detail {

class socket_datagram_transport final : public datagram_transport, public loop_resource {
public:
  socket_datagram_transport(event_loop &loop, owned_descriptor fd);

  void start(std::shared_ptr<datagram_protocol> p);

  void close() override;
  void abort() override;
  bool is_closing() const noexcept override { return closing_; }
  socket_address local_address() const override { return local_; }
  socket_address remote_address() const override { return remote_; }
  int native_handle() const noexcept override { return fd_.get(); }
  event_loop &loop() const noexcept override { return loop_; }

  void sendto(bytes_view data) override;
  void sendto(bytes_view data, const socket_address &to) override;
  std::size_t get_write_buffer_size() const noexcept override { return queued_; }

  void loop_closed() noexcept override;
  std::string unclosed() const override;

private:
  template <void (socket_datagram_transport::*Ready)()> class side final : public ready_entry {
  public:
    explicit side(socket_datagram_transport &owner) noexcept : owner_(owner) {}
    void run(driver &) override { (owner_.*Ready)(); }
    void drop() noexcept override {}

  private:
    socket_datagram_transport &owner_;
  };

  struct message {
    std::string bytes;
    socket_address to;
  };

  void read_ready();
  void write_ready();
  void send(bytes_view data, const socket_address &to);
  int send_now(std::string_view bytes, const socket_address &to) noexcept;
  void tell_error(int error);
  void lose_soon(std::exception_ptr error);
  void watch_writing();
  void unwatch() noexcept;
  void release() noexcept;
  template <class Call> void guarded(const char *message, Call call);

  event_loop &loop_;
  owned_descriptor fd_;
  socket_address local_;
  socket_address remote_;
  std::shared_ptr<datagram_protocol> protocol_;
  std::deque<message> queue_;
  std::size_t queued_ = 0;
  side<&socket_datagram_transport::read_ready> read_side_{*this};
  side<&socket_datagram_transport::write_ready> write_side_{*this};
  bool closing_ = false;
  bool lost_ = false;
  bool writing_watched_ = false;
  bool protocol_paused_ = false;
  std::shared_ptr<datagram_transport> self_;
};

} // namespace coral::detail

#endif
