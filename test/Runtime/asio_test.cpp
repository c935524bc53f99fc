#include <asio.hpp>
#include <asio/experimental/as_tuple.hpp>

#include <system_error>

namespace net = asio;
using asio::experimental::as_tuple;
using net_error_code = std::error_code;
using net_system_error = std::system_error;

#include "asio_interop_tests.hpp"
