// proc_path.h - the name of a process' file in /proc.
#pragma once

#include <sys/types.h>

#include <array>
#include <charconv>
#include <cstring>
#include <string_view>

namespace sidefridge::os {

/// "1234/stat", without an allocation. Requires: `file` has 40 bytes at most.
class ProcPath {
public:
  ProcPath(pid_t pid, std::string_view file) noexcept {
    char* end = std::to_chars(text_.data(), text_.data() + 16, pid).ptr;
    *end++ = '/';
    std::memcpy(end, file.data(), file.size());  // the array's rest is zero
  }
  const char* c_str() const noexcept { return text_.data(); }

private:
  std::array<char, 64> text_{};
};

}  // namespace sidefridge::os
