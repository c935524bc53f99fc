#include <coral/process_pool.hpp>

void misuse(coral::process_pool_executor &pool, int n) {
  pool.submit([n] { return n; });
}
