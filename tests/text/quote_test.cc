// quote_test.cc - foreign text on one line of ours.
#include "sidefridge/text/quote.h"

#include <gtest/gtest.h>

#include <string>

namespace sidefridge::text {
namespace {

TEST(Quote, passes_what_prints_in_any_language) {
  EXPECT_EQ(in_quotes(""), "''");
  EXPECT_EQ(in_quotes("10 größe"), "'10 größe'");
}

TEST(Quote, stays_on_one_line) {
  EXPECT_EQ(in_quotes("a\nb\x7f\x1b["), "'a\\x0ab\\x7f\\x1b['");
}

TEST(Quote, stays_short) {
  EXPECT_EQ(in_quotes(std::string(64, 'x')), "'" + std::string(64, 'x') + "'");
  EXPECT_EQ(in_quotes(std::string(65, 'x')), "'" + std::string(64, 'x') + "...'");
}

}  // namespace
}  // namespace sidefridge::text
