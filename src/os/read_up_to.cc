// read_up_to.cc - read(2) until there is enough.
#include "sidefridge/os/read_up_to.h"

#include <unistd.h>

#include <cerrno>
#include <cstddef>

namespace sidefridge::os {

ssize_t read_up_to(int fd, std::span<char> buffer) noexcept {
  std::size_t filled = 0;
  while (filled < buffer.size()) {
    const ssize_t got = ::read(fd, buffer.data() + filled, buffer.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  return static_cast<ssize_t>(filled);
}

}  // namespace sidefridge::os
