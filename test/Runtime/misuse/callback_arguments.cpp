#include <coral/event_loop.hpp>

#include <string>

void schedule(coral::event_loop &loop) {
  loop.call_soon([](std::string) {}, 42);
}
