// read_file.cc - one descriptor, as many reads as it takes.
#include "sidefridge/os/read_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <span>

#include "sidefridge/os/read_up_to.h"
#include "sidefridge/os/unique_fd.h"

namespace sidefridge::os {
namespace {

constexpr std::size_t least_chunk_bytes = 4096;

// Closing the descriptor must not hide what went wrong before.
std::nullopt_t failed(UniqueFd& fd, int errno_value) {
  fd.reset();
  errno = errno_value;
  return std::nullopt;
}

int refusal_of(mode_t mode) noexcept {
  if (S_ISREG(mode)) return 0;
  return S_ISDIR(mode) ? EISDIR : EOPNOTSUPP;
}

}  // namespace

std::optional<std::string> read_file(const std::string& path, std::size_t limit_bytes, Readable kind) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return std::nullopt;
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return failed(fd, errno);
  if (kind == Readable::regular) {
    if (const int refusal = refusal_of(status.st_mode); refusal != 0) return failed(fd, refusal);
  }
  std::string bytes;
  // A byte more than there should be, so that the read that fills the buffer also finds the end.
  std::size_t chunk = std::max(static_cast<std::size_t>(status.st_size) + 1, least_chunk_bytes);
  while (bytes.size() < limit_bytes) {
    const std::size_t filled = bytes.size();
    bytes.resize(filled + std::min(chunk, limit_bytes - filled));
    const std::span<char> room = std::span(bytes).subspan(filled);
    const ssize_t got = read_up_to(fd.get(), room);
    if (got < 0) return failed(fd, errno);
    bytes.resize(filled + static_cast<std::size_t>(got));
    if (static_cast<std::size_t>(got) < room.size()) break;
    chunk = bytes.size();
  }
  return bytes;
}

}  // namespace sidefridge::os
