// namespaces.h - a part of a test in a process with mounts and limits of its own.
#pragma once

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

namespace sidefridge::os {

/// Runs `body` in a child that has a user namespace and mounts of its own, and expects what it expects.
/// The test is skipped where the system gives none.
template <class Body>
void in_own_namespaces(Body body) {
  constexpr int refused = 77;
  std::fflush(nullptr);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) ::_exit(refused);
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
