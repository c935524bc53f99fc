#include <coral/tasks.hpp>

#include <vector>

void waits(std::vector<coral::task<int>> tasks) { coral::wait(std::move(tasks)); }
