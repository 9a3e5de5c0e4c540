// schedule_file_test.cc - a schedule in a file, as people and editors write it.
#include "sidefridge/daemon/schedule_file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "tests/store/fixture.h"

namespace sidefridge::daemon {
namespace {

class ScheduleFileTest : public testing::Test {
protected:
  store::TempDir dir_;

  Result<cron::Schedule> read(std::string_view text) const {
    std::ofstream(dir_ / "schedule", std::ios::binary) << text;
    ScheduleFile file(dir_ / "schedule", "", [](std::string_view) { return Result<cron::Zone>(cron::Zone()); });
    return *file.read();
  }
  std::string refusal_of(std::string_view text) const {
    const auto schedule = read(text);
    EXPECT_FALSE(schedule.ok()) << text;
    return schedule ? std::string() : schedule.error().text;
  }
};

TEST_F(ScheduleFileTest, comments_empty_lines_carriage_returns_and_a_byte_order_mark_do_not_count) {
  for (const char* const text : {"0 3 * * 1#2", "0 3 * * 1#2\n", "0 3 * * 1#2\r\n",
                                 "\xef\xbb\xbf"
                                 "0 3 * * 1#2\r\n",
                                 "\r\n \t0 3 * * 1#2 \t\r\n\r\n", "# every month\n0 3 * * 1#2\n",
                                 "#\r\n\r\n  # the second Monday\r\n0 3 * * 1#2   # here, too\r\n# end"}) {
    const auto schedule = read(text);
    ASSERT_TRUE(schedule.ok()) << text << ": " << schedule.error().text;
    EXPECT_EQ(schedule->text, "0 3 * * 1#2") << text;
  }
}

TEST_F(ScheduleFileTest, one_without_a_schedule_is_told_as_empty) {
  for (const char* const text : {"", "\n", "\xef\xbb\xbf", "# 0 3 * * *\n", " \r\n\t"}) {
    EXPECT_EQ(refusal_of(text), "the schedule file '" + (dir_ / "schedule") + "' is empty") << text;
  }
}

TEST_F(ScheduleFileTest, one_with_two_schedules_is_refused) {
  EXPECT_EQ(refusal_of("0 3 * * *\n0 4 * * *\n"), "the schedule file '" + (dir_ / "schedule") +
                                                      "' has 2 lines that are no comments: it is to hold one schedule");
}

TEST_F(ScheduleFileTest, one_too_large_is_refused_and_not_cut) {
  const std::string schedule = "0 3 * * *\n";
  EXPECT_TRUE(read(schedule + std::string(4096 - schedule.size(), ' ')).ok());
  EXPECT_EQ(refusal_of(schedule + std::string(4097 - schedule.size(), ' ')),
            "the schedule file '" + (dir_ / "schedule") + "' is larger than 4 KiB: it is to hold one schedule");
}

}  // namespace
}  // namespace sidefridge::daemon
