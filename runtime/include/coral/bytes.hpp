// coral::bytes_view: what Python calls a bytes-like object.

#ifndef CORAL_BYTES_HPP
#define CORAL_BYTES_HPP

#include <concepts>
#include <cstddef>
#include <ranges>
#include <span>
#include <string_view>
#include <type_traits>

namespace coral {
namespace detail {

template <class T>
concept byte_like =
    std::same_as<std::remove_cv_t<T>, char> || std::same_as<std::remove_cv_t<T>, unsigned char> ||
    std::same_as<std::remove_cv_t<T>, std::byte>;

template <class Range>
concept byte_range = std::ranges::contiguous_range<Range> && std::ranges::sized_range<Range> &&
                     byte_like<std::remove_reference_t<std::ranges::range_reference_t<Range>>>;

} // namespace detail

/// Bytes that somebody else owns: a string's, a string literal's (without its final null), or those
/// of any contiguous range of `char`, `unsigned char` or `std::byte`. Good as long as they are.
class bytes_view {
public:
  constexpr bytes_view() noexcept = default;
  constexpr bytes_view(const char *text) noexcept : bytes_(text) {}
  constexpr bytes_view(std::string_view bytes) noexcept : bytes_(bytes) {}

  template <detail::byte_range Range>
    requires(!std::is_array_v<std::remove_cvref_t<Range>> &&
             !std::same_as<std::remove_cvref_t<Range>, std::string_view> &&
             !std::same_as<std::remove_cvref_t<Range>, bytes_view>)
  bytes_view(const Range &range) noexcept
      : bytes_(reinterpret_cast<const char *>(std::ranges::data(range)), std::ranges::size(range)) {
  }

  constexpr const char *data() const noexcept { return bytes_.data(); }
  constexpr std::size_t size() const noexcept { return bytes_.size(); }
  constexpr bool empty() const noexcept { return bytes_.empty(); }

  constexpr operator std::string_view() const noexcept { return bytes_; }
  operator std::span<const std::byte>() const noexcept {
    return std::as_bytes(std::span(bytes_.data(), bytes_.size()));
  }

private:
  std::string_view bytes_;
};

} // namespace coral

#endif
