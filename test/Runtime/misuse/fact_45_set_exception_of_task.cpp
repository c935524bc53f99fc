#include <coral/scheduled_task.hpp>

#include <stdexcept>

void sets(coral::scheduled_task<int> task) { task.set_exception(std::domain_error("no")); }
