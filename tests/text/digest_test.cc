#include "sidefridge/text/digest.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

namespace sidefridge::text {
namespace {

TEST(DigestOf, is_the_published_xxh64) {
  EXPECT_EQ(digest_of(""), 0xef46db3751d8e999U);
  EXPECT_EQ(digest_of("a"), 0xd24ec4f1a98c6e5bU);
  EXPECT_EQ(digest_of("abc"), 0x44bc2cf5ad770999U);
  EXPECT_EQ(digest_of("Nobody inspects the spammish repetition"), 0xfbcea83c8a378bf1U);
  EXPECT_EQ(digest_of("", 2654435761U), 0xac75fda2929b17efU);
  EXPECT_EQ(digest_of("xxhash", 20141025U), 0xb559b98d844e0635U);
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

TEST(DigestOf, takes_the_seed_into_texts_of_every_length) {
  for (std::size_t length = 0; length <= 80; ++length) {
    const std::string bytes(length, 'x');
    EXPECT_NE(digest_of(bytes, 1), digest_of(bytes, 2)) << length;
  }
}

TEST(Digest, of_one_part_is_that_parts_digest) {
  EXPECT_EQ(Digest().add("abc").value(), digest_of("abc"));
}

TEST(Digest, depends_on_each_part_on_their_order_and_on_where_they_end) {
  const std::set<std::uint64_t> seen{
      Digest().value(),
      Digest().add("").value(),
      Digest().add("foobar").value(),
      Digest().add("foo").add("bar").value(),
      Digest().add("bar").add("foo").value(),
      Digest().add("foo").add("").add("bar").value(),
      Digest().add("foob").add("ar").value(),
  };
  EXPECT_EQ(seen.size(), 7U);
}

TEST(Digest, takes_every_byte_of_a_number) {
  const std::uint64_t number = 0x8070605040302010;
  EXPECT_EQ(Digest().add(number).value(), Digest().add("\x10\x20\x30\x40\x50\x60\x70\x80").value());
}

}  // namespace
}  // namespace sidefridge::text
