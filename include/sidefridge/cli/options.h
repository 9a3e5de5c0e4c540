// options.h - what a verb is told: its command line and the environment, merged.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sidefridge/base/result.h"
#include "sidefridge/core/config.h"

namespace sidefridge::cli {

/// An option that is a verb's own, beside the settings, which every verb takes.
struct VerbOption {
  std::string_view name;      // "count", without the dashes
  std::string_view value;     // what it takes, for people: "N"; empty: it takes nothing
  std::string_view fallback;  // its default, for people; empty: none
  std::string_view help;      // one line
};

/// For every verb that prints data.
inline constexpr VerbOption json_option{"json", "", "", "print JSON, for programs"};

/// The command line of one verb. Borrows: everything; a constant of its verb's file.
struct VerbSpec {
  std::string_view command;    // "sidefridge next"
  std::string_view arguments;  // "EXPR | --schedule", for the usage line; empty: none
  std::string_view summary;    // what it does, one line or several, for --help
  std::span<const VerbOption> options{};
  std::size_t most_positionals = 0;  // more than these are refused; a verb checks itself whether there are enough
  core::Need schedule = core::Need::optional;
  std::string_view without_schedule{};  // a setting's option that makes the schedule optional; empty: none does
};

/// A command line that follows its VerbSpec.
struct ParsedOptions {
  /// --help or --version was asked for: print this on stdout and exit 0. The rest is empty then.
  std::optional<std::string> answer;
  /// Environment and options, the options winning. A verb that needs no settings need not look.
  core::ConfigOutcome config{core::Config{}};
  std::vector<std::string> positionals;
  /// The verb's own options that were given, without dashes; one that takes nothing has an empty value.
  std::map<std::string, std::string, std::less<>> own;

  bool has(std::string_view name) const { return own.find(name) != own.end(); }
  /// The value of a verb's own option, or nothing when it was not given.
  std::optional<std::string_view> value(std::string_view name) const;
};

/// The environment as settings. Requires: `environment` ends with a null pointer, as `environ` does.
std::vector<core::Setting> settings_of(const char* const* environment);

/// The zones of this machine.
cron::ZoneSource system_zones();

/// Reads a command line. `arguments` are what follows the verb (or the program's name, for the daemon).
/// Errors: invalid, one line: an unknown option, a value missing or not wanted, a positional too many. Mistakes in
/// settings are no error here but stand in ParsedOptions::config.
Result<ParsedOptions> parse_options(const VerbSpec& spec, std::span<const std::string> arguments,
                                    std::span<const core::Setting> environment);

/// Ends a verb that has nothing more to do: prints the answer on `out`, or the error on `err`.
/// Returns: the exit code, or nothing when the verb should go on.
std::optional<int> finish(const Result<ParsedOptions>& parsed, std::ostream& out, std::ostream& err);

/// Ends a verb that failed: one line on `err`. Returns: the exit code for it.
int fail(const VerbSpec& spec, const Error& error, std::ostream& err);

/// Ends a verb that has its answer: prints `text` on `out`. Returns: exit code 0, or that of fail() when it cannot.
int print(const VerbSpec& spec, std::string_view text, std::ostream& out, std::ostream& err);

/// Ends a verb whose settings are wrong: prints every mistake on `err`, one line each.
/// Returns: exit code 2, or nothing when there is no mistake.
std::optional<int> finish(const core::ConfigOutcome& config, std::ostream& err);

}  // namespace sidefridge::cli
