#include <asio.hpp>

namespace net = asio;

#include <coral/loop/asio.hpp>

using loop_type = coral::asio_loop;

#include "asio_loop_tests.hpp"
