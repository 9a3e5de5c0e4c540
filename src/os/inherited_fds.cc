// inherited_fds.cc - a look at /proc/self/fd: close_range(2) can do it since Linux 5.11 only, and musl has no wrapper.
#include "sidefridge/os/inherited_fds.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

namespace sidefridge::os {

Result<void> keep_inherited_fds_from_scripts() {
  struct Close {
    void operator()(DIR* folder) const noexcept { ::closedir(folder); }
  };
  const std::unique_ptr<DIR, Close> folder(::opendir("/proc/self/fd"));
  if (!folder) return system_error("cannot read '/proc/self/fd'", errno);
  while (const dirent* const entry = ::readdir(folder.get())) {
    const int fd = std::atoi(entry->d_name);  // "." and ".." are 0
    if (fd > STDERR_FILENO) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
  return {};
}

}  // namespace sidefridge::os
