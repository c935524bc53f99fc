// Where coroutine frames live.
//
// By default a frame comes from a free list of its thread, sorted by size class: a coroutine that
// is called in a loop allocates once. A coroutine whose parameters begin with
// `std::allocator_arg, allocator` (after the object, for a member function or lambda) takes its
// frame from that allocator instead. A frame may be destroyed on another thread than it was created
// on; it then joins the list of that thread.

#ifndef CORAL_FRAME_ALLOCATOR_HPP
#define CORAL_FRAME_ALLOCATOR_HPP

#include <coral/detail/config.hpp>

#include <cstddef>
#include <memory>
#include <memory_resource>
#include <new>
#include <type_traits>

namespace coral::detail {

/// The free lists of one thread. Trivial, so that reaching it costs no initialisation check;
/// `frame_cache_reaper` gives the blocks back when the thread ends.
struct frame_cache {
  static constexpr std::size_t granularity = 32;
  static constexpr std::size_t classes = 32;
  /// What malloc keeps with a block: a block and this fill what malloc hands out, in steps of 16.
  static constexpr std::size_t overhead = 8;
  /// Blocks kept per class.
  static constexpr unsigned limit = 256;

  struct block {
    block *next;
  };

  static constexpr std::size_t class_of(std::size_t size) {
    return (size + overhead - 1) / granularity;
  }
  static constexpr std::size_t size_of(std::size_t index) {
    return (index + 1) * granularity - overhead;
  }

  block *heads[classes];
  unsigned counts[classes];
  enum { fresh, active, closed } state;
};

inline constinit thread_local frame_cache this_thread_frames{};

struct frame_cache_reaper {
  ~frame_cache_reaper() {
    frame_cache &cache = this_thread_frames;
    cache.state = frame_cache::closed;
    for (auto *&head : cache.heads)
      while (head) {
        auto *block = head;
        head = block->next;
        ::operator delete(block);
      }
  }
};

/// The slow half of `allocate_frame`. Not inlined, for g++ warns of a frame whose `operator new` it
/// sees through and whose `operator delete` it does not.
[[gnu::noinline]] inline void *allocate_block(std::size_t size) { return ::operator new(size); }

inline void *allocate_frame(std::size_t size) {
  if constexpr (CORAL_DETAIL_RECYCLE_FRAMES) {
    const std::size_t index = frame_cache::class_of(size);
    if (index < frame_cache::classes) {
      frame_cache &cache = this_thread_frames;
      if (auto *block = cache.heads[index]) [[likely]] {
        cache.heads[index] = block->next;
        --cache.counts[index];
        return block;
      }
      size = frame_cache::size_of(index);
    }
  }
  return allocate_block(size);
}

/// The slow half of `deallocate_frame`: the list is full, or the thread has just begun or is
/// ending.
inline void retire_frame(void *frame, std::size_t index) noexcept {
  frame_cache &cache = this_thread_frames;
  if (cache.state == frame_cache::fresh) {
    static thread_local frame_cache_reaper reaper;
    static_cast<void>(reaper);
    cache.state = frame_cache::active;
    cache.heads[index] = ::new (frame) frame_cache::block{nullptr};
    cache.counts[index] = 1;
    return;
  }
  ::operator delete(frame);
}

inline void deallocate_frame(void *frame, std::size_t size) noexcept {
  if constexpr (CORAL_DETAIL_RECYCLE_FRAMES) {
    const std::size_t index = frame_cache::class_of(size);
    if (index < frame_cache::classes) {
      frame_cache &cache = this_thread_frames;
      if (cache.state == frame_cache::active && cache.counts[index] < frame_cache::limit)
          [[likely]] {
        cache.heads[index] = ::new (frame) frame_cache::block{cache.heads[index]};
        ++cache.counts[index];
        return;
      }
      return retire_frame(frame, index);
    }
  }
  ::operator delete(frame);
}

template <class Alloc> struct frame_allocator_for {
  using unit = struct alignas(__STDCPP_DEFAULT_NEW_ALIGNMENT__) {
    std::byte bytes[__STDCPP_DEFAULT_NEW_ALIGNMENT__];
  };
  using type = typename std::allocator_traits<Alloc>::template rebind_alloc<unit>;
  static constexpr std::size_t units(std::size_t size) {
    return (size + sizeof(unit) - 1) / sizeof(unit);
  }
};

/// Base of promises: `operator new` and `delete` of their frames. Behind each frame stands a
/// function that frees it; null means the thread's free list. The templates are inlined even where
/// nothing is, for g++ takes them for another class's and warns of the `operator delete`.
class allocated_frame {
public:
  static void *operator new(std::size_t size) {
    void *frame = allocate_frame(deleter_offset(size) + sizeof(deleter));
    deleter_of(frame, size) = nullptr;
    return frame;
  }

  template <class Alloc, class... Args>
  [[gnu::always_inline]] static void *operator new(std::size_t size, std::allocator_arg_t,
                                                   const Alloc &alloc, const Args &...) {
    return allocate_with(size, alloc);
  }

  template <class This, class Alloc, class... Args>
  [[gnu::always_inline]] static void *operator new(std::size_t size, const This &,
                                                   std::allocator_arg_t, const Alloc &alloc,
                                                   const Args &...) {
    return allocate_with(size, alloc);
  }

  static void operator delete(void *frame, std::size_t size) noexcept {
    if (deleter free = deleter_of(frame, size)) [[unlikely]]
      return free(frame, size);
    deallocate_frame(frame, deleter_offset(size) + sizeof(deleter));
  }

private:
  using deleter = void (*)(void *frame, std::size_t size) noexcept;

  static constexpr std::size_t deleter_offset(std::size_t size) {
    return (size + alignof(deleter) - 1) & ~(alignof(deleter) - 1);
  }

  static deleter &deleter_of(void *frame, std::size_t size) {
    return *reinterpret_cast<deleter *>(static_cast<std::byte *>(frame) + deleter_offset(size));
  }

  template <class Alloc> static void *allocate_with(std::size_t size, const Alloc &alloc) {
    if constexpr (std::is_convertible_v<Alloc, std::pmr::memory_resource *>) {
      return allocate_with(size, std::pmr::polymorphic_allocator<>(alloc));
    } else {
      using rebound = frame_allocator_for<Alloc>;
      using allocator = typename rebound::type;
      static_assert(std::is_pointer_v<typename std::allocator_traits<allocator>::pointer>,
                    "a coroutine's allocator must hand out plain pointers");
      allocator own(alloc);
      void *frame = std::allocator_traits<allocator>::allocate(
          own, rebound::units(allocator_offset<allocator>(size) + sizeof(allocator)));
      ::new (allocator_of<allocator>(frame, size)) allocator(std::move(own));
      deleter_of(frame, size) = [](void *frame, std::size_t size) noexcept {
        allocator *stored =
            std::launder(static_cast<allocator *>(allocator_of<allocator>(frame, size)));
        allocator own(std::move(*stored));
        stored->~allocator();
        std::allocator_traits<allocator>::deallocate(
            own, static_cast<typename rebound::unit *>(frame),
            rebound::units(allocator_offset<allocator>(size) + sizeof(allocator)));
      };
      return frame;
    }
  }

  template <class A> static constexpr std::size_t allocator_offset(std::size_t size) {
    return (deleter_offset(size) + sizeof(deleter) + alignof(A) - 1) & ~(alignof(A) - 1);
  }

  template <class A> static void *allocator_of(void *frame, std::size_t size) {
    return static_cast<std::byte *>(frame) + allocator_offset<A>(size);
  }
};

} // namespace coral::detail

#endif
