// What the compilers offer, behind macros of our own.

#ifndef CORAL_DETAIL_CONFIG_HPP
#define CORAL_DETAIL_CONFIG_HPP

#ifdef __has_cpp_attribute
#if __has_cpp_attribute(clang::coro_await_elidable)
// `co_await f()` of this type, within a coroutine of a type so marked, may put the frame of `f`
// inside the frame of its awaiter.
#define CORAL_AWAIT_ELIDABLE [[clang::coro_await_elidable]]
#endif
#endif
#ifndef CORAL_AWAIT_ELIDABLE
#define CORAL_AWAIT_ELIDABLE
#endif

// Kept out of its callers, which stay small enough to be inlined.
#define CORAL_COLD [[gnu::cold, gnu::noinline]]

// Clang turns every symmetric transfer into a tail call. GCC does so only where sibling calls are
// optimised, which no predefined macro tells: there, the stack is unwound to the driver
// when it has grown.
#if defined(__GNUC__) && !defined(__clang__)
#define CORAL_DETAIL_BOUND_TRANSFERS 1
#else
#define CORAL_DETAIL_BOUND_TRANSFERS 0
#endif

// How the function that a coroutine's frame begins with is called: clang passes the frame in a
// register where C functions take their arguments from the stack.
#if defined(__clang__) && defined(__i386__)
#define CORAL_DETAIL_RESUME_CALL __attribute__((fastcall))
#else
#define CORAL_DETAIL_RESUME_CALL
#endif

// GCC copies an awaiter that is an lvalue, instead of awaiting it where it is.
#if defined(__GNUC__) && !defined(__clang__)
#define CORAL_DETAIL_COPIES_AWAITERS 1
#else
#define CORAL_DETAIL_COPIES_AWAITERS 0
#endif

// In a unity build GCC holds the frame of a coroutine template, with its caller's closures in it,
// against the header of the template. Headers with such templates stand between these two.
#if defined(__GNUC__) && !defined(__clang__)
#define CORAL_DETAIL_COROUTINES_BEGIN                                                              \
  _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wsubobject-linkage\"")
#define CORAL_DETAIL_COROUTINES_END _Pragma("GCC diagnostic pop")
#else
#define CORAL_DETAIL_COROUTINES_BEGIN
#define CORAL_DETAIL_COROUTINES_END
#endif

// A recycled frame would hide a use after free from AddressSanitizer.
#if defined(__SANITIZE_ADDRESS__)
#define CORAL_DETAIL_RECYCLE_FRAMES 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CORAL_DETAIL_RECYCLE_FRAMES 0
#endif
#endif
#ifndef CORAL_DETAIL_RECYCLE_FRAMES
#define CORAL_DETAIL_RECYCLE_FRAMES 1
#endif

#endif
