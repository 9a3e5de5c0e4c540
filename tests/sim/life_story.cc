// life_story.cc - a life as text.
#include <string>

#include "sidefridge/base/overloaded.h"
#include "sidefridge/text/time_format.h"
#include "tests/sim/life.h"

namespace sidefridge::sim {
namespace {

using namespace std::chrono_literals;

std::string shown(Duration duration) {
  if (duration < Duration::zero()) return "-" + shown(-duration);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
  std::string text = std::to_string(seconds.count());
  std::string fraction = std::to_string((duration - seconds).count());
  fraction.insert(0, 9 - fraction.size(), '0');
  while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
  return text + (fraction.empty() ? "" : "." + fraction) + " s";
}

std::string shown(const std::optional<Duration>& duration) {
  return duration ? shown(*duration) : "for ever";
}

std::string shown(const FakeScript& script) {
  std::string text = "runs " + shown(script.runs_for);
  if (script.ends_with != ExitStatus{}) text += ", fails";
  if (script.ignores_term) text += ", ignores SIGTERM";
  if (script.survives_kill) text += ", survives SIGKILL";
  if (script.stalls) text += ", its output stalls";
  if (script.cannot_start) text += ", cannot start";
  if (script.feeds > 0) {
    text += ", feeds " + std::to_string(script.feeds) + " that run " + shown(script.fed_run_for);
    if (script.fed_end_with != ExitStatus{}) text += " and fail";
  }
  if (script.leaves_behind > 0) {
    text += ", leaves " + std::to_string(script.leaves_behind) + " behind";
  }
  if (script.feeds + script.leaves_behind > 0) {
    if (script.left_ignore_term) text += " that ignore SIGTERM";
    if (script.left_survive_kill) text += " that survive SIGKILL";
  }
  return text + ", version " + std::to_string(script.version);
}

std::string tag(core::Hook hook, const std::string& name) {
  return std::string(core::name_of(hook)) + "/" + name;
}

std::string told(const Deed& deed) {
  return std::visit(
      Overloaded{
          [](const act::StartDaemon&) { return std::string("a daemon starts"); },
          [](const act::StartOnce&) { return std::string("once starts"); },
          [](const act::Kill&) { return std::string("it is killed"); },
          [](const act::KillAtAction& its) { return "it is killed at action " + std::to_string(its.count); },
          [](const act::Terminate&) { return std::string("SIGTERM"); },
          [](const act::Reload&) { return std::string("SIGHUP"); },
          [](const act::RequestRun&) { return std::string("a run is requested"); },
          [](const act::StepClock& its) { return "the wall clock is set by " + shown(its.by); },
          [](const act::TellOfStep&) { return std::string("the daemon is told of the clock"); },
          [](const act::PutScript& its) { return "script " + tag(its.hook, its.name) + ": " + shown(its.script); },
          [](const act::RemoveScript& its) { return "script " + tag(its.hook, its.name) + " is removed"; },
          [](const act::TouchHooks&) { return std::string("the hooks are touched"); },
          [](const act::WatchHooks& its) {
            return std::string("hooks are watched by ") +
                   (its.by == core::HooksWatched::By::events ? "events" : "polling");
          },
          [](const act::ChangeSchedule& its) { return "the schedule becomes '" + its.text + "'"; },
          [](const act::SpoilSchedule&) { return std::string("the file of the schedule holds none"); },
          [](const act::SlowLane& its) {
            return std::string(its.lane == act::Lane::store ? "the store" : "reading the hooks") + " takes " +
                   shown(its.takes);
          },
          [](const act::RepeatAnswers& its) {
            return its.later ? "answers come once more " + shown(*its.later) + " later" : "answers come once";
          },
          [](const act::FailStore& its) {
            return "call " + std::to_string(its.nth) + " of the store fails" +
                   (its.lasts == MemoryStore::Lasts::on ? ", and all after it" : "");
          },
          [](const act::MendStore&) { return std::string("the store works again"); },
          [](const act::FailAction& its) { return "action " + std::to_string(its.nth) + " of those that can fails"; },
          [](const act::RemoveVariables&) { return std::string("somebody removes the variables"); },
          [](const act::BeginForeignRun&) { return std::string("another process begins a run"); },
          [](const act::EndForeignRun&) { return std::string("the other process ends its run"); },
          [](const act::KillForeignRun&) { return std::string("the other process is killed"); },
          [](const act::StartSecondDaemon&) { return std::string("a second daemon tries to start"); },
      },
      deed);
}

}  // namespace

std::string story_of(const Life& life) {
  std::string text = "schedule '" + life.schedule + "' in " + zones()[life.zone].name();
  if (life.delay > 0s) text += ", delay " + shown(life.delay);
  if (life.job.script_timeout > 0s) text += ", a script may take " + shown(life.job.script_timeout);
  if (life.job.run_timeout > 0s) text += ", a run may take " + shown(life.job.run_timeout);
  if (life.job.feed_timeout != core::JobSettings{}.feed_timeout) {
    text += ", what a script feeds may take " + shown(life.job.feed_timeout);
  }
  if (life.job.catch_up > 0s) text += ", catches up " + shown(life.job.catch_up);
  if (life.job.run_on_start) text += ", runs on start";
  if (life.job.retries > 0) {
    text += ", " + std::to_string(life.job.retries) + " retries after " + shown(life.job.retry_delay);
  }
  text +=
      ", settles " + shown(life.hooks.settle) + ", polls " + shown(life.hooks.poll) + ", grace " + shown(life.grace);
  if (life.restarts_after) text += ", started again after " + shown(*life.restarts_after);
  text += "\n";
  WallTime wall = life.start;
  Duration elapsed{};
  for (const Act& act : life.acts) {
    wall += act.after - elapsed;
    elapsed = act.after;
    text += "  " + shown(act.after) + " (" + text::format_rfc3339(wall, text::Precision::milliseconds) + ")  " +
            told(act.deed) + "\n";
    if (const auto* const step = std::get_if<act::StepClock>(&act.deed)) wall += step->by;
  }
  return text + "  " + shown(life.span) + " (" +
         text::format_rfc3339(wall + (life.span - elapsed), text::Precision::milliseconds) + ")  the end\n";
}

}  // namespace sidefridge::sim
