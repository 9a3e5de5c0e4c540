// standard_fds_test.cc - whatever was closed, nothing we open becomes stdin, stdout or stderr.
#include "sidefridge/os/standard_fds.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>

namespace sidefridge::os {
namespace {

/// What a child of ours finds wrong, as its exit code: 0 when those of `closed` (a bit each) are /dev/null now, and of
/// no use, and the others what they were.
int in_child(unsigned closed) {
  const pid_t child = ::fork();
  if (child == 0) {
    for (const int fd : {0, 1, 2}) ::dup2(::open("/dev/zero", O_RDWR), fd);
    for (const int fd : {0, 1, 2}) {
      if ((closed & (1U << fd)) != 0) ::close(fd);
    }
    if (!open_standard_fds()) ::_exit(10);
    if (::open("/dev/zero", O_RDONLY) <= 2) ::_exit(11);
    for (const int fd : {0, 1, 2}) {
      std::error_code failure;
      const std::string file = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), failure);
      const bool was_closed = (closed & (1U << fd)) != 0;
      if (file != (was_closed ? "/dev/null" : "/dev/zero")) ::_exit(20 + fd);
      char byte = 'x';
      errno = 0;
      const ssize_t count = fd == 0 ? ::read(fd, &byte, 1) : ::write(fd, &byte, 1);
      if (was_closed ? count != -1 || errno != EBADF : count != 1) ::_exit(30 + fd);
      if (::fcntl(fd, F_GETFD) != 0) ::_exit(40 + fd);
    }
    ::_exit(0);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(StandardFds, that_are_closed_become_dev_null_and_those_that_are_open_stay) {
  for (unsigned closed = 0; closed < 8; ++closed) EXPECT_EQ(in_child(closed), 0) << "closed: " << closed;
}

}  // namespace
}  // namespace sidefridge::os
