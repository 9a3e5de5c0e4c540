// inherited_fds_test.cc - nothing that was open before reaches a child.
#include "sidefridge/os/inherited_fds.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "sidefridge/os/unique_fd.h"

namespace sidefridge::os {
namespace {

TEST(InheritedFds, are_close_on_exec_but_for_the_three_that_scripts_get) {
  const UniqueFd left_open(::open("/dev/null", O_RDONLY));
  ASSERT_EQ(::fcntl(left_open.get(), F_GETFD), 0);
  ASSERT_TRUE(keep_inherited_fds_from_scripts());
  EXPECT_EQ(::fcntl(left_open.get(), F_GETFD), FD_CLOEXEC);
  for (const int fd : {0, 1, 2}) EXPECT_EQ(::fcntl(fd, F_GETFD), 0);
}

}  // namespace
}  // namespace sidefridge::os
