// output_stream.cc - how each kind of descriptor is written without waiting.
#include "sidefridge/os/output_stream.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <string>
#include <utility>

#include "sidefridge/os/system_clock.h"

namespace sidefridge::os {

namespace {

// What a terminal or a pipe that polls as writable takes without waiting.
constexpr std::size_t safe_terminal_bytes = 256;
constexpr std::size_t safe_pipe_bytes = 4096;

/// Opens what `fd` refers to once more, non-blocking; nothing if that is refused.
UniqueFd reopen(int fd, int status_flags) {
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  return UniqueFd(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY | (status_flags & O_APPEND)));
}

/// An epoll set that polls for input when `fd` takes output. Empty for what cannot be polled and never needs to be.
Result<UniqueFd> open_readiness(int fd) {
  UniqueFd set(::epoll_create1(EPOLL_CLOEXEC));
  if (!set) return system_error("cannot watch the output", errno);
  epoll_event event{};
  event.events = EPOLLOUT;
  if (::epoll_ctl(set.get(), EPOLL_CTL_ADD, fd, &event) == 0) return set;
  if (errno == EPERM) return UniqueFd();
  return system_error("cannot watch the output", errno);
}

}  // namespace

Result<OutputStream> OutputStream::open(int fd) {
  struct stat status {};
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fstat(fd, &status) != 0) {
    return system_error("cannot write to descriptor " + std::to_string(fd), errno);
  }
  // What was closed is /dev/null the wrong way round (open_standard_fds()): opened again, it would take everything.
  const bool is_closed = (flags & O_ACCMODE) == O_RDONLY;
  if (S_ISREG(status.st_mode) || is_closed) return OutputStream(Kind::file, fd, 0, UniqueFd(), UniqueFd());

  Kind kind = Kind::socket;
  std::size_t safe_bytes = 0;
  UniqueFd own;
  if (!S_ISSOCK(status.st_mode)) {
    own = reopen(fd, flags);
    kind = own ? Kind::own : Kind::shared;
    safe_bytes = ::isatty(fd) == 1 ? safe_terminal_bytes : safe_pipe_bytes;
  }
  const int target = own ? own.get() : fd;
  auto ready = open_readiness(target);
  if (!ready) return std::move(ready).error();
  return OutputStream(kind, target, safe_bytes, std::move(own), std::move(ready).value());
}

OutputStream::OutputStream(Kind kind, int fd, std::size_t safe_bytes, UniqueFd own, UniqueFd ready) noexcept
    : kind_(kind), fd_(fd), safe_bytes_(safe_bytes), own_(std::move(own)), ready_(std::move(ready)) {}

std::ptrdiff_t OutputStream::write_some(const char* bytes, std::size_t count) noexcept {
  switch (kind_) {
    case Kind::file:
    case Kind::own: return ::write(fd_, bytes, count);
    case Kind::socket: return ::send(fd_, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL);
    case Kind::shared: {
      pollfd entry{fd_, POLLOUT, 0};
      if (::poll(&entry, 1, 0) == 0) {
        errno = EAGAIN;
        return -1;
      }
      return ::write(fd_, bytes, std::min(count, safe_bytes_));
    }
  }
  return -1;
}

OutputStream::Flush OutputStream::flush() noexcept {
  while (pending_bytes() > 0) {
    const std::ptrdiff_t written = write_some(buffer_.data() + begin_, pending_bytes());
    if (written > 0) {
      begin_ += static_cast<std::size_t>(written);
      mends_line_ = false;
      last_written_ = buffer_[begin_ - 1];
    } else if (written < 0 && errno == EAGAIN) {
      compact();
      return Flush::blocked;
    } else if (written == 0 || errno != EINTR) {
      last_error_ = written == 0 ? EIO : errno;
      lose_pending();
      return Flush::broken;
    }
  }
  clear();
  return Flush::drained;
}

OutputStream::Flush OutputStream::drain_until(MonoTime deadline) noexcept {
  for (;;) {
    const Flush flushed = flush();
    const Duration left = deadline - sample_now().mono;
    if (flushed != Flush::blocked || left <= Duration::zero()) return flushed;
    const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
    const timespec timeout{seconds.count(), (left - seconds).count()};
    pollfd entry{ready_.get(), POLLIN, 0};
    ::ppoll(&entry, 1, &timeout, nullptr);
  }
}

void OutputStream::lose_pending() noexcept {
  const auto lost = std::count(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_), buffer_.end(), '\n');
  lost_lines_ += static_cast<std::uint64_t>(lost) - (mends_line_ ? 1 : 0);
  clear();
  // What comes next must not continue a line that was cut off.
  mends_line_ = last_written_ != '\n';
  if (mends_line_) buffer_.push_back('\n');
}

void OutputStream::clear() noexcept {
  begin_ = 0;
  buffer_.clear();
  // A stall may have left it large.
  if (buffer_.capacity() > 2 * high_water_bytes) std::string().swap(buffer_);
}

void OutputStream::compact() noexcept {
  // Moving no more than was written keeps the cost of all moves below that of all writes.
  if (begin_ < pending_bytes()) return;
  buffer_.erase(0, begin_);
  begin_ = 0;
}

}  // namespace sidefridge::os
