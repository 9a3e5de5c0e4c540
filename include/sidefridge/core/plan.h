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
};

/// The reason in the record of one that SIGTERM withdraws before its first script.
inline constexpr std::string_view withdrawn_by_sigterm = "SIGTERM came before it started";

}  // namespace sidefridge::core
