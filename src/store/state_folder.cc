// state_folder.cc - makes and checks the folder that everything lies in.
#include "sidefridge/store/state_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <utility>

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

// Makes a folder and those above it. Who may enter the state folder itself is up to the one who mounts it.
Result<void> make_folders(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) == 0 || errno == EEXIST) return {};
  const std::size_t slash = path.find_last_of('/');
  if (errno != ENOENT || slash == std::string::npos || slash == 0) {
    return cannot_make(path);
  }
  if (auto made = make_folders(path.substr(0, slash)); !made) return made;
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) {
    return cannot_make(path);
  }
  return {};
}

Result<void> check_ours(const std::string& path, int fd) {
  struct stat found {};
  if (::fstat(fd, &found) != 0) return cannot("look at", path);
  if (found.st_uid != ::geteuid()) {
    std::string text = text::in_quotes(path) + " belongs to user " + std::to_string(found.st_uid) +
                       " and sidefridge runs as user " + std::to_string(::geteuid());
    return Error{ErrorCode::unavailable, text.append(mend)};
  }
  if ((found.st_mode & 07777) != 0700 && ::fchmod(fd, 0700) != 0) {
    return cannot("take the rights of other users from", path);
  }
  return {};
}

}  // namespace

StateFolder StateFolder::at(std::string_view state_dir) {
  std::string path(state_dir);
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return StateFolder(path + "/store");
}

Result<StateFolder> StateFolder::open(std::string_view state_dir) {
  StateFolder folder = at(state_dir);
  if (auto made = make_folders(std::string(state_dir)); !made) return std::move(made).error();
  if (::mkdir(folder.path_.c_str(), 0700) != 0 && errno != EEXIST) {
    return cannot_make(folder.path_);
  }
  const int fd = ::open(folder.path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 && (errno == ENOTDIR || errno == ELOOP)) {
    return Error{ErrorCode::unavailable, text::in_quotes(folder.path_) + " is not a folder" + std::string(mend)};
  }
  if (fd < 0) return cannot("open", folder.path_);
  auto ours = check_ours(folder.path_, fd);
  ::close(fd);
  if (!ours) return std::move(ours).error();
  return folder;
}

}  // namespace sidefridge::store
