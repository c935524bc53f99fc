#include <boost/asio.hpp>

namespace net = boost::asio;
using boost::asio::as_tuple;
using net_error_code = boost::system::error_code;
using net_system_error = boost::system::system_error;

#include "asio_interop_tests.hpp"
