#include "sidefridge/core/known_hooks.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sidefridge::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr KnownHooks::Settings settings{milliseconds(250), seconds(60)};

MonoTime at(Duration since_start) {
  return MonoTime(since_start);
}

HooksRead reading(std::uint64_t digest) {
  HooksRead read;
  read.hooks.assign(Hook::backups, {Script{Hook::backups, "10-db", "/scripts/backups/10-db", "", digest}}, digest);
  return read;
}

std::vector<std::string> texts(const std::vector<Log>& lines) {
  std::vector<std::string> found;
  for (const Log& line : lines) found.push_back(line.text);
  return found;
}

using Texts = std::vector<std::string>;

TEST(KnownHooks, are_unknown_until_a_reading_succeeds) {
  KnownHooks hooks(settings);
  hooks.on_unreadable({Error{ErrorCode::not_found, "no folder"}});
  EXPECT_FALSE(hooks.known());
  hooks.on_read(reading(1));
  EXPECT_TRUE(hooks.known());
  EXPECT_EQ(hooks.set().scripts(Hook::backups).size(), 1U);
}

TEST(KnownHooks, are_current_only_while_somebody_tells_of_changes) {
  KnownHooks hooks(settings);
  hooks.on_read(reading(1));
  EXPECT_FALSE(hooks.current());
  hooks.on_watched(HooksWatched::By::events, at(seconds(1)));
  EXPECT_FALSE(hooks.current());
  hooks.on_read(reading(1));
  EXPECT_TRUE(hooks.current());
  hooks.on_watched(HooksWatched::By::polling, at(seconds(2)));
  EXPECT_FALSE(hooks.current());
}

TEST(KnownHooks, settle_before_they_are_read_again) {
  KnownHooks hooks(settings);
  hooks.on_touched(at(seconds(1)));
  EXPECT_EQ(hooks.reread_deadline(), at(milliseconds(1250)));
  hooks.on_touched(at(milliseconds(1200)));
  EXPECT_EQ(hooks.reread_deadline(), at(milliseconds(1450)));
}

TEST(KnownHooks, are_read_again_in_time_however_often_they_are_touched) {
  KnownHooks hooks(settings);
  for (Duration now{}; now < seconds(3); now += milliseconds(100)) hooks.on_touched(at(seconds(1) + now));
  EXPECT_EQ(hooks.reread_deadline(), at(seconds(1) + longest_settling));
  hooks.on_watched(HooksWatched::By::events, at(seconds(4)));
  hooks.on_reading(at(seconds(4)));
  EXPECT_EQ(hooks.reread_deadline(), std::nullopt);
}

TEST(KnownHooks, are_polled_where_no_event_tells_of_changes) {
  KnownHooks hooks(settings);
  hooks.on_reading(at(seconds(1)));
  EXPECT_EQ(hooks.reread_deadline(), at(seconds(61)));
  KnownHooks unpolled({milliseconds(250), {}});
  unpolled.on_reading(at(seconds(1)));
  EXPECT_EQ(unpolled.reread_deadline(), std::nullopt);
}

TEST(KnownHooks, are_looked_at_once_more_when_the_watch_changes) {
  KnownHooks hooks(settings);
  hooks.on_watched(HooksWatched::By::events, at(seconds(1)));
  EXPECT_EQ(hooks.reread_deadline(), std::nullopt);  // the first reading comes anyway
  hooks.on_read(reading(1));
  hooks.on_watched(HooksWatched::By::events, at(seconds(2)));
  EXPECT_EQ(hooks.reread_deadline(), std::nullopt);
  hooks.on_watched(HooksWatched::By::polling, at(seconds(3)));
  EXPECT_EQ(hooks.reread_deadline(), at(milliseconds(3250)));
}

TEST(KnownHooks, tell_what_was_found_and_then_what_changed) {
  KnownHooks hooks(settings);
  EXPECT_EQ(texts(hooks.on_read(reading(1))), Texts{"scripts found: 1 backups"});
  EXPECT_EQ(texts(hooks.on_read(reading(1))), Texts{});
  EXPECT_EQ(texts(hooks.on_read(reading(2))), Texts{"hooks changed: backups/10-db changed"});
  EXPECT_EQ(texts(hooks.on_unreadable({Error{ErrorCode::io, "no access"}})),
            Texts{"no access; the hooks stay as last read"});
}

TEST(KnownHooks, repeat_no_complaint_until_it_has_gone_and_come_back) {
  KnownHooks hooks(settings);
  HooksRead bad = reading(1);
  bad.warnings = {"folder 'backup' is not a hook"};
  EXPECT_EQ(texts(hooks.on_read(bad)), (Texts{"folder 'backup' is not a hook", "scripts found: 1 backups"}));
  EXPECT_EQ(texts(hooks.on_read(bad)), Texts{});
  EXPECT_EQ(texts(hooks.on_read(reading(1))), Texts{});
  EXPECT_EQ(texts(hooks.on_read(bad)), Texts{"folder 'backup' is not a hook"});
}

TEST(KnownHooks, are_not_read_again_once_stopped) {
  KnownHooks hooks(settings);
  hooks.on_touched(at(seconds(1)));
  hooks.stop();
  EXPECT_EQ(hooks.reread_deadline(), std::nullopt);
  hooks.on_touched(at(seconds(2)));
  hooks.on_reading(at(seconds(2)));
  EXPECT_EQ(hooks.reread_deadline(), std::nullopt);
}

}  // namespace
}  // namespace sidefridge::core
