// standard_fds.cc - open(2) takes the lowest number that is free.
#include "sidefridge/os/standard_fds.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace sidefridge::os {

Result<void> open_standard_fds() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    // Not close-on-exec: what we start has a stdin, stdout and stderr, too.
    const int opened = ::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    if (opened < 0) return system_error("cannot open /dev/null", errno);
  }
  return {};
}

}  // namespace sidefridge::os
