// hex_test.cc - each byte's two digits.
#include "sidefridge/text/hex.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <string>

namespace sidefridge::text {
namespace {

TEST(Hex, is_what_printf_prints_for_every_byte) {
  for (int byte = 0; byte < 256; ++byte) {
    char expected[3];
    std::snprintf(expected, sizeof expected, "%02x", static_cast<unsigned>(byte));
    std::string text = "x";
    append_hex(text, static_cast<unsigned char>(byte));
    EXPECT_EQ(text, std::string("x") + expected);
  }
}

}  // namespace
}  // namespace sidefridge::text
