#include <coral/async_generator.hpp>
#include <coral/recursive_generator.hpp>

coral::recursive_generator<int> child();

coral::async_generator<int> hands_over() { co_yield coral::elements_of(child()); }
