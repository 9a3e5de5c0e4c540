// check.cc - `sidefridge check`: reads what a run would read, and starts nothing.
#include "sidefridge/cli/check.h"

#include <array>
#include <optional>
#include <ostream>
#include <string_view>
#include <utility>
#include <vector>

#include "sidefridge/cli/options.h"
#include "sidefridge/cron/cron_words.h"
#include "sidefridge/hooks/hook_tree.h"
#include "sidefridge/hooks/interpreter.h"
#include "sidefridge/text/json.h"
#include "sidefridge/text/time_format.h"

namespace sidefridge::cli {
namespace {

constexpr std::array own_options{json_option};

constexpr VerbSpec spec{
    .command = "sidefridge check",
    .arguments = {},
    .summary =
        "Validates the settings and the hooks, and prints what would run, in order. Starts nothing.\n"
        "Exit code: 0 all is well, 2 something would keep a run from succeeding.",
    .options = own_options,
    .schedule = core::Need::mandatory,
};

struct PlannedScript {
  core::Script script;
  std::string program;  // that it is started with; empty: it cannot be
};

struct Findings {
  cron::Schedule schedule;
  std::optional<WallTime> next_at;
  std::vector<PlannedScript> scripts;  // in the order of all_hooks
  std::vector<std::string> warnings;
  std::vector<std::string> problems;
};

Result<std::string> program_of(const std::string& script_path) {
  Result<core::Interpreter> interpreter = hooks::read_interpreter(script_path);
  if (!interpreter) return std::move(interpreter).error();
  if (Result<void> usable = hooks::check_interpreter(*interpreter, script_path); !usable)
    return std::move(usable).error();
  return interpreter->program.empty() ? script_path : interpreter->program;
}

Findings examine(const core::Config& config, WallTime now) {
  Findings found{*config.schedule, cron::next(*config.schedule, now), {}, config.warnings, {}};
  const auto reading = hooks::read_hook_tree(config.scripts_dir);
  if (!reading) {
    found.problems.push_back(reading.error().text);
    return found;
  }
  found.warnings.insert(found.warnings.end(), reading->warnings.begin(), reading->warnings.end());
  found.warnings.insert(found.warnings.end(), reading->skipped.begin(), reading->skipped.end());
  for (const core::Hook hook : core::all_hooks) {
    for (const core::Script& script : reading->hooks.scripts(hook)) {
      const Result<std::string> program = program_of(script.path);
      found.scripts.push_back({script, program ? *program : std::string()});
      if (!program) found.problems.push_back("Script '" + script.path + "' cannot be started: " + program.error().text);
    }
  }
  return found;
}

std::string as_text(const Findings& found) {
  std::string text =
      "schedule '" + found.schedule.text + "': " + cron::describe(found.schedule.expression, found.schedule.zone) +
      "; next run at " +
      (found.next_at ? cron::format_local(found.schedule.zone, *found.next_at) : std::string("no time")) + "\n";
  std::optional<core::Hook> hook;
  for (const PlannedScript& planned : found.scripts) {
    if (hook != planned.script.hook) text += std::string(core::name_of(planned.script.hook)) + "\n";
    hook = planned.script.hook;
    text += "  " + planned.script.path;
    if (!planned.program.empty() && planned.program != planned.script.path) text += "  (" + planned.program + ")";
    text += "\n";
  }
  for (const std::string& warning : found.warnings) text += "warning: " + warning + "\n";
  for (const std::string& problem : found.problems) text += "problem: " + problem + "\n";
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
  json.begin_object().key("schedule").string(found.schedule.text).key("words");
  json.string(cron::describe(found.schedule.expression, found.schedule.zone)).key("next");
  if (found.next_at) {
    json.string(cron::format_local(found.schedule.zone, *found.next_at));
  } else {
    json.null();
  }
  json.key("scripts").begin_array();
  for (const PlannedScript& planned : found.scripts) {
    json.begin_object().key("hook").string(core::name_of(planned.script.hook));
    json.key("script").string(planned.script.path).key("program").string(planned.program).end_object();
  }
  json.end_array();
  add_texts(json, "warnings", found.warnings);
  add_texts(json, "problems", found.problems);
  json.end_object();
  return out + "\n";
}

}  // namespace

int check(std::span<const std::string> arguments, std::span<const core::Setting> environment, WallTime now,
          std::ostream& out, std::ostream& err) {
  auto options = parse_options(spec, arguments, environment);
  if (const auto over = finish(options, out, err)) return *over;
  if (const auto over = finish(options->config, err)) return *over;
  const Findings found = examine(options->config.config(), now);
  const int printed = print(spec, options->has("json") ? as_json(found) : as_text(found), out, err);
  if (printed != 0) return printed;
  return found.problems.empty() ? 0 : exit_code_of(ErrorCode::invalid);
}

}  // namespace sidefridge::cli
