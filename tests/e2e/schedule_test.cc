// schedule_test.cc - runs that no tick started by itself.
#include <gtest/gtest.h>

#include <csignal>
#include <string>

#include "tests/e2e/stage.h"

namespace sidefridge::e2e {
namespace {

TEST(Schedule, a_run_at_start_that_fails_is_tried_again_and_knows_its_attempt) {
  Stage stage;
  stage.environment["SIDEFRIDGE_RUN_ON_START"] = "true";
  stage.environment["SIDEFRIDGE_RETRIES"] = "2";
  stage.environment["SIDEFRIDGE_RETRY_DELAY"] = "10ms";
  stage.script("backups/bkp",
               "#!/bin/sh\necho \"$SIDEFRIDGE_TRIGGER: attempt $SIDEFRIDGE_ATTEMPT, $SIDEFRIDGE_ATTEMPTS_LEFT left\"\n"
               "[ $SIDEFRIDGE_ATTEMPT = 2 ]\n");
  stage.script("on_error/tell", "#!/bin/sh\necho \"told of attempt $SIDEFRIDGE_ATTEMPT\"\n");
  Program daemon = stage.daemon("0 3 1 1 *");
  EXPECT_TRUE(daemon.wait_for("| start: attempt 1, 2 left"));
  EXPECT_TRUE(daemon.wait_for("| told of attempt 1"));
  EXPECT_TRUE(daemon.wait_for("| start: attempt 2, 1 left"));
  EXPECT_TRUE(daemon.wait_for("succeeded"));
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait_exit(), 0);
  EXPECT_EQ(daemon.lines_with("attempt 3").size(), 0U);
}

TEST(Schedule, a_tick_missed_between_two_daemons_is_caught_up_once) {
  Stage stage;
  stage.environment["SIDEFRIDGE_CATCH_UP"] = "1h";
  stage.script("backups/bkp", "#!/bin/sh\necho \"by $SIDEFRIDGE_TRIGGER\"\n");
  Program first = stage.daemon("* * * * * *");
  ASSERT_TRUE(first.wait_for("| by schedule"));
  first.signal(SIGTERM);
  EXPECT_EQ(first.wait_exit(), 0);
  Program later = stage.shell("begin=$(date +%s); until [ $(date +%s) -gt $((begin + 1)) ]; do sleep 0.02; done");
  EXPECT_EQ(later.wait_exit(), 0);

  Program second = stage.daemon("* * * * * *");
  ASSERT_TRUE(second.wait_for("| by catch-up"));
  ASSERT_TRUE(second.wait_for("| by schedule"));
  second.signal(SIGTERM);
  EXPECT_EQ(second.wait_exit(), 0);
  EXPECT_EQ(second.lines_with("| by catch-up").size(), 1U);
}

TEST(Schedule, a_first_daemon_has_missed_nothing) {
  Stage stage;
  stage.environment["SIDEFRIDGE_CATCH_UP"] = "365d";
  stage.script("backups/bkp", "#!/bin/sh\necho \"by $SIDEFRIDGE_TRIGGER\"\n");
  Program daemon = stage.daemon("* * * * * *");
  ASSERT_TRUE(daemon.wait_for("| by schedule"));
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait_exit(), 0);
  EXPECT_EQ(daemon.lines_with("| by catch-up").size(), 0U);
}

}  // namespace
}  // namespace sidefridge::e2e
