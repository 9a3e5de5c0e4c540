// next.cc - `sidefridge next`: prints when a schedule fires.
#include "sidefridge/cli/next.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <ostream>
#include <string_view>
#include <utility>
#include <vector>

#include "sidefridge/cli/options.h"
#include "sidefridge/cron/cron_words.h"
#include "sidefridge/cron/schedule.h"
#include "sidefridge/text/join.h"
#include "sidefridge/text/json.h"
#include "sidefridge/text/quote.h"
#include "sidefridge/text/refusal.h"
#include "sidefridge/text/time_format.h"
#include "sidefridge/text/trim.h"

namespace sidefridge::cli {
namespace {

constexpr std::array own_options{
    VerbOption{"schedule", "", "", "take CRON_BACKUP_SCHEDULE instead of EXPR"},
    VerbOption{"count", "N", "5", "how many, 1 to 10000"},
    VerbOption{"from", "TIME", "now", "later than this, such as 2026-11-23T07:55:17Z"},
    VerbOption{"tz", "ZONE", "TZ, else UTC", "the zone of a schedule that names none, such as Europe/Berlin"},
    VerbOption{"explain", "", "", "print first what the schedule means, in words"},
    json_option,
};

constexpr VerbSpec spec{
    .command = "sidefridge next",
    .arguments = "EXPR | --schedule",
    .summary = "Prints when a cron expression fires next, one instant a line, as clocks in its zone show it.",
    .options = own_options,
    .most_positionals = 1,
    .schedule = core::Need::mandatory,  // looked at for --schedule only
};

struct Question {
  cron::Schedule schedule;
  WallTime from;
  std::size_t count;
};

Result<cron::Schedule> schedule_of(const ParsedOptions& options, std::span<const core::Setting> environment) {
  if (options.has("schedule") != options.positionals.empty()) {
    return Error{ErrorCode::invalid, "give either one EXPR in quotes, such as '0 3 * * *', or --schedule"};
  }
  const std::string text =
      options.has("schedule") ? options.config.config().schedule->text : options.positionals.front();
  const auto tz = std::find_if(environment.rbegin(), environment.rend(), [](const auto& s) { return s.name == "TZ"; });
  const std::string_view fallback = tz == environment.rend() ? std::string_view() : text::trimmed(tz->value);
  return cron::parse_schedule(text, options.value("tz").value_or(fallback), system_zones());
}

Result<Question> question_of(const ParsedOptions& options, std::span<const core::Setting> environment, WallTime now) {
  auto schedule = schedule_of(options, environment);
  if (!schedule) return std::move(schedule).error();
  auto count = text::parse_count(options.value("count").value_or("5"), 1, 10'000);
  if (!count) return std::move(count).error().with_context("--count");
  Result<WallTime> from = now;
  if (const auto text = options.value("from")) from = text::parse_rfc3339(*text);
  if (!from) return std::move(from).error().with_context("--from");
  return Question{*std::move(schedule), *from, *count};
}

std::vector<std::string> answer(const Question& question) {
  std::vector<std::string> instants;
  std::optional<WallTime> at = question.from;
  while (instants.size() < question.count) {
    at = cron::next(question.schedule, *at);
    if (!at) break;
    instants.push_back(cron::format_local(question.schedule.zone, *at));
  }
  return instants;
}

std::string words_of(const cron::Schedule& schedule) {
  return cron::describe(schedule.expression, schedule.zone);
}

std::string as_json(const Question& question, const std::vector<std::string>& instants) {
  std::string out;
  text::JsonWriter json(out);
  json.begin_object().key("schedule").string(question.schedule.text);
  json.key("words").string(words_of(question.schedule)).key("next").begin_array();
  for (const std::string& instant : instants) json.string(instant);
  json.end_array().end_object();
  return out;
}

}  // namespace

int next(std::span<const std::string> arguments, std::span<const core::Setting> environment, WallTime now,
         std::ostream& out, std::ostream& err) {
  const auto options = parse_options(spec, arguments, environment);
  if (const auto over = finish(options, out, err)) return *over;
  if (options->has("schedule")) {
    if (const auto over = finish(options->config, err)) return *over;
  }
  const auto question = question_of(*options, environment, now);
  if (!question) return fail(spec, question.error(), err);
  const auto instants = answer(*question);
  if (instants.empty()) {
    return fail(spec,
                Error{ErrorCode::invalid, text::in_quotes(question->schedule.text) + " has no tick after " +
                                              cron::format_local(question->schedule.zone, question->from)},
                err);
  }
  if (options->has("json")) return print(spec, as_json(*question, instants) + '\n', out, err);
  const std::string words = options->has("explain") ? words_of(question->schedule) + '\n' : std::string();
  return print(spec, words + text::join(instants, "\n") + '\n', out, err);
}

}  // namespace sidefridge::cli
