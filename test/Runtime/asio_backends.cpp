#include "loop_backends.hpp"

#include <asio/io_context.hpp>
#include <boost/asio/io_context.hpp>

#include <coral/loop/asio.hpp>

std::unique_ptr<coral::event_loop> asio_backend::create() { return coral::asio_loop::create(); }

std::unique_ptr<coral::event_loop> boost_asio_backend::create() {
  return coral::boost_asio_loop::create();
}
