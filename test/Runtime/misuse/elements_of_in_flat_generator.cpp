#include <coral/recursive_generator.hpp>

#include <vector>

coral::generator<int> hands_over(std::vector<int> &values) { co_yield coral::elements_of(values); }
