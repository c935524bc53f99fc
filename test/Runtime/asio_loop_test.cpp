#include <asio.hpp>

#include <system_error>

namespace net = asio;

#include <coral/loop/asio.hpp>

using loop_type = coral::asio_loop;
using net_error_code = std::error_code;
using net_system_error = std::system_error;

#include "asio_loop_tests.hpp"
