// pipe.cc - pipe2(2) with one non-blocking end.
#include "sidefridge/os/pipe.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "sidefridge/base/check.h"

namespace sidefridge::os {

Result<Pipe> open_pipe(std::size_t capacity_bytes) {
  std::array<int, 2> ends{};
  // O_NONBLOCK here would hold for both ends.
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_error("cannot open a pipe", errno);
  Pipe pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
  if (::fcntl(pipe.read_end.get(), F_SETFL, O_RDONLY | O_NONBLOCK) != 0) {
    return system_error("cannot open a pipe", errno);
  }
  if (capacity_bytes != default_pipe_bytes) {
    // A refusal (pipe-max-size, pipe-user-pages-soft) leaves a smaller pipe, which is slower and just as right.
    ::fcntl(pipe.write_end.get(), F_SETPIPE_SZ, static_cast<int>(capacity_bytes));
  }
  return pipe;
}

void reset_pipe_flags(int write_end) noexcept {
  check(::fcntl(write_end, F_SETFL, O_WRONLY) == 0, "reset_pipe_flags() is asked of a pipe");
}

std::size_t bytes_waiting(int fd) noexcept {
  int waiting = 0;
  check(::ioctl(fd, FIONREAD, &waiting) == 0, "bytes_waiting() is asked of a pipe");
  return static_cast<std::size_t>(waiting);
}

}  // namespace sidefridge::os
