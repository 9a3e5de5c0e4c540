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

// Who holds it, as a process sees it that opens the file for that.
int holder_seen_elsewhere(const std::string& path, pid_t expected) {
  return in_child([&] {
    auto seen = FileLock::open_existing(path);
    if (!seen) return 2;
    auto holder = seen->holder(0);
    return holder.ok() && *holder == std::optional(expected) ? 0 : 1;
  });
}

TEST_F(FileLockTest, the_end_of_a_child_does_not_release_it) {
  auto lock = FileLock::open(path_);
  ASSERT_TRUE(lock.ok());
  ASSERT_TRUE(acquired(lock->try_lock(0)));
  // Its end closes its copy of the descriptor.
  EXPECT_EQ(in_child([] { return 0; }), 0);
  EXPECT_EQ(holder_seen_elsewhere(path_, ::getpid()), 0);
}

TEST_F(FileLockTest, it_stays_when_this_process_opens_and_closes_the_file_once_more) {
  auto lock = FileLock::open(path_);
  ASSERT_TRUE(lock.ok());
  ASSERT_TRUE(acquired(lock->try_lock(0)));
  ::close(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  const auto taken_elsewhere = [&] {
    auto theirs = FileLock::open(path_);
    return theirs.ok() && acquired(theirs->try_lock(0)) ? 0 : 1;
  };
  EXPECT_EQ(in_child(taken_elsewhere), 1);
}

TEST_F(FileLockTest, two_of_one_process_meet_as_strangers_do) {
  auto lock = FileLock::open(path_);
  auto other = FileLock::open(path_);
  ASSERT_TRUE(lock.ok() && other.ok());
  ASSERT_TRUE(acquired(lock->try_lock(0)));
  EXPECT_TRUE(acquired(lock->try_lock(0))) << "it has it already";
  EXPECT_FALSE(acquired(other->try_lock(0)));
  EXPECT_TRUE(other->holder(0)->has_value());
  lock->unlock(0);
  EXPECT_TRUE(acquired(other->try_lock(0)));
}

TEST_F(FileLockTest, the_next_holder_is_named_by_its_own_pid) {
  auto lock = FileLock::open(path_);
  ASSERT_TRUE(lock.ok());
  ASSERT_TRUE(acquired(lock->try_lock(0)));
  lock->unlock(0);
  const Holder other(path_, 0);
  EXPECT_EQ(*lock->holder(0), std::optional(other.pid()));
}

// As the version before did it, which may still run in the same state folder.
TEST_F(FileLockTest, a_lock_of_a_process_is_respected_and_named) {
  int ready[2];
  ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    const int fd = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct flock wanted {};
    wanted.l_type = F_WRLCK;
    wanted.l_whence = SEEK_SET;
    wanted.l_len = 1;
    if (::fcntl(fd, F_SETLK, &wanted) != 0 || ::write(ready[1], "", 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char byte;
  EXPECT_EQ(::read(ready[0], &byte, 1), 1);
  auto lock = FileLock::open(path_);
  ASSERT_TRUE(lock.ok());
  auto attempt = lock->try_lock(0);
  ASSERT_TRUE(attempt.ok());
  ASSERT_TRUE(std::holds_alternative<FileLock::HeldBy>(*attempt));
  EXPECT_EQ(std::get<FileLock::HeldBy>(*attempt).pid, pid);
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
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
  EXPECT_FALSE(FileLock::open_existing(path_).ok());
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/elsewhere"));
}

TEST_F(FileLockTest, what_is_no_regular_file_is_refused_at_once_with_the_mend) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  for (const auto open : {&FileLock::open, &FileLock::open_existing}) {
    const auto lock = open(path_);
    ASSERT_FALSE(lock.ok());
    EXPECT_EQ(lock.error().code, ErrorCode::io);
    EXPECT_EQ(lock.error().text, path_ + " is not a regular file; remove it");
  }
  std::filesystem::remove(path_);
  std::filesystem::create_directory(path_);
  EXPECT_EQ(FileLock::open(path_).error().text, path_ + " is not a regular file; remove it");
}

}  // namespace
}  // namespace sidefridge::os
