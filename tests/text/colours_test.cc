// colours_test.cc - when colours are wanted, and what they look like.
#include "sidefridge/text/colours.h"

#include <gtest/gtest.h>

namespace sidefridge::text {
namespace {

TEST(Colours, are_for_a_terminal_that_knows_them_and_a_person_who_wants_them) {
  EXPECT_EQ(colours_for(true, "", ""), Colours::of_a_terminal);
  EXPECT_EQ(colours_for(true, "", "xterm-256color"), Colours::of_a_terminal);
  EXPECT_EQ(colours_for(false, "", "xterm-256color"), Colours::none);
  EXPECT_EQ(colours_for(true, "", "dumb"), Colours::none);
  EXPECT_EQ(colours_for(true, "1", "xterm-256color"), Colours::none);
  EXPECT_EQ(colours_for(true, "0", ""), Colours::none);
}

TEST(Colours, tell_good_from_bad_and_leave_the_rest_as_it_is) {
  EXPECT_EQ(painted("ok", Tone::good, Colours::of_a_terminal), "\x1b[32mok\x1b[0m");
  EXPECT_EQ(painted("so so", Tone::doubtful, Colours::of_a_terminal), "\x1b[33mso so\x1b[0m");
  EXPECT_EQ(painted("failed", Tone::bad, Colours::of_a_terminal), "\x1b[31mfailed\x1b[0m");
  EXPECT_EQ(painted("as ever", Tone::plain, Colours::of_a_terminal), "as ever");
  EXPECT_EQ(painted("failed", Tone::bad, Colours::none), "failed");
}

}  // namespace
}  // namespace sidefridge::text
