#include <coral/scheduled_task.hpp>

void sets(coral::scheduled_task<int> task) { task.set_result(1); }
