#include <boost/asio.hpp>

namespace net = boost::asio;

#include <coral/loop/asio.hpp>

using loop_type = coral::boost_asio_loop;

#include "asio_loop_tests.hpp"
