// life.h - what a state folder, its daemons and the machine under them may go through, as a list of acts.
//
// A life is made from a seed, or by hand, and played from its values alone: so one that goes wrong can be cut down to
// what it takes, and told as a story.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sidefridge/base/time.h"
#include "sidefridge/core/event.h"
#include "sidefridge/core/hook.h"
#include "sidefridge/core/job.h"
#include "sidefridge/core/known_hooks.h"
#include "sidefridge/cron/schedule.h"
#include "tests/sim/memory_store.h"
#include "tests/sim/sim_world.h"

namespace sidefridge::sim {

namespace act {

// Those for which there is no daemon, or no such thing, do nothing: so any of them can be left out.

struct StartDaemon {};
struct StartOnce {};
struct Kill {};
struct KillAtAction {
  int count;
};
struct Terminate {};
struct Reload {};
struct RequestRun {};

/// Nobody is told before the next event, or TellOfStep. A machine that sleeps is a step forward.
struct StepClock {
  Duration by;
};
struct TellOfStep {};

struct PutScript {
  core::Hook hook;
  std::string name;
  FakeScript script;
};
struct RemoveScript {
  core::Hook hook;
  std::string name;
};
struct TouchHooks {};
struct WatchHooks {
  core::HooksWatched::By by;
};
struct ChangeSchedule {
  std::string text;
};
struct SpoilSchedule {};

enum class Lane { store, hooks };
/// From now on. Nothing: the next job never ends.
struct SlowLane {
  Lane lane;
  std::optional<Duration> takes;
};
/// From now on answers come once more so much later; nothing: they do not.
struct RepeatAnswers {
  std::optional<Duration> later;
};

struct FailStore {
  int nth;
  MemoryStore::Lasts lasts;
};
struct MendStore {};
/// A reading of the hooks, a BeginRun or a start of a script.
struct FailAction {
  int nth;
};
struct RemoveVariables {};

/// Another process runs `once` in the folder, as far as it can, and ends with its run or in the middle of it.
struct BeginForeignRun {};
struct EndForeignRun {};
struct KillForeignRun {};
struct StartSecondDaemon {};

}  // namespace act

using Deed = std::variant<act::StartDaemon, act::StartOnce, act::Kill, act::KillAtAction, act::Terminate, act::Reload,
                          act::RequestRun, act::StepClock, act::TellOfStep, act::PutScript, act::RemoveScript,
                          act::TouchHooks, act::WatchHooks, act::ChangeSchedule, act::SpoilSchedule, act::SlowLane,
                          act::RepeatAnswers, act::FailStore, act::MendStore, act::FailAction, act::RemoveVariables,
                          act::BeginForeignRun, act::EndForeignRun, act::KillForeignRun, act::StartSecondDaemon>;

struct Act {
  Duration after;  // the life's start, by a clock that nobody sets
  Deed deed;
};

struct Life {
  WallTime start{};
  std::string schedule;
  std::size_t zone = 0;  // of zones()
  Duration delay{};
  core::JobSettings job{};
  core::HookSettings hooks{};
  Duration grace = core::default_grace;
  std::optional<Duration> restarts_after;  // a daemon that is gone is started again by itself
  Duration span{};
  std::vector<Act> acts;  // in order
};

/// The zones that lives are led in.
const std::vector<cron::Zone>& zones();

/// A schedule of the life, in its zone. Requires: it is one.
cron::Schedule schedule_of(const std::string& text, std::size_t zone);

/// The life of this seed: always the same.
Life life_of(std::uint64_t seed);

/// As text: a line for its settings, and one for each act.
std::string story_of(const Life& life);

struct Played {
  std::vector<std::string> violations;  // none: all is well
  Duration lasted{};                    // by the wall clock, as far as nobody set it
  int daemons = 0;
  int crashes = 0;
  int faults = 0;
  std::uint64_t runs = 0;
  std::uint64_t events = 0;
  std::uint64_t actions = 0;
};

/// Plays a life, and then a healthy end: another daemon comes, with nothing in its way, and goes again. Then the
/// history is checked.
Played play(const Life& life);

/// The shortest life found that still goes wrong, by `goes_wrong`; plays at most `tries`.
Life shrink(Life life, const std::function<bool(const Life&)>& goes_wrong, int tries);

}  // namespace sidefridge::sim
