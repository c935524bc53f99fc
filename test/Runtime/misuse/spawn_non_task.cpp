#include <coral/spawn.hpp>

void start() { coral::spawn(42); }
