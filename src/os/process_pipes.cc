// process_pipes.cc - the links in /proc/PID/fd, whose own permissions say what a descriptor can do (proc(5)).
#include "sidefridge/os/process_pipes.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <memory>
#include <string_view>

#include "sidefridge/os/proc_path.h"
#include "sidefridge/os/unique_fd.h"

namespace sidefridge::os {
namespace {

struct CloseDir {
  void operator()(DIR* dir) const noexcept { ::closedir(dir); }
};

std::optional<PipeId> pipe_behind(int folder_fd, const char* name) noexcept {
  struct stat status {};
  if (::fstatat(folder_fd, name, &status, 0) != 0 || !S_ISFIFO(status.st_mode)) return std::nullopt;
  return PipeId{status.st_dev, status.st_ino};
}

bool can_be_written(int folder_fd, const char* name) noexcept {
  struct stat status {};
  return ::fstatat(folder_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && (status.st_mode & S_IWUSR) != 0;
}

}  // namespace

ProcessPipes pipes_of_process(int proc_fd, pid_t pid) {
  ProcessPipes pipes;
  UniqueFd folder(::openat(proc_fd, ProcPath(pid, "fd").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return pipes;
  const std::unique_ptr<DIR, CloseDir> entries(::fdopendir(folder.get()));
  if (!entries) return pipes;
  static_cast<void>(folder.release());  // it is the folder's now
  const int fd = ::dirfd(entries.get());
  while (const dirent* const entry = ::readdir(entries.get())) {
    const std::string_view name(entry->d_name);
    if (name.starts_with('.')) continue;
    const std::optional<PipeId> pipe = pipe_behind(fd, entry->d_name);
    if (!pipe) continue;
    if (can_be_written(fd, entry->d_name)) {
      pipes.written.push_back(*pipe);
    } else {
      pipes.read.push_back(*pipe);
      if (name == "0") pipes.read_as_stdin = pipe;
      if (name.size() == 2 && name[0] == '1') pipes.put_aside = pipe;
    }
  }
  return pipes;
}

std::optional<PipeId> stdin_pipe_of_process(int proc_fd, pid_t pid) noexcept {
  return pipe_behind(proc_fd, ProcPath(pid, "fd/0").c_str());
}

}  // namespace sidefridge::os
