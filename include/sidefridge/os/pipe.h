// pipe.h - a pipe whose write end goes to a script.
#pragma once

#include <cstddef>

#include "sidefridge/base/result.h"
#include "sidefridge/os/unique_fd.h"

namespace sidefridge::os {

/// Owns: both ends, close-on-exec.
struct Pipe {
  UniqueFd read_end;   // non-blocking
  UniqueFd write_end;  // blocking: programs do not expect EAGAIN on their stdout
};

/// What the kernel gives an unprivileged process without asking.
inline constexpr std::size_t default_pipe_bytes = 64 * std::size_t{1024};

/// Opens a pipe of `capacity_bytes`, or of the kernel's own size where it refuses that one.
/// Errors: EMFILE, ENFILE.
Result<Pipe> open_pipe(std::size_t capacity_bytes = default_pipe_bytes);

/// Undoes what a program may have done to its end of a pipe, and to everybody's who shares it: O_NONBLOCK, O_ASYNC,
/// O_DIRECT. Requires: `write_end` is one.
void reset_pipe_flags(int write_end) noexcept;

/// Bytes written to a pipe and not read yet. Requires: `fd` is an end of a pipe.
std::size_t bytes_waiting(int fd) noexcept;

}  // namespace sidefridge::os
