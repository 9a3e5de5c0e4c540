// process_stat.h - what /proc/PID/stat says.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sidefridge::os {

/// A line of /proc/PID/stat, as far as it matters here.
struct ProcessStat {
  enum class Life {
    alive,
    ending,  // its main thread is: that holds no descriptors any more, and cannot be reaped yet
    zombie,
  };

  pid_t parent = 0;
  pid_t session = 0;
  std::uint64_t start_ticks = 0;  // clock ticks since boot
  Life life = Life::alive;
  bool forked_only = false;     // it has executed no program since it was forked
  std::array<char, 32> comm{};  // 15 bytes, or twice that with the kernel's escapes, and NUL
};

/// Reads such a line (proc_pid_stat(5)). Allocates nothing.
/// Returns: nothing for what has no comm in parentheses; a number that is not there is 0.
std::optional<ProcessStat> parse_process_stat(std::string_view line) noexcept;

}  // namespace sidefridge::os
