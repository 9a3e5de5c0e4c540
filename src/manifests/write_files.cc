// write_files.cc - temporary files beside the real ones, then renames.
#include "sidefridge/manifests/write_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "sidefridge/os/unique_fd.h"
#include "sidefridge/os/write_all.h"

namespace sidefridge::manifests {
namespace {

mode_t umask_of_ours() noexcept {
  const mode_t mask = ::umask(0077);
  ::umask(mask);
  return mask;
}

/// Owns: a file that goes away unless it gets its name.
class NewFile {
public:
  static Result<NewFile> write(const std::string& path, std::string_view text) {
    struct stat status {};
    const bool is_there = ::stat(path.c_str(), &status) == 0;
    if (is_there && S_ISDIR(status.st_mode)) return system_error("cannot write '" + path + "'", EISDIR);
    // A name that nobody can guess, and put a link or a file of their own there.
    const std::size_t slash = path.find_last_of('/');
    std::string now_at = path.substr(0, slash + 1) + "." + path.substr(slash + 1) + ".XXXXXX";
    os::UniqueFd fd(::mkostemp(now_at.data(), O_CLOEXEC));
    if (!fd) return system_error("cannot write '" + path + "'", errno);
    NewFile file(path, std::move(now_at));
    // Who may read it is as it was, or else the umask's matter.
    if (::fchmod(fd.get(), is_there ? status.st_mode & 0777 : 0666 & ~umask_of_ours()) != 0) {
      return system_error("cannot write '" + path + "'", errno);
    }
    if (const int refusal = os::write_all(fd.get(), text); refusal != 0) {
      return system_error("cannot write '" + path + "'", refusal);
    }
    // A network file system may only now say that the disk is full.
    if (::close(fd.release()) != 0) return system_error("cannot write '" + path + "'", errno);
    return file;
  }

  NewFile(NewFile&& other) noexcept
      : path_(std::move(other.path_)), now_at_(std::exchange(other.now_at_, std::string())) {}
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile() {
    if (!now_at_.empty()) ::unlink(now_at_.c_str());
  }

  Result<void> give_name() {
    if (::rename(now_at_.c_str(), path_.c_str()) != 0) return system_error("cannot write '" + path_ + "'", errno);
    now_at_.clear();
    return {};
  }

private:
  NewFile(std::string path, std::string now_at) : path_(std::move(path)), now_at_(std::move(now_at)) {}
  std::string path_;
  std::string now_at_;  // empty: it has its name, or belongs to another
};

}  // namespace

Result<void> write_files(const std::string& folder, std::span<const kubernetes::OutputFile> files) {
  std::vector<NewFile> written;
  for (const kubernetes::OutputFile& file : files) {
    const std::filesystem::path path = std::filesystem::path(folder) / file.path;
    std::error_code failure;
    std::filesystem::create_directories(path.parent_path(), failure);
    if (failure) return system_error("cannot make folder '" + path.parent_path().string() + "'", failure.value());
    auto fresh = NewFile::write(path.string(), file.text);
    if (!fresh) return std::move(fresh).error();
    written.push_back(std::move(*fresh));
  }
  for (NewFile& file : written) {
    if (auto named = file.give_name(); !named) return named;
  }
  return {};
}

}  // namespace sidefridge::manifests
