#include "loop_backends.hpp"

#include <coral/loop/manual.hpp>
#include <coral/loop/uv.hpp>

std::unique_ptr<coral::event_loop> manual_backend::create() { return coral::manual_loop::create(); }
std::unique_ptr<coral::event_loop> uv_backend::create() { return coral::uv_loop::create(); }
