// join_test.cc - separators stand between words only.
#include "sidefridge/text/join.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace sidefridge::text {
namespace {

using Words = std::vector<std::string>;

TEST(Join, puts_the_separator_between_words) {
  EXPECT_EQ(join(Words{}), "");
  EXPECT_EQ(join(Words{"a"}), "a");
  EXPECT_EQ(join(Words{"a", "b", "c"}), "a, b, c");
  EXPECT_EQ(join(std::array<std::string_view, 2>{"a", "b"}, "; "), "a; b");
}

TEST(Join, keeps_the_place_of_an_empty_word) {
  EXPECT_EQ(join(Words{"", "b"}), ", b");
  EXPECT_EQ(join(Words{"a", ""}), "a, ");
}

TEST(Join, has_another_separator_before_the_last_word) {
  EXPECT_EQ(join(Words{"a"}, ", ", " and "), "a");
  EXPECT_EQ(join(Words{"a", "b"}, ", ", " and "), "a and b");
  EXPECT_EQ(join(Words{"a", "b", "c"}, ", ", " and "), "a, b and c");
}

}  // namespace
}  // namespace sidefridge::text
