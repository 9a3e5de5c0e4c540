// process_pipes.cc - the links in /proc/PID/fd, whose own permissions say what a descriptor can do (proc(5)).
#include "sidefridge/os/process_pipes.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "sidefridge/os/folder.h"
#include "sidefridge/os/proc_path.h"

namespace sidefridge::os {
namespace {

// Of a process that opens and closes pipes all the time no two readings are the same.
constexpr int most_readings = 4;

std::optional<PipeId> pipe_behind(int folder_fd, const char* name) noexcept {
  struct stat status {};
  if (::fstatat(folder_fd, name, &status, 0) != 0 || !S_ISFIFO(status.st_mode)) return std::nullopt;
  return PipeId{status.st_dev, status.st_ino};
}

/// What /proc says of a descriptor, as permissions of its link. Returns: none of them when it is closed.
mode_t permissions_of(int folder_fd, const char* name) noexcept {
  struct stat status {};
  return ::fstatat(folder_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? status.st_mode & (S_IRUSR | S_IWUSR) : 0;
}

std::vector<HeldPipe> read_pipes(int proc_fd, pid_t pid) {
  std::vector<HeldPipe> pipes;
  const Directory folder = open_folder(proc_fd, ProcPath(pid, "fd").c_str());
  if (!folder) return pipes;
  const int folder_fd = ::dirfd(folder.get());
  while (const dirent* const entry = ::readdir(folder.get())) {
    const std::string_view name(entry->d_name);
    int fd = -1;
    std::from_chars(name.data(), name.data() + name.size(), fd);
    const std::optional<PipeId> pipe = fd >= 0 ? pipe_behind(folder_fd, entry->d_name) : std::nullopt;
    const mode_t can = pipe ? permissions_of(folder_fd, entry->d_name) : 0;
    if (can != 0) pipes.push_back(HeldPipe{fd, *pipe, can == S_IRUSR, can == S_IWUSR});
  }
  std::sort(pipes.begin(), pipes.end(), [](const HeldPipe& a, const HeldPipe& b) { return a.fd < b.fd; });
  return pipes;
}

}  // namespace

std::vector<HeldPipe> pipes_of_process(int proc_fd, pid_t pid) {
  std::vector<HeldPipe> pipes = read_pipes(proc_fd, pid);
  for (int readings = 1; readings < most_readings; ++readings) {
    std::vector<HeldPipe> again = read_pipes(proc_fd, pid);
    if (again == pipes) break;
    pipes = std::move(again);
  }
  return pipes;
}

std::optional<PipeId> stdin_pipe_of_process(int proc_fd, pid_t pid) noexcept {
  return pipe_behind(proc_fd, ProcPath(pid, "fd/0").c_str());
}

}  // namespace sidefridge::os
