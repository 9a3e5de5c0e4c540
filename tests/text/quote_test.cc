// quote_test.cc - foreign text on one line of ours.
#include "sidefridge/text/quote.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace sidefridge::text {
namespace {

TEST(Quote, passes_what_prints_in_any_language) {
  EXPECT_EQ(in_quotes(""), "''");
  EXPECT_EQ(in_quotes("10 größe"), "'10 größe'");
}

TEST(Quote, stays_on_one_line) {
  EXPECT_EQ(in_quotes("a\nb\x7f\x1b["), "'a\\x0ab\\x7f\\x1b['");
}

TEST(Quote, shows_what_nobody_sees_as_its_number) {
  EXPECT_EQ(in_quotes("0\u00a03"), "'0\\u00a03'");
  EXPECT_EQ(in_quotes("\ufeff0 3\u200b\u202e\u3000"), "'\\ufeff0 3\\u200b\\u202e\\u3000'");
  EXPECT_EQ(in_quotes("\u0085"), "'\\u0085'");
  EXPECT_EQ(in_quotes("日本 Ж é 😀 \xff"), "'日本 Ж é 😀 \xff'");
}

TEST(Quote, stays_short) {
  EXPECT_EQ(in_quotes(std::string(64, 'x')), "'" + std::string(64, 'x') + "'");
  EXPECT_EQ(in_quotes(std::string(65, 'x')), "'" + std::string(64, 'x') + "...'");
}

TEST(OneLine, has_a_question_mark_for_each_control_character) {
  EXPECT_EQ(one_line(""), "");
  EXPECT_EQ(one_line("10 größe"), "10 größe");
  EXPECT_EQ(one_line(std::string_view("a\nb\0c\x7f\t\x1b[", 9)), "a?b?c???[");
}

}  // namespace
}  // namespace sidefridge::text
