// config.h - settings by name into validated values, or everything that is wrong with them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sidefridge/base/result.h"
#include "sidefridge/base/time.h"
#include "sidefridge/core/interpreter.h"
#include "sidefridge/core/job.h"
#include "sidefridge/core/known_hooks.h"
#include "sidefridge/core/log_level.h"
#include "sidefridge/core/patience.h"
#include "sidefridge/cron/schedule.h"

namespace sidefridge::core {

/// One environment variable, or the option that stands for it under the variable's name.
struct Setting {
  std::string name;
  std::string value;

  friend bool operator==(const Setting&, const Setting&) = default;
};

/// Everything that can be set. A default-made Config holds the defaults.
struct Config {
  std::optional<cron::Schedule> schedule;  // nothing when unset or empty; the daemon always has it. In the zone of
                                           // its text, else zone_name
  std::string zone_name;                   // TZ; empty: UTC
  std::string schedule_file;               // holds the schedule, and may change; empty: there is none
  std::optional<std::string> schedule_file_held;  // what it held when the schedule was taken from it; nothing: not read
  std::optional<std::string> target_container;    // for kubectlexec; nothing when unset or empty
  std::optional<std::string> pod_name;            // for kubectlexec; nothing when unset or empty
  std::string scripts_dir = "/scripts";
  std::string state_dir = "/run/sidefridge";
  LogFormat log_format = LogFormat::text;
  LogLevel log_level = LogLevel::info;
  Duration grace = default_grace;
  JobSettings job;
  HookSettings hooks;
  std::uint64_t store_limit_bytes = std::uint64_t{64} << 20;
  std::uint32_t history_limit = 1000;                         // runs kept
  std::uint64_t hooks_limit_bytes = std::uint64_t{64} << 20;  // larger hooks run from where they are
  Pipes pipes = Pipes::last_command_counts;
  Duration jitter{};  // ticks are delayed by less than this; zero: not at all

  std::vector<std::string> warnings;  // one line each; nothing here stops a start

  friend bool operator==(const Config&, const Config&) = default;
};

/// What a user can set: the parser and `--help` are made from it; the table of docs/settings.md is compared with it.
struct ConfigOption {
  std::string_view variable;  // "SIDEFRIDGE_GRACE"
  std::string_view option;    // "grace", without the dashes
  std::string_view fallback;  // the default as a user would write it; empty: none
  std::string_view unit;      // what a value is, for people: "duration", "text or json"
  std::string_view help;      // one line
  /// Sets the one field that is this option's. Errors: invalid, text "found …, allowed: …"; `config` is unchanged then.
  Result<void> (*assign)(Config& config, std::string_view value);
};

/// All options, in the order people should read them.
std::span<const ConfigOption> config_options() noexcept;

/// Whether a setting may be left out.
enum class Need { optional, mandatory };

/// A Config or every mistake in it, one line each. Requires: ok() before config(), !ok() before mistakes().
class [[nodiscard]] ConfigOutcome {
public:
  ConfigOutcome(Config config) : state_(std::move(config)) {}
  ConfigOutcome(std::vector<std::string> mistakes) : state_(std::move(mistakes)) {}

  bool ok() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }

  const Config& config() const& { return std::get<0>(state_); }
  Config&& config() && { return std::get<0>(std::move(state_)); }
  /// "SIDEFRIDGE_GRACE (--grace): found 'soon', allowed: …".
  const std::vector<std::string>& mistakes() const { return std::get<1>(state_); }

private:
  std::variant<Config, std::vector<std::string>> state_;
};

/// Turns settings into a Config. A mandatory schedule may also be meant to come from schedule_file, which is not read.
/// Of a name given twice the last wins, so options come after the environment. Names that are not ours are ignored,
/// except that an unknown SIDEFRIDGE_* is a warning: it is likely a typo.
ConfigOutcome parse_config(std::span<const Setting> settings, Need schedule, const cron::ZoneSource& zones);

}  // namespace sidefridge::core
