#include "sidefridge/core/digest.h"

#include <gtest/gtest.h>

#include <string>

namespace sidefridge::core {
namespace {

TEST(Digest, is_the_published_fnv_1a) {
  EXPECT_EQ(Digest().value(), 0xcbf29ce484222325U);
  EXPECT_EQ(Digest().add("a").value(), 0xaf63dc4c8601ec8cU);
  EXPECT_EQ(Digest().add("foobar").value(), 0x85944171f73967e8U);
}

TEST(Digest, does_not_depend_on_how_bytes_are_cut) {
  EXPECT_EQ(Digest().add("foo").add("").add("bar").value(), Digest().add("foobar").value());
}

TEST(Digest, takes_every_byte_of_a_number) {
  const std::uint64_t number = 0x8070605040302010;
  EXPECT_EQ(Digest().add(number).value(), Digest().add("\x10\x20\x30\x40\x50\x60\x70\x80").value());
}

TEST(Digest, bytes_beyond_ascii_count_as_unsigned) {
  EXPECT_EQ(Digest().add("\xff").value(), (0xcbf29ce484222325U ^ 0xffU) * 0x100000001b3U);
}

}  // namespace
}  // namespace sidefridge::core
