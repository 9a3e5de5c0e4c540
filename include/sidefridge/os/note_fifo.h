// note_fifo.h - short notes from many processes to one, through a FIFO: kept in the kernel, so that no disk is waited
// for.
#pragma once

#include <string>
#include <string_view>

#include "sidefridge/base/result.h"
#include "sidefridge/base/time.h"
#include "sidefridge/os/unique_fd.h"

namespace sidefridge::os {

/// The reader's end.
/// Owns:   its descriptor; the FIFO stays in its folder for the next one. Movable.
/// Thread: one.  Blocks: only open() and send_note().
class NoteFifo {
public:
  /// Makes the FIFO with mode 0600 where there is none, and opens it.
  /// Errors: what the system says; unavailable when something else has its name, or another user owns it.
  static Result<NoteFifo> open(const std::string& path);

  /// Returns: all that was sent and not yet drained, in the order it came.
  std::string drain();

  /// The descriptor to poll for input. Borrowed: valid while *this lives.
  int fd() const noexcept { return fd_.get(); }

private:
  explicit NoteFifo(UniqueFd fd) noexcept : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

/// What is longer may come in pieces, among those of others.
inline constexpr std::size_t longest_note_bytes = 4096;

/// Sends a note to whoever has the FIFO open, in one piece.
/// Requires: the note is not longer than longest_note_bytes. Blocks: until there is room, at most `patience`.
/// Errors: unavailable when nobody has it open, or nobody makes room; what the system says.
Result<void> send_note(const std::string& path, std::string_view note, Duration patience);

}  // namespace sidefridge::os
