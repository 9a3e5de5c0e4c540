#include "sidefridge/os/file_lock.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <string>

namespace sidefridge::os {
namespace {

class FileLockTest : public testing::Test {
protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "file_lock_XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = folder_ + "/lock";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
  std::string path_;
};

// A child that holds a lock from the constructor's return until it is killed.
class Holder {
public:
  Holder(const std::string& path, std::uint32_t byte) {
    int ready[2];
    EXPECT_EQ(::pipe2(ready, O_CLOEXEC), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      auto lock = FileLock::open(path);
      if (!lock || !lock->try_lock(byte)) ::_exit(1);
      EXPECT_EQ(::write(ready[1], "", 1), 1);
      for (;;) ::pause();
    }
    ::close(ready[1]);
    char byte_read;
    EXPECT_EQ(::read(ready[0], &byte_read, 1), 1) << "the holder did not get the lock";
    ::close(ready[0]);
  }
  ~Holder() { kill(); }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;

  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  pid_t pid() const { return pid_; }

private:
  pid_t pid_ = 0;
};

// The exit code of what a child does.
int in_child(const std::function<int()>& work) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(work());
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool acquired(const Result<FileLock::Attempt>& attempt) {
  return attempt.ok() && std::holds_alternative<FileLock::Acquired>(*attempt);
}

TEST_F(FileLockTest, a_free_byte_is_acquired) {
  auto lock = FileLock::open(path_);
  ASSERT_TRUE(lock.ok());
  EXPECT_TRUE(acquired(lock->try_lock(0)));
}

TEST_F(FileLockTest, the_file_is_made_for_its_owner_only) {
  ASSERT_TRUE(FileLock::open(path_).ok());
  struct stat found {};
  ASSERT_EQ(::stat(path_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600U);
}

TEST_F(FileLockTest, a_held_byte_names_its_holder) {
  const Holder other(path_, 1);
  auto lock = FileLock::open(path_);
  ASSERT_TRUE(lock.ok());
  auto attempt = lock->try_lock(1);
  ASSERT_TRUE(attempt.ok());
  ASSERT_TRUE(std::holds_alternative<FileLock::HeldBy>(*attempt));
  EXPECT_EQ(std::get<FileLock::HeldBy>(*attempt).pid, other.pid());
  auto holder = lock->holder(1);
  ASSERT_TRUE(holder.ok());
  EXPECT_EQ(*holder, std::optional(other.pid()));
}

TEST_F(FileLockTest, each_byte_is_a_lock_of_its_own) {
  const Holder other(path_, 1);
  auto lock = FileLock::open(path_);
  ASSERT_TRUE(lock.ok());
  EXPECT_TRUE(acquired(lock->try_lock(0)));
  EXPECT_EQ(*lock->holder(0), std::nullopt);
}

TEST_F(FileLockTest, it_is_free_as_soon_as_its_holder_is_killed) {
  Holder other(path_, 0);
  auto lock = FileLock::open(path_);
  ASSERT_TRUE(lock.ok());
  ASSERT_FALSE(acquired(lock->try_lock(0)));
  other.kill();
  EXPECT_TRUE(acquired(lock->try_lock(0)));
}

TEST_F(FileLockTest, what_is_given_back_is_free_for_others) {
  auto lock = FileLock::open(path_);
  ASSERT_TRUE(lock.ok());
  ASSERT_TRUE(acquired(lock->try_lock(0)));
  const auto taken_elsewhere = [&] {
    auto theirs = FileLock::open(path_);
    return theirs.ok() && acquired(theirs->try_lock(0)) ? 0 : 1;
  };
  EXPECT_EQ(in_child(taken_elsewhere), 1);
  lock->unlock(0);
  EXPECT_EQ(in_child(taken_elsewhere), 0);
}

TEST_F(FileLockTest, a_child_does_not_inherit_it_and_does_not_release_it) {
  auto lock = FileLock::open(path_);
  ASSERT_TRUE(lock.ok());
  ASSERT_TRUE(acquired(lock->try_lock(0)));
  const pid_t parent = ::getpid();
  // The child sees the lock as its parent's, and its end closes its copy of the descriptor.
  EXPECT_EQ(in_child([&] { return *lock->holder(0) == std::optional(parent) ? 0 : 1; }), 0);
  EXPECT_EQ(in_child([&] { return *lock->holder(0) == std::optional(parent) ? 0 : 1; }), 0);
}

TEST_F(FileLockTest, to_look_only_makes_no_file) {
  auto lock = FileLock::open_existing(path_);
  ASSERT_FALSE(lock.ok());
  EXPECT_EQ(lock.error().code, ErrorCode::not_found);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(FileLockTest, a_link_is_not_followed) {
  std::filesystem::create_symlink(folder_ + "/elsewhere", path_);
  EXPECT_FALSE(FileLock::open(path_).ok());
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/elsewhere"));
}

}  // namespace
}  // namespace sidefridge::os
