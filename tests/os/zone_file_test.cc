// zone_file_test.cc - time zones by name, and the whole tz database of this machine against libc.
#include "sidefridge/os/zone_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fixture.h"
#include "sidefridge/text/time_format.h"

namespace sidefridge::os {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr const char* database = "/usr/share/zoneinfo";
constexpr WallTime winter{std::chrono::sys_days(std::chrono::year(2026) / 1 / 15)};

cron::Zone zone(std::string_view name) {
  auto loaded = load_zone(name);
  EXPECT_TRUE(loaded.ok()) << (loaded ? "" : loaded.error().text);
  return loaded ? *std::move(loaded) : cron::Zone();
}

sys_seconds instant(std::string_view text) {
  const auto at = text::parse_rfc3339(text);
  EXPECT_TRUE(at.ok()) << text;
  return std::chrono::floor<seconds>(*at);
}

std::string text_of(sys_seconds at) {
  if (at == sys_seconds::min() || at == sys_seconds::max()) return "ever";
  return text::format_rfc3339(WallTime(at));
}

/// Units of the offset: minutes.
std::string text_of(const cron::ZonePeriod& period) {
  return text_of(period.begins_at) + " to " + text_of(period.ends_at) + " " +
         std::to_string(std::chrono::duration_cast<std::chrono::minutes>(period.offset).count());
}

TEST(ZoneFile, knows_what_the_tz_database_tells) {
  struct Row {
    std::string_view zone;
    std::string_view at;
    std::string_view expected;
    std::string_view origin;  // in the tz database
  };
  const Row rows[] = {
      {"America/New_York", "2025-03-09T07:00:00Z", "2025-03-09T07:00:00Z to 2025-11-02T06:00:00Z -240",
       "northamerica: Rule US 2007 on"},
      {"Europe/Berlin", "2025-10-26T01:00:00Z", "2025-10-26T01:00:00Z to 2026-03-29T01:00:00Z 60",
       "europe: Rule EU 1981 and 1996 on"},
      {"Europe/Berlin", "1960-07-01T00:00:00Z", "1949-10-02T01:00:00Z to 1980-04-06T01:00:00Z 60",
       "europe: Rule Germany until 1949, EU from 1980 on"},
      {"America/Sao_Paulo", "2018-11-04T03:00:00Z", "2018-11-04T03:00:00Z to 2019-02-17T02:00:00Z -120",
       "southamerica: Rule Brazil 2018, from 0:00 on: a midnight that is not there"},
      {"America/Sao_Paulo", "2025-11-04T03:00:00Z", "2019-02-17T02:00:00Z to ever -180",
       "southamerica: Rule Brazil, none since 2019"},
      {"Australia/Lord_Howe", "2025-12-01T00:00:00Z", "2025-10-04T15:30:00Z to 2026-04-04T15:00:00Z 660",
       "australasia: Rule LH 2008 on, half an hour"},
      {"Asia/Kathmandu", "1985-12-31T18:29:59Z", "1919-12-31T18:18:44Z to 1985-12-31T18:30:00Z 330",
       "asia: Zone Asia/Kathmandu"},
      {"Asia/Kathmandu", "2025-01-01T00:00:00Z", "1985-12-31T18:30:00Z to ever 345", "asia: Zone Asia/Kathmandu"},
      {"Pacific/Apia", "2011-12-30T09:59:59Z", "2011-09-24T14:00:00Z to 2011-12-30T10:00:00Z -600",
       "australasia: Zone Pacific/Apia, 2011-12-30 was not"},
      {"Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z to 2012-03-31T14:00:00Z 840",
       "australasia: Zone Pacific/Apia"},
      {"Africa/Casablanca", "2024-03-10T02:00:00Z", "2024-03-10T02:00:00Z to 2024-04-14T02:00:00Z 0",
       "africa: Rule Morocco 2024: an hour less in Ramadan"},
      {"Africa/Casablanca", "2024-12-01T00:00:00Z", "2024-04-14T02:00:00Z to 2025-02-23T02:00:00Z 60",
       "africa: Rule Morocco 2024 and 2025"},
      {"Europe/Dublin", "2025-01-01T00:00:00Z", "2024-10-27T01:00:00Z to 2025-03-30T01:00:00Z 0",
       "europe: Rule Eire, an hour less in winter"},
      {"Europe/Dublin", "1970-01-01T00:00:00Z", "1968-02-18T02:00:00Z to 1971-10-31T02:00:00Z 60",
       "europe: Rule Eire: BST became IST in 1968 and nothing else changed"},
      {"America/Nuuk", "2025-07-01T00:00:00Z", "2025-03-30T01:00:00Z to 2025-10-26T01:00:00Z -60",
       "europe: Zone America/Nuuk 2024 on, <-02>2<-01>,M3.5.0/-1,M10.5.0/0"},
      {"America/Nuuk", "2023-06-01T00:00:00Z", "2023-03-26T01:00:00Z to 2024-03-31T01:00:00Z -120",
       "europe: Zone America/Nuuk: in 2023 what had been summer time became standard time"},
      {"Antarctica/Troll", "2025-07-01T00:00:00Z", "2025-03-30T01:00:00Z to 2025-10-26T01:00:00Z 120",
       "antarctica: Rule Troll, two hours"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(text_of(zone(row.zone).period_at(instant(row.at))), row.expected)
        << row.zone << " at " << row.at << " (" << row.origin << ")";
  }
}

TEST(ZoneFile, takes_all_that_tz_may_hold) {
  struct Row {
    std::string_view asked;
    std::string_view name;
    long minutes;  // in July 2025
  };
  const Row rows[] = {
      {"", "UTC", 0},
      {":", "UTC", 0},
      {"UTC", "UTC", 0},
      {":UTC", "UTC", 0},
      {"Etc/UTC", "UTC", 0},
      {"GMT", "UTC", 0},
      {"UTC0", "UTC0", 0},
      {"Europe/Berlin", "Europe/Berlin", 120},
      {":Europe/Berlin", "Europe/Berlin", 120},
      {"America/Argentina/Ushuaia", "America/Argentina/Ushuaia", -180},
      {"Etc/GMT+5", "Etc/GMT+5", -300},
      {"/usr/share/zoneinfo/Asia/Kolkata", "/usr/share/zoneinfo/Asia/Kolkata", 330},
      {":/usr/share/zoneinfo/Asia/Kolkata", "/usr/share/zoneinfo/Asia/Kolkata", 330},
      {"<+0545>-5:45", "<+0545>-5:45", 345},
      {"CET-1CEST,M3.5.0,M10.5.0/3", "CET-1CEST,M3.5.0,M10.5.0/3", 120},
  };
  for (const auto& row : rows) {
    const auto loaded = load_zone(row.asked);
    ASSERT_TRUE(loaded.ok()) << loaded.error().text;
    EXPECT_EQ(loaded->name(), row.name);
    EXPECT_EQ(loaded->period_at(instant("2025-07-01T00:00:00Z")).offset, std::chrono::minutes(row.minutes))
        << row.asked;
  }
}

TEST(ZoneFile, refuses_names_that_nobody_knows) {
  using namespace std::string_view_literals;
  struct Row {
    std::string_view asked;
    std::string_view shown;
  };
  const Row rows[] = {
      {"Europe/Berlln", "'Europe/Berlln'"},
      {"europe/berlin", "'europe/berlin'"},
      {"Europe", "'Europe'"},
      {"Europe/Berlin/", "'Europe/Berlin/'"},
      {"Europe//Berlin", "'Europe//Berlin'"},
      {"Europe/Berlin/Mitte", "'Europe/Berlin/Mitte'"},
      {"Europe/../Europe/Berlin", "'Europe/../Europe/Berlin'"},
      {"../zoneinfo/Europe/Berlin", "'../zoneinfo/Europe/Berlin'"},
      {"./Europe/Berlin", "'./Europe/Berlin'"},
      {"/", "'/'"},
      {"//usr/share/zoneinfo/Europe/Berlin", "'//usr/share/zoneinfo/Europe/Berlin'"},
      {"/usr/share/zoneinfo/../zoneinfo/Europe/Berlin", "'/usr/share/zoneinfo/../zoneinfo/Europe/Berlin'"},
      {"/no/such/file", "'/no/such/file'"},
      {"/dev/null", "'/dev/null'"},
      {"Europe/Berlin\n", "'Europe/Berlin\\x0a'"},
      {"Europe/Berlin\0x"sv, "'Europe/Berlin\\x00x'"},
      {" Europe/Berlin", "' Europe/Berlin'"},
      {"Etc/GMT+99", "'Etc/GMT+99'"},
  };
  for (const auto& row : rows) {
    const auto loaded = load_zone(row.asked);
    ASSERT_FALSE(loaded.ok()) << row.shown;
    EXPECT_EQ(loaded.error().code, ErrorCode::invalid) << row.shown;
    EXPECT_EQ(loaded.error().text, "unknown time zone " + std::string(row.shown));
  }
  EXPECT_FALSE(load_zone(std::string(5000, 'x')).ok());
}

TEST(ZoneFile, says_what_is_wrong_with_a_rule) {
  struct Row {
    std::string_view asked;
    std::string_view at;
  };
  const Row rows[] = {
      {"CET-1CEST,M3.5.0,M13.5.0/3", "at ',M13.5.0/3' there should be"},
      {"CET-1CEST", "at its end there should be"},
      {"<+03-3", "at '<+03-3' there should be"},
      {"UTC+25", "at '+25' there should be"},
  };
  for (const auto& row : rows) {
    const auto loaded = load_zone(row.asked);
    ASSERT_FALSE(loaded.ok()) << row.asked;
    EXPECT_EQ(loaded.error().code, ErrorCode::invalid);
    EXPECT_TRUE(
        loaded.error().text.starts_with("time zone rule '" + std::string(row.asked) + "': " + std::string(row.at)))
        << loaded.error().text;
  }
}

TEST(ZoneFile, names_the_package_when_there_is_no_database) {
  const TempDir folder;
  const std::string missing = folder / "zoneinfo";
  const auto loaded = load_zone("Europe/Berlin", missing);
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.error().code, ErrorCode::unavailable);
  EXPECT_EQ(loaded.error().text, "time zone 'Europe/Berlin' cannot be looked up without '" + missing +
                                     "': install the package tzdata (apk add tzdata or apt-get install tzdata)");
  EXPECT_TRUE(load_zone("", missing).ok());
  EXPECT_TRUE(load_zone("UTC", missing).ok());
  EXPECT_TRUE(load_zone("CET-1CEST,M3.5.0,M10.5.0/3", missing).ok());
  EXPECT_TRUE(load_zone(std::string(database) + "/Europe/Berlin", missing).ok());
  // An empty one is there, if not much of one.
  EXPECT_EQ(load_zone("Europe/Berlin", folder.path()).error().text, "unknown time zone 'Europe/Berlin'");
}

TEST(ZoneFile, looks_in_the_folder_it_is_given) {
  const TempDir folder;
  folder.make_folder("Test");
  fs::copy_file(std::string(database) + "/Asia/Kathmandu", folder / "Test/Zone");
  const auto loaded = load_zone("Test/Zone", folder.path());
  ASSERT_TRUE(loaded.ok()) << loaded.error().text;
  EXPECT_EQ(loaded->name(), "Test/Zone");
  EXPECT_EQ(loaded->period_at(sys_seconds()).offset, std::chrono::minutes(330));
}

TEST(ZoneFile, refuses_files_that_are_no_zones) {
  const TempDir folder;
  folder.write("text", "# version 2025b\n");
  folder.write("empty", "");
  folder.write("secret", "TZif", 0000);
  ASSERT_EQ(::truncate(folder.write("large", "").c_str(), 1024 * 1024 + 1), 0);
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  folder.link("link", "link");

  EXPECT_EQ(load_zone("text", folder.path()).error().text, "the data of time zone 'text' is not TZif");
  EXPECT_EQ(load_zone("empty", folder.path()).error().text, "the data of time zone 'empty' is not TZif");
  EXPECT_EQ(load_zone("large", folder.path()).error().text,
            "cannot read time zone file '" + (folder / "large") + "': it is larger than 1 MiB");
  EXPECT_EQ(load_zone("fifo", folder.path()).error().text, "unknown time zone 'fifo'");
  EXPECT_EQ(load_zone("link", folder.path()).error().code, ErrorCode::io);
  const WithoutRoot unprivileged;
  const auto secret = load_zone("secret", folder.path());
  ASSERT_FALSE(secret.ok());
  EXPECT_EQ(secret.error().code, ErrorCode::io);
  EXPECT_EQ(secret.error().text, "cannot read time zone file '" + (folder / "secret") + "': Permission denied");
}

/// The names of all zones, without those that count leap seconds and without second copies.
std::vector<std::string> names_in_the_database() {
  std::vector<std::string> names;
  for (fs::recursive_directory_iterator entry(database), end; entry != end; ++entry) {
    const std::string name = fs::relative(entry->path(), database).string();
    if (entry->is_directory()) {
      if (name == "right" || name == "posix") entry.disable_recursion_pending();
      continue;
    }
    std::string magic(4, '\0');
    std::ifstream(entry->path(), std::ios::binary).read(magic.data(), 4);
    if (magic == "TZif") names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// Sets TZ for as long as it lives.
class LocalZone {
public:
  explicit LocalZone(const std::string& name) {
    if (const char* const before = std::getenv("TZ")) before_ = before;
    // With the colon it is a file: musl takes "CST6CDT" for the rule that it looks like.
    ::setenv("TZ", (":" + name).c_str(), 1);
    ::tzset();
  }
  LocalZone(const LocalZone&) = delete;
  LocalZone& operator=(const LocalZone&) = delete;
  ~LocalZone() {
    if (before_) {
      ::setenv("TZ", before_->c_str(), 1);
    } else {
      ::unsetenv("TZ");
    }
    ::tzset();
  }

  seconds offset_at(sys_seconds at) const {
    const std::time_t since = at.time_since_epoch().count();
    std::tm local{};
    ::localtime_r(&since, &local);
    return seconds(local.tm_gmtoff);
  }

private:
  std::optional<std::string> before_;
};

TEST(ZoneFile, agrees_with_libc_on_every_zone_of_the_database) {
  const std::vector<std::string> names = names_in_the_database();
  ASSERT_GT(names.size(), 300U) << "is the package tzdata there?";
  const sys_seconds first = instant("1970-01-01T00:00:00Z");
  const sys_seconds last = instant("2061-01-01T00:00:00Z");
  int changes = 0;
  for (const std::string& name : names) {
    const cron::Zone ours = zone(name);
    const LocalZone theirs(name);
    cron::ZonePeriod period = ours.period_at(first);
    while (period.ends_at < last) {
      const cron::ZonePeriod next = ours.period_at(period.ends_at);
      ASSERT_EQ(next.begins_at, period.ends_at) << name << ": " << text_of(period) << ", then " << text_of(next);
      ASSERT_NE(next.offset, period.offset) << name << ": " << text_of(period) << ", then " << text_of(next);
      const sys_seconds before = period.ends_at - seconds(1);
      ASSERT_EQ(ours.period_at(before), period) << name << ": " << text_of(period);
      ASSERT_EQ(theirs.offset_at(before), period.offset) << name << ": " << text_of(period);
      ASSERT_EQ(theirs.offset_at(next.begins_at), next.offset) << name << ": " << text_of(next);
      // A change that is missing here shows as another offset there, somewhere in between.
      const sys_seconds from = std::max(period.begins_at, first);
      for (int part = 1; part < 4; ++part) {
        const sys_seconds between = from + (period.ends_at - from) / 4 * part;
        ASSERT_EQ(ours.period_at(between), period) << name << ": " << text_of(period);
        ASSERT_EQ(theirs.offset_at(between), period.offset) << name << ": " << text_of(period);
      }
      period = next;
      ++changes;
    }
    ASSERT_EQ(theirs.offset_at(last), ours.period_at(last).offset) << name;
  }
  EXPECT_GT(changes, 10'000);
}

TEST(LocalZone, is_told_by_its_name_unless_it_is_as_utc_is) {
  const TempDir dir;
  const auto linked_to = [&](const std::string& target) {
    const std::string path = dir.path() + "/localtime";
    fs::remove(path);
    fs::create_symlink(target, path);
    return local_zone_beside_utc(winter, path);
  };
  EXPECT_EQ(local_zone_beside_utc(winter, dir.path() + "/none"), std::nullopt);
  EXPECT_EQ(linked_to(std::string(database) + "/Etc/UTC"), std::nullopt);
  EXPECT_EQ(linked_to(std::string(database) + "/Africa/Abidjan"), std::nullopt);
  EXPECT_EQ(linked_to(std::string(database) + "/Europe/Berlin"), "Europe/Berlin");
  EXPECT_EQ(linked_to("../usr/share/zoneinfo/Nowhere"), std::nullopt);
  EXPECT_EQ(linked_to(std::string(database) + "/Europe/London"), "Europe/London") << "as UTC is in winter only";
  fs::copy_file(std::string(database) + "/Asia/Kolkata", dir.path() + "/copy");
  EXPECT_EQ(local_zone_beside_utc(winter, dir.path() + "/copy"), dir.path() + "/copy");
}

}  // namespace
}  // namespace sidefridge::os
