#include <coral/spawn.hpp>

void start(coral::task<void> &kept) { coral::spawn(kept); }
