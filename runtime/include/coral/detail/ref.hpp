// Shared ownership by a count inside the object.

#ifndef CORAL_DETAIL_REF_HPP
#define CORAL_DETAIL_REF_HPP

#include <concepts>
#include <cstddef>
#include <utility>

namespace coral::detail {

/// Holds an object that has `retain` and `release`. Null when default constructed.
template <class T> class ref {
public:
  ref() noexcept = default;
  ref(std::nullptr_t) noexcept {}

  /// One more owner.
  explicit ref(T *object) noexcept : object_(object) {
    if (object_)
      object_->retain();
  }

  /// Takes over the count that `object` was made with.
  static ref adopt(T *object) noexcept {
    ref made;
    made.object_ = object;
    return made;
  }

  ref(const ref &other) noexcept : ref(other.object_) {}
  ref(ref &&other) noexcept : object_(std::exchange(other.object_, nullptr)) {}

  template <class U>
    requires(std::convertible_to<U *, T *>)
  ref(const ref<U> &other) noexcept : ref(static_cast<T *>(other.get())) {}

  ref &operator=(ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }

  ~ref() {
    if (object_)
      object_->release();
  }

  T *get() const noexcept { return object_; }
  T *operator->() const noexcept { return object_; }
  T &operator*() const noexcept { return *object_; }
  explicit operator bool() const noexcept { return object_ != nullptr; }

  friend bool operator==(const ref &, const ref &) = default;

private:
  T *object_ = nullptr;
};

} // namespace coral::detail

#endif
