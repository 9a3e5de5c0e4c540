// process_scan.h - finding what scripts left behind, in /proc.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sidefridge/base/result.h"

namespace sidefridge::os {

/// A living process. Zombies are never listed.
struct FoundProcess {
  pid_t pid = 0;
  pid_t session = 0;
  std::uint64_t start_ticks = 0;  // clock ticks since boot; with pid it names one process for good
  std::string comm;               // its name, for log lines: 15 bytes at most, as the kernel escapes them
};

/// "xz (pid 12)", for messages.
std::string name_of(const FoundProcess& process);

/// Descendants of ours that are none of a run's: those that were there before it, all that descend from one of them or
/// are of a session of theirs, and all that were started with one of `marks` ("NAME=value", whole) in their
/// environment.
struct Strangers {
  std::vector<FoundProcess> processes;
  std::vector<std::string> marks;
};

/// All living descendants of this process but the strangers. Processes that come and go meanwhile may be missed: scan
/// again until nothing is found.
/// Requires: become_subreaper(), so that orphans stay descendants.
/// Returns:  sorted by pid.
/// Errors:   /proc is not there, or shows another PID namespace than ours.
/// Blocks:   for a look at each process of the machine (or of the container).
Result<std::vector<FoundProcess>> find_descendants(const Strangers& but = {});

/// The descendants of this process in a session, and all that descend from one of these. As find_descendants()
/// otherwise.
Result<std::vector<FoundProcess>> find_session(pid_t session);

/// The processes, whoever's, that were started with one of `marks` in their environment, and all that descend from one
/// of these; never this process or one that it descends from. As find_descendants() otherwise.
Result<std::vector<FoundProcess>> find_marked(std::span<const std::string> marks);

/// One process by its pid, also when it has ended and is not reaped yet. Returns: nothing when it is gone.
std::optional<FoundProcess> look_at_process(pid_t pid);

/// Sends `signal_number` to each that is still the process that was found.
void signal_processes(std::span<const FoundProcess> processes, int signal_number) noexcept;

}  // namespace sidefridge::os
