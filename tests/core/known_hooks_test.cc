// known_hooks_test.cc - when the hooks are read again, and what a reading that is slow or fails leads to.
#include "sidefridge/core/known_hooks.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sidefridge/core/patience.h"
#include "tests/core/turns.h"

namespace sidefridge::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr HookSettings settings{milliseconds(250), seconds(60)};

MonoTime at(Duration since_start) {
  return MonoTime(since_start);
}

HooksRead reading(std::uint64_t digest) {
  HooksRead read;
  read.hooks.assign(Hook::backups, {Script{Hook::backups, "10-db", "/scripts/backups/10-db", "", digest}}, digest);
  return read;
}

using Texts = std::vector<std::string>;

class KnownHooksTest : public ::testing::Test {
protected:
  KnownHooksTest() { turns.now.mono = at(seconds(1)); }

  /// The serials of the readings that `step` asks for.
  template <class Step>
  std::vector<Serial> asked(Step step) {
    std::vector<Serial> serials;
    for (const Action& action : turns.take(step)) {
      if (const auto* const read = std::get_if<ReadHooks>(&action)) serials.push_back(read->serial);
    }
    return serials;
  }

  /// Asks for a reading.
  Serial ask() {
    Serial serial = 0;
    turns.take([&](Turn& turn) { serial = hooks.read(turn); });
    return serial;
  }
  std::vector<Action> answer(Serial serial, HooksRead read) {
    read.serial = serial;
    return turns.take([&](Turn& turn) { hooks.on_read(read, turn); });
  }
  std::vector<Action> refuse(Serial serial, const std::string& why) {
    return turns.take([&](Turn& turn) { hooks.on_unreadable({serial, Error{ErrorCode::io, why}}, turn); });
  }
  /// Asks and answers.
  std::vector<Action> read(HooksRead read) { return answer(ask(), std::move(read)); }
  std::vector<Serial> on_time() {
    return asked([&](Turn& turn) { hooks.on_time(turn); });
  }

  Turns turns;
  KnownHooks hooks{settings};
};

TEST_F(KnownHooksTest, are_unknown_until_a_reading_succeeds) {
  EXPECT_EQ(told(refuse(ask(), "no folder")), Texts{"no folder"});
  EXPECT_FALSE(hooks.known());
  EXPECT_FALSE(hooks.last_succeeded());
  read(reading(1));
  EXPECT_TRUE(hooks.known());
  EXPECT_TRUE(hooks.last_succeeded());
  EXPECT_EQ(hooks.set().scripts(Hook::backups).size(), 1U);
}

TEST_F(KnownHooksTest, are_current_only_while_somebody_tells_of_changes) {
  read(reading(1));
  EXPECT_FALSE(hooks.current());
  hooks.on_watched(HooksWatched::By::events, at(seconds(1)));
  EXPECT_FALSE(hooks.current());
  read(reading(1));
  EXPECT_TRUE(hooks.current());
  hooks.on_watched(HooksWatched::By::polling, at(seconds(2)));
  EXPECT_FALSE(hooks.current());
}

TEST_F(KnownHooksTest, are_not_current_after_a_reading_that_failed) {
  hooks.on_watched(HooksWatched::By::events, at(seconds(1)));
  read(reading(1));
  refuse(ask(), "no access");
  EXPECT_FALSE(hooks.current());
  EXPECT_TRUE(hooks.known());
}

TEST_F(KnownHooksTest, are_trusted_once_though_nobody_tells_of_changes) {
  hooks.trust_last_reading();
  EXPECT_FALSE(hooks.current()) << "there was none";
  read(reading(1));
  hooks.trust_last_reading();
  EXPECT_TRUE(hooks.current());
  read(reading(1));
  EXPECT_FALSE(hooks.current());
}

TEST_F(KnownHooksTest, settle_before_they_are_read_again) {
  hooks.on_touched(at(seconds(1)));
  EXPECT_EQ(hooks.deadline(), at(milliseconds(1250)));
  hooks.on_touched(at(milliseconds(1200)));
  EXPECT_EQ(hooks.deadline(), at(milliseconds(1450)));
  turns.now.mono = at(milliseconds(1449));
  EXPECT_TRUE(on_time().empty());
  turns.now.mono = at(milliseconds(1450));
  EXPECT_EQ(on_time().size(), 1U);
  EXPECT_TRUE(on_time().empty());
}

TEST_F(KnownHooksTest, are_read_again_in_time_however_often_they_are_touched) {
  for (Duration now{}; now < seconds(3); now += milliseconds(100)) hooks.on_touched(at(seconds(1) + now));
  EXPECT_EQ(hooks.deadline(), at(seconds(1) + longest_settling));
  hooks.on_watched(HooksWatched::By::events, at(seconds(4)));
  read(reading(1));
  EXPECT_EQ(hooks.deadline(), std::nullopt);
}

TEST_F(KnownHooksTest, settle_as_long_as_was_set_where_that_is_longer) {
  KnownHooks slow({seconds(10), {}});
  for (Duration now{}; now < seconds(15); now += seconds(1)) slow.on_touched(at(seconds(1) + now));
  EXPECT_EQ(slow.deadline(), at(seconds(11)));
}

TEST_F(KnownHooksTest, are_polled_where_no_event_tells_of_changes) {
  read(reading(1));
  EXPECT_EQ(hooks.deadline(), at(seconds(61)));
  turns.now.mono = at(seconds(61));
  EXPECT_EQ(on_time().size(), 1U);

  hooks = KnownHooks({milliseconds(250), {}});
  read(reading(1));
  EXPECT_EQ(hooks.deadline(), std::nullopt);
}

TEST_F(KnownHooksTest, are_not_polled_any_more_once_events_tell_of_changes) {
  const Serial first = ask();
  hooks.on_watched(HooksWatched::By::events, turns.now.mono);
  answer(first, reading(1));
  EXPECT_EQ(hooks.deadline(), std::nullopt);
}

TEST_F(KnownHooksTest, are_looked_at_once_more_when_the_watch_changes) {
  hooks.on_watched(HooksWatched::By::events, at(seconds(1)));
  EXPECT_EQ(hooks.deadline(), std::nullopt);  // the first reading comes anyway
  read(reading(1));
  hooks.on_watched(HooksWatched::By::events, at(seconds(2)));
  EXPECT_EQ(hooks.deadline(), std::nullopt);
  hooks.on_watched(HooksWatched::By::polling, at(seconds(3)));
  EXPECT_EQ(hooks.deadline(), at(milliseconds(3250)));
}

TEST_F(KnownHooksTest, are_read_one_reading_at_a_time_and_wishes_meanwhile_share_the_next) {
  Serial first = 0;
  const std::vector<Serial> begun_first = asked([&](Turn& turn) { first = hooks.read(turn); });
  EXPECT_EQ(begun_first, std::vector<Serial>{first});
  Serial second = 0;
  Serial third = 0;
  EXPECT_TRUE(asked([&](Turn& turn) { second = hooks.read(turn); }).empty());
  EXPECT_TRUE(asked([&](Turn& turn) { third = hooks.read(turn); }).empty());
  EXPECT_NE(first, second) << "what changed since the first began may be in none but the next";
  EXPECT_EQ(second, third);

  const std::vector<Action> begun = answer(first, reading(1));
  EXPECT_EQ(last<ReadHooks>(begun).serial, second);
  EXPECT_TRUE(hooks.is_over(first));
  EXPECT_FALSE(hooks.is_over(second));
  answer(second, reading(2));
  EXPECT_TRUE(hooks.is_over(second));
}

TEST_F(KnownHooksTest, touched_during_a_reading_are_read_once_more) {
  hooks.on_watched(HooksWatched::By::events, turns.now.mono);
  const Serial first = ask();
  hooks.on_touched(turns.now.mono);
  turns.pass(milliseconds(250));
  EXPECT_TRUE(on_time().empty());
  EXPECT_NE(last<ReadHooks>(answer(first, reading(1))).serial, first);
}

TEST_F(KnownHooksTest, take_no_answer_twice_and_none_to_another_reading) {
  const Serial serial = ask();
  EXPECT_TRUE(answer(serial + 1, reading(9)).empty());
  EXPECT_TRUE(refuse(serial + 1, "no access").empty());
  EXPECT_FALSE(hooks.is_over(serial));
  answer(serial, reading(1));
  EXPECT_TRUE(answer(serial, reading(9)).empty());
  EXPECT_TRUE(refuse(serial, "no access").empty());
  EXPECT_TRUE(hooks.last_succeeded());
  EXPECT_EQ(hooks.set(), reading(1).hooks);
}

TEST_F(KnownHooksTest, a_reading_is_given_up_after_its_patience_and_so_is_what_waits_behind_it) {
  hooks.on_watched(HooksWatched::By::events, turns.now.mono);
  read(reading(1));
  const Serial hangs = ask();
  const Serial behind = ask();
  EXPECT_EQ(hooks.deadline(), turns.now.mono + hooks_patience);
  turns.pass(hooks_patience - milliseconds(1));
  on_time();
  EXPECT_FALSE(hooks.is_over(hangs));
  turns.pass(milliseconds(1));
  EXPECT_EQ(told(turns.take([&](Turn& turn) { hooks.on_time(turn); })),
            Texts{"the hooks could not be read within 30 s; they stay as last read"});
  EXPECT_TRUE(hooks.is_over(hangs));
  EXPECT_TRUE(hooks.is_over(behind));
  EXPECT_FALSE(hooks.last_succeeded());
  EXPECT_FALSE(hooks.current());
  EXPECT_EQ(hooks.deadline(), std::nullopt);
  EXPECT_EQ(hooks.set(), reading(1).hooks);
}

TEST_F(KnownHooksTest, nobody_waits_behind_a_reading_that_was_given_up) {
  ask();
  turns.pass(hooks_patience);
  on_time();
  Serial behind = 0;
  EXPECT_TRUE(asked([&](Turn& turn) { behind = hooks.read(turn); }).empty()) << "one at a time";
  EXPECT_TRUE(hooks.is_over(behind));
  EXPECT_FALSE(hooks.last_succeeded());
}

TEST_F(KnownHooksTest, the_answer_to_a_reading_that_was_given_up_counts_and_the_next_begins) {
  const Serial hangs = ask();
  turns.pass(hooks_patience);
  on_time();
  const Serial behind = ask();
  const std::vector<Action> late = answer(hangs, reading(1));
  EXPECT_EQ(last<ReadHooks>(late).serial, behind);
  EXPECT_TRUE(hooks.known());
  EXPECT_TRUE(hooks.last_succeeded());
  EXPECT_EQ(hooks.set(), reading(1).hooks);
}

TEST_F(KnownHooksTest, tell_what_was_found_and_then_what_changed) {
  EXPECT_EQ(told(read(reading(1))), Texts{"scripts found: 1 backups"});
  EXPECT_EQ(told(read(reading(1))), Texts{});
  EXPECT_EQ(told(read(reading(2))), Texts{"hooks changed: backups/10-db changed"});
  EXPECT_EQ(told(refuse(ask(), "no access")), Texts{"no access; the hooks stay as last read"});
}

TEST_F(KnownHooksTest, repeat_no_complaint_until_it_has_gone_and_come_back) {
  HooksRead bad = reading(1);
  bad.warnings = {"folder 'backup' is not a hook"};
  EXPECT_EQ(told(read(bad)), (Texts{"folder 'backup' is not a hook", "scripts found: 1 backups"}));
  EXPECT_EQ(told(read(bad)), Texts{});
  EXPECT_EQ(told(read(reading(1))), Texts{});
  EXPECT_EQ(told(read(bad)), Texts{"folder 'backup' is not a hook"});
}

TEST_F(KnownHooksTest, are_not_read_again_once_stopped) {
  hooks.on_touched(at(seconds(1)));
  hooks.stop();
  EXPECT_EQ(hooks.deadline(), std::nullopt);
  hooks.on_touched(at(seconds(2)));
  EXPECT_EQ(hooks.deadline(), std::nullopt);
  turns.pass(seconds(10));
  EXPECT_TRUE(on_time().empty());
}

TEST_F(KnownHooksTest, begin_no_further_reading_once_stopped) {
  const Serial first = ask();
  ask();
  hooks.stop();
  EXPECT_EQ(words_for(answer(first, reading(1))), "");
}

}  // namespace
}  // namespace sidefridge::core
