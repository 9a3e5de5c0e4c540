// fixture.h - folders, children and waits that the tests of this room share.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sidefridge/os/pipe.h"
#include "sidefridge/os/reaper.h"
#include "sidefridge/os/spawn.h"
#include "sidefridge/os/unique_fd.h"

namespace sidefridge::os {

inline constexpr int wait_limit_ms = 20'000;

/// Owns: a new empty folder, removed with all it holds.
class TempDir {
public:
  explicit TempDir(const std::filesystem::path& parent = std::filesystem::temp_directory_path()) {
    std::string name = (parent / "sidefridge-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
    ::chmod(name.c_str(), 0755);  // for tests that look at it WithoutRoot
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

  /// Writes a file, and the folders it needs. Returns: its path.
  std::string write(std::string_view name, std::string_view content, mode_t mode = 0755) const {
    const std::string path = *this / name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << content;
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }
  std::string make_folder(std::string_view name) const {
    std::filesystem::create_directories(*this / name);
    return *this / name;
  }
  void link(std::string_view target, std::string_view name) const {
    std::filesystem::create_symlink(target, *this / name);
  }

private:
  std::string path_;
};

/// Gives up root's rights over files for as long as it lives. Does nothing for anybody else.
class WithoutRoot {
public:
  WithoutRoot() { EXPECT_TRUE(::geteuid() != 0 || ::seteuid(65534) == 0); }
  WithoutRoot(const WithoutRoot&) = delete;
  WithoutRoot& operator=(const WithoutRoot&) = delete;
  ~WithoutRoot() { EXPECT_EQ(::seteuid(::getuid()), 0); }
};

/// Waits until `fd` is readable or at its end.
inline bool becomes_readable(int fd, int limit_ms = wait_limit_ms) {
  pollfd watched{fd, POLLIN, 0};
  int ready = 0;
  do {
    ready = ::poll(&watched, 1, limit_ms);
  } while (ready < 0 && errno == EINTR);
  return ready == 1;
}

/// Whether `fd` is readable now.
inline bool is_readable(int fd) {
  return becomes_readable(fd, 0);
}

/// Waits until a child has ended; it stays to be reaped.
inline void wait_until_ended(pid_t pid) {
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  ASSERT_TRUE(process) << "pidfd_open: " << errno;
  ASSERT_TRUE(becomes_readable(process.get()));
}

/// Reads `fd`, which does not block, to its end.
inline std::string read_to_end(int fd) {
  std::string text;
  std::array<char, 4096> buffer;
  while (becomes_readable(fd)) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  ADD_FAILURE() << "the end never came";
  return text;
}

/// Reads `fd`, which does not block, up to and without the next newline.
inline std::string read_line(int fd) {
  std::string line;
  while (becomes_readable(fd)) {
    char c = 0;
    if (::read(fd, &c, 1) != 1 || c == '\n') return line;
    line += c;
  }
  ADD_FAILURE() << "the line never came";
  return line;
}

/// A spawned process and the pipe that is its stdout and stderr.
struct Child {
  pid_t pid = 0;
  Pipe output;
};

/// Spawns `argv` with `environment`; argv[0] is the program.
inline Child start(const std::vector<std::string>& argv,
                   const std::vector<std::string>& environment = {"PATH=/usr/bin:/bin:/usr/sbin:/sbin"}) {
  Result<Pipe> output = open_pipe();
  EXPECT_TRUE(output.ok());
  Child child{0, std::move(*output)};
  const int fd = child.output.write_end.get();
  const Result<pid_t> pid = spawn(SpawnRequest{argv[0], argv, environment, {}, fd, fd});
  EXPECT_TRUE(pid.ok()) << (pid ? "" : pid.error().text);
  if (pid) child.pid = *pid;
  child.output.write_end.reset();
  return child;
}

/// The same for a script on /bin/sh's command line.
inline Child start_shell(const std::string& script) {
  return start({"/bin/sh", "-c", script});
}

/// Runs `argv` and returns what it wrote, once it is over and reaped.
inline std::string output_of(const std::vector<std::string>& argv) {
  const Child child = start(argv);
  std::string text = read_to_end(child.output.read_end.get());
  wait_until_ended(child.pid);
  EXPECT_TRUE(reap_one().has_value());
  return text;
}

}  // namespace sidefridge::os
