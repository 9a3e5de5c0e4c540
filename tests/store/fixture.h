// fixture.h - folders, processes and values that the tests of this room share.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sidefridge/core/run_record.h"
#include "sidefridge/store/state_folder.h"
#include "sidefridge/store/variables.h"

namespace sidefridge::store {

inline constexpr int wait_limit_ms = 20'000;
inline constexpr std::uint64_t some_limit_bytes = 16U << 20;

/// Owns: a new empty folder, removed with all it holds.
class TempDir {
public:
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "sidefridge-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

private:
  std::string path_;
};

inline unsigned mode_of(const std::string& path) {
  struct stat found {};
  EXPECT_EQ(::lstat(path.c_str(), &found), 0) << path;
  return found.st_mode & 07777;
}

inline std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The value, or a failure of the test that says what went wrong.
template <class T>
T must(Result<T> result) {
  if (!result.ok()) {
    ADD_FAILURE() << result.error().text;
    std::abort();
  }
  return std::move(result).value();
}
inline void must(const Result<void>& result) {
  ASSERT_TRUE(result.ok()) << result.error().text;
}

/// Waits until `pid` has ended or the time is over, without reaping it.
inline bool ends_within(pid_t pid, timespec time) {
  const int process = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  EXPECT_GE(process, 0);
  pollfd watched{process, POLLIN, 0};
  const int ready = ::ppoll(&watched, 1, &time, nullptr);
  ::close(process);
  return ready == 1;
}

/// A command that runs beside the test.
class Process {
public:
  Process(const std::vector<std::string>& command, const std::vector<std::string>& environment) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    std::array<std::array<int, 2>, 3> pipes{};
    for (int fd = 0; fd < 3; ++fd) {
      auto& pipe = pipes[static_cast<std::size_t>(fd)];
      EXPECT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
      posix_spawn_file_actions_adddup2(&actions, pipe[fd == 0 ? 0 : 1], fd);
    }
    const auto pointers = [](const std::vector<std::string>& texts) {
      std::vector<char*> result;
      for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
      result.push_back(nullptr);
      return result;
    };
    EXPECT_EQ(posix_spawn(&pid_, command[0].c_str(), &actions, nullptr, pointers(command).data(),
                          pointers(environment).data()),
              0)
        << command[0];
    posix_spawn_file_actions_destroy(&actions);
    ::close(pipes[0][0]);
    ::close(pipes[1][1]);
    ::close(pipes[2][1]);
    in_ = pipes[0][1];
    out_ = pipes[1][0];
    err_ = pipes[2][0];
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    if (pid_ > 0) {
      kill();
      wait();
    }
    end_input();
    ::close(out_);
    ::close(err_);
  }

  pid_t pid() const { return pid_; }

  /// Writes to its standard input as much as it takes. Requires: SIGPIPE is ignored.
  void feed(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t wrote = ::write(in_, text.data(), text.size());
      if (wrote < 0) return;
      text.remove_prefix(static_cast<std::size_t>(wrote));
    }
  }
  void end_input() {
    if (in_ >= 0) ::close(std::exchange(in_, -1));
  }
  void kill() const { ::kill(pid_, SIGKILL); }

  /// Reaps it. Returns: its exit code, or 128 and the signal that ended it.
  int wait() {
    EXPECT_TRUE(ends_within(pid_, {wait_limit_ms / 1000, 0})) << "it hangs";
    int status = 0;
    EXPECT_EQ(::waitpid(std::exchange(pid_, 0), &status, 0) >= 0, true);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  static std::string read_all(int fd) {
    std::string text;
    std::array<char, 65536> buffer;
    for (ssize_t got = 0; (got = ::read(fd, buffer.data(), buffer.size())) > 0;) {
      text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return text;
  }
  std::string read_output() const { return read_all(out_); }
  std::string read_errors() const { return read_all(err_); }

private:
  pid_t pid_ = 0;
  int in_ = -1;
  int out_ = -1;
  int err_ = -1;
};

/// What a command did, once it is over.
struct Outcome {
  int code;
  std::string out;
  std::string err;
};

inline Outcome run(const std::vector<std::string>& command, const std::vector<std::string>& environment,
                   std::string_view input = {}) {
  Process process(command, environment);
  process.feed(input);
  process.end_input();
  Outcome outcome;
  outcome.out = process.read_output();
  outcome.err = process.read_errors();
  outcome.code = process.wait();
  return outcome;
}

/// Does `work` in a child, whose failed expectations are failures here. Returns: its exit code, 128 and more for a
/// signal that ended it.
inline int in_child(const std::function<void()>& work) {
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    // What failed before the fork is not the child's.
    const testing::TestResult& result = *testing::UnitTest::GetInstance()->current_test_info()->result();
    const int before = result.total_part_count();
    work();
    std::fflush(nullptr);
    bool failed = false;
    for (int part = before; part < result.total_part_count(); ++part) {
      failed = failed || result.GetTestPartResult(part).failed();
    }
    ::_exit(failed ? 1 : 0);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

inline constexpr int not_permitted = 77;

/// Does `work` in a child that sees a file system of `size` ("1m") mounted on `folder`, as nobody else does.
/// Returns: as in_child(); not_permitted when this machine does not let us.
inline int on_small_disk(const std::string& folder, const std::string& size, const std::function<void()>& work) {
  return in_child([&] {
    const int spaces = CLONE_NEWNS | (::geteuid() == 0 ? 0 : CLONE_NEWUSER);
    if (::unshare(spaces) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", folder.c_str(), "tmpfs", 0, ("size=" + size).c_str()) != 0) {
      ::_exit(not_permitted);
    }
    work();
  });
}

/// Fills the disk that `path` lies on to the last byte with a file of that name.
inline void fill_disk(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_GE(fd, 0);
  const std::string page(4096, 'x');
  while (::write(fd, page.data(), page.size()) > 0) continue;
  ::close(fd);
}

}  // namespace sidefridge::store
