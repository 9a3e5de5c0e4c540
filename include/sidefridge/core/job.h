// job.h - what is run when: a table of stages, and limits. The scheduler has one job run at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>

#include "sidefridge/base/time.h"
#include "sidefridge/core/hook.h"
#include "sidefridge/core/run_record.h"

namespace sidefridge::core {

/// When the scripts of a stage run.
enum class StageRole : std::uint8_t {
  chain,       // in the order of the table, until one fails
  on_failure,  // once the chain has failed, each of them whatever the others do
};

/// One folder of scripts in a job.
struct Stage {
  Hook hook;
  StageRole role;
};

/// What belongs to a job by its nature.
struct Job {
  JobId id;
  std::span<const Stage> stages;
};

/// The jobs there are. The reference is valid for ever.
const Job& job_of(JobId id) noexcept;

/// What a user sets for a job.
struct JobSettings {
  Duration script_timeout{};                        // zero: none
  Duration run_timeout{};                           // zero: none; for the chain, once more for on_error as a whole, and
                                                    // again after each of its scripts that used it up
  Duration feed_timeout = std::chrono::minutes(5);  // for what a script feeds, from its end on
  Duration catch_up{};                              // how long ago a missed tick still counts; zero: none does
  bool allow_empty = false;                         // a run without any script in backups does not fail for that
  bool run_on_start = false;                        // once when the daemon starts, too
  std::uint32_t retries = 0;                        // how often a failed run is tried again, unless a tick comes first
  Duration retry_delay = std::chrono::seconds(10);  // before the first; each further one waits twice as long

  friend bool operator==(const JobSettings&, const JobSettings&) = default;
};

/// No retry waits longer.
inline constexpr Duration longest_retry_delay = std::chrono::hours(1);

}  // namespace sidefridge::core
