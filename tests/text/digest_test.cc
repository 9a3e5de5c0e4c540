#include "sidefridge/text/digest.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

namespace sidefridge::text {
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

TEST(DigestOf, is_the_published_xxh64) {
  EXPECT_EQ(digest_of(""), 0xef46db3751d8e999U);
  EXPECT_EQ(digest_of("a"), 0xd24ec4f1a98c6e5bU);
  EXPECT_EQ(digest_of("abc"), 0x44bc2cf5ad770999U);
  EXPECT_EQ(digest_of("Nobody inspects the spammish repetition"), 0xfbcea83c8a378bf1U);
}

TEST(DigestOf, tells_a_flipped_bit_and_a_missing_byte_at_every_place_of_every_length) {
  for (std::size_t length = 1; length <= 80; ++length) {
    const std::string bytes(length, 'x');
    std::set<std::uint64_t> seen{digest_of(bytes), digest_of(bytes.substr(1))};
    for (std::size_t at = 0; at < length; ++at) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string flipped = bytes;
        flipped[at] = static_cast<char>(flipped[at] ^ 1 << bit);
        seen.insert(digest_of(flipped));
      }
    }
    EXPECT_EQ(seen.size(), 8 * length + 2) << length;
  }
}

}  // namespace
}  // namespace sidefridge::text
