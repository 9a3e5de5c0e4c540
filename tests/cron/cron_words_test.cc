// cron_words_test.cc - expressions in plain words, and that no two different ones share theirs.
#include "sidefridge/cron/cron_words.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sidefridge/cron/month_days.h"
#include "sidefridge/cron/zone.h"

namespace sidefridge::cron {
namespace {

TEST(CronWords, says_what_an_expression_means) {
  const struct {
    std::string_view expression, expected;
  } rows[] = {
      // Times of day.
      {"30 2 * * *", "at 02:30 every day"},
      {"@daily", "at 00:00 every day"},
      {"0 */6 * * *", "at 00:00, 06:00, 12:00 and 18:00 every day"},
      {"0,30 9,17 * * *", "at 09:00, 09:30, 17:00 and 17:30 every day"},
      {"15 30 2 * * *", "at 02:30:15 every day"},
      {"0,30 0 12 * * *", "at 12:00:00 and 12:00:30 every day"},
      {"5 1,2,3,5,8,13,21 * * *", "at 01:05, 02:05, 03:05, 05:05, 08:05, 13:05 and 21:05 every day"},
      // Every so often.
      {"* * * * *", "every minute"},
      {"*/15 * * * *", "every 15 minutes"},
      {"0-45/15 * * * *", "every 15 minutes"},
      {"*/1 * * * *", "every minute"},
      {"* * * * * *", "every second"},
      {"*/10 * * * * *", "every 10 seconds"},
      {"*/10 5 * * * *", "every 10 seconds in minute 5 of every hour"},
      {"15 * * * * *", "at second 15 of every minute"},
      {"0,15,16 * * * * *", "at seconds 0, 15 and 16 of every minute"},
      {"5 10 * * * *", "at second 5 in minute 10 of every hour"},
      {"@hourly", "at minute 0 of every hour"},
      {"5,35 * * * *", "at minutes 5 and 35 of every hour"},
      // Steps that do not go evenly into the hour are no "every".
      {"*/7 * * * *", "at minutes 0, 7, 14, 21, 28, 35, 42, 49 and 56 of every hour"},
      {"*/40 * * * *", "at minutes 0 and 40 of every hour"},
      {"5/15 * * * *", "at minutes 5, 20, 35 and 50 of every hour"},
      {"0-9,30 * * * *", "at minutes 0 to 9 and 30 of every hour"},
      // Hours.
      {"* 9-17 * * *", "every minute between 09:00 and 17:59"},
      {"*/15 9-17 * * *", "every 15 minutes between 09:00 and 17:59"},
      {"*/5 3 * * *", "every 5 minutes between 03:00 and 03:59"},
      {"* * 9-17 * * *", "every second between 09:00:00 and 17:59:59"},
      {"* 22-6 * * *", "every minute between 22:00 and 06:59"},
      {"* 22-6 * * mon", "every minute in the hours 00 to 06, 22 and 23 on Mondays"},
      {"*/20 0,6,12 * * *", "every 20 minutes in the hours 00, 06 and 12"},
      {"*/30 */2 * * *", "every 30 minutes in the hours 00, 02, 04, 06, 08, 10, 12, 14, 16, 18, 20 and 22"},
      {"0 9-17 * * *", "every hour from 09:00 to 17:00"},
      {"30 */2 * * *", "every 2 hours from 00:30 to 22:30"},
      {"30 22-6 * * *", "every hour from 22:30 to 06:30"},
      {"30 22-6 * jan *", "at 00:30, 01:30, 02:30, 03:30, 04:30, 05:30, 06:30, 22:30 and 23:30 every day in January"},
      {"5,20,35 9-17 * * *", "at minutes 5, 20 and 35 of every hour between 09:00 and 17:59"},
      {"0-6 3 * * *", "at minutes 0 to 6 between 03:00 and 03:59"},
      {"0,1 2,5,9,11 * * *", "at minutes 0 and 1 in the hours 02, 05, 09 and 11"},
      // Weekdays.
      {"30 2 * * mon-fri", "at 02:30 on weekdays"},
      {"0 3 * * 0", "at 03:00 on Sundays"},
      {"0 3 * * sat,sun", "at 03:00 on Saturdays and Sundays"},
      {"0 3 * * 0-6", "at 03:00 every day"},
      {"0 3 * * mon#2", "at 03:00 on the 2nd Monday of the month"},
      {"0 3 * * fri,mon#1,sunL", "at 03:00 on Fridays, the 1st Monday and the last Sunday of the month"},
      {"0 3 * jan,jul friL", "at 03:00 on the last Friday of January and July"},
      {"*/15 9-17 * * mon-fri", "every 15 minutes between 09:00 and 17:59 on weekdays"},
      // Days of the month.
      {"0 3 L * *", "at 03:00 on the last day of the month"},
      {"0 3 1 * *", "at 03:00 on the 1st of the month"},
      {"0 3 1,15 * *", "at 03:00 on the 1st and the 15th of the month"},
      {"0 3 2,3,11-13,21,22,23 * *",
       "at 03:00 on the 2nd, the 3rd, the 11th to the 13th and the 21st to the 23rd of the month"},
      {"0 3 1-31 * *", "at 03:00 every day"},
      {"0 3 L-1,L * *", "at 03:00 on the day before the last day and the last day of the month"},
      {"0 3 L-3 * *", "at 03:00 on the 3rd day before the last day of the month"},
      {"0 3 15W * *", "at 03:00 on the weekday nearest the 15th of the month"},
      {"0 3 31W * *", "at 03:00 on the weekday nearest the 31st (if there is one) of the month"},
      {"0 3 1,LW * *", "at 03:00 on the 1st and the last weekday of the month"},
      {"0 0 29 2 *", "at 00:00 on the 29th of February"},
      {"@yearly", "at 00:00 on the 1st of January"},
      {"0 3 * 1 *", "at 03:00 every day in January"},
      {"*/15 * * 6-8 *", "every 15 minutes in June, July and August"},
      {"0 3 * 1 mon", "at 03:00 on Mondays in January"},
      // Either.
      {"0 4 1,15 * mon", "at 04:00 on the 1st, the 15th and on Mondays"},
      {"0 4 1 * mon,fri", "at 04:00 on the 1st and on Mondays and Fridays"},
      {"0 4 L * friL", "at 04:00 on the last day and on the last Friday of the month"},
      {"0 4 1 jan,jul mon", "at 04:00 on the 1st and on Mondays, in January and July only"},
      {"0 4 1 * 0-6", "at 04:00 every day"},
      {"* * 13 * fri", "every minute on the 13th and on Fridays"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(describe(*parse_cron(row.expression), Zone()), std::string(row.expected) + ", UTC") << row.expression;
  }
}

TEST(CronWords, names_the_zone_as_it_was_asked_for) {
  const Zone zone = *Zone::from_posix("CET-1CEST,M3.5.0,M10.5.0/3");
  EXPECT_EQ(describe(*parse_cron("0 3 * * *"), zone), "at 03:00 every day, CET-1CEST,M3.5.0,M10.5.0/3");
}

/// All that decides at which local times it fires, and nothing else.
std::string meaning_of(const CronExpression& expression) {
  std::string meaning;
  for (const std::uint64_t bits :
       {expression.seconds, expression.minutes, std::uint64_t{expression.hours}, std::uint64_t{expression.months}}) {
    meaning += std::to_string(bits) + ' ';
  }
  for (unsigned length = 28; length <= 31; ++length) {
    for (unsigned first_weekday = 0; first_weekday < 7; ++first_weekday) {
      meaning += std::to_string(matching_days(expression, length, first_weekday)) + ' ';
    }
  }
  return meaning;
}

TEST(CronWords, has_different_words_for_what_is_different) {
  constexpr std::array seconds{"0", "0,30"};
  constexpr std::array minutes{"*", "0", "5", "*/15", "0,1"};
  constexpr std::array hours{"*", "0", "9-17", "22-6", "*/2", "1,2,5"};
  constexpr std::array days{"*", "1", "1,2", "L", "L-1", "LW", "15W", "31W", "1-31", "1-30"};
  constexpr std::array months{"*", "1,7"};
  constexpr std::array weekdays{"*", "mon", "mon-fri", "mon,fri", "mon#1", "monL", "0-6", "mon-sat", "mon#1,friL"};
  std::unordered_map<std::string, std::string> meaning_by_words;
  for (const std::string second : seconds) {
    for (const std::string minute : minutes) {
      for (const std::string hour : hours) {
        for (const std::string day : days) {
          for (const std::string month : months) {
            for (const std::string weekday : weekdays) {
              const std::string text = second + " " + minute + " " + hour + " " + day + " " + month + " " + weekday;
              const CronExpression expression = *parse_cron(text);
              const auto [known, is_new] =
                  meaning_by_words.try_emplace(describe(expression, Zone()), meaning_of(expression));
              ASSERT_TRUE(is_new || known->second == meaning_of(expression)) << text << ": " << known->first;
            }
          }
        }
      }
    }
  }
  EXPECT_GT(meaning_by_words.size(), std::size_t{5'000});
}

}  // namespace
}  // namespace sidefridge::cron
