// patience_test.cc - the instants of an ending.
#include "sidefridge/core/patience.h"

#include <gtest/gtest.h>

#include <chrono>

namespace sidefridge::core {
namespace {

using namespace std::chrono_literals;

constexpr MonoTime told = MonoTime(1h);

TEST(Shutdown, has_the_instants_of_the_table_with_the_default_grace) {
  const Shutdown times = Shutdown::at(told, default_grace);
  EXPECT_EQ(times.grace_deadline - told, 15s);
  EXPECT_EQ(times.kill_deadline - told, 20s);
  EXPECT_EQ(times.give_up_deadline - told, 22s);
  EXPECT_EQ(times.record_deadline - told, 24s);
  EXPECT_EQ(times.exit_deadline - told, 26s);
  EXPECT_EQ(times.exit_deadline + last_words_patience - told, default_grace + ending_patience);
}

TEST(Shutdown, without_grace_is_over_within_what_comes_after_the_grace) {
  EXPECT_EQ(Shutdown::at(told, 0s).exit_deadline + last_words_patience - told, ending_patience);
}

TEST(Shutdown, told_again_leaves_no_time_before_sigkill) {
  const Shutdown times = Shutdown::at(told, default_grace).again(told);
  EXPECT_EQ(times.grace_deadline, told);
  EXPECT_EQ(times.kill_deadline, told);
  EXPECT_EQ(times.give_up_deadline - told, 2s);
  EXPECT_EQ(times.record_deadline - told, 4s);
  EXPECT_EQ(times.exit_deadline - told, 6s);
}

TEST(Shutdown, told_a_third_time_puts_nothing_off) {
  const Shutdown twice = Shutdown::at(told, default_grace).again(told + 1s);
  const Shutdown thrice = twice.again(told + 2s);
  EXPECT_EQ(thrice.give_up_deadline, twice.give_up_deadline);
  EXPECT_EQ(thrice.exit_deadline, twice.exit_deadline);
}

}  // namespace
}  // namespace sidefridge::core
