// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <uv.h>

void allocate(uv_handle_t *, size_t, uv_buf_t *);
bool use(char);

void on_read(uv_stream_t *, ssize_t size, const uv_buf_t *bytes) {
  for (ssize_t i = 0; i < size; ++i)
    if (!use(bytes->base[i]))
      return;
}

int read(uv_stream_t *stream) {
  // CHECK: [[#@LINE+1]]:10: note: not converted: this returns from within a loop, {{.*}} [returns-from-a-loop]
  return uv_read_start(stream, allocate, on_read);
}
