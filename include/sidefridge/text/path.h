// path.h - paths as text, without a look at the disk.
#pragma once

#include <string>

namespace sidefridge::text {

/// "/scripts//" is "/scripts"; "/" stays.
inline std::string without_end_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

}  // namespace sidefridge::text
