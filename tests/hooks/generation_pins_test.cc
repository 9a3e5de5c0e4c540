// generation_pins_test.cc - which generations may go.
#include "sidefridge/hooks/generation_pins.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace sidefridge::hooks {
namespace {

using Numbers = std::vector<std::uint64_t>;

TEST(GenerationPins, keep_the_newest) {
  GenerationPins pins;
  EXPECT_EQ(pins.newest(), 0U);
  EXPECT_EQ(pins.take_unused(), Numbers{});
  pins.note_newest(1);
  EXPECT_EQ(pins.take_unused(), Numbers{});
  pins.note_newest(2);
  pins.note_newest(4);
  pins.note_newest(4);
  EXPECT_EQ(pins.newest(), 4U);
  EXPECT_EQ(pins.take_unused(), (Numbers{1, 2}));
  EXPECT_EQ(pins.take_unused(), Numbers{}) << "each is told once";
}

TEST(GenerationPins, keep_one_until_its_last_pin_is_gone) {
  GenerationPins pins;
  pins.note_newest(1);
  pins.pin(1);
  pins.pin(1);
  pins.note_newest(2);
  EXPECT_EQ(pins.take_unused(), Numbers{});
  pins.unpin(1);
  EXPECT_EQ(pins.take_unused(), Numbers{});
  pins.unpin(1);
  EXPECT_EQ(pins.take_unused(), Numbers{1});
  pins.unpin(1);
}

TEST(GenerationPins, a_tree_that_is_not_copied_needs_none) {
  GenerationPins pins;
  pins.note_newest(1);
  pins.note_newest(0);
  pins.pin(0);
  pins.unpin(0);
  EXPECT_EQ(pins.newest(), 0U);
  EXPECT_EQ(pins.take_unused(), Numbers{1});
}

}  // namespace
}  // namespace sidefridge::hooks
