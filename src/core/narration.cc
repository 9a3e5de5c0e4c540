// narration.cc - happenings as operators read them. They grep for these words: SIGTERM, timed out, skipped, missed.
#include <string_view>
#include <utility>

#include "sidefridge/base/overloaded.h"
#include "sidefridge/core/happening.h"
#include "sidefridge/text/join.h"
#include "sidefridge/text/time_format.h"

namespace sidefridge::core {
namespace {

using text::format_duration;
using text::format_rfc3339;

Log about(std::string run_id, LogLevel level, std::string text) {
  return Log{level, std::move(text), std::move(run_id), {}};
}

Log line(LogLevel level, std::string text) {
  return about({}, level, std::move(text));
}

std::string ticks_of(const RunRecord& record) {
  if (record.ticks == 1) return "the tick of " + ticks_text(record) + " was missed";
  return ticks_text(record) + " were missed";
}

std::string_view verb_of(Send sent) {
  switch (sent) {
    case Send::nothing: return "waiting for";
    case Send::term: return "SIGTERM to";
    case Send::kill: return "SIGKILL to";
  }
  return "";
}

}  // namespace

Log narrate(const Happening& happening) {
  using namespace happened;
  return std::visit(
      Overloaded{
          [](const Log& log) { return log; },
          [](const Ready& ready) { return line(LogLevel::info, "ready; " + ready.coming); },
          [](const ClockSet& set) {
            return line(LogLevel::info, "the wall clock was set to " + format_rfc3339(set.to) + "; " + set.coming);
          },
          [](const ScheduleChanged& changed) {
            return line(LogLevel::info,
                        "schedule changed to '" + changed.text + "': " + changed.words + "; " + changed.coming);
          },
          [](const ScheduleUnreadable& unreadable) {
            return line(LogLevel::error, unreadable.reason + "; the schedule stays '" + unreadable.kept + "'");
          },
          [](const HistoryAhead& ahead) {
            return line(LogLevel::warning,
                        "the history knows of the tick of " + format_rfc3339(ahead.settled_until) +
                            ", which is still to come: the wall clock was set back, and whether a tick was missed "
                            "cannot be told");
          },
          [](const TicksMissed& missed) {
            return line(LogLevel::warning, ticks_of(missed.record) + ": " + missed.record.reason);
          },
          [](const TickSkipped& skipped) {
            const std::string_view what = skipped.record.trigger == Trigger::schedule ? "tick" : "run";
            return line(LogLevel::warning, std::string(what) + " of " + format_rfc3339(skipped.record.scheduled_at) +
                                               " skipped: " + skipped.record.reason);
          },
          [](const RunRefused& refused) { return line(LogLevel::error, "no run begins: " + refused.reason); },
          [](const RunUnrecorded& unrecorded) {
            return about(unrecorded.run_id, LogLevel::error,
                         "run " + unrecorded.run_id + " cannot be recorded: " + unrecorded.reason);
          },
          [](const RunStarted& started) {
            return about(started.run_id, LogLevel::info,
                         "run " + started.run_id + " started (" + std::string(name_of(started.trigger)) + ")");
          },
          [](const LostRunFollowed& followed) {
            return about(followed.run_id, LogLevel::info, "on_error runs for the lost run " + followed.run_id);
          },
          [](const ScriptStarted& started) {
            return Log{LogLevel::info, started.script.tag() + " started", started.run_id, started.script.path};
          },
          [](const ScriptFeeds& feeds) {
            return Log{LogLevel::debug, feeds.script.tag() + " waits for what it feeds: " + text::join(feeds.processes),
                       feeds.run_id, feeds.script.path};
          },
          [](const ScriptFinished& finished) {
            const std::string took = format_duration(finished.elapsed);
            if (finished.result.succeeded()) {
              return Log{LogLevel::info, finished.script.tag() + " finished in " + took, finished.run_id,
                         finished.script.path};
            }
            // In brackets: the message may end in words of anybody's, which the time would seem to belong to.
            return Log{LogLevel::error, failure_message(finished.script, finished.result) + " (ran " + took + ")",
                       finished.run_id, finished.script.path};
          },
          [](const RunFinished& finished) {
            const RunRecord& record = finished.record;
            const std::string run = "run " + record.run_id + " " + std::string(name_of(record.outcome));
            const std::string took = format_duration(finished.elapsed);
            if (record.outcome == Outcome::succeeded) {
              return about(record.run_id, LogLevel::info, run + " in " + took);
            }
            return about(record.run_id, LogLevel::error, run + " after " + took + ": " + record.reason);
          },
          [](const RecordUnconfirmed& unconfirmed) {
            return about(unconfirmed.run_id, LogLevel::error,
                         "the state folder did not answer: whether the record of run " + unconfirmed.run_id +
                             " is stored is not known");
          },
          [](const RetryPlanned& planned) {
            return line(LogLevel::info, "retry in " + format_duration(planned.delay) + ", attempt " +
                                            std::to_string(planned.attempt) + " of " +
                                            std::to_string(planned.attempts));
          },
          [](const InstallChanged&) { return line(LogLevel::info, "install_dependencies has changed and runs first"); },
          [](const StopAsked& asked) {
            if (asked.run_id.empty()) return line(LogLevel::info, "SIGTERM: ending");
            return about(asked.run_id, LogLevel::info,
                         "SIGTERM: run " + asked.run_id + " may take another " + format_duration(asked.grace));
          },
          [](const StopAskedAgain&) { return line(LogLevel::warning, "SIGTERM again: SIGKILL to what runs"); },
          [](const ProcessesSignalled& signalled) {
            const std::string_view whom = signalled.whose == Whose::leftovers ? " what scripts left running: " : " ";
            return about(signalled.run_id, LogLevel::warning,
                         std::string(verb_of(signalled.sent)).append(whom) + text::join(signalled.processes));
          },
          [](const ProcessesGivenUp& given_up) {
            return about(given_up.run_id, LogLevel::error,
                         "processes do not end although they got SIGKILL, and are given up");
          },
          [](const Ended&) { return line(LogLevel::info, "ended"); },
      },
      happening);
}

}  // namespace sidefridge::core
