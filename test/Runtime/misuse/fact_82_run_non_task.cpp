#include <coral/runner.hpp>

void misuse() { coral::run(42); }
