// note_fifo.cc - see note_fifo.h.
#include "sidefridge/os/note_fifo.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace sidefridge::os {
namespace {

Result<UniqueFd> open_fifo(const std::string& path, int access) {
  UniqueFd fd(::open(path.c_str(), access | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) {
    if (errno == ENXIO) return Error{ErrorCode::unavailable, "nobody reads '" + path + "'"};
    return system_error("cannot open '" + path + "'", errno);
  }
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return system_error("cannot look at '" + path + "'", errno);
  if (S_ISFIFO(status.st_mode) && (status.st_uid == ::geteuid() || ::geteuid() == 0)) return fd;
  return Error{ErrorCode::unavailable, "'" + path + "' is no FIFO of ours"};
}

}  // namespace

Result<NoteFifo> NoteFifo::open(const std::string& path) {
  constexpr mode_t ours_alone = 0600;
  if (::mkfifo(path.c_str(), ours_alone) != 0 && errno != EEXIST)
    return system_error("cannot make '" + path + "'", errno);
  // For writing, too: then it never polls as closed, and is there for senders between two readings.
  auto fd = open_fifo(path, O_RDWR);
  if (!fd) return std::move(fd).error();
  return NoteFifo(*std::move(fd));
}

std::string NoteFifo::drain() {
  std::string notes;
  std::array<char, longest_note_bytes> piece;
  for (;;) {
    const ssize_t got = ::read(fd_.get(), piece.data(), piece.size());
    if (got <= 0 && !(got < 0 && errno == EINTR)) return notes;
    if (got > 0) notes.append(piece.data(), static_cast<std::size_t>(got));
  }
}

Result<void> send_note(const std::string& path, std::string_view note, Duration patience) {
  auto fd = open_fifo(path, O_WRONLY);
  if (!fd) return std::move(fd).error();
  pollfd room{fd->get(), POLLOUT, 0};
  const auto wait_ms = std::chrono::duration_cast<std::chrono::milliseconds>(patience).count();
  ::poll(&room, 1, static_cast<int>(wait_ms));
  // Up to PIPE_BUF, all of it or nothing.
  if (::write(fd->get(), note.data(), note.size()) >= 0) return {};
  if (errno == EAGAIN) return Error{ErrorCode::unavailable, "nobody reads '" + path + "'"};
  return system_error("cannot write to '" + path + "'", errno);
}

}  // namespace sidefridge::os
