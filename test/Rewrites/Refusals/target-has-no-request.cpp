// RUN: %coral rewrite --target=asio %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <uv.h>
#include <cstdio>

void remove(uv_loop_t *loop, uv_fs_t *request) {
  // CHECK: [[#@LINE+1]]:3: note: not converted: {{.*}} [target-has-no-request]
  uv_fs_unlink(loop, request, "old", [](uv_fs_t *done) {
    std::printf("%d\n", (int)done->result);
  });
}
