#include "sidefridge/kubernetes/cksum.h"

#include <gtest/gtest.h>

#include <string>

namespace sidefridge::kubernetes {
namespace {

Checksum of(std::string_view text) {
  return Cksum().add(text).value();
}

// What cksum(1) of coreutils and of busybox print.
TEST(Cksum, is_what_cksum_prints) {
  EXPECT_EQ(of(""), (Checksum{4294967295U, 0}));
  EXPECT_EQ(of("123456789"), (Checksum{930766865U, 9}));
  EXPECT_EQ(of("hello\n"), (Checksum{3015617425U, 6}));
  EXPECT_EQ(of(std::string(100'000, '\0')), (Checksum{1260869142U, 100'000}));
}

TEST(Cksum, does_not_depend_on_how_the_bytes_are_cut) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += static_cast<char>(i * 7);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    const std::string_view view = text;
    ASSERT_EQ(Cksum().add(view.substr(0, cut)).add(view.substr(cut)).value(), of(text));
  }
}

TEST(Cksum, tells_one_changed_bit_and_one_lost_byte) {
  std::string text(1000, 'a');
  const Checksum whole = of(text);
  text[500] = 'c';
  EXPECT_NE(of(text), whole);
  EXPECT_NE(of(text.substr(1)), whole);
}

}  // namespace
}  // namespace sidefridge::kubernetes
