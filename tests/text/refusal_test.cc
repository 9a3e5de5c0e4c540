// refusal_test.cc - the one form of a refusal, and numbers within their limits.
#include "sidefridge/text/refusal.h"

#include <gtest/gtest.h>

#include <string_view>

namespace sidefridge::text {
namespace {

TEST(Refusal, names_what_was_found_and_what_is_allowed) {
  const Error error = refusal("'soon'", "25s or 90m");
  EXPECT_EQ(error.code, ErrorCode::invalid);
  EXPECT_EQ(error.text, "found 'soon', allowed: 25s or 90m");
}

TEST(ParseCount, takes_whole_numbers_within_the_limits) {
  EXPECT_EQ(*parse_count("1", 1, 100), 1U);
  EXPECT_EQ(*parse_count("100", 1, 100), 100U);
  EXPECT_EQ(*parse_count("0", 0, 100), 0U);
  EXPECT_EQ(*parse_count("18446744073709551615", 0, UINT64_MAX), UINT64_MAX);
}

TEST(ParseCount, refuses_all_else) {
  for (const std::string_view text :
       {"", "0", "101", "-1", "+1", " 1", "1 ", "1.0", "0x1", "ten", "18446744073709551616"}) {
    const auto count = parse_count(text, 1, 100);
    ASSERT_FALSE(count.ok()) << text;
    EXPECT_EQ(count.error().code, ErrorCode::invalid);
    EXPECT_TRUE(count.error().text.ends_with(", allowed: 1 to 100")) << count.error().text;
  }
  EXPECT_EQ(parse_count("ten\n", 1, 100).error().text, "found 'ten\\x0a', allowed: 1 to 100");
}

}  // namespace
}  // namespace sidefridge::text
