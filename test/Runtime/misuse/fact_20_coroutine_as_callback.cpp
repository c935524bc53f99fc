#include <coral/event_loop.hpp>

coral::task<void> body();

void schedule(coral::event_loop &loop) { loop.call_soon(body); }
