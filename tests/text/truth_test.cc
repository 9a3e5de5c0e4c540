#include "sidefridge/text/truth.h"

#include <gtest/gtest.h>

namespace sidefridge::text {
namespace {

TEST(Truth, is_read_as_people_write_it) {
  for (const char* text : {"true", "True", "YES", "on", "1", " true\r\n", "\tyes "}) EXPECT_EQ(parse_truth(text), true);
  for (const char* text : {"false", "FALSE", "no", "Off", "0", "0\n"}) EXPECT_EQ(parse_truth(text), false);
}

TEST(Truth, is_nothing_else) {
  for (const char* text : {"", " ", "\n", "2", "tru", "truee", "y", "true false", "'true'", "\xc2\xa0true"}) {
    EXPECT_EQ(parse_truth(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace sidefridge::text
