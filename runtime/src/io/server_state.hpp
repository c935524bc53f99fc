// What stands behind the handles of a server.

#ifndef CORAL_IO_SERVER_STATE_HPP
#define CORAL_IO_SERVER_STATE_HPP

#include <coral/detail/loop_resource.hpp>
#include <coral/detail/owned_descriptor.hpp>
#include <coral/detail/waiting.hpp>
#include <coral/event_loop.hpp>
#include <coral/protocols.hpp>
#include <coral/server.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace coral::detail {

class stream_transport;

/// Makes the protocol of each connection.
using protocol_factory = std::function<std::shared_ptr<stream_protocol>()>;

/// A connection's place among its server's.
struct server_link : link {
  explicit server_link(stream_transport &owner) noexcept : owner(owner) {}
  stream_transport &owner;
};

/// Holds itself while it listens; its connections hold it too.
class server_state final : public loop_resource, public std::enable_shared_from_this<server_state> {
public:
  server_state(event_loop &loop, protocol_factory factory, server_options options)
      : loop_(loop), factory_(std::move(factory)), options_(options) {}

  /// Listens on a socket that is bound.
  void add(owned_descriptor bound);

  void start_serving();
  task<void> serve_forever();
  bool is_serving() const noexcept { return serving_; }
  std::vector<socket_address> addresses() const;
  void close();
  task<void> wait_closed();
  void close_clients();
  void abort_clients();
  event_loop &loop() const noexcept { return loop_; }

  void attach(server_link &connection) noexcept { connections_.push_back(connection); }
  void detach(server_link &connection) noexcept;

  void loop_closed() noexcept override;

private:
  class listener final : public ready_entry {
  public:
    listener(server_state &owner, owned_descriptor fd);
    ~listener() {
      unwatch();
      remove_file();
    }
    void run(driver &) override;
    void drop() noexcept override {}
    void watch();
    void unwatch() noexcept;
    const socket_address &address() const noexcept { return address_; }
    int fd() const noexcept { return fd_.get(); }

  private:
    void out_of_resources(server_state &owner, int error);
    void remove_file() noexcept;

    server_state &owner_;
    owned_descriptor fd_;
    socket_address address_;
    std::optional<handle> retry_;
    std::optional<std::pair<dev_t, ino_t>> file_;
    bool watched_ = false;
  };

  template <class Call> void each_connection(Call call);

  event_loop &loop_;
  protocol_factory factory_;
  server_options options_;
  std::vector<std::unique_ptr<listener>> listeners_;
  link_list connections_;
  waiter_list closed_waiters_;
  waiter_list forever_;
  bool serving_ = false;
  bool closed_ = false;
  bool serving_forever_ = false;
  std::shared_ptr<server_state> self_;
};

} // namespace coral::detail

#endif
