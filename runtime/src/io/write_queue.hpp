// Bytes on their way out.

#ifndef CORAL_IO_WRITE_QUEUE_HPP
#define CORAL_IO_WRITE_QUEUE_HPP

#include <sys/uio.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace coral::detail {

/// What a transport still has to write, in chunks that it owns: small writes share one, a large one
/// is copied once and never again.
class write_queue {
public:
  static constexpr std::size_t chunk_size = 16 * 1024;
  static constexpr std::size_t gathered = 16;

  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }

  void push(std::string_view bytes) {
    if (bytes.empty())
      return;
    if (!chunks_.empty() && chunks_.back().size() + bytes.size() <= chunk_size)
      chunks_.back().append(bytes);
    else
      chunks_.emplace_back(bytes);
    size_ += bytes.size();
  }

  /// Fills `vectors` with the first bytes; gives how many there are.
  std::size_t gather(iovec (&vectors)[gathered]) noexcept {
    std::size_t count = 0;
    std::size_t skipped = offset_;
    for (std::size_t i = first_; i != chunks_.size() && count != gathered; ++i) {
      vectors[count++] = {chunks_[i].data() + skipped, chunks_[i].size() - skipped};
      skipped = 0;
    }
    return count;
  }

  /// The first `written` bytes are gone.
  void consume(std::size_t written) noexcept {
    size_ -= written;
    if (size_ == 0)
      return clear();
    written += offset_;
    while (written >= chunks_[first_].size())
      written -= chunks_[first_++].size();
    offset_ = written;
    // Each chunk is moved at most once for every chunk that left.
    if (first_ > chunks_.size() / 2) {
      chunks_.erase(chunks_.begin(), chunks_.begin() + static_cast<std::ptrdiff_t>(first_));
      first_ = 0;
    }
  }

  void clear() noexcept {
    std::vector<std::string>().swap(chunks_);
    first_ = offset_ = size_ = 0;
  }

private:
  std::size_t size_ = 0;
  std::vector<std::string> chunks_;
  std::size_t first_ = 0;
  std::size_t offset_ = 0;
};

} // namespace coral::detail

#endif
