// plan.h - a run that was decided on, and has not begun.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sidefridge/base/time.h"
#include "sidefridge/core/job.h"
#include "sidefridge/core/request.h"
#include "sidefridge/core/run_record.h"

namespace sidefridge::core {

struct Plan {
  JobId job = JobId::backup;
  Trigger trigger = Trigger::schedule;
  WallTime scheduled_at{};           // the tick; without one the moment it was asked for
  WallTime due_at{};                 // when its first script is to start
  std::uint32_t attempt = 1;         // more than one: a retry
  std::optional<Request> request{};  // who is told how it ended
  std::optional<RunRecord> lost{};   // the run of an earlier process that this one is: what is left of it is on_error
};

/// Whether another run is owed for one of these that SIGTERM ended, or kept from beginning: for a tick. Who requested a
/// run knows that it ended, and the next daemon starts with install_dependencies and SIDEFRIDGE_RUN_ON_START anyway.
inline bool stands_for_tick(const Plan& plan) noexcept {
  return plan.trigger == Trigger::schedule || plan.trigger == Trigger::catch_up;
}

/// The reason in the record of one that SIGTERM withdraws before its first script.
inline constexpr std::string_view withdrawn_by_sigterm = "SIGTERM came before it started";

}  // namespace sidefridge::core
