// base64_test.cc - the test vectors of RFC 4648.
#include "sidefridge/text/base64.h"

#include <gtest/gtest.h>

namespace sidefridge::text {
namespace {

TEST(Base64, is_that_of_rfc_4648) {
  EXPECT_EQ(format_base64(""), "");
  EXPECT_EQ(format_base64("f"), "Zg==");
  EXPECT_EQ(format_base64("fo"), "Zm8=");
  EXPECT_EQ(format_base64("foo"), "Zm9v");
  EXPECT_EQ(format_base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(format_base64("\xff\xfe\xfb"), "//77");
}

}  // namespace
}  // namespace sidefridge::text
