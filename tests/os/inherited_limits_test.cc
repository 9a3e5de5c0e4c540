// inherited_limits_test.cc - what a parent may leave us with.
#include "sidefridge/os/inherited_limits.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>
#include <utility>

#include "fixture.h"

namespace sidefridge::os {
namespace {

TEST(InheritedLimits, a_umask_takes_nothing_from_ourselves) {
  for (const auto& [inherited, kept] : {std::pair{0777, 0077}, {0022, 0022}, {0700, 0000}}) {
    ::umask(static_cast<mode_t>(inherited));
    keep_own_rights();
    EXPECT_EQ(::umask(0022), static_cast<mode_t>(kept));
  }
}

TEST(InheritedLimits, a_file_that_reaches_its_limit_is_an_error) {
  const TempDir dir;
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{1024, before.rlim_max};
  ignore_file_size_signal();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const UniqueFd file(::open((dir.path() + "/file").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  const std::string text(1024, 'x');
  EXPECT_EQ(::write(file.get(), text.data(), text.size()), 1024);
  const ssize_t refused = ::write(file.get(), text.data(), text.size());
  const int why = errno;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, SIG_DFL);
  EXPECT_EQ(refused, -1);
  EXPECT_EQ(why, EFBIG);
}

}  // namespace
}  // namespace sidefridge::os
