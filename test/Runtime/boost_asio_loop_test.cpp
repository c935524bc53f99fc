#include <boost/asio.hpp>

namespace net = boost::asio;

#include <coral/loop/asio.hpp>

using loop_type = coral::boost_asio_loop;
using net_error_code = boost::system::error_code;
using net_system_error = boost::system::system_error;

#include "asio_loop_tests.hpp"
