// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <uv.h>

#include <cassert>

void use(int);
void log(const char *);

void on_shutdown(uv_shutdown_t *, int status) { use(status); }

// Somebody else asks.
int returned(uv_shutdown_t *req, uv_stream_t *stream) {
  // CHECK: [[#@LINE+1]]:10: note: not converted: what 'uv_shutdown' returns is used in a way that has no place in a coroutine; keep it in a local int, and let an if that does something only when that is not zero end a function that returns nothing [start-result-used]
  return uv_shutdown(req, stream, on_shutdown);
}

// Goes on when it has started.
void goes_on(uv_shutdown_t *req, uv_stream_t *stream) {
  // CHECK: [[#@LINE+1]]:11: note: not converted: {{.*}} [start-result-used]
  int r = uv_shutdown(req, stream, on_shutdown);
  if (r < 0) {
    use(r);
    return;
  }
  log("started");
}

void both(uv_shutdown_t *req, uv_stream_t *stream) {
  // CHECK: [[#@LINE+1]]:7: note: not converted: {{.*}} [start-result-used]
  if (uv_shutdown(req, stream, on_shutdown) == 0)
    log("started");
  else
    log("refused");
}

// Goes on whether it has started or not.
void goes_on_anyway(uv_shutdown_t *req, uv_stream_t *stream) {
  // CHECK: [[#@LINE+1]]:11: note: not converted: {{.*}} [start-result-used]
  int r = uv_shutdown(req, stream, on_shutdown);
  if (r)
    log("refused");
  log("on");
}

// One reason of many: with any other nothing is done, and there is no callback.
void one(uv_shutdown_t *req, uv_stream_t *stream) {
  // CHECK: [[#@LINE+1]]:11: note: not converted: {{.*}} [start-result-used]
  int r = uv_shutdown(req, stream, on_shutdown);
  if (r == UV_ENOTCONN)
    log("refused");
}

// Also when it has started.
void always(uv_shutdown_t *req, uv_stream_t *stream) {
  // CHECK: [[#@LINE+1]]:7: note: not converted: {{.*}} [start-result-used]
  if (uv_shutdown(req, stream, on_shutdown) <= 0)
    log("always");
}

// Never.
void compared(uv_shutdown_t *req, uv_stream_t *stream) {
  // CHECK: [[#@LINE+1]]:11: note: not converted: {{.*}} [start-result-used]
  int r = uv_shutdown(req, stream, on_shutdown);
  if (r < 0u)
    log("never");
}

void sometimes(uv_shutdown_t *req, uv_stream_t *stream, bool loud) {
  // CHECK: [[#@LINE+1]]:11: note: not converted: {{.*}} [start-result-used]
  int r = uv_shutdown(req, stream, on_shutdown);
  if (r && loud)
    log("refused");
}

// Others can see it.
int last;
void remembered(uv_shutdown_t *req, uv_stream_t *stream) {
  // CHECK: [[#@LINE+1]]:10: note: not converted: {{.*}} [start-result-used]
  last = uv_shutdown(req, stream, on_shutdown);
  if (last)
    log("refused");
}

void told(uv_shutdown_t *req, uv_stream_t *stream) {
  // CHECK: [[#@LINE+1]]:7: note: not converted: {{.*}} [start-result-used]
  use(uv_shutdown(req, stream, on_shutdown));
}

void asserted(uv_shutdown_t *req, uv_stream_t *stream) {
  // CHECK: [[#@LINE+1]]:11: note: not converted: {{.*}} [start-result-used]
  int r = uv_shutdown(req, stream, on_shutdown);
  assert(r == 0);
}

void in_a_loop(uv_shutdown_t *req, uv_stream_t *stream) {
  // CHECK: [[#@LINE+1]]:10: note: not converted: {{.*}} [start-result-used]
  while (uv_shutdown(req, stream, on_shutdown) < 0)
    log("again");
}

// With the handler stays what it starts.
void nested(uv_work_t *req) {
  // CHECK: [[#@LINE+1]]:7: note: not converted: {{.*}} [start-result-used]
  use(uv_queue_work(req->loop, req, [](uv_work_t *) {}, [](uv_work_t *req, int) {
    // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [start-result-used]
    uv_queue_work(req->loop, req, [](uv_work_t *) {}, [](uv_work_t *, int status) { use(status); });
  }));
}
