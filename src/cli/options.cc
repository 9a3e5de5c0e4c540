// options.cc - command lines through cxxopts; every exception of it ends here.
#include "sidefridge/cli/options.h"

#include <algorithm>
#include <cxxopts.hpp>
#include <exception>
#include <memory>
#include <ostream>
#include <utility>

#include "sidefridge/base/version.h"
#include "sidefridge/daemon/schedule_file.h"
#include "sidefridge/os/system_clock.h"
#include "sidefridge/os/zone_file.h"
#include "sidefridge/text/quote.h"

namespace sidefridge::cli {
namespace {

constexpr std::size_t help_column = 22;

Error usage_error(const VerbSpec& spec, std::string_view what) {
  std::string text(spec.command);
  text += ": ";
  text += what;
  text += "; see ";
  text += spec.command;
  text += " --help";
  // Some messages hold an argument as it was typed.
  return Error{ErrorCode::invalid, text::one_line(text)};
}

cxxopts::Options declare(const VerbSpec& spec) {
  cxxopts::Options options{std::string(spec.command)};
  auto add = options.add_options();
  add("h,help", "");
  add("version", "");
  for (const VerbOption& option : spec.options) {
    const bool is_flag = option.value.empty();
    add(std::string(option.name), "", is_flag ? cxxopts::value<bool>() : cxxopts::value<std::string>());
  }
  for (const core::ConfigOption& option : core::config_options()) {
    add(std::string(option.option), "", cxxopts::value<std::string>());
  }
  return options;
}

void add_help_line(std::string& out, std::string_view left, std::string_view right) {
  out += "  ";
  out += left;
  out.append(left.size() < help_column ? help_column - left.size() : 1, ' ');
  out += right;
  out += '\n';
}

std::string help_of(const VerbSpec& spec) {
  std::string out = "Usage: ";
  out += spec.command;
  if (!spec.arguments.empty()) {
    out += ' ';
    out += spec.arguments;
  }
  out += " [OPTION...]\n\n";
  out += spec.summary;
  out += "\n\nOptions:\n";
  for (const VerbOption& option : spec.options) {
    std::string left = "--" + std::string(option.name);
    if (!option.value.empty()) left += " " + std::string(option.value);
    std::string right(option.help);
    if (!option.fallback.empty()) right += " (default: " + std::string(option.fallback) + ")";
    add_help_line(out, left, right);
  }
  add_help_line(out, "-h, --help", "print this");
  add_help_line(out, "--version", "print the version");
  out += "\nSettings, each an environment variable or an option; the option wins:\n";
  for (const core::ConfigOption& option : core::config_options()) {
    out += "  ";
    out += option.variable;
    out += ", --";
    out += option.option;
    out += " VALUE\n      ";
    out += option.help;
    out += "\n      (";
    out += option.unit;
    out += option.fallback.empty() ? "; no default" : "; default: ";
    out += option.fallback;
    out += ")\n";
  }
  return out;
}

ParsedOptions answered(std::string answer) {
  ParsedOptions parsed;
  parsed.answer = std::move(answer);
  return parsed;
}

/// The schedule of the file, if there is one. Where that is no good, CRON_BACKUP_SCHEDULE's is not what was meant.
core::ConfigOutcome with_schedule_file(core::Config config) {
  if (config.schedule_file.empty()) return config;
  daemon::ScheduleFile file(config.schedule_file, config.zone_name, system_zones());
  auto schedule = *file.read();
  config.schedule_file_held = file.held();
  if (!schedule) {
    return std::vector<std::string>{"SIDEFRIDGE_SCHEDULE_FILE (--schedule-file): " + schedule.error().text};
  }
  config.schedule = *std::move(schedule);
  return config;
}

/// Who mounts the machine's clock into the container means its zone, and says so by TZ alone.
core::Config with_zone_warning(core::Config config, std::span<const core::Setting> settings) {
  const bool tz_is_set =
      std::any_of(settings.begin(), settings.end(), [](const core::Setting& setting) { return setting.name == "TZ"; });
  if (tz_is_set || !config.schedule || cron::split_zone(config.schedule->text).zone) return config;
  if (const auto local = os::local_zone_beside_utc(os::sample_now().wall)) {
    config.warnings.push_back("TZ is not set, so that the schedule is in UTC, but the clock of this machine is in " +
                              text::in_quotes(*local) + ": set TZ to the zone that is meant");
  }
  return config;
}

/// Throws what cxxopts throws.
Result<ParsedOptions> parse(const VerbSpec& spec, std::span<const std::string> arguments,
                            std::span<const core::Setting> environment) {
  const std::string command(spec.command);
  std::vector<const char*> argv{command.c_str()};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());

  cxxopts::Options options = declare(spec);
  const cxxopts::ParseResult result = options.parse(static_cast<int>(argv.size()), argv.data());
  if (result.count("help") > 0) return answered(help_of(spec));
  if (result.count("version") > 0) return answered("sidefridge " + std::string(version()) + "\n");

  ParsedOptions parsed;
  // Not declared as cxxopts positionals, because those are split at commas and a schedule has some.
  parsed.positionals = result.unmatched();
  if (parsed.positionals.size() > spec.most_positionals) {
    return usage_error(spec, "unexpected argument " + text::in_quotes(parsed.positionals[spec.most_positionals]));
  }
  for (const VerbOption& option : spec.options) {
    const std::string name(option.name);
    if (result.count(name) == 0) continue;
    if (!option.value.empty()) {
      parsed.own[name] = result[name].as<std::string>();
    } else if (result[name].as<bool>()) {
      parsed.own.emplace(name, "");
    }
  }
  std::vector<core::Setting> settings(environment.begin(), environment.end());
  for (const core::ConfigOption& option : core::config_options()) {
    const std::string name(option.option);
    if (result.count(name) > 0) settings.push_back({std::string(option.variable), result[name].as<std::string>()});
  }
  const std::string without_schedule(spec.without_schedule);
  const bool waived = !without_schedule.empty() && result.count(without_schedule) > 0;
  const core::Need schedule = waived ? core::Need::optional : spec.schedule;
  parsed.config = core::parse_config(settings, schedule, system_zones());
  if (parsed.config && schedule == core::Need::mandatory) {
    parsed.config = with_schedule_file(std::move(parsed.config).config());
    if (parsed.config) parsed.config = with_zone_warning(std::move(parsed.config).config(), settings);
  }
  return parsed;
}

}  // namespace

std::optional<std::string_view> ParsedOptions::value(std::string_view name) const {
  const auto found = own.find(name);
  if (found == own.end()) return std::nullopt;
  return found->second;
}

cron::ZoneSource system_zones() {
  return [](std::string_view name) { return os::load_zone(name); };
}

std::vector<core::Setting> settings_of(const char* const* environment) {
  std::vector<core::Setting> settings;
  for (; *environment != nullptr; ++environment) {
    const std::string_view entry = *environment;
    const std::size_t equals = entry.find('=');
    if (equals == std::string_view::npos) continue;
    settings.push_back({std::string(entry.substr(0, equals)), std::string(entry.substr(equals + 1))});
  }
  return settings;
}

Result<ParsedOptions> parse_options(const VerbSpec& spec, std::span<const std::string> arguments,
                                    std::span<const core::Setting> environment) {
  // The names of cxxopts' exceptions moved between 3.1 and 3.2, but all of them are std::exception.
  try {
    return parse(spec, arguments, environment);
  } catch (const std::exception& failure) {
    return usage_error(spec, failure.what());
  }
}

std::optional<int> finish(const Result<ParsedOptions>& parsed, std::ostream& out, std::ostream& err) {
  if (!parsed) {
    err << parsed.error().text << '\n';
    return exit_code_of(parsed.error().code);
  }
  if (!parsed->answer) return std::nullopt;
  out << *parsed->answer << std::flush;
  return out ? 0 : exit_code_of(ErrorCode::io);
}

int fail(const VerbSpec& spec, const Error& error, std::ostream& err) {
  err << spec.command << ": " << error.text << '\n';
  return exit_code_of(error.code);
}

int print(const VerbSpec& spec, std::string_view text, std::ostream& out, std::ostream& err) {
  out << text << std::flush;
  return out ? 0 : fail(spec, Error{ErrorCode::io, "cannot write the output"}, err);
}

std::optional<int> finish(const core::ConfigOutcome& config, std::ostream& err) {
  if (config.ok()) return std::nullopt;
  for (const std::string& mistake : config.mistakes()) err << "sidefridge: " << mistake << '\n';
  return exit_code_of(ErrorCode::invalid);
}

}  // namespace sidefridge::cli
