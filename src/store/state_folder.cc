// state_folder.cc - makes and checks the folder that everything lies in.
#include "sidefridge/store/state_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>

#include "sidefridge/text/path.h"
#include "sidefridge/text/quote.h"

namespace sidefridge::store {
namespace {

constexpr std::string_view mend = "; set SIDEFRIDGE_STATE_DIR to another folder";

// Requires: errno says why.
Error cannot(std::string_view do_it_to, const std::string& path) {
  const int why = errno;
  Error error = system_error("cannot " + std::string(do_it_to) + " " + text::in_quotes(path), why);
  error.text += mend;
  return error;
}

// Where even mkdir(2) says ENOENT, in /proc for one, nothing is missing that might come: the place is unfit.
Error cannot_make(const std::string& path) {
  Error error = cannot("make the folder", path);
  if (error.code == ErrorCode::not_found) error.code = ErrorCode::io;
  return error;
}

std::string whose(uid_t owner) {
  return " belongs to user " + std::to_string(owner) + " and sidefridge runs as user " + std::to_string(::geteuid());
}

// Requires: errno says why. That we may not is told with whose it is and what can be done.
Error cannot_enter(std::string_view do_it_to, const std::string& path, const std::string& owned) {
  const int why = errno;
  struct stat found {};
  if ((why != EACCES && why != EPERM) || ::lstat(owned.c_str(), &found) != 0 || found.st_uid == ::geteuid()) {
    errno = why;
    return do_it_to == "make the folder" ? cannot_make(path) : cannot(do_it_to, path);
  }
  std::string text = text::in_quotes(owned) + whose(found.st_uid) + ", which may not use it; run as user " +
                     std::to_string(found.st_uid) + ", give the folder to user " + std::to_string(::geteuid()) + ", or";
  return Error{ErrorCode::unavailable, text.append(mend.substr(1))};
}

Result<void> make_folder(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return {};
  const std::size_t slash = path.find_last_of('/');
  const std::string above = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  return cannot_enter("make the folder", path, above);
}

// Makes a folder and those above it. Who may enter the state folder itself is up to the one who mounts it.
Result<void> make_folders(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  struct stat found {};
  if (slash != std::string::npos && slash != 0 && ::stat(path.substr(0, slash).c_str(), &found) != 0 &&
      errno == ENOENT) {
    if (auto made = make_folders(path.substr(0, slash)); !made) return made;
  }
  return make_folder(path, 0755);
}

// The number that the kernel has given to the mount of an open file; empty where /proc does not tell.
std::string mount_of(int fd) {
  constexpr std::string_view name = "mnt_id:";
  std::ifstream file("/proc/self/fdinfo/" + std::to_string(fd));
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name)) return line.substr(name.size());
  }
  return {};
}

// Whether something is mounted there, as a volume of a Pod is. (musl knows statx(2), which would tell, since 1.2.5.)
bool is_mount(int fd) {
  const int above = ::openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (above < 0) return false;
  const bool differs = mount_of(fd) != mount_of(above);
  ::close(above);
  return differs;
}

// Another user who may rename what is ours may put something else in its place, which then runs as we do. An emptyDir
// of Kubernetes is open to all in this way; whom it is mounted for is the Pod's matter, and if it is ours, we close it.
Result<void> check_others(const std::string& path) {
  const int fd = ::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return {};  // that it cannot be used is told where it is
  struct stat found {};
  const bool seen = ::fstat(fd, &found) == 0;
  const bool mounted = is_mount(fd);
  ::close(fd);
  if (!seen) return cannot("look at", path);
  if ((found.st_mode & S_IWOTH) == 0 || (found.st_mode & S_ISVTX) != 0) return {};
  if (mounted) {
    if (found.st_uid == ::geteuid()) static_cast<void>(::chmod(path.c_str(), (found.st_mode & 07777) | S_ISVTX));
    return {};
  }
  std::string text = "every user may write to " + text::in_quotes(path) +
                     " and rename what is in it, so that another one could have scripts run as user " +
                     std::to_string(::geteuid()) + "; run chmod o-w or chmod +t on it, or";
  return Error{ErrorCode::unavailable, text.append(mend.substr(1))};
}

Result<void> check_ours(const std::string& path, int fd) {
  struct stat found {};
  if (::fstat(fd, &found) != 0) return cannot("look at", path);
  if (found.st_uid != ::geteuid()) {
    std::string text = text::in_quotes(path) + whose(found.st_uid) + "; run as user " + std::to_string(found.st_uid) +
                       ", give the folder to user " + std::to_string(::geteuid()) + ", or";
    return Error{ErrorCode::unavailable, text.append(mend.substr(1))};
  }
  if ((found.st_mode & 07777) != 0700 && ::fchmod(fd, 0700) != 0) {
    return cannot("take the rights of other users from", path);
  }
  return {};
}

}  // namespace

StateFolder StateFolder::at(std::string_view state_dir) {
  return StateFolder(text::without_end_slashes(std::string(state_dir)) + "/store");
}

Result<StateFolder> StateFolder::open(std::string_view state_dir) {
  StateFolder folder = at(state_dir);
  const std::string outer = folder.path_.substr(0, folder.path_.find_last_of('/'));
  if (auto made = make_folders(outer.empty() ? "/" : outer); !made) return std::move(made).error();
  if (auto safe = check_others(outer.empty() ? "/" : outer); !safe) return std::move(safe).error();
  if (auto made = make_folder(folder.path_, 0700); !made) return std::move(made).error();
  const int fd = ::open(folder.path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 && (errno == ENOTDIR || errno == ELOOP)) {
    return Error{ErrorCode::unavailable, text::in_quotes(folder.path_) + " is not a folder" + std::string(mend)};
  }
  if (fd < 0) return cannot_enter("open", folder.path_, folder.path_);
  auto ours = check_ours(folder.path_, fd);
  ::close(fd);
  if (!ours) return std::move(ours).error();
  return folder;
}

}  // namespace sidefridge::store
