// turns.h - turns one after the other, for tests of the parts that an event goes through, and their actions in words.
#pragma once

#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "sidefridge/base/overloaded.h"
#include "sidefridge/core/turn.h"
#include "sidefridge/cron/schedule.h"
#include "sidefridge/text/time_format.h"

namespace sidefridge::core {

inline WallTime wall(std::string_view time) {
  return text::parse_rfc3339("2026-11-23T" + std::string(time) + "Z").value();
}

inline Script script(Hook hook, const std::string& name) {
  return {hook, name, "/scripts/" + std::string(name_of(hook)) + "/" + name};
}

inline cron::Schedule schedule_of(std::string_view text) {
  const cron::ZoneSource utc = [](std::string_view) -> Result<cron::Zone> { return cron::Zone(); };
  return cron::parse_schedule(text, "", utc).value();
}

inline std::string name_of(Scope scope) {
  switch (scope) {
    case Scope::script: return "script";
    case Scope::run: return "run";
    case Scope::everything: return "everything";
  }
  return "";
}

/// "SIGTERM to run", "start backups/x", "record succeeded": an action in a word or two. What is told is not among them.
inline std::string words_for(const Action& action) {
  return std::visit(
      Overloaded{[](const ReadHooks&) { return std::string("read hooks"); },
                 [](const BeginRun&) { return std::string("begin"); },
                 [](const StartScript& start) { return "start " + start.script.tag(); },
                 [](const AbandonScript&) { return std::string("abandon script"); },
                 [](const SaveSteps&) { return std::string("save steps"); },
                 [](const EndProcesses& end) {
                   switch (end.send) {
                     case Send::nothing: return "look at " + name_of(end.scope);
                     case Send::term: return "SIGTERM to " + name_of(end.scope);
                     case Send::kill: return "SIGKILL to " + name_of(end.scope);
                   }
                   return std::string();
                 },
                 [](const FinishRun& finish) { return "record " + std::string(name_of(finish.record.outcome)); },
                 [](const RecordTick& tick) { return "record tick " + std::string(name_of(tick.record.outcome)); },
                 [](const FlushRecords&) { return std::string("flush"); },
                 [](const Answer& answer) {
                   switch (answer.reply) {
                     case Reply::done: return std::string("answer done");
                     case Reply::failed: return std::string("answer failed");
                     case Reply::busy: return std::string("answer busy");
                     case Reply::stopping: return std::string("answer stopping");
                   }
                   return std::string();
                 },
                 [](const Tell&) { return std::string(); },
                 [](const Exit& exit) { return "exit " + std::to_string(exit.code); }},
      action);
}

/// "start backups/x, save steps".
inline std::string words_for(const std::vector<Action>& actions) {
  std::string text;
  for (const Action& action : actions) {
    const std::string words = words_for(action);
    if (!words.empty()) text += (text.empty() ? "" : ", ") + words;
  }
  return text;
}

/// What was told, as its log lines.
inline std::vector<std::string> told(const std::vector<Action>& actions) {
  std::vector<std::string> lines;
  for (const Action& action : actions) {
    if (const auto* const tell = std::get_if<Tell>(&action)) lines.push_back(narrate(tell->happening).text);
  }
  return lines;
}

/// Whether the actions tell of an `H`.
template <class H>
bool tells(const std::vector<Action>& actions) {
  for (const Action& action : actions) {
    const auto* const tell = std::get_if<Tell>(&action);
    if (tell != nullptr && std::holds_alternative<H>(tell->happening)) return true;
  }
  return false;
}

/// The last `A` among actions. Requires: there is one.
template <class A>
A last(const std::vector<Action>& actions) {
  for (auto action = actions.rbegin(); action != actions.rend(); ++action) {
    if (const auto* const found = std::get_if<A>(&*action)) return *found;
  }
  throw std::logic_error("no such action");
}

/// What was asked for last, for its answer.
struct Asked {
  Serial reading = 0;
  Serial begin = 0;
  Serial script = 0;
  Serial look = 0;
  Serial record = 0;
  Serial flush = 0;

  void note(const std::vector<Action>& actions) {
    for (const Action& action : actions) {
      if (const auto* const read = std::get_if<ReadHooks>(&action)) reading = read->serial;
      if (const auto* const begun = std::get_if<BeginRun>(&action)) begin = begun->serial;
      if (const auto* const started = std::get_if<StartScript>(&action)) script = started->serial;
      if (const auto* const looked = std::get_if<EndProcesses>(&action)) look = looked->serial;
      if (const auto* const finished = std::get_if<FinishRun>(&action)) record = finished->serial;
      if (const auto* const flushed = std::get_if<FlushRecords>(&action)) flush = flushed->serial;
    }
  }
};

/// Both clocks, which stand still until they are told, and the serials.
class Turns {
public:
  Now now{wall("03:00:00"), MonoTime(std::chrono::hours(1))};

  void pass(Duration time) {
    now.wall += time;
    now.mono += time;
  }

  /// What `step(turn)` asks for.
  template <class Step>
  std::vector<Action> take(Step step) {
    Turn turn(now, last_serial_);
    step(turn);
    return turn.take_actions();
  }

private:
  Serial last_serial_ = 0;
};

}  // namespace sidefridge::core
