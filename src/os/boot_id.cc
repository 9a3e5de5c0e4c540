// boot_id.cc - random(4): a new id at each boot.
#include "sidefridge/os/boot_id.h"

#include <cerrno>
#include <optional>
#include <utility>

#include "sidefridge/os/read_file.h"

namespace sidefridge::os {

Result<std::string> read_boot_id() {
  constexpr std::size_t limit_bytes = 64;
  const char* const path = "/proc/sys/kernel/random/boot_id";
  std::optional<std::string> id = read_file(path, limit_bytes, Readable::regular);
  if (!id) return system_error(path, errno);
  while (!id->empty() && id->back() == '\n') id->pop_back();
  return *std::move(id);
}

}  // namespace sidefridge::os
