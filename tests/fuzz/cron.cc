// cron.cc - any bytes as a cron expression, in a zone and from an instant that the bytes choose, too.
#include <chrono>
#include <vector>

#include "../cron/cron_oracle.h"
#include "../cron/cron_zones.h"
#include "fuzz_target.h"
#include "sidefridge/cron/calendar.h"
#include "sidefridge/cron/cron_expression.h"
#include "sidefridge/cron/cron_words.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sidefridge;
  using std::chrono::sys_seconds;
  static const std::vector<cron::Zone> zones = cron::all_test_zones();
  const std::string_view text = fuzz::text_of(data, size);
  const cron::ZonedText zoned = cron::split_zone(text);
  fuzz::promise(text.ends_with(zoned.rest), "what is behind the zone stays as it is");

  const auto expression = cron::parse_cron(zoned.rest);
  if (!expression) {
    fuzz::promise(fuzz::is_one_line(expression.error().text), "a refusal is one line");
    return 0;
  }

  std::size_t choice = size;
  for (const char c : text) choice = choice * 31 + static_cast<unsigned char>(c);
  const cron::Zone& zone = zones[choice % zones.size()];
  fuzz::promise(fuzz::is_one_line(cron::describe(*expression, zone)), "a description is one line");

  const cron::oracle::Rules rules = cron::oracle::rules_of(*expression);
  // Between 1965 and 2170, and close before a change of the clocks when there is one.
  sys_seconds from(std::chrono::seconds(static_cast<std::int64_t>(choice / 64 % 6'470'000'000) - 157'000'000));
  if (const sys_seconds change = zone.period_at(from).begins_at; change != sys_seconds::min()) {
    from = change - std::chrono::seconds(choice / 1024 % 200'000);
  }
  for (int i = 0; i < 4; ++i) {
    const auto at = cron::next(*expression, zone, from);
    const auto expected = cron::oracle::next(rules, zone, from);
    if (!expected) {
      fuzz::promise(!at || *at >= from + cron::oracle::patience, "what walking clocks do not meet does not come");
      return 0;
    }
    if (*expected > std::chrono::time_point_cast<std::chrono::seconds>(WallTime::max())) {
      fuzz::promise(!at, "nothing comes after the end of time");
      return 0;
    }
    fuzz::promise(at == WallTime(*expected), "it fires when walking clocks meet it");
    fuzz::promise(cron::next(*expression, zone, *at - Duration(1)) == at, "an instant is found from just before it");
    from = *expected;
  }
  return 0;
}
