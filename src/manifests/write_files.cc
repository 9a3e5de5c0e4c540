// write_files.cc - all files in a folder of their own first, then each to its place, and back again if one is refused.
#include "sidefridge/manifests/write_files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "sidefridge/os/unique_fd.h"
#include "sidefridge/os/write_all.h"

namespace sidefridge::manifests {
namespace {

namespace fs = std::filesystem;

constexpr const char* staging_name = ".make-k8s-cfg-files";

Error cannot_write(const fs::path& path, int errno_value) {
  return system_error("cannot write '" + path.string() + "'", errno_value);
}

bool same_file(const struct stat& a, const struct stat& b) noexcept {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/// The folder in which files are made, and in which those they replace are kept until all is done. What a process left
/// there that was killed goes.
/// Owns: the folder, for which a lock is held.
class Staging {
public:
  /// Errors: busy, while another process has it.
  static Result<Staging> open(const fs::path& folder) {
    fs::path path = folder / staging_name;
    for (;;) {
      if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return cannot_write(path, errno);
      os::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      struct stat ours {};
      if (!fd || ::fstat(fd.get(), &ours) != 0) return cannot_write(path, errno);
      if (ours.st_uid != ::geteuid()) return cannot_write(path, EPERM);
      if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return cannot_write(path, errno);
        return Error{ErrorCode::busy, "another make-k8s-cfg-files is writing to '" + folder.string() + "'"};
      }
      struct stat named {};
      // Who had it may just have removed it.
      if (::lstat(path.c_str(), &named) != 0 || !same_file(ours, named)) continue;
      Staging staging(std::move(path), std::move(fd));
      staging.clear();
      return staging;
    }
  }

  Staging(Staging&&) noexcept = default;
  Staging& operator=(Staging&&) = delete;
  ~Staging() {
    if (!fd_) return;
    clear();
    ::rmdir(path_.c_str());
  }

  fs::path fresh(std::size_t index) const { return path_ / ("new-" + std::to_string(index)); }
  fs::path replaced(std::size_t index) const { return path_ / ("old-" + std::to_string(index)); }

private:
  Staging(fs::path path, os::UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  void clear() const noexcept {
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator(path_, ignored)) fs::remove(entry.path(), ignored);
  }

  fs::path path_;
  os::UniqueFd fd_;
};

/// Owns: the folders that it made, unless they are to stay.
class NewFolders {
public:
  NewFolders() = default;
  NewFolders(const NewFolders&) = delete;
  NewFolders& operator=(const NewFolders&) = delete;
  ~NewFolders() {
    for (auto made = made_.rbegin(); made != made_.rend(); ++made) ::rmdir(made->c_str());
  }

  Result<void> make(const fs::path& path) {
    if (path.empty() || fs::is_directory(path)) return {};
    if (auto parent = make(path.parent_path()); !parent) return parent;
    if (::mkdir(path.c_str(), 0777) == 0) {
      made_.push_back(path);
    } else if (!fs::is_directory(path)) {
      return system_error("cannot make folder '" + path.string() + "'", errno == EEXIST ? ENOTDIR : errno);
    }
    return {};
  }

  void keep() noexcept { made_.clear(); }

private:
  std::vector<fs::path> made_;
};

// A link in the place of a folder of ours leads to where nobody expects us to write.
Result<void> refuse_links(const fs::path& folder, const fs::path& file) {
  fs::path path = folder;
  for (const fs::path& part : file.parent_path()) {
    path /= part;
    std::error_code ignored;
    if (fs::is_symlink(fs::symlink_status(path, ignored))) {
      return Error{ErrorCode::io, "cannot write below '" + path.string() + "': it is a link; remove it"};
    }
  }
  return {};
}

Result<void> write_fresh(const fs::path& now_at, const fs::path& path, std::string_view text) {
  // Who may read it is the umask's matter.
  os::UniqueFd fd(::open(now_at.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!fd) return cannot_write(path, errno);
  if (const int refusal = os::write_all(fd.get(), text); refusal != 0) return cannot_write(path, refusal);
  // A network file system may only now say that the disk is full.
  if (::close(fd.release()) != 0) return cannot_write(path, errno);
  return {};
}

// Keeps what is there under another name, and takes its place. Returns: 0, or an errno value; then all is as it was.
int replace(const fs::path& path, const fs::path& fresh, const fs::path& replaced) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return ::rename(fresh.c_str(), path.c_str()) == 0 ? 0 : errno;
  if (S_ISDIR(status.st_mode)) return EISDIR;
  // Who could not read the old one cannot read the new one.
  if (S_ISREG(status.st_mode) && ::chmod(fresh.c_str(), status.st_mode & 07777) != 0) return errno;
  // Where there are no hard links, the place is empty for a moment.
  const bool linked = ::link(path.c_str(), replaced.c_str()) == 0;
  if (!linked && ::rename(path.c_str(), replaced.c_str()) != 0) return errno;
  if (::rename(fresh.c_str(), path.c_str()) == 0) return 0;
  const int refusal = errno;
  ::rename(replaced.c_str(), path.c_str());
  return refusal;
}

void put_back(const fs::path& path, const fs::path& replaced) {
  if (::rename(replaced.c_str(), path.c_str()) != 0) ::unlink(path.c_str());
}

}  // namespace

Result<void> write_files(const std::string& folder, std::span<const kubernetes::OutputFile> files) {
  NewFolders folders;
  if (auto made = folders.make(folder); !made) return made;
  auto staging = Staging::open(folder);
  if (!staging) return std::move(staging).error();

  std::vector<fs::path> paths;
  for (const kubernetes::OutputFile& file : files) {
    if (auto straight = refuse_links(folder, file.path); !straight) return straight;
    const fs::path path = fs::path(folder) / file.path;
    if (auto made = folders.make(path.parent_path()); !made) return made;
    if (auto written = write_fresh(staging->fresh(paths.size()), path, file.text); !written) return written;
    paths.push_back(path);
  }
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const int refusal = replace(paths[i], staging->fresh(i), staging->replaced(i));
    if (refusal == 0) continue;
    for (std::size_t done = i; done-- > 0;) put_back(paths[done], staging->replaced(done));
    return cannot_write(paths[i], refusal);
  }
  folders.keep();
  return {};
}

}  // namespace sidefridge::manifests
