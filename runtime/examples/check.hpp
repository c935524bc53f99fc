// What an example promises, checked when it runs.

#ifndef CORAL_EXAMPLES_CHECK_HPP
#define CORAL_EXAMPLES_CHECK_HPP

#include <cstdio>
#include <cstdlib>

inline void check(bool kept, const char *promise) {
  if (kept)
    return;
  std::fprintf(stderr, "not so: %s\n", promise);
  std::exit(1);
}

#endif
