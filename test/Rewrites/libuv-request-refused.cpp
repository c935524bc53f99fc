// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <uv.h>

#include <cstdio>

void use(int);

// The result says whether there will be a callback at all.
int connect(uv_connect_t *req, uv_tcp_t *tcp, const sockaddr *to) {
  // CHECK: [[#@LINE+1]]:10: note: not converted: {{.*}} [start-result-used]
  return uv_tcp_connect(req, tcp, to, [](uv_connect_t *, int status) { use(status); });
}

// Each turn has another request.
void all(uv_loop_t *loop, uv_work_t (&requests)[3]) {
  for (int i = 0; i != 3; ++i)
    // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} 'requests' cannot be handed to a coroutine{{.*}} [operation-not-last]
    uv_queue_work(loop, &requests[i], [](uv_work_t *) {}, [](uv_work_t *, int status) { use(status); });
}

// Who made the request is not to be asked twice.
void made(uv_stream_t *stream) {
  // CHECK: [[#@LINE+1]]:3: note: not converted: the request is made where the operation is started; name it as a variable before [unsupported-handler]
  uv_shutdown(new uv_shutdown_t, stream, [](uv_shutdown_t *req, int) { delete req; });
}

// Whatever the variable holds.
uv_write_cb stored;
void written(uv_write_t *req, uv_stream_t *stream, uv_buf_t *bytes) {
  // CHECK: [[#@LINE+1]]:3: note: not converted: the handler of 'uv_write' is neither a lambda nor the name of a function [unsupported-handler]
  uv_write(req, stream, bytes, 1, stored);
}

// These are none, and no reason to say anything: called again and again, or
// without a callback.
void others(uv_loop_t *loop, uv_timer_t *timer, uv_fs_t *req) {
  uv_timer_start(timer, [](uv_timer_t *) { use(1); }, 10, 0);
  uv_fs_unlink(loop, req, "file", nullptr);
  uv_close((uv_handle_t *)timer, [](uv_handle_t *) { use(2); });
}
