// boot_id.cc - random(4): a new id at each boot.
#include "sidefridge/os/boot_id.h"

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <cstddef>

#include "sidefridge/os/read_up_to.h"
#include "sidefridge/os/unique_fd.h"

namespace sidefridge::os {

Result<std::string> read_boot_id() {
  const char* const path = "/proc/sys/kernel/random/boot_id";
  const UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
  std::array<char, 64> text{};
  const ssize_t got = fd ? read_up_to(fd.get(), text) : -1;
  if (got < 0) return system_error(path, errno);
  std::string id(text.data(), static_cast<std::size_t>(got));
  while (!id.empty() && id.back() == '\n') id.pop_back();
  return id;
}

}  // namespace sidefridge::os
