// namespaces.h - a part of a test in a process with mounts and limits of its own.
#pragma once

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

namespace sidefridge::os {

/// Runs `body` in a child that is root in a user namespace and has mounts of its own, and expects what it expects.
/// The test is skipped where the system gives none.
template <class Body>
void in_own_namespaces(Body body) {
  constexpr int refused = 77;
  std::fflush(nullptr);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const std::string user = "0 " + std::to_string(::geteuid()) + " 1";
    const std::string group = "0 " + std::to_string(::getegid()) + " 1";
    const auto put = [](const char* path, const std::string& text) {
      return static_cast<bool>(std::ofstream(path) << text << std::flush);
    };
    const bool given = ::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && put("/proc/self/setgroups", "deny") &&
                       put("/proc/self/uid_map", user) && put("/proc/self/gid_map", group);
    if (!given) ::_exit(refused);
    body();
    std::fflush(nullptr);
    ::_exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == refused) GTEST_SKIP() << "no user namespace";
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the child's expectations failed";
}

}  // namespace sidefridge::os
