// history.cc - `sidefridge history`: a table of runs, or one run with its steps.
#include "sidefridge/cli/history.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string_view>
#include <utility>
#include <vector>

#include "sidefridge/cli/colours.h"
#include "sidefridge/cli/options.h"
#include "sidefridge/cli/run_text.h"
#include "sidefridge/store/history.h"
#include "sidefridge/store/state_folder.h"
#include "sidefridge/text/json.h"
#include "sidefridge/text/quote.h"
#include "sidefridge/text/refusal.h"
#include "sidefridge/text/time_format.h"

namespace sidefridge::cli {
namespace {

constexpr std::array own_options{
    VerbOption{"limit", "N", "20", "how many of the newest runs, 1 to 1000000"},
    json_option,
};

constexpr VerbSpec spec{
    .command = "sidefridge history",
    .arguments = "[RUN_ID]",
    .summary = "Prints the recorded runs, newest last, or one run with its steps.",
    .options = own_options,
    .most_positionals = 1,
};

struct Cell {
  Cell(std::string what, text::Tone how = text::Tone::plain) : text(std::move(what)), tone(how) {}
  Cell(const char* what) : text(what) {}
  std::string text;
  text::Tone tone = text::Tone::plain;
};
using Row = std::vector<Cell>;

// Columns as wide as they need to be; the last one is never filled up.
std::string table_of(const std::vector<Row>& rows, text::Colours colours) {
  std::vector<std::size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t column = 0; column < row.size(); ++column) {
      widths[column] = std::max(widths[column], row[column].text.size());
    }
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t column = 0; column < row.size(); ++column) {
      line += text::painted(row[column].text, row[column].tone, colours);
      line.append(widths[column] + 2 - row[column].text.size(), ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

std::string or_dash(std::optional<Duration> duration) {
  return duration ? text::format_duration(*duration) : "-";
}

std::string table_of(const std::vector<core::RunRecord>& runs, WallTime now, text::Colours colours) {
  std::vector<Row> rows{{"RUN", "TRIGGER", "STARTED", "TOOK", "OUTCOME", "REASON"}};
  for (const core::RunRecord& run : runs) {
    // What never began is told by when it should have.
    const WallTime at = core::never_began(run.outcome) ? run.scheduled_at : run.started_at;
    rows.push_back({run.run_id.empty() ? "-" : text::one_line(run.run_id), trigger_text(run), text::format_rfc3339(at),
                    or_dash(elapsed(run, now)), Cell(std::string(core::name_of(run.outcome)), tone_of(run.outcome)),
                    reason_text(run)});
  }
  return table_of(rows, colours);
}

std::string text_of(const core::RunRecord& run, WallTime now, text::Colours colours) {
  std::vector<Row> facts{{"run", text::one_line(run.run_id)},
                         {"trigger", trigger_text(run)},
                         {"scheduled", text::format_rfc3339(run.scheduled_at)},
                         {"started", text::format_rfc3339(run.started_at)}};
  if (run.finished_at) facts.push_back({"finished", text::format_rfc3339(*run.finished_at)});
  facts.push_back({"took", or_dash(elapsed(run, now))});
  facts.push_back({"outcome", Cell(std::string(core::name_of(run.outcome)), tone_of(run.outcome))});
  if (!run.reason.empty()) facts.push_back({"reason", text::one_line(run.reason)});
  std::string text = table_of(facts, colours);

  if (run.steps.empty() && run.steps_omitted == 0) return text;
  text += '\n';
  if (run.steps_omitted > 0) text += "(" + std::to_string(run.steps_omitted) + " earlier steps are not kept)\n";
  std::vector<Row> steps{{"SCRIPT", "STARTED", "TOOK", "OUTCOME"}};
  for (const core::StepRecord& step : run.steps) {
    steps.push_back({text::one_line(step.script), text::format_rfc3339(step.started_at),
                     or_dash(elapsed(step, run, now)), Cell(outcome_text(step), tone_of(step))});
  }
  return text + table_of(steps, colours);
}

struct Question {
  store::StateFolder folder;
  std::optional<std::string> run_id;
  std::size_t limit;
  enum class Form { text, json } form;
  text::Colours colours;
};

std::string answer_one(const core::RunRecord& run, const Question& question, WallTime now) {
  if (question.form == Question::Form::text) return text_of(run, now, question.colours);
  std::string text;
  text::JsonWriter json(text);
  append_json(json, run, now);
  return text + '\n';
}

std::string answer_all(const std::vector<core::RunRecord>& runs, const Question& question, WallTime now) {
  if (question.form == Question::Form::text) return table_of(runs, now, question.colours);
  std::string text;
  text::JsonWriter json(text);
  json.begin_object().key("runs").begin_array();
  for (const core::RunRecord& run : runs) append_json(json, run, now);
  json.end_array().end_object();
  return text + '\n';
}

Result<std::string> answer(store::History& history, std::optional<pid_t> runner, const Question& question,
                           WallTime now) {
  auto runs = history.latest(question.run_id ? SIZE_MAX : question.limit);
  if (!runs) return std::move(runs).error();
  complete_unfinished(*runs, runner, question.folder);
  if (!question.run_id) return answer_all(*runs, question, now);
  const auto found = std::find_if(runs->rbegin(), runs->rend(), [&](const core::RunRecord& run) {
    return run.run_id == *question.run_id && !run.run_id.empty();
  });
  if (found != runs->rend()) return answer_one(*found, question, now);
  return Error{ErrorCode::not_found, "there is no run " + text::in_quotes(*question.run_id) + " in the history"};
}

Result<Question> question_of(const ParsedOptions& options, text::Colours colours) {
  auto limit = text::parse_count(options.value("limit").value_or("20"), 1, 1'000'000);
  if (!limit) return std::move(limit).error().with_context("--limit");
  std::optional<std::string> run_id;
  if (!options.positionals.empty()) run_id = options.positionals.front();
  return Question{store::StateFolder::at(options.config.config().state_dir), std::move(run_id), *limit,
                  options.has("json") ? Question::Form::json : Question::Form::text, colours};
}

}  // namespace

int history(std::span<const std::string> arguments, std::span<const core::Setting> environment, WallTime now,
            std::ostream& out, std::ostream& err) {
  const auto options = parse_options(spec, arguments, environment);
  if (const auto over = finish(options, out, err)) return *over;
  if (const auto over = finish(options->config, err)) return *over;
  const auto question = question_of(*options, colours_for(out, environment));
  if (!question) return fail(spec, question.error(), err);
  // The lock first: a run that ends meanwhile is then one that ended, and none that was lost.
  const auto runner = look_for_holder(question->folder, store::run_lock_byte);
  if (!runner) return fail(spec, runner.error(), err);
  auto history = look_at_history(question->folder);
  if (!history) return fail(spec, history.error(), err);
  const auto text = answer(*history, *runner, *question, now);
  if (!text) return fail(spec, text.error(), err);
  for (const std::string& notice : history->take_notices()) err << spec.command << ": " << notice << '\n';
  return print(spec, *text, out, err);
}

}  // namespace sidefridge::cli
