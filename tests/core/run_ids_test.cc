// run_ids_test.cc - names that nobody else has.
#include "sidefridge/core/run_ids.h"

#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <string>

#include "tests/core/turns.h"

namespace sidefridge::core {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

TEST(RunIds, are_the_instant_and_a_count_from_the_seed) {
  RunIds ids(0x7f3a);
  EXPECT_EQ(ids.make(wall("03:00:00") + milliseconds(4)), "20261123-030000-004-7f3a");
  EXPECT_EQ(ids.make(wall("03:00:00") + milliseconds(4)), "20261123-030000-004-7f3b");
}

TEST(RunIds, sort_by_time_as_text) {
  RunIds ids(0xffff);
  const std::string first = ids.make(wall("03:00:00"));
  EXPECT_LT(first, ids.make(wall("03:00:00") + milliseconds(1)));
}

TEST(RunIds, differ_at_one_instant_and_after_the_wall_clock_was_set_back) {
  RunIds ids(0xfff0);
  std::set<std::string> made;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(made.insert(ids.make(wall("03:00:00"))).second);
    EXPECT_TRUE(made.insert(ids.make(wall("03:00:00") - hours(i % 2))).second);
  }
}

TEST(RunIds, differ_between_processes_by_their_seed) {
  EXPECT_NE(RunIds(1).make(wall("03:00:00")), RunIds(2).make(wall("03:00:00")));
}

TEST(RunIds, are_fit_for_file_names_at_any_instant) {
  RunIds ids(0);
  for (const WallTime at : {WallTime(), WallTime::max(), WallTime::min()}) {
    const std::string id = ids.make(at);
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef-"), std::string::npos) << id;
    EXPECT_FALSE(id.starts_with("-")) << id;
  }
}

}  // namespace
}  // namespace sidefridge::core
