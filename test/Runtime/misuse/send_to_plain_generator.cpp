#include <coral/generator.hpp>

void sends(coral::generator<int> &source) { source.send(1); }
