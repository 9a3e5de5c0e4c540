// quote_test.cc - foreign text on one line of ours.
#include "sidefridge/core/quote.h"

#include <gtest/gtest.h>

#include <string>

namespace sidefridge::core {
namespace {

TEST(Quoted, passes_what_prints_in_any_language) {
  EXPECT_EQ(quoted(""), "''");
  EXPECT_EQ(quoted("10 größe"), "'10 größe'");
}

TEST(Quoted, stays_on_one_line) {
  EXPECT_EQ(quoted("a\nb\x7f\x1b["), "'a\\x0ab\\x7f\\x1b['");
}

TEST(Quoted, stays_short) {
  EXPECT_EQ(quoted(std::string(64, 'x')), "'" + std::string(64, 'x') + "'");
  EXPECT_EQ(quoted(std::string(65, 'x')), "'" + std::string(64, 'x') + "...'");
}

}  // namespace
}  // namespace sidefridge::core
