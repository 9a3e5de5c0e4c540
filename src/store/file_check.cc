// file_check.cc - the kind of a file.
#include "sidefridge/store/file_check.h"

#include <sys/stat.h>

#include <cerrno>

namespace sidefridge::store {
Result<void> check_regular(const std::string& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return {};
    return system_error("cannot look at " + path, errno);
  }
  if (S_ISREG(found.st_mode)) return {};
  return Error{ErrorCode::io, path + " is not a regular file; remove it"};
}

}  // namespace sidefridge::store
