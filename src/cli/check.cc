// check.cc - `sidefridge check`: reads what a run would read, and starts nothing.
#include "sidefridge/cli/check.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sidefridge/cli/options.h"
#include "sidefridge/cron/cron_words.h"
#include "sidefridge/hooks/hook_tree.h"
#include "sidefridge/hooks/interpreter.h"
#include "sidefridge/hooks/script_text.h"
#include "sidefridge/os/read_file.h"
#include "sidefridge/text/json.h"
#include "sidefridge/text/quote.h"
#include "sidefridge/text/time_format.h"

namespace sidefridge::cli {
namespace {

constexpr VerbOption strict_option{"strict", "", "", "warnings keep it from being well, too: for a pipeline's checks"};
constexpr std::array own_options{json_option, strict_option};

constexpr VerbSpec spec{
    .command = "sidefridge check",
    .arguments = {},
    .summary =
        "Validates the settings and the hooks, and prints what would run, in order. Starts nothing.\n"
        "With --scripts-dir there need be no schedule: only the hooks are looked at then.\n"
        "Exit code: 0 all is well, 2 something would keep a run from succeeding.",
    .options = own_options,
    .schedule = core::Need::mandatory,
};

struct PlannedScript {
  core::Script script;
  std::string program;  // that it is started with; empty: it cannot be
};

struct Findings {
  std::optional<cron::Schedule> schedule;  // nothing: only hooks are looked at
  std::optional<WallTime> next_at;
  std::vector<PlannedScript> scripts;  // in the order of all_hooks
  std::vector<std::string> warnings;
  std::vector<std::string> hidden;  // files whose name starts with a '.': nobody's mistake
  std::vector<std::string> problems;
};

Result<std::string> program_of(const std::string& script_path) {
  Result<core::Interpreter> interpreter = hooks::read_interpreter(script_path);
  if (!interpreter) return std::move(interpreter).error();
  if (Result<void> usable = hooks::check_interpreter(*interpreter, script_path); !usable)
    return std::move(usable).error();
  return interpreter->program.empty() ? script_path : interpreter->program;
}

bool is_shell(const core::Interpreter& interpreter) {
  const std::string words = interpreter.program + " " + interpreter.argument;
  for (std::string_view rest = words; !rest.empty();) {
    const std::string_view word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    const std::string_view name = word.substr(word.rfind('/') + 1);
    if (name == "sh" || name == "bash" || name == "dash" || name == "ash" || name == "ksh") return true;
  }
  return false;
}

/// What is no reason for the script not to run, but for a second look.
void warn_of_script(const std::string& path, core::Pipes pipes, std::vector<std::string>& warnings) {
  constexpr std::size_t most_read = 1 << 20;
  const Result<core::Interpreter> interpreter = hooks::read_interpreter(path);
  if (!interpreter) return;
  const auto text = os::read_file(path, most_read, os::Readable::regular);
  if (text && hooks::has_late_shebang(*text)) {
    warnings.push_back(path + ": its '#!' comes after blank lines, where others do not see it; move it into line 1");
  }
  const bool guarded = pipes == core::Pipes::each_command_counts && hooks::knows_pipefail(*interpreter);
  if (!is_shell(*interpreter) || guarded) return;
  const std::optional<std::size_t> line = text ? hooks::line_of_unguarded_pipe(*text) : std::nullopt;
  if (!line) return;
  warnings.push_back(
      path + ":" + std::to_string(*line) +
      ": a pipe without pipefail: that a command before its last one failed is not seen; let bash run it "
      "('#!/bin/bash'), with 'set -o pipefail' or SIDEFRIDGE_PIPEFAIL=true");
}

Findings examine(const core::Config& config, WallTime now) {
  Findings found{config.schedule, {}, {}, config.warnings, {}, {}};
  if (config.schedule) found.next_at = cron::next(*config.schedule, now);
  const auto reading = hooks::read_hook_tree(config.scripts_dir);
  if (!reading) {
    found.problems.push_back(reading.error().text);
    return found;
  }
  found.warnings.insert(found.warnings.end(), reading->warnings.begin(), reading->warnings.end());
  for (const std::string& skipped : reading->skipped) {
    (skipped.ends_with("starts with '.'") ? found.hidden : found.warnings).push_back(skipped);
  }
  for (const core::Hook hook : core::all_hooks) {
    for (const core::Script& script : reading->hooks.scripts(hook)) {
      const Result<std::string> program = program_of(script.path);
      found.scripts.push_back({script, program ? *program : std::string()});
      if (program) warn_of_script(script.path, config.pipes, found.warnings);
      if (!program) found.problems.push_back("Script '" + script.path + "' cannot be started: " + program.error().text);
    }
  }
  return found;
}

std::string as_text(const Findings& found) {
  std::string text;
  if (found.schedule) {
    const cron::Schedule& schedule = *found.schedule;
    text = "schedule '" + schedule.text + "': " + cron::describe(schedule.expression, schedule.zone) +
           "; next run at " +
           (found.next_at ? cron::format_local(schedule.zone, *found.next_at) : std::string("no time")) + "\n";
  }
  std::optional<core::Hook> hook;
  for (const PlannedScript& planned : found.scripts) {
    if (hook != planned.script.hook) text += std::string(core::name_of(planned.script.hook)) + "\n";
    hook = planned.script.hook;
    text += "  " + text::one_line(planned.script.path);
    if (!planned.program.empty() && planned.program != planned.script.path) text += "  (" + planned.program + ")";
    text += "\n";
  }
  for (const std::string& warning : found.warnings) text += "warning: " + text::one_line(warning) + "\n";
  for (const std::string& hidden : found.hidden) text += "note: " + text::one_line(hidden) + "\n";
  for (const std::string& problem : found.problems) text += "problem: " + text::one_line(problem) + "\n";
  return text;
}

void add_texts(text::JsonWriter& json, std::string_view key, const std::vector<std::string>& texts) {
  json.key(key).begin_array();
  for (const std::string& text : texts) json.string(text);
  json.end_array();
}

std::string as_json(const Findings& found) {
  std::string out;
  text::JsonWriter json(out);
  json.begin_object();
  const auto add = [&](std::string_view key, const std::optional<std::string>& value) {
    json.key(key);
    if (value) {
      json.string(*value);
    } else {
      json.null();
    }
  };
  using Text = std::optional<std::string>;
  const std::optional<cron::Schedule>& schedule = found.schedule;
  add("schedule", schedule ? Text(schedule->text) : std::nullopt);
  add("words", schedule ? Text(cron::describe(schedule->expression, schedule->zone)) : std::nullopt);
  add("next", found.next_at ? Text(cron::format_local(schedule->zone, *found.next_at)) : std::nullopt);
  json.key("scripts").begin_array();
  for (const PlannedScript& planned : found.scripts) {
    json.begin_object().key("hook").string(core::name_of(planned.script.hook));
    json.key("script").string(planned.script.path).key("program").string(planned.program).end_object();
  }
  json.end_array();
  add_texts(json, "warnings", found.warnings);
  add_texts(json, "notes", found.hidden);
  add_texts(json, "problems", found.problems);
  json.end_object();
  return out + "\n";
}

}  // namespace

int check(std::span<const std::string> arguments, std::span<const core::Setting> environment, WallTime now,
          std::ostream& out, std::ostream& err) {
  VerbSpec asked = spec;
  const bool hooks_only = std::any_of(arguments.begin(), arguments.end(), [](const std::string& argument) {
    return argument.starts_with("--scripts-dir");
  });
  if (hooks_only) asked.schedule = core::Need::optional;
  auto options = parse_options(asked, arguments, environment);
  if (const auto over = finish(options, out, err)) return *over;
  if (const auto over = finish(options->config, err)) return *over;
  const Findings found = examine(options->config.config(), now);
  const int printed = print(spec, options->has("json") ? as_json(found) : as_text(found), out, err);
  if (printed != 0) return printed;
  const bool well = found.problems.empty() && (!options->has("strict") || found.warnings.empty());
  return well ? 0 : exit_code_of(ErrorCode::invalid);
}

}  // namespace sidefridge::cli
