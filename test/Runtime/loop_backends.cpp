#include "loop_backends.hpp"

#include <asio/io_context.hpp>
#include <boost/asio/io_context.hpp>

#include <coral/loop/asio.hpp>
#include <coral/loop/manual.hpp>
#include <coral/loop/uv.hpp>

std::unique_ptr<coral::event_loop> manual_backend::create() { return coral::manual_loop::create(); }
std::unique_ptr<coral::event_loop> uv_backend::create() { return coral::uv_loop::create(); }
std::unique_ptr<coral::event_loop> asio_backend::create() { return coral::asio_loop::create(); }

std::unique_ptr<coral::event_loop> boost_asio_backend::create() {
  return coral::boost_asio_loop::create();
}

const std::vector<loop_backend> &loop_backends() {
  static const std::vector<loop_backend> all{
      {manual_backend::name, manual_backend::create},
      {uv_backend::name, uv_backend::create},
      {asio_backend::name, asio_backend::create},
      {boost_asio_backend::name, boost_asio_backend::create},
  };
  return all;
}
