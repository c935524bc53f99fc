// std: c++23
// theirs: cppcoreguidelines-avoid-capturing-lambda-coroutines
// ours: coral-dangling-capture
// up to: 0
#include "lazy.hpp"

void keep(lazy<int> task);

//- `[&]`, uses a local; never called
void reference_default() {
  int local = 1;
  auto closure = [&]() -> lazy<int> { co_return local; };
}
//- `[&]`, uses a local; called as a temporary, task kept
void reference_default_called() {
  int local = 1;
  auto task = [&]() -> lazy<int> { co_return local; }();
  keep(std::move(task));
}
//- `[=]`, uses a local; never called
void copy_default() {
  int local = 1;
  auto closure = [=]() -> lazy<int> { co_return local; };
}
//- `[=]`, uses a local; called as a temporary, task kept
void copy_default_called() {
  int local = 1;
  auto task = [=]() -> lazy<int> { co_return local; }();
  keep(std::move(task));
}
//- `[x]`; never called
void copied() {
  int local = 1;
  auto closure = [local]() -> lazy<int> { co_return local; };
}
//- `[x]`; called as a temporary, task kept
void copied_called() {
  int local = 1;
  auto task = [local]() -> lazy<int> { co_return local; }();
  keep(std::move(task));
}
//- `[x]`, the coroutine never uses it; called as a temporary, task kept
void copied_unused() {
  int local = 1;
  auto task = [local]() -> lazy<int> { co_return 1; }();
  keep(std::move(task));
}
//- `[&x]`; never called
void referred() {
  int local = 1;
  auto closure = [&local]() -> lazy<int> { co_return local; };
}
//- `[&x]`; called as a temporary, task kept
void referred_called() {
  int local = 1;
  auto task = [&local]() -> lazy<int> { co_return local; }();
  keep(std::move(task));
}
//- `[y = x]`; never called
void initialised() {
  int local = 1;
  auto closure = [own = local]() -> lazy<int> { co_return own; };
}
//- `[y = x]`; called as a temporary, task kept
void initialised_called() {
  int local = 1;
  auto task = [own = local]() -> lazy<int> { co_return own; }();
  keep(std::move(task));
}
//- `[y{x}]`; called as a temporary, task kept
void braced_called() {
  int local = 1;
  auto task = [own{local}]() -> lazy<int> { co_return own; }();
  keep(std::move(task));
}
struct object {
  int member = 1;
  //- `[this]`; never called
  void of_this() {
    auto closure = [this]() -> lazy<int> { co_return member; };
  }
  //- `[this]`; called as a temporary, task kept
  void of_this_called() {
    auto task = [this]() -> lazy<int> { co_return member; }();
    keep(std::move(task));
  }
};
//- `[&x](int)`; called as a temporary, task kept
void with_parameter() {
  int local = 1;
  auto task = [&local](int more) -> lazy<int> { co_return local + more; }(2);
  keep(std::move(task));
}
//- `[x]`; called as a temporary, awaited at once
lazy<int> awaited_at_once() {
  int local = 1;
  co_return co_await [local]() -> lazy<int> { co_return local; }();
}
//- `[x]`; a named closure that outlives its task
lazy<int> named_closure() {
  int local = 1;
  auto closure = [local]() -> lazy<int> { co_return local; };
  auto task = closure();
  co_return co_await std::move(task);
}
//- `[x]`; a named closure whose task is returned
lazy<int> named_closure_dies [[clang::coro_wrapper]] () {
  int local = 1;
  auto closure = [local]() -> lazy<int> { co_return local; };
  return closure();
}
//- `[x](this auto)`; called as a temporary, task kept
void holds_itself() {
  int local = 1;
  auto task = [local](this auto) -> lazy<int> { co_return local; }();
  keep(std::move(task));
}
//- `[x](this auto &&)`; called as a temporary, task kept
void refers_to_itself() {
  int local = 1;
  auto task = [local](this auto &&) -> lazy<int> { co_return local; }();
  keep(std::move(task));
}
//- no capture; called as a temporary, task kept
void captures_nothing() {
  auto task = []() -> lazy<int> { co_return 1; }();
  keep(std::move(task));
}
//- `[&]` and `[=]` that capture nothing; called as temporaries, tasks kept
void could_capture() {
  auto first = [&]() -> lazy<int> { co_return 1; }();
  auto second = [=]() -> lazy<int> { co_return 2; }();
  keep(std::move(first));
  keep(std::move(second));
}
//- a capturing lambda that is no coroutine
void no_coroutine() {
  int local = 1;
  auto closure = [&local] { use(local); };
  closure();
}
