// preparation_test.cc - when install_dependencies has to run.
#include "sidefridge/core/preparation.h"

#include <gtest/gtest.h>

namespace sidefridge::core {
namespace {

HookSet installing(std::uint64_t digest) {
  HookSet hooks;
  hooks.assign(Hook::install_dependencies,
               {Script{Hook::install_dependencies, "tools", "/scripts/install_dependencies/tools", "", digest}},
               digest);
  return hooks;
}

TEST(Preparation, without_scripts_is_done) {
  EXPECT_TRUE(Preparation().done(HookSet{}));
  HookSet helpers_alone;
  helpers_alone.assign(Hook::install_dependencies, {}, 7);
  EXPECT_TRUE(Preparation().done(helpers_alone));
}

TEST(Preparation, is_done_once_the_run_has_succeeded) {
  Preparation preparation;
  EXPECT_FALSE(preparation.done(installing(1)));
  preparation.begin(installing(1));
  EXPECT_FALSE(preparation.done(installing(1)));
  preparation.succeed();
  EXPECT_TRUE(preparation.done(installing(1)));
}

TEST(Preparation, is_to_be_done_again_once_the_content_has_changed) {
  Preparation preparation;
  preparation.begin(installing(1));
  preparation.succeed();
  EXPECT_FALSE(preparation.done(installing(2)));
  EXPECT_TRUE(preparation.done(installing(1))) << "changed back before it ran: nothing to do";
}

TEST(Preparation, that_failed_leaves_what_succeeded_before) {
  Preparation preparation;
  preparation.begin(installing(1));
  preparation.succeed();
  preparation.begin(installing(2));
  EXPECT_FALSE(preparation.done(installing(2)));
  EXPECT_TRUE(preparation.done(installing(1)));
}

TEST(Preparation, is_done_for_what_ran_not_for_what_was_read_meanwhile) {
  Preparation preparation;
  preparation.begin(installing(1));
  EXPECT_FALSE(preparation.done(installing(2)));
  preparation.succeed();
  EXPECT_TRUE(preparation.done(installing(1)));
  EXPECT_FALSE(preparation.done(installing(2)));
}

TEST(Preparation, of_a_content_that_is_not_known_is_done_as_any_other) {
  Preparation preparation;
  EXPECT_FALSE(preparation.done(installing(0)));
  preparation.begin(installing(0));
  preparation.succeed();
  EXPECT_TRUE(preparation.done(installing(0)));
}

}  // namespace
}  // namespace sidefridge::core
