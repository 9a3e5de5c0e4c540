#include <gtest/gtest.h>
#include <sys/timex.h>

#include <cerrno>
#include <chrono>
#include <ctime>
#include <limits>
#include <string>

#include "fixture.h"
#include "sidefridge/os/mono_timer.h"
#include "sidefridge/os/system_clock.h"
#include "sidefridge/os/wall_timer.h"

namespace sidefridge::os {
namespace {

using namespace std::chrono_literals;

TEST(SystemClock, samples_both_clocks) {
  const Now first = sample_now();
  const Now second = sample_now();
  EXPECT_GT(first.wall, WallTime{std::chrono::sys_days{std::chrono::year{2020} / 1 / 1}});
  EXPECT_GT(first.mono, MonoTime{});
  EXPECT_GE(second.mono, first.mono);
}

TEST(MonoTimer, fires_at_its_deadline_and_not_before) {
  MonoTimer timer = *MonoTimer::open();
  const MonoTime deadline = sample_now().mono + 5ms;
  ASSERT_TRUE(timer.arm(deadline).ok());
  ASSERT_TRUE(becomes_readable(timer.fd()));
  EXPECT_GE(sample_now().mono, deadline);
  EXPECT_EQ(*timer.drain(), MonoTimer::Wake::expired);
}

TEST(MonoTimer, fires_once) {
  MonoTimer timer = *MonoTimer::open();
  ASSERT_TRUE(timer.arm(sample_now().mono).ok());
  ASSERT_TRUE(becomes_readable(timer.fd()));
  EXPECT_EQ(*timer.drain(), MonoTimer::Wake::expired);
  EXPECT_FALSE(is_readable(timer.fd()));
  EXPECT_EQ(*timer.drain(), MonoTimer::Wake::nothing);
}

TEST(MonoTimer, fires_at_once_for_deadlines_that_are_past) {
  for (const MonoTime past : {MonoTime{}, MonoTime{-1s}, MonoTime::min(), sample_now().mono}) {
    MonoTimer timer = *MonoTimer::open();
    ASSERT_TRUE(timer.arm(past).ok());
    EXPECT_TRUE(becomes_readable(timer.fd())) << past.time_since_epoch().count();
    EXPECT_EQ(*timer.drain(), MonoTimer::Wake::expired);
  }
}

TEST(MonoTimer, is_armed_for_the_end_of_time) {
  MonoTimer timer = *MonoTimer::open();
  ASSERT_TRUE(timer.arm(MonoTime::max()).ok());
  EXPECT_FALSE(is_readable(timer.fd()));
}

TEST(MonoTimer, disarming_takes_an_expiry_back) {
  MonoTimer timer = *MonoTimer::open();
  ASSERT_TRUE(timer.arm(sample_now().mono).ok());
  ASSERT_TRUE(becomes_readable(timer.fd()));
  ASSERT_TRUE(timer.disarm().ok());
  EXPECT_FALSE(is_readable(timer.fd()));
}

TEST(MonoTimer, arming_replaces_the_earlier_deadline) {
  MonoTimer timer = *MonoTimer::open();
  ASSERT_TRUE(timer.arm(sample_now().mono + 1h).ok());
  ASSERT_TRUE(timer.arm(sample_now().mono + 1ms).ok());
  EXPECT_TRUE(becomes_readable(timer.fd()));
}

TEST(WallTimer, fires_at_its_deadline_and_not_before) {
  WallTimer timer = *WallTimer::open();
  const WallTime deadline = sample_now().wall + 5ms;
  ASSERT_TRUE(timer.arm(deadline).ok());
  ASSERT_TRUE(becomes_readable(timer.fd()));
  EXPECT_GE(sample_now().wall, deadline);
  EXPECT_EQ(*timer.drain(), WallTimer::Wake::expired);
  EXPECT_EQ(*timer.drain(), WallTimer::Wake::nothing);
}

TEST(WallTimer, fires_at_once_for_deadlines_that_are_past) {
  for (const WallTime past : {WallTime{}, WallTime{-1ns}, WallTime::min(), sample_now().wall}) {
    WallTimer timer = *WallTimer::open();
    ASSERT_TRUE(timer.arm(past).ok());
    EXPECT_TRUE(becomes_readable(timer.fd())) << past.time_since_epoch().count();
    EXPECT_EQ(*timer.drain(), WallTimer::Wake::expired);
  }
}

TEST(WallTimer, disarming_takes_an_expiry_back) {
  WallTimer timer = *WallTimer::open();
  ASSERT_TRUE(timer.arm(sample_now().wall).ok());
  ASSERT_TRUE(becomes_readable(timer.fd()));
  ASSERT_TRUE(timer.disarm().ok());
  EXPECT_FALSE(is_readable(timer.fd()));
}

/// Steps the wall clock by a millisecond, where the machine allows it, and back at the end of the test.
class ClockStep : public testing::Test {
protected:
  enum class Allowed { yes, no };

  Allowed step() { return step_by(1ms); }

  ~ClockStep() override {
    if (stepped_) step_by(-1ms);
  }

private:
  Allowed step_by(std::chrono::milliseconds offset) {
    timex change{};
    change.modes = ADJ_SETOFFSET | ADJ_NANO;
    const auto seconds = std::chrono::floor<std::chrono::seconds>(offset);
    change.time.tv_sec = seconds.count();
    change.time.tv_usec = std::chrono::nanoseconds(offset - seconds).count();
    if (::adjtimex(&change) < 0) return Allowed::no;
    stepped_ = !stepped_;
    return Allowed::yes;
  }

  bool stepped_ = false;
};

TEST_F(ClockStep, wakes_an_armed_wall_timer) {
  WallTimer timer = *WallTimer::open();
  ASSERT_TRUE(timer.arm(sample_now().wall + 1h).ok());
  if (step() == Allowed::no) GTEST_SKIP() << "this machine does not let us step its clock";
  ASSERT_TRUE(becomes_readable(timer.fd()));
  EXPECT_EQ(*timer.drain(), WallTimer::Wake::clock_changed);
  ASSERT_TRUE(timer.arm(sample_now().wall + 1h).ok());
  EXPECT_FALSE(is_readable(timer.fd()));
}

TEST_F(ClockStep, is_not_lost_when_the_timer_is_armed_again_before_it_is_drained) {
  WallTimer timer = *WallTimer::open();
  ASSERT_TRUE(timer.arm(sample_now().wall + 1h).ok());
  if (step() == Allowed::no) GTEST_SKIP() << "this machine does not let us step its clock";
  ASSERT_TRUE(timer.arm(sample_now().wall + 1h).ok());
  ASSERT_TRUE(timer.arm(sample_now().wall + 2h).ok());
  ASSERT_TRUE(becomes_readable(timer.fd()));
  EXPECT_EQ(*timer.drain(), WallTimer::Wake::clock_changed);
  ASSERT_TRUE(timer.arm(sample_now().wall + 1h).ok());
  EXPECT_FALSE(is_readable(timer.fd()));
}

TEST_F(ClockStep, does_not_wake_a_disarmed_wall_timer) {
  WallTimer timer = *WallTimer::open();
  ASSERT_TRUE(timer.arm(sample_now().wall + 1h).ok());
  ASSERT_TRUE(timer.disarm().ok());
  if (step() == Allowed::no) GTEST_SKIP() << "this machine does not let us step its clock";
  EXPECT_FALSE(is_readable(timer.fd()));
}

TEST_F(ClockStep, does_not_wake_a_mono_timer) {
  MonoTimer timer = *MonoTimer::open();
  ASSERT_TRUE(timer.arm(sample_now().mono + 1h).ok());
  if (step() == Allowed::no) GTEST_SKIP() << "this machine does not let us step its clock";
  EXPECT_FALSE(is_readable(timer.fd()));
}

}  // namespace
}  // namespace sidefridge::os
