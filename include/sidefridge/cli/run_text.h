// run_text.h - runs as `status` and `history` show them.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "sidefridge/base/result.h"
#include "sidefridge/base/time.h"
#include "sidefridge/core/run_record.h"
#include "sidefridge/store/history.h"
#include "sidefridge/store/state_folder.h"
#include "sidefridge/text/json.h"

namespace sidefridge::cli {

/// The history of a state folder, to look only. Errors: unavailable when nothing ever ran there, io
/// when it cannot be read.
Result<store::History> look_at_history(const store::StateFolder& folder);

/// Who holds a lock of a state folder right now, or nobody. Ask for the run lock before the history: a run that ends in
/// between is then told as ended.
Result<std::optional<pid_t>> look_for_holder(const store::StateFolder& folder, unsigned lock_byte);

/// Completes what the history cannot know of unfinished runs: the newest has the steps noted so far when `runner` is
/// there; all others were left by a process that was killed.  Requires: `runs` as History::latest() gives them.
void complete_unfinished(std::vector<core::RunRecord>& runs, std::optional<pid_t> runner,
                         const store::StateFolder& folder);

/// How long it took, or has been going on; nothing when that is not known.
std::optional<Duration> elapsed(const core::RunRecord& run, WallTime now);
std::optional<Duration> elapsed(const core::StepRecord& step, const core::RunRecord& run, WallTime now);

/// "exit code 3", "signal 9", "timed out", "not started: <why>".
std::string outcome_text(const core::StepRecord& step);

/// Why the run began, and which attempt it is unless it is the first.
std::string trigger_text(const core::RunRecord& run);

/// Why it did not succeed, one line; ahead of it core::ticks_text() when it stands for several ticks.
std::string reason_text(const core::RunRecord& run);

/// A run as a JSON object with its steps.
void append_json(text::JsonWriter& json, const core::RunRecord& run, WallTime now);

}  // namespace sidefridge::cli
