// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <uv.h>

#include <alloca.h>

void allocate(uv_handle_t *, size_t, uv_buf_t *);
void use(const void *);

// Whatever the variable holds.
uv_read_cb stored;
void variable(uv_stream_t *stream) {
  // CHECK: [[#@LINE+1]]:3: note: not converted: the callback of 'uv_read_start' is neither a lambda nor the name of a function [unsupported-handler]
  uv_read_start(stream, allocate, stored);
}

void elsewhere(uv_stream_t *, ssize_t, const uv_buf_t *);
void unseen(uv_stream_t *stream) {
  // CHECK: [[#@LINE+1]]:3: note: not converted: 'elsewhere' is not a function of this file [unsupported-handler]
  uv_read_start(stream, allocate, elsewhere);
}

// Who calls it wants something done at once.
void called(uv_stream_t *, ssize_t, const uv_buf_t *bytes) { use(bytes); }
void calls(uv_stream_t *stream) {
  // CHECK: [[#@LINE+1]]:3: note: not converted: 'called' is used other than as the callback of a handle{{.*}} [address-taken]
  uv_read_start(stream, allocate, called);
  called(stream, 0, nullptr);
}

void kept(uv_stream_t *, ssize_t, const uv_buf_t *bytes) { use(bytes); }
uv_read_cb keeps(uv_stream_t *stream) {
  // CHECK: [[#@LINE+1]]:3: note: not converted: 'kept' is used other than as the callback of a handle{{.*}} [address-taken]
  uv_read_start(stream, allocate, &kept);
  return kept;
}

extern "C" void of_c(uv_stream_t *, ssize_t, const uv_buf_t *bytes) { use(bytes); }
void c_linkage(uv_stream_t *stream) {
  // CHECK: [[#@LINE+1]]:3: note: not converted: 'of_c' has C linkage{{.*}} [signature-owned-by-others]
  uv_read_start(stream, allocate, of_c);
}

void nothing_leaves(uv_stream_t *, ssize_t, const uv_buf_t *bytes) noexcept { use(bytes); }
void no_exceptions(uv_stream_t *stream) {
  // CHECK: [[#@LINE+1]]:3: note: not converted: 'nothing_leaves' is noexcept{{.*}} [unsupported-handler]
  uv_read_start(stream, allocate, nothing_leaves);
}

// The next turn would have another handle.
void moves_on(uv_stream_t *stream, ssize_t, const uv_buf_t *) {
  use(stream);
  stream = nullptr;
}
void changes(uv_stream_t *stream) {
  // CHECK: [[#@LINE+1]]:3: note: not converted: 'moves_on' changes its handle{{.*}} [unsupported-handler]
  uv_read_start(stream, allocate, moves_on);
}

void sized(uv_stream_t *, ssize_t size, const uv_buf_t *) { use(alloca(size)); }
void sizes(uv_stream_t *stream) {
  // CHECK: [[#@LINE+1]]:3: note: not converted: this memory has no fixed size{{.*}} [size-not-fixed]
  uv_read_start(stream, allocate, sized);
}

#define LEAVE_IF(what)                                                                             \
  if (what)                                                                                        \
  return
void leaves(uv_stream_t *, ssize_t size, const uv_buf_t *bytes) {
  LEAVE_IF(size < 0);
  use(bytes);
}
void macros(uv_stream_t *stream) {
  // CHECK: [[#@LINE+1]]:3: note: not converted: a macro returns from here{{.*}} [macro-in-the-way]
  uv_read_start(stream, allocate, leaves);
}

void split(uv_stream_t *, ssize_t, const uv_buf_t *bytes) {
#ifdef DEBUG
  use(nullptr);
#endif
  use(bytes);
}
void directives(uv_stream_t *stream) {
  // CHECK: [[#@LINE+1]]:3: note: not converted: 'split' contains a preprocessor directive{{.*}} [preprocessor-in-the-way]
  uv_read_start(stream, allocate, split);
}

void debugged(uv_stream_t *, ssize_t, const uv_buf_t *bytes) { use(bytes); }
void builds(uv_stream_t *stream) {
  // CHECK: [[#@LINE+1]]:3: note: not converted: 'debugged' is named between #if and #endif{{.*}} [preprocessor-in-the-way]
  uv_read_start(stream, allocate, debugged);
#ifdef DEBUG
  debugged(stream, 0, nullptr);
#endif
}

void plain(uv_stream_t *, ssize_t, const uv_buf_t *bytes) { use(bytes); }
template <class T> void of_template(uv_stream_t *stream) {
  // CHECK: [[#@LINE+1]]:3: note: not converted: 'of_template' is a template{{.*}} [dependent-code]
  uv_read_start(stream, allocate, plain);
}

// These are none, and no reason to say anything: told nothing, or called once.
void others(uv_timer_t *timer, uv_idle_t *idle, uv_signal_t *signal, uv_handle_t *handle) {
  uv_timer_start(timer, [](uv_timer_t *) { use(nullptr); }, 10, 10);
  uv_idle_start(idle, [](uv_idle_t *) { use(nullptr); });
  uv_signal_start_oneshot(signal, [](uv_signal_t *, int) { use(nullptr); }, SIGINT);
  uv_close(handle, [](uv_handle_t *) { use(nullptr); });
}
