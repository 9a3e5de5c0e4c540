// file_lock_fault_test.cc - a system that refuses a lock without anybody holding it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <filesystem>
#include <string>

#include "sidefridge/os/file_lock.h"

namespace {

int refuse_with = 0;  // errno; 0: as the system has it
int refusals = 0;
constexpr int most_refusals = 1000;  // then it lets go, so that one who tries for ever fails and does not hang

bool refuses(int command) {
  const bool takes = command == F_SETLK || command == F_OFD_SETLK;
  return takes && refuse_with != 0 && ++refusals <= most_refusals;
}

}  // namespace

// These stand before the C library's own.
extern "C" int fcntl(int fd, int command, ...) {
  va_list arguments;
  va_start(arguments, command);
  void* const argument = va_arg(arguments, void*);
  va_end(arguments);
  if (refuses(command)) {
    errno = refuse_with;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_fcntl, fd, command, argument));
}
extern "C" int fcntl64(int fd, int command, ...) __attribute__((alias("fcntl")));

namespace sidefridge::os {
namespace {

class FileLockFaultTest : public testing::Test {
protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "file_lock_XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    refusals = 0;
  }
  void TearDown() override {
    refuse_with = 0;
    std::filesystem::remove_all(folder_);
  }

  std::string folder_;
};

TEST_F(FileLockFaultTest, a_lock_that_may_not_be_taken_is_an_error_at_once) {
  auto lock = FileLock::open(folder_ + "/lock");
  ASSERT_TRUE(lock.ok());
  refuse_with = EACCES;
  const auto attempt = lock->try_lock(0);
  ASSERT_FALSE(attempt.ok());
  EXPECT_EQ(attempt.error().code, ErrorCode::io);
  EXPECT_EQ(attempt.error().text, "cannot lock " + folder_ + "/lock: Permission denied");
  EXPECT_EQ(refusals, 1);
}

TEST_F(FileLockFaultTest, one_that_is_always_held_by_somebody_else_who_is_gone_is_held_by_nobody_known) {
  auto lock = FileLock::open(folder_ + "/lock");
  ASSERT_TRUE(lock.ok());
  refuse_with = EAGAIN;
  const auto attempt = lock->try_lock(0);
  ASSERT_TRUE(attempt.ok());
  ASSERT_TRUE(std::holds_alternative<FileLock::HeldBy>(*attempt));
  EXPECT_EQ(std::get<FileLock::HeldBy>(*attempt).pid, 0);
  EXPECT_LT(refusals, most_refusals);
}

}  // namespace
}  // namespace sidefridge::os
