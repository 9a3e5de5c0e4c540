// life_shrink.cc - cuts a life down to what it takes to go wrong.
#include <algorithm>
#include <utility>

#include "tests/sim/life.h"

namespace sidefridge::sim {
namespace {

using namespace std::chrono_literals;

class Shrinker {
public:
  Shrinker(Life life, const std::function<bool(const Life&)>& goes_wrong, int tries)
      : life_(std::move(life)), goes_wrong_(goes_wrong), tries_(tries) {}

  Life shrink() {
    bool smaller = true;
    while (smaller && tries_ > 0) {
      smaller = false;
      smaller |= drop_acts();
      smaller |= simplify_settings();
      smaller |= simplify_acts();
    }
    return std::move(life_);
  }

private:
  // Returns: whether it is taken.
  bool take_if_wrong(Life candidate) {
    if (tries_ <= 0) return false;
    --tries_;
    if (!goes_wrong_(candidate)) return false;
    life_ = std::move(candidate);
    return true;
  }

  // Delta debugging: without ever smaller parts.
  bool drop_acts() {
    bool dropped = false;
    for (std::size_t size = std::max<std::size_t>(life_.acts.size() / 2, 1); size > 0; size /= 2) {
      for (std::size_t first = 0; first < life_.acts.size();) {
        Life candidate = life_;
        const auto begin = candidate.acts.begin() + static_cast<std::ptrdiff_t>(first);
        const auto count = std::min(size, candidate.acts.size() - first);
        candidate.acts.erase(begin, begin + static_cast<std::ptrdiff_t>(count));
        if (take_if_wrong(std::move(candidate))) {
          dropped = true;
        } else {
          first += size;
        }
      }
    }
    return dropped;
  }

  // Returns: whether `simpler` makes another life of it that still goes wrong.
  template <class Simpler>
  bool simplify(const Simpler& simpler) {
    Life candidate = life_;
    simpler(candidate);
    if (story_of(candidate) == story_of(life_)) return false;
    return take_if_wrong(std::move(candidate));
  }

  bool simplify_settings() {
    bool simpler = false;
    const Duration last = life_.acts.empty() ? Duration::zero() : life_.acts.back().after;
    simpler |= simplify([&](Life& life) { life.span = last; });
    for (int i = 0; i < 8; ++i) simpler |= simplify([&](Life& life) { life.span = last + (life.span - last) / 2; });
    simpler |= simplify([](Life& life) { life.zone = 0; });
    simpler |= simplify([](Life& life) { life.delay = {}; });
    simpler |= simplify([](Life& life) { life.job = {}; });
    simpler |= simplify([](Life& life) { life.job.script_timeout = {}; });
    simpler |= simplify([](Life& life) { life.job.run_timeout = {}; });
    simpler |= simplify([](Life& life) { life.job.feed_timeout = core::JobSettings{}.feed_timeout; });
    simpler |= simplify([](Life& life) { life.job.catch_up = {}; });
    simpler |= simplify([](Life& life) { life.job.run_on_start = false; });
    simpler |= simplify([](Life& life) { life.job.retries = 0; });
    simpler |= simplify([](Life& life) { life.job.retry_delay = 10s; });
    simpler |= simplify([](Life& life) { life.hooks.poll = {}; });
    simpler |= simplify([](Life& life) { life.hooks.settle = core::HookSettings{}.settle; });
    simpler |= simplify([](Life& life) { life.grace = core::default_grace; });
    simpler |= simplify([](Life& life) { life.restarts_after.reset(); });
    // Only while there are not too many ticks to play.
    const std::vector<std::pair<const char*, Duration>> plain{
        {"0 3 * * *", 24h}, {"0 * * * *", 1h}, {"* * * * *", 1min}, {"* * * * * *", 1s}};
    for (const auto& [schedule, every] : plain) {
      if (life_.span / every > 10'000) break;
      simpler |= simplify([&, text = schedule](Life& life) { life.schedule = text; });
    }
    for (const Duration unit : {Duration(24h), Duration(1h), Duration(1min), Duration(1s)}) {
      simpler |= simplify([&](Life& life) {
        const auto since_1970 = life.start.time_since_epoch();
        life.start = WallTime(since_1970 - since_1970 % unit);
      });
    }
    return simpler;
  }

  bool simplify_acts() {
    bool simpler = false;
    for (std::size_t i = 0; i < life_.acts.size(); ++i) {
      // Everything from it on comes sooner.
      const Duration before = i == 0 ? Duration::zero() : life_.acts[i - 1].after;
      for (const Duration gap : {Duration::zero(), (life_.acts[i].after - before) / 2}) {
        simpler |= simplify([&](Life& life) {
          const Duration sooner = life.acts[i].after - before - gap;
          for (std::size_t j = i; j < life.acts.size(); ++j) life.acts[j].after -= sooner;
          life.span -= sooner;
        });
      }
      for (const Duration unit : {Duration(1h), Duration(1min), Duration(1s), Duration(1ms)}) {
        simpler |= simplify([&](Life& life) {
          const Duration rounded = life.acts[i].after - life.acts[i].after % unit;
          life.acts[i].after = std::max(rounded, before);
        });
      }
      simpler |= simplify_deed(i);
    }
    return simpler;
  }

  template <class Simpler>
  bool simplify_script_of(std::size_t i, const Simpler& simpler) {
    return simplify([&](Life& life) {
      if (auto* const put = std::get_if<act::PutScript>(&life.acts[i].deed)) simpler(put->script);
    });
  }

  bool simplify_deed(std::size_t i) {
    bool simpler = false;
    simpler |= simplify_script_of(i, [](FakeScript& script) { script = {}; });
    simpler |= simplify_script_of(i, [](FakeScript& script) { script.runs_for = 1s; });
    simpler |= simplify_script_of(i, [](FakeScript& script) { script.runs_for -= script.runs_for % 1s; });
    simpler |= simplify_script_of(i, [](FakeScript& script) { script.ends_with = {}; });
    simpler |= simplify_script_of(i, [](FakeScript& script) { script.ignores_term = false; });
    simpler |= simplify_script_of(i, [](FakeScript& script) { script.survives_kill = false; });
    simpler |= simplify_script_of(i, [](FakeScript& script) { script.stalls = false; });
    simpler |= simplify_script_of(i, [](FakeScript& script) { script.feeds = 0; });
    simpler |= simplify_script_of(i, [](FakeScript& script) { script.feeds = 1; });
    simpler |= simplify_script_of(i, [](FakeScript& script) { script.fed_run_for = 1s; });
    simpler |= simplify_script_of(i, [](FakeScript& script) { script.fed_end_with = {}; });
    simpler |= simplify_script_of(i, [](FakeScript& script) { script.leaves_behind = 0; });
    simpler |= simplify_script_of(i, [](FakeScript& script) { script.leaves_behind = 1; });
    simpler |= simplify_script_of(i, [](FakeScript& script) { script.left_ignore_term = false; });
    simpler |= simplify_script_of(i, [](FakeScript& script) { script.left_survive_kill = false; });
    simpler |= simplify_script_of(i, [](FakeScript& script) { script.version = 1; });
    for (const Duration unit : {Duration(24h), Duration(1h), Duration(1min), Duration(1s)}) {
      simpler |= simplify([&](Life& life) {
        if (auto* const step = std::get_if<act::StepClock>(&life.acts[i].deed)) step->by -= step->by % unit;
      });
    }
    return simpler;
  }

  Life life_;
  const std::function<bool(const Life&)>& goes_wrong_;
  int tries_;
};

}  // namespace

Life shrink(Life life, const std::function<bool(const Life&)>& goes_wrong, int tries) {
  return Shrinker(std::move(life), goes_wrong, tries).shrink();
}

}  // namespace sidefridge::sim
