#include <coral/spawn.hpp>

coral::task<int> child();

void start() {
  coral::spawn([] { return child(); });
}
