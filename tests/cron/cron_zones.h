// cron_zones.h - the time zones that schedules are tried in: ordinary ones, and every kind of strange one.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sidefridge/cron/zone.h"
#include "tzif_bytes.h"

namespace sidefridge::cron {

inline Zone ruled_zone(std::string_view rule) {
  auto zone = Zone::from_posix(rule);
  if (!zone) std::abort();
  return *std::move(zone);
}

inline Zone table_zone(std::string name, std::int32_t first_offset, const std::vector<TzifChange>& changes,
                       std::string_view footer = {}) {
  auto zone = Zone::from_tzif(std::move(name), tzif_bytes(first_offset, changes, footer));
  if (!zone) std::abort();
  return *std::move(zone);
}

inline Zone berlin() {
  return ruled_zone("CET-1CEST,M3.5.0,M10.5.0/3");
}
inline Zone new_york() {
  return ruled_zone("EST5EDT,M3.2.0,M11.1.0");
}
/// Half an hour.
inline Zone lord_howe() {
  return ruled_zone("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0");
}
/// The gap swallows midnight, and the overlap repeats the hour before it (as until 2019).
inline Zone sao_paulo() {
  return ruled_zone("<-03>3<-02>,M11.1.0/0,M2.3.0/0");
}
/// Winter is the exception: "daylight saving" is an hour less.
inline Zone dublin() {
  return ruled_zone("IST-1GMT0,M10.5.0,M3.5.0/1");
}
/// 2011-12-30 was left out.
inline Zone apia() {
  return table_zone("Pacific/Apia", -11 * 3600, {{1316872800, -10 * 3600}, {1325239200, 14 * 3600}});
}
/// 1993-08-21 was left out, and most of 1969-09-30 came twice.
inline Zone kwajalein() {
  return table_zone("Pacific/Kwajalein", 11 * 3600, {{-7988400, -12 * 3600}, {745934400, 12 * 3600}});
}
inline constexpr std::chrono::sys_seconds restless_from{std::chrono::seconds(1'700'000'000)};
/// Seconds in its offsets, changes within hours, both ways, and some that change nothing for long.
inline Zone restless() {
  constexpr std::int64_t begin = restless_from.time_since_epoch().count();
  return table_zone("Restless", 3208,
                    {{begin, 7200},
                     {begin + 1800, 3600},
                     {begin + 2700, 0},
                     {begin + 9000, 10'800},
                     {begin + 9060, 3600},
                     {begin + 50'000, -43'200},
                     {begin + 100'000, 50'400},
                     {begin + 150'000, -36'061},
                     {begin + 40'000'000, 14'399},
                     {begin + 40'000'001, 14'400}});
}

inline std::vector<Zone> all_test_zones() {
  std::vector<Zone> zones{Zone(),
                          berlin(),
                          new_york(),
                          lord_howe(),
                          sao_paulo(),
                          dublin(),
                          apia(),
                          kwajalein(),
                          restless(),
                          ruled_zone("IST-5:30"),
                          ruled_zone("<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45"),
                          ruled_zone("<-02>2<-01>,M3.5.0/-1,M10.5.0/0"),
                          ruled_zone("XXX-1YYY-5:30:10,J59/167,J300/-167"),
                          ruled_zone("AAA24BBB-24,J100/0,J200/0")};
  return zones;
}

}  // namespace sidefridge::cron
