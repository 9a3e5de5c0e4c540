// status.cc - `sidefridge status`: what the locks, the history and the notes of the current run tell.
#include "sidefridge/cli/status.h"

#include <sys/types.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <ostream>
#include <string_view>
#include <utility>
#include <vector>

#include "sidefridge/cli/colours.h"
#include "sidefridge/cli/options.h"
#include "sidefridge/cli/run_text.h"
#include "sidefridge/core/run_book.h"
#include "sidefridge/cron/jitter.h"
#include "sidefridge/cron/schedule.h"
#include "sidefridge/store/history.h"
#include "sidefridge/store/state_folder.h"
#include "sidefridge/text/json.h"
#include "sidefridge/text/quote.h"
#include "sidefridge/text/time_format.h"

namespace sidefridge::cli {
namespace {

constexpr std::array own_options{json_option};

constexpr VerbSpec spec{
    .command = "sidefridge status",
    .arguments = "",
    .summary = "Prints whether the daemon runs, what it does now, and how the last run ended.",
    .options = own_options,
};

struct Status {
  std::optional<pid_t> daemon_pid;                // who holds the daemon lock
  std::optional<core::DaemonRecord> last_daemon;  // who noted its start last
  core::ScheduleRecord schedule;
  std::optional<core::RunRecord> current;       // begun, and its process is still there
  std::optional<core::RunRecord> last;          // ended; ticks that did not become a run and successful installs aside
  std::optional<core::RunRecord> last_success;  // install_dependencies aside
  std::optional<core::RunRecord> last_missed;   // the newest record of ticks that no run came of
  std::map<core::Outcome, std::size_t> count;   // in the history; all that have no name are one
  std::vector<std::string> notices;             // what of the history could not be read
  std::optional<WallTime> next_at;              // when the daemon that runs will run next
};

const core::StepRecord* running_step(const core::RunRecord& run) {
  const bool running = !run.steps.empty() && run.steps.back().outcome == core::StepOutcome::running;
  return running ? &run.steps.back() : nullptr;
}

bool counts_as_last(const core::RunRecord& run) {
  if (run.outcome == core::Outcome::running || core::never_began(run.outcome)) return false;
  return run.trigger != core::Trigger::install || run.outcome != core::Outcome::succeeded;
}

/// By the schedule that the daemon has now. In its container the settings are the daemon's, too.
std::optional<WallTime> next_run(const core::DaemonRecord& daemon, const core::Config& config, WallTime now) {
  const auto schedule = cron::parse_schedule(daemon.schedule, config.zone_name, system_zones());
  if (!schedule) return std::nullopt;
  const Duration delay = cron::jitter_of(config.pod_name.value_or(""), config.jitter);
  const auto tick = cron::next(*schedule, now - delay);
  return tick ? std::optional(*tick + delay) : std::nullopt;
}

Result<Status> read_status(const core::Config& config, WallTime now) {
  const store::StateFolder folder = store::StateFolder::at(config.state_dir);
  Status status;
  // The locks first: a run that ends meanwhile is then one that ended, and none that was lost.
  const auto runner = look_for_holder(folder, store::run_lock_byte);
  if (!runner) return runner.error();
  const auto daemon_pid = look_for_holder(folder, store::daemon_lock_byte);
  if (!daemon_pid) return daemon_pid.error();
  status.daemon_pid = *daemon_pid;

  auto history = look_at_history(folder);
  if (!history) return std::move(history).error();
  auto last_daemon = history->last_daemon();
  if (!last_daemon) return std::move(last_daemon).error();
  status.last_daemon = std::move(*last_daemon);
  if (status.daemon_pid && status.last_daemon) status.next_at = next_run(*status.last_daemon, config, now);
  const auto schedule = history->schedule();
  if (!schedule) return schedule.error();
  status.schedule = *schedule;
  auto last_success = history->last_success();
  if (!last_success) return std::move(last_success).error();
  status.last_success = std::move(*last_success);
  auto runs = history->latest(SIZE_MAX);
  if (!runs) return std::move(runs).error();
  complete_unfinished(*runs, *runner, folder);
  for (core::RunRecord& run : *runs) {
    const bool has_name = core::name_of(run.outcome) != core::name_of(core::Outcome{});
    ++status.count[has_name ? run.outcome : core::Outcome{}];
    if (run.outcome == core::Outcome::missed) {
      status.last_missed = std::move(run);
    } else if (counts_as_last(run)) {
      status.last = std::move(run);
    } else if (run.outcome == core::Outcome::running) {
      status.current = std::move(run);
    }
  }
  status.notices = history->take_notices();
  return status;
}

std::string ago(WallTime at, WallTime now) {
  return text::format_rfc3339(at) + " (" + text::format_duration(std::max(Duration::zero(), now - at)) + " ago)";
}

std::string daemon_text(const Status& status, WallTime now, text::Colours colours) {
  if (!status.daemon_pid) {
    const std::string text = text::painted("not running", text::Tone::bad, colours);
    if (!status.last_daemon) return text;
    return text + "; the last one started at " + ago(status.last_daemon->started_at, now);
  }
  std::string text = text::painted("running", text::Tone::good, colours) + ", " + core::holder_text(*status.daemon_pid);
  if (!status.last_daemon) return text;
  return text + ", version " + text::one_line(status.last_daemon->version) + ", since " +
         ago(status.last_daemon->started_at, now);
}

std::string run_text(const core::RunRecord& run, WallTime now) {
  return "run " + text::one_line(run.run_id) + " (" + trigger_text(run) + "), started at " + ago(run.started_at, now);
}

std::string ended_text(const core::RunRecord& run, WallTime now, text::Colours colours) {
  std::string text = text::painted(core::name_of(run.outcome), tone_of(run.outcome), colours);
  text +=
      ", run " + text::one_line(run.run_id) + " (" + trigger_text(run) + "), started at " + ago(run.started_at, now);
  if (const auto took = elapsed(run, now)) text += ", took " + text::format_duration(*took);
  return text;
}

std::string count_text(const Status& status) {
  std::size_t all = 0;
  std::string parts;
  for (const auto& [outcome, count] : status.count) {
    all += count;
    parts += (parts.empty() ? "" : ", ") + std::to_string(count) + " " + std::string(core::name_of(outcome));
  }
  return std::to_string(all) + " recorded" + (parts.empty() ? "" : ": " + parts);
}

std::string as_text(const Status& status, WallTime now, text::Colours colours) {
  std::string text = "daemon        " + daemon_text(status, now, colours) + '\n';
  if (status.daemon_pid && status.last_daemon) {
    text += "schedule      " + text::one_line(status.last_daemon->schedule) + '\n';
  }
  text += "now           " + (status.current ? run_text(*status.current, now) : std::string("no run")) + '\n';
  if (const auto* step = status.current ? running_step(*status.current) : nullptr) {
    text += "script        " + text::one_line(step->script) + ", for " +
            text::format_duration(elapsed(*step, *status.current, now).value_or(Duration::zero())) + '\n';
  }
  if (status.next_at) {
    text += "next run      " + text::format_rfc3339(*status.next_at) + " (in " +
            text::format_duration(*status.next_at - now) + ")\n";
  }
  if (const auto tick = status.schedule.last_scheduled_at) text += "last tick     " + ago(*tick, now) + '\n';
  text += "last run      " + (status.last ? ended_text(*status.last, now, colours) : std::string("none")) + '\n';
  if (status.last && !status.last->reason.empty())
    text += "reason        " + text::one_line(status.last->reason) + '\n';
  text += "last success  " +
          (status.last_success ? ended_text(*status.last_success, now, colours) : std::string("none")) + '\n';
  if (status.last_missed) {
    text += "last missed   " + core::ticks_text(*status.last_missed) + ": " +
            text::one_line(status.last_missed->reason) + '\n';
  }
  text += "runs          " + count_text(status) + '\n';
  return text;
}

void append_instant(text::JsonWriter& json, std::string_view key, std::optional<WallTime> at) {
  json.key(key);
  if (at) {
    json.string(text::format_rfc3339(*at, text::Precision::milliseconds));
  } else {
    json.null();
  }
}

void append_run(text::JsonWriter& json, std::string_view key, const std::optional<core::RunRecord>& run, WallTime now) {
  json.key(key);
  if (run) {
    append_json(json, *run, now);
  } else {
    json.null();
  }
}

std::string as_json(const Status& status, WallTime now) {
  std::string text;
  text::JsonWriter json(text);
  json.begin_object().key("daemon").begin_object().key("running").boolean(status.daemon_pid.has_value()).key("pid");
  if (status.daemon_pid) {
    json.integer(*status.daemon_pid);
  } else {
    json.null();
  }
  if (status.last_daemon) {
    const std::string started = text::format_rfc3339(status.last_daemon->started_at, text::Precision::milliseconds);
    json.key("started_at").string(started).key("schedule").string(status.last_daemon->schedule);
    json.key("version").string(status.last_daemon->version);
  }
  json.end_object();
  append_instant(json, "next_run_at", status.next_at);
  append_instant(json, "last_scheduled_at", status.schedule.last_scheduled_at);
  append_instant(json, "last_started_at", status.schedule.last_started_at);
  append_run(json, "current_run", status.current, now);
  append_run(json, "last_run", status.last, now);
  append_run(json, "last_success", status.last_success, now);
  append_run(json, "last_missed", status.last_missed, now);
  json.key("counts").begin_object();
  for (const auto& [outcome, count] : status.count) json.key(core::name_of(outcome)).unsigned_integer(count);
  json.end_object().end_object();
  return text + '\n';
}

}  // namespace

int status(std::span<const std::string> arguments, std::span<const core::Setting> environment, WallTime now,
           std::ostream& out, std::ostream& err) {
  const auto options = parse_options(spec, arguments, environment);
  if (const auto over = finish(options, out, err)) return *over;
  if (const auto over = finish(options->config, err)) return *over;
  const auto found = read_status(options->config.config(), now);
  if (!found) return fail(spec, found.error(), err);
  for (const std::string& notice : found->notices) err << spec.command << ": " << notice << '\n';
  const std::string text =
      options->has("json") ? as_json(*found, now) : as_text(*found, now, colours_for(out, environment));
  return print(spec, text, out, err);
}

}  // namespace sidefridge::cli
