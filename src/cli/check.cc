// check.cc - `sidefridge check`: reads what a run would read, and starts nothing.
#include "sidefridge/cli/check.h"

#include <array>
#include <cstddef>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sidefridge/cli/colours.h"
#include "sidefridge/cli/options.h"
#include "sidefridge/cron/cron_words.h"
#include "sidefridge/hooks/hook_tree.h"
#include "sidefridge/hooks/script_findings.h"
#include "sidefridge/text/colours.h"
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
    .without_schedule = "scripts-dir",
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

Findings examine(const core::Config& config, WallTime now) {
  Findings found{config.schedule, {}, {}, config.warnings, {}, {}};
  if (config.schedule) found.next_at = cron::next(*config.schedule, now);
  const auto reading = hooks::read_hook_tree(config.scripts_dir);
  if (!reading) {
    found.problems.push_back(reading.error().text);
    return found;
  }
  found.warnings.insert(found.warnings.end(), reading->warnings.begin(), reading->warnings.end());
  found.warnings.insert(found.warnings.end(), reading->skipped.begin(), reading->skipped.end());
  found.hidden = reading->hidden;
  for (const core::Hook hook : core::all_hooks) {
    for (const core::Script& script : reading->hooks.scripts(hook)) {
      const hooks::ScriptFindings its = hooks::examine(script, config.pipes, hooks::RunsWhere::here);
      found.scripts.push_back({script, its.program});
      found.warnings.insert(found.warnings.end(), its.warnings.begin(), its.warnings.end());
      if (!its.problem.empty()) found.problems.push_back(its.problem);
    }
  }
  return found;
}

std::string as_text(const Findings& found, text::Colours colours) {
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
  const auto add = [&](std::string_view what, text::Tone tone, const std::vector<std::string>& findings) {
    for (const std::string& finding : findings) {
      text += text::painted(what, tone, colours) + ": " + text::one_line(finding) + "\n";
    }
  };
  add("warning", text::Tone::doubtful, found.warnings);
  add("note", text::Tone::plain, found.hidden);
  add("problem", text::Tone::bad, found.problems);
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
  auto options = parse_options(spec, arguments, environment);
  if (const auto over = finish(options, out, err)) return *over;
  if (const auto over = finish(options->config, err)) return *over;
  const Findings found = examine(options->config.config(), now);
  const int printed =
      print(spec, options->has("json") ? as_json(found) : as_text(found, colours_for(out, environment)), out, err);
  if (printed != 0) return printed;
  const bool well = found.problems.empty() && (!options->has("strict") || found.warnings.empty());
  return well ? 0 : exit_code_of(ErrorCode::invalid);
}

}  // namespace sidefridge::cli
