// process_scan.h - finding what scripts left behind, in /proc.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sidefridge/base/result.h"

namespace sidefridge::os {

/// A living process. Zombies are never listed.
struct FoundProcess {
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;  // clock ticks since boot; with pid it names one process for good
  std::string comm;               // its name, for log lines: 15 bytes at most, as the kernel escapes them
};

/// The descendants of this process that belong to a run: those in one of `sessions` (the pids of the run's scripts),
/// those started with `mark` ("SIDEFRIDGE_RUN_ID=…", a whole entry; empty marks nothing) in their environment, and all
/// that descend from one of these. Processes that come and go meanwhile may be missed: scan again until nothing is
/// found. What has left its session, its environment and its parent, all three, only find_descendants() finds.
/// Requires: become_subreaper(), so that orphans stay descendants.
/// Returns:  sorted by pid.
/// Errors:   /proc is not there, or shows another PID namespace than ours.
/// Blocks:   for a look at each process of the machine (or of the container).
Result<std::vector<FoundProcess>> find_processes_of_run(std::span<const pid_t> sessions, std::string_view mark);

/// All living descendants of this process. As find_processes_of_run() otherwise.
Result<std::vector<FoundProcess>> find_descendants();

/// Sends `signal_number` to each that is still the process that was found.
void signal_processes(std::span<const FoundProcess> processes, int signal_number) noexcept;

}  // namespace sidefridge::os
