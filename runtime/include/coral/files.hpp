// Files: calls that block, made by the running loop's default executor.
//
//     coral::task<std::string> first_line(std::string path) {
//       coral::file input = co_await coral::open_file(path);
//       std::string text = co_await input.read(4096);
//       co_return text.substr(0, text.find('\n'));
//     }
//
// asyncio has no files; these are those of aiofiles, without text encodings and buffers. Called on
// the loop's thread.

#ifndef CORAL_FILES_HPP
#define CORAL_FILES_HPP

#include <coral/detail/owned_descriptor.hpp>
#include <coral/task.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace coral {

/// An open file: a handle, which can be copied; copies share the position. The file is closed when
/// the last one is dropped, if `close` was not called. One call at a time; a cancelled call is
/// forgotten, and the executor makes it all the same if it has begun.
///
/// Calls throw `std::system_error`, and `value_error`, "I/O operation on closed file.".
class file {
public:
  explicit file(detail::owned_descriptor fd)
      : fd_(std::make_shared<detail::owned_descriptor>(std::move(fd))) {}

  /// At most `count` bytes from the position on; empty at the end of the file.
  task<std::string> read(std::size_t count);

  /// Everything from the position on.
  task<std::string> read();

  /// Writes all of the bytes; gives how many.
  task<std::size_t> write(std::string bytes);

  /// Moves the position as lseek(2) does and gives it, from the beginning.
  task<std::int64_t> seek(std::int64_t offset, int whence = 0);

  /// Cuts the file off, or fills it with null bytes.
  task<void> truncate(std::int64_t size);

  /// Waits until what was written is on the disk.
  task<void> sync();

  /// May be repeated.
  task<void> close();
  bool closed() const noexcept { return !*fd_; }

  /// -1 when closed.
  int native_handle() const noexcept { return fd_->get(); }

private:
  template <class Call> auto call(Call call) const;

  std::shared_ptr<detail::owned_descriptor> fd_;
};

/// Opens a file as Python's `open(path, mode)`: "r", "w", "a" or "x", and "+" for both directions.
/// "b" changes nothing. Throws `value_error` for another mode.
task<file> open_file(std::string path, std::string mode = "r");

/// A whole file.
task<std::string> read_file(std::string path);

/// Replaces a file's contents, or makes the file.
task<void> write_file(std::string path, std::string bytes);

} // namespace coral

#endif
