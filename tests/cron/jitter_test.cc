// jitter_test.cc - the delay that a pod's name gives.
#include "sidefridge/cron/jitter.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <string>

namespace sidefridge::cron {
namespace {

using namespace std::chrono_literals;

TEST(Jitter, is_the_same_for_the_same_name_in_every_version) {
  EXPECT_EQ(jitter_of("db-0", 5min), jitter_of("db-0", 5min));
  EXPECT_EQ(jitter_of("db-0", 5min), 248'735ms);
}

TEST(Jitter, of_nothing_is_nothing) {
  EXPECT_EQ(jitter_of("db-0", 0s), 0s);
  EXPECT_EQ(jitter_of("db-0", 1ms), 0s);
}

TEST(Jitter, spreads_the_pods_of_a_stateful_set) {
  std::array<int, 10> pods_in_tenth{};
  for (int i = 0; i < 1000; ++i) {
    const Duration delay = jitter_of("db-" + std::to_string(i), 100s);
    ASSERT_GE(delay, 0s);
    ASSERT_LT(delay, 100s);
    ++pods_in_tenth.at(static_cast<std::size_t>(delay / 10s));
  }
  for (const int pods : pods_in_tenth) EXPECT_NEAR(pods, 100, 40);
}

}  // namespace
}  // namespace sidefridge::cron
