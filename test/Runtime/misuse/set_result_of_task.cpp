#include <coral/tasks.hpp>

void sets(coral::scheduled_task<int> &scheduled) { scheduled.set_result(1); }
