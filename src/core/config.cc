// config.cc - the table of options, and settings checked against it.
#include "sidefridge/core/config.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <utility>

#include "sidefridge/core/script_environment.h"
#include "sidefridge/text/join.h"
#include "sidefridge/text/quote.h"
#include "sidefridge/text/refusal.h"
#include "sidefridge/text/time_format.h"
#include "sidefridge/text/trim.h"
#include "sidefridge/text/truth.h"

namespace sidefridge::core {
namespace {

constexpr std::uint64_t least_store_bytes = std::uint64_t{1} << 20;
constexpr std::uint64_t most_store_bytes = std::uint64_t{1} << 40;
constexpr std::uint32_t most_history = 1'000'000;
constexpr std::uint32_t most_retries = 100;
constexpr Duration least_poll = std::chrono::seconds(1);

Error refusal(std::string_view value, std::string_view allowed) {
  return text::refusal(text::in_quotes(value), allowed);
}

std::string in_lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

/// Compose files and env files pass quotes on that their writer meant for the shell.
bool has_quotes_around(std::string_view value) {
  return value.size() > 1 && value.front() == value.back() && (value.front() == '"' || value.front() == '\'');
}

Error refuse_quotes(std::string_view value) {
  return refusal(value, "the value without the quotes, which are part of it here");
}

Result<void> assign_schedule(Config& config, std::string_view value) {
  if (value.empty()) {
    config.schedule.reset();
    return {};
  }
  auto expression = cron::parse_cron(cron::split_zone(value).rest);
  if (!expression) return std::move(expression).error();
  config.schedule =
      cron::Schedule{std::string(value), *expression, cron::Zone()};  // find_zone() comes later: TZ counts, too
  return {};
}

Result<void> assign_name(std::optional<std::string>& field, std::string_view value) {
  field.reset();
  if (!value.empty()) field = std::string(value);
  return {};
}

Result<void> assign_folder(std::string& field, std::string_view value) {
  if (value.empty()) return refusal(value, "the path of a folder");
  field = value;
  return {};
}

Result<void> assign_duration(Duration& field, std::string_view value) {
  const auto duration = text::parse_duration(value);
  if (!duration) return duration.error();
  field = *duration;
  return {};
}

template <class Word, std::size_t count>
Result<void> assign_word(Word& field, std::string_view value, const std::array<Word, count>& words) {
  std::array<std::string_view, count> names;
  std::transform(words.begin(), words.end(), names.begin(), [](Word word) { return name_of(word); });
  const std::string word = in_lower_case(value);
  const auto found = std::find(names.begin(), names.end(), word);
  if (found == names.end()) return refusal(value, text::join(names));
  field = words[static_cast<std::size_t>(found - names.begin())];
  return {};
}

Result<void> assign_size(std::uint64_t& field, std::string_view value) {
  const auto bytes = text::parse_size(value);
  if (!bytes) return bytes.error();
  field = *bytes;
  return {};
}

Result<void> assign_store_limit(Config& config, std::string_view value) {
  const auto bytes = text::parse_size(value);
  if (!bytes) return bytes.error();
  if (*bytes < least_store_bytes || *bytes > most_store_bytes) return refusal(value, "1MiB to 1TiB");
  config.store_limit_bytes = *bytes;
  return {};
}

Result<void> assign_count(std::uint32_t& field, std::string_view value, std::uint32_t least, std::uint32_t most) {
  const auto count = text::parse_count(value, least, most);
  if (!count) return count.error();
  field = static_cast<std::uint32_t>(*count);
  return {};
}

Result<void> assign_truth(bool& field, std::string_view value) {
  const std::optional<bool> truth = text::parse_truth(value);
  if (!truth) return refusal(value, "true or false, also yes or no, on or off, 1 or 0");
  field = *truth;
  return {};
}

Result<void> assign_pipes(Config& config, std::string_view value) {
  bool each_counts = false;
  if (auto assigned = assign_truth(each_counts, value); !assigned) return assigned;
  config.pipes = each_counts ? Pipes::each_command_counts : Pipes::last_command_counts;
  return {};
}

// Each reading asks for every file of the hooks.
Result<void> assign_poll(Config& config, std::string_view value) {
  const auto duration = text::parse_duration(value);
  if (!duration) return duration.error();
  if (*duration != Duration::zero() && *duration < least_poll) return refusal(value, "0, or 1s and more");
  config.hooks.poll = *duration;
  return {};
}

constexpr std::string_view schedule_file_variable = "SIDEFRIDGE_SCHEDULE_FILE";

constexpr std::array<ConfigOption, 24> options{{
    {"CRON_BACKUP_SCHEDULE", "cron-backup-schedule", "", "cron expression",
     "when backups run, by TZ: 5 fields, 6 with the second first, or a macro such as @daily", assign_schedule},
    {schedule_file_variable, "schedule-file", "", "file", "a file whose schedule counts instead, also when it changes",
     [](Config& config, std::string_view value) {
       config.schedule_file = value;
       return Result<void>();
     }},
    {"TARGET_CONTAINER", "target-container", "", "name", "container that kubectlexec runs its commands in",
     [](Config& config, std::string_view value) { return assign_name(config.target_container, value); }},
    {"POD_NAME", "pod-name", "", "name", "pod that kubectlexec runs its commands in",
     [](Config& config, std::string_view value) { return assign_name(config.pod_name, value); }},
    {"SIDEFRIDGE_SCRIPTS_DIR", "scripts-dir", "/scripts", "folder", "where the hook folders are",
     [](Config& config, std::string_view value) { return assign_folder(config.scripts_dir, value); }},
    {"SIDEFRIDGE_STATE_DIR", "state-dir", "/run/sidefridge", "folder", "where variables and the history are kept",
     [](Config& config, std::string_view value) { return assign_folder(config.state_dir, value); }},
    {"SIDEFRIDGE_LOG_FORMAT", "log-format", "text", "text or json", "how log lines look",
     [](Config& config, std::string_view value) {
       return assign_word(config.log_format, value, std::array{LogFormat::text, LogFormat::json});
     }},
    {"SIDEFRIDGE_LOG_LEVEL", "log-level", "info", "debug, info, warning or error", "the least important that is logged",
     [](Config& config, std::string_view value) {
       // The log itself says "warn".
       if (in_lower_case(value) == "warn") value = name_of(LogLevel::warning);
       return assign_word(config.log_level, value,
                          std::array{LogLevel::debug, LogLevel::info, LogLevel::warning, LogLevel::error});
     }},
    {"SIDEFRIDGE_GRACE", "grace", "15s", "duration",
     "how long a run may go on after SIGTERM; then its scripts get SIGTERM, and SIGKILL 5 s later",
     [](Config& config, std::string_view value) { return assign_duration(config.grace, value); }},
    {"SIDEFRIDGE_STORE_LIMIT", "store-limit", "64MiB", "size, 1MiB to 1TiB", "the most a run's variables may take",
     assign_store_limit},
    {"SIDEFRIDGE_HISTORY_LIMIT", "history-limit", "1000", "count, 1 to 1000000", "how many runs the history keeps",
     [](Config& config, std::string_view value) { return assign_count(config.history_limit, value, 1, most_history); }},
    {"SIDEFRIDGE_SCRIPT_TIMEOUT", "script-timeout", "0", "duration, 0 is none", "the most a script may take",
     [](Config& config, std::string_view value) { return assign_duration(config.job.script_timeout, value); }},
    {"SIDEFRIDGE_FEED_TIMEOUT", "feed-timeout", "5m", "duration, 0 is none",
     "the most that what a script feeds, such as '> >(tee log)', may take once the script has ended",
     [](Config& config, std::string_view value) { return assign_duration(config.job.feed_timeout, value); }},
    {"SIDEFRIDGE_PIPEFAIL", "pipefail", "false", "true or false",
     "whether a pipeline in a script fails with any of its commands, where the shell can do that", assign_pipes},
    {"SIDEFRIDGE_ALLOW_EMPTY", "allow-empty", "false", "true or false",
     "whether a run may succeed although there is no script in backups",
     [](Config& config, std::string_view value) { return assign_truth(config.job.allow_empty, value); }},
    {"SIDEFRIDGE_RUN_TIMEOUT", "run-timeout", "0", "duration, 0 is none",
     "the most a run's chain of scripts may take, and then once more its on_error as a whole",
     [](Config& config, std::string_view value) { return assign_duration(config.job.run_timeout, value); }},
    {"SIDEFRIDGE_SETTLE", "settle", "250ms", "duration", "how long hooks must be left alone before a change counts",
     [](Config& config, std::string_view value) { return assign_duration(config.hooks.settle, value); }},
    {"SIDEFRIDGE_POLL", "poll", "60s", "duration, 1s or more, 0 is only before each run",
     "how often hooks are read on file systems that do not report changes", assign_poll},
    {"SIDEFRIDGE_HOOKS_LIMIT", "hooks-limit", "64MiB", "size",
     "larger hooks are not copied, and run from where they are",
     [](Config& config, std::string_view value) { return assign_size(config.hooks_limit_bytes, value); }},
    {"SIDEFRIDGE_RUN_ON_START", "run-on-start", "false", "true or false",
     "whether the daemon runs once when it starts, too",
     [](Config& config, std::string_view value) { return assign_truth(config.job.run_on_start, value); }},
    {"SIDEFRIDGE_CATCH_UP", "catch-up", "0", "duration, 0 is never",
     "how old a tick may be that was missed, lost or ended by SIGTERM, for one run in its place",
     [](Config& config, std::string_view value) { return assign_duration(config.job.catch_up, value); }},
    {"SIDEFRIDGE_JITTER", "jitter", "0", "duration, 0 is none", "the most a tick is delayed, by pod name",
     [](Config& config, std::string_view value) { return assign_duration(config.jitter, value); }},
    {"SIDEFRIDGE_RETRIES", "retries", "0", "count, 0 to 100", "how often a failed run is tried again",
     [](Config& config, std::string_view value) { return assign_count(config.job.retries, value, 0, most_retries); }},
    {"SIDEFRIDGE_RETRY_DELAY", "retry-delay", "10s", "duration",
     "how long before the first retry; each further one waits twice as long, an hour at most",
     [](Config& config, std::string_view value) { return assign_duration(config.job.retry_delay, value); }},
}};

std::string told(const ConfigOption& option, std::string_view what) {
  std::string text(option.variable);
  text += " (--";
  text += option.option;
  text += "): ";
  text += what;
  return text;
}

/// The value given last under this name, without the white space around it, as an `echo` or CRLF leaves it.
std::optional<std::string_view> value_of(std::span<const Setting> settings, std::string_view name) {
  const auto found = std::find_if(settings.rbegin(), settings.rend(), [&](const Setting& s) { return s.name == name; });
  if (found == settings.rend()) return std::nullopt;
  return text::trimmed(found->value);
}

/// Whether a SIDEFRIDGE_* variable is none of ours and yet no typo: what a script of ours was given, or what the
/// kubelet sets for a Service called sidefridge-something.
bool is_from_elsewhere(std::string_view name) {
  const auto contains = [&](std::string_view part) { return name.find(part) != std::string_view::npos; };
  return is_script_variable(name) || contains("_SERVICE_HOST") || contains("_SERVICE_PORT") || contains("_PORT_") ||
         name.ends_with("_PORT");
}

/// The kubelet kills what is not over within terminationGracePeriodSeconds, and the run is lost.
void warn_of_grace(Config& config) {
  if (config.grace + ending_patience <= kubernetes_patience) return;
  const auto needed = std::chrono::ceil<std::chrono::seconds>(config.grace + ending_patience +
                                                              (kubernetes_default - kubernetes_patience));
  config.warnings.push_back(
      "SIDEFRIDGE_GRACE is " + text::format_duration(config.grace) +
      ": with it a shutdown takes longer than the 30 s that Kubernetes gives a pod; set the pod's "
      "terminationGracePeriodSeconds to " +
      std::to_string(needed.count()) + " or more");
}

void warn_of_unknown(Config& config, std::span<const Setting> settings) {
  for (const Setting& setting : settings) {
    const bool known =
        std::any_of(options.begin(), options.end(), [&](const auto& o) { return o.variable == setting.name; });
    if (known || !setting.name.starts_with("SIDEFRIDGE_") || is_from_elsewhere(setting.name)) continue;
    config.warnings.push_back(text::in_quotes(setting.name) +
                              " is not a setting of sidefridge and is ignored; see --help");
  }
}

/// Returns: what is wrong with the zone's name, where it was given.
std::optional<std::string> find_zone(cron::Schedule& schedule, const std::string& zone_name,
                                     const cron::ZoneSource& zones) {
  const auto written = cron::split_zone(schedule.text).zone;
  auto zone = zones(written.value_or(zone_name));
  if (!zone) return written ? told(options.front(), zone.error().text) : "TZ: " + zone.error().text;
  schedule.zone = *std::move(zone);
  return std::nullopt;
}

}  // namespace

std::span<const ConfigOption> config_options() noexcept {
  return options;
}

ConfigOutcome parse_config(std::span<const Setting> settings, Need schedule, const cron::ZoneSource& zones) {
  Config config;
  std::vector<std::string> mistakes;
  const ConfigOption& first = options.front();
  const bool in_a_file = !value_of(settings, schedule_file_variable).value_or("").empty();
  if (schedule == Need::mandatory && !in_a_file && value_of(settings, first.variable).value_or("").empty()) {
    mistakes.push_back(told(first, "not set; set it to a cron expression such as '0 3 * * *' or @daily"));
  }
  for (const ConfigOption& option : options) {
    const auto value = value_of(settings, option.variable);
    if (!value) continue;
    if (has_quotes_around(*value)) {
      mistakes.push_back(told(option, refuse_quotes(*value).text));
      continue;
    }
    if (const auto assigned = option.assign(config, *value); !assigned) {
      mistakes.push_back(told(option, assigned.error().text));
    }
  }
  config.zone_name = value_of(settings, "TZ").value_or("");
  const bool zone_is_quoted = has_quotes_around(config.zone_name);
  if (config.schedule && zone_is_quoted) mistakes.push_back("TZ: " + refuse_quotes(config.zone_name).text);
  if (config.schedule && !zone_is_quoted) {
    if (auto mistake = find_zone(*config.schedule, config.zone_name, zones)) mistakes.push_back(*std::move(mistake));
  }
  if (!mistakes.empty()) return mistakes;
  warn_of_grace(config);
  warn_of_unknown(config, settings);
  return config;
}

}  // namespace sidefridge::core
