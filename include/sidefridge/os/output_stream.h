// output_stream.h - the one writer of a descriptor: whole appends in order, and never a wait.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sidefridge/base/result.h"
#include "sidefridge/base/time.h"
#include "sidefridge/os/unique_fd.h"

namespace sidefridge::os {

/// A buffer in front of a descriptor that others may share, such as stdout.
/// Owns:   its own descriptors; `fd` itself stays the caller's and keeps its flags. Movable.
/// Thread: one.
/// Blocks: never, but for what a regular file's own disk takes; and when a pipe cannot be opened again and another
/// writer
///         fills it in just that moment.
/// A pipe, FIFO or terminal is opened again, non-blocking, through /proc/self/fd, so that a process that shares the old
/// description keeps a blocking one. A socket is written with MSG_DONTWAIT. A regular file is written as it is: opened
/// again it would lose the offset it shares. Where opening again is refused, poll(2) is asked before each small write.
/// A thread with a bounded queue was measured instead: no faster, twice the latency of a line, and twice the memory.
class OutputStream {
public:
  enum class Flush {
    drained,  // nothing is waiting
    blocked,  // the reader is slow; go on when ready_fd() polls for input
    broken,   // the reader is gone or the disk full: what waited is lost, what comes will be tried
  };

  /// Scripts are held back while this much waits.
  static constexpr std::size_t high_water_bytes = 256 * 1024;

  /// Requires: SIGPIPE is ignored (SignalFd sees to that); `fd` outlives the stream.
  /// Errors: EBADF when `fd` is closed; ENOMEM, EMFILE, ENFILE.
  static Result<OutputStream> open(int fd);

  /// Adds bytes behind what is waiting. Writes nothing yet.
  void append(std::string_view bytes) { buffer_.append(bytes); }

  /// The same, for those who compose in place: append to it, never take away.
  std::string& buffer() noexcept { return buffer_; }

  /// Writes what it can without waiting. What is refused for good is dropped, and its lines are counted as lost; where
  /// that cuts a line, what comes next begins with a newline.
  Flush flush() noexcept;

  /// The same, but waits for a slow reader until `deadline`.
  Flush drain_until(MonoTime deadline) noexcept;

  std::size_t pending_bytes() const noexcept { return buffer_.size() - begin_; }
  bool congested() const noexcept { return pending_bytes() >= high_water_bytes; }

  /// Lines whose end was refused, since the start.
  std::uint64_t lost_lines() const noexcept { return lost_lines_; }
  /// Why the last were: an errno.
  int last_error() const noexcept { return last_error_; }

  /// Polls for input when flush() may get on. Borrowed. -1: it never blocks (a file, /dev/null).
  int ready_fd() const noexcept { return ready_.get(); }

private:
  enum class Kind {
    file,    // the caller's
    own,     // opened again
    socket,  // the caller's
    shared,  // the caller's pipe or terminal: opening again was refused
  };

  /// What a loss has left of the line that was being written.
  enum class Cut {
    none,     // nothing: it was whole
    open,     // its beginning; what comes next must not continue it
    mending,  // the same, and buffer_ begins with the newline that ends it
  };

  OutputStream(Kind kind, int fd, std::size_t safe_bytes, UniqueFd own, UniqueFd ready) noexcept;
  std::ptrdiff_t write_some(const char* bytes, std::size_t count) noexcept;
  void mend_line() noexcept;
  void lose_pending() noexcept;
  void clear() noexcept;
  void compact() noexcept;

  Kind kind_;
  int fd_;                  // what is written to: own_ or the caller's
  std::size_t safe_bytes_;  // how much a shared descriptor is written at once
  UniqueFd own_;
  UniqueFd ready_;  // an epoll set around fd_: to watch fd_ itself would make a shared description non-blocking
  std::string buffer_;
  std::size_t begin_ = 0;     // buffer_ before it is written
  char last_written_ = '\n';  // to know whether a loss cut a line
  Cut cut_ = Cut::none;
  std::uint64_t lost_lines_ = 0;
  int last_error_ = 0;
};

}  // namespace sidefridge::os
