// escalation_test.cc - SIGTERM, SIGKILL, giving up, and each look on the way.
#include "sidefridge/core/escalation.h"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "tests/core/turns.h"

namespace sidefridge::core {
namespace {

using namespace std::chrono_literals;
using Verdict = Escalation::Verdict;
using Texts = std::vector<std::string>;

class EscalationTest : public ::testing::Test {
protected:
  void begin(const std::optional<Shutdown>& shutdown = std::nullopt, Scope scope = Scope::run) {
    note(turns.take([&](Turn& turn) { escalation.emplace(scope, happened::Whose::leftovers, "r-1", shutdown, turn); }));
  }
  Verdict alive(Serial serial, const Texts& processes) {
    Verdict verdict{};
    note(turns.take([&](Turn& turn) { verdict = escalation->on(ProcessesAlive{serial, processes}, turn); }));
    return verdict;
  }
  Verdict alive(const Texts& processes) { return alive(looked, processes); }
  Verdict on_time() {
    Verdict verdict{};
    note(turns.take([&](Turn& turn) { verdict = escalation->on_time(turn); }));
    return verdict;
  }
  Verdict at_deadline() {
    turns.now.mono = escalation->deadline();
    return on_time();
  }
  void reaped() {
    note(turns.take([&](Turn& turn) { escalation->on(OrphansReaped{}, turn); }));
  }
  void widen(Scope scope, const Shutdown& shutdown) {
    note(turns.take([&](Turn& turn) { escalation->widen(scope, shutdown, turn); }));
  }

  void note(const std::vector<Action>& actions) {
    done = words_for(actions);
    lines = told(actions);
    if (!done.empty()) looked = last<EndProcesses>(actions).serial;
  }

  Turns turns;
  std::optional<Escalation> escalation;
  std::string done;  // what the last call asked for
  Texts lines;       // what it told
  Serial looked = 0;
  const MonoTime start = turns.now.mono;
};

TEST_F(EscalationTest, begins_with_sigterm_and_ends_as_soon_as_nobody_is_left) {
  begin();
  EXPECT_EQ(done, "SIGTERM to run");
  EXPECT_EQ(escalation->deadline(), start + term_patience);
  EXPECT_EQ(alive({}), Verdict::gone);
}

TEST_F(EscalationTest, sends_sigkill_when_sigterm_has_had_its_time_and_then_gives_up) {
  begin();
  EXPECT_EQ(alive({"dump (pid 12)"}), Verdict::waiting);
  turns.pass(term_patience - 1ns);
  EXPECT_EQ(on_time(), Verdict::waiting);
  EXPECT_EQ(done, "");
  EXPECT_EQ(at_deadline(), Verdict::waiting);
  EXPECT_EQ(done, "SIGKILL to run");
  EXPECT_EQ(escalation->deadline(), start + term_patience + kill_patience);
  EXPECT_EQ(alive({"dump (pid 12)"}), Verdict::waiting);
  EXPECT_EQ(at_deadline(), Verdict::given_up);
  EXPECT_EQ(done, "");
  EXPECT_EQ(lines, Texts{"processes do not end although they got SIGKILL, and are given up"});
}

TEST_F(EscalationTest, does_without_answers) {
  begin();
  EXPECT_EQ(at_deadline(), Verdict::waiting);
  EXPECT_EQ(at_deadline(), Verdict::given_up);
}

TEST_F(EscalationTest, tells_once_a_signal_who_was_there) {
  begin();
  alive({"dump (pid 12)", "tail (pid 13)"});
  EXPECT_EQ(lines, Texts{"SIGTERM to what scripts left running: dump (pid 12), tail (pid 13)"});
  reaped();
  alive({"tail (pid 13)"});
  EXPECT_EQ(lines, Texts{});
  at_deadline();
  alive({"tail (pid 13)"});
  EXPECT_EQ(lines, Texts{"SIGKILL to what scripts left running: tail (pid 13)"});
}

TEST_F(EscalationTest, looks_again_when_somebody_was_reaped) {
  begin();
  alive({"dump (pid 12)"});
  reaped();
  EXPECT_EQ(done, "look at run");
  EXPECT_EQ(alive({}), Verdict::gone);
}

TEST_F(EscalationTest, kills_whoever_appears_after_sigkill) {
  begin();
  at_deadline();
  reaped();
  EXPECT_EQ(done, "SIGKILL to run");
}

TEST_F(EscalationTest, a_look_does_not_put_off_the_deadlines) {
  begin();
  turns.pass(2s);
  reaped();
  EXPECT_EQ(escalation->deadline(), start + term_patience);
  at_deadline();
  turns.pass(2s);
  reaped();
  EXPECT_EQ(escalation->deadline(), start + term_patience + kill_patience);
}

TEST_F(EscalationTest, the_answer_to_an_earlier_look_does_not_count) {
  begin();
  const Serial first = looked;
  reaped();
  EXPECT_EQ(alive(first, {}), Verdict::waiting);
  EXPECT_EQ(alive(first, {"dump (pid 12)"}), Verdict::waiting);
  EXPECT_EQ(lines, Texts{});
  EXPECT_EQ(alive(looked + 1, {}), Verdict::waiting);
  EXPECT_EQ(alive({}), Verdict::gone);
}

TEST_F(EscalationTest, keeps_to_the_deadlines_of_a_shutdown_that_are_earlier) {
  turns.pass(17s);  // two of them after the grace
  begin(Shutdown::at(start, 15s));
  EXPECT_EQ(escalation->deadline(), start + 20s);
  at_deadline();
  EXPECT_EQ(escalation->deadline(), start + 22s);
}

TEST_F(EscalationTest, keeps_to_its_own_deadlines_where_a_shutdown_leaves_more) {
  begin(Shutdown::at(start, 1h));
  EXPECT_EQ(escalation->deadline(), start + term_patience);
  at_deadline();
  EXPECT_EQ(escalation->deadline(), start + term_patience + kill_patience);
}

TEST_F(EscalationTest, begun_late_in_a_shutdown_kills_at_once_and_leaves_a_moment_to_go) {
  const Shutdown shutdown = Shutdown::at(start, 0s);
  turns.pass(1min);
  begin(shutdown);
  EXPECT_EQ(done, "SIGTERM to run");
  EXPECT_EQ(on_time(), Verdict::waiting);
  EXPECT_EQ(done, "SIGKILL to run");
  EXPECT_EQ(escalation->deadline(), turns.now.mono + least_kill_patience);
  EXPECT_EQ(on_time(), Verdict::waiting);
  EXPECT_EQ(at_deadline(), Verdict::given_up);
}

TEST_F(EscalationTest, widened_sends_the_signal_whose_time_it_is_to_all_of_them) {
  begin(std::nullopt, Scope::script);
  alive({"dump (pid 12)"});
  turns.pass(2s);
  widen(Scope::everything, Shutdown::at(turns.now.mono, 0s));
  EXPECT_EQ(done, "SIGTERM to everything");
  EXPECT_EQ(escalation->deadline(), start + term_patience) << "those who were told first are not given more";
  alive({"cron (pid 14)"});
  EXPECT_EQ(lines, Texts{"SIGTERM to what scripts left running: cron (pid 14)"});
  at_deadline();
  EXPECT_EQ(done, "SIGKILL to everything");
}

TEST_F(EscalationTest, widened_after_sigkill_kills_all_of_them) {
  begin(std::nullopt, Scope::script);
  at_deadline();
  widen(Scope::everything, Shutdown::at(turns.now.mono, 0s));
  EXPECT_EQ(done, "SIGKILL to everything");
}

TEST_F(EscalationTest, widened_by_a_second_sigterm_kills_at_once) {
  begin();
  turns.pass(1s);
  const Serial first = looked;
  widen(Scope::everything, Shutdown::at(turns.now.mono, default_grace).again(turns.now.mono));
  EXPECT_EQ(done, "SIGKILL to everything");
  EXPECT_EQ(escalation->deadline(), turns.now.mono + last_kill_patience);
  EXPECT_EQ(alive(first, {}), Verdict::waiting) << "that was about fewer";
  EXPECT_EQ(alive({}), Verdict::gone);
}

TEST_F(EscalationTest, widened_again_and_again_gives_up_in_time) {
  begin();
  const MonoTime limit = turns.now.mono + last_kill_patience + least_kill_patience;
  for (int i = 0; i < 30; ++i) {
    widen(Scope::everything, Shutdown::at(turns.now.mono, default_grace).again(turns.now.mono));
    turns.pass(100ms);
    if (on_time() == Verdict::given_up) break;
  }
  EXPECT_LE(turns.now.mono, limit);
}

}  // namespace
}  // namespace sidefridge::core
