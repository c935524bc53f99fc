#include <coral/recursive_generator.hpp>

#include <string>
#include <vector>

coral::recursive_generator<int> hands_over(std::vector<std::string> &texts) {
  co_yield coral::elements_of(texts);
}
