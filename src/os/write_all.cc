// write_all.cc - write(2) until nothing is left.
#include "sidefridge/os/write_all.h"

#include <unistd.h>

#include <cerrno>
#include <cstddef>

namespace sidefridge::os {

int write_all(int fd, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

}  // namespace sidefridge::os
