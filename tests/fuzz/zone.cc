// zone.cc - any bytes as TZif and as a rule of POSIX's TZ.
#include <chrono>
#include <string>

#include "fuzz_target.h"
#include "sidefridge/cron/zone.h"

namespace {

using namespace sidefridge;
using std::chrono::seconds;
using std::chrono::sys_seconds;

void promise_consistency(const cron::Zone& zone, sys_seconds from) {
  cron::ZonePeriod period = zone.period_at(from);
  fuzz::promise(period.begins_at <= from, "an instant is within its period");
  for (int i = 0; i < 16 && period.ends_at != sys_seconds::max(); ++i) {
    fuzz::promise(period.begins_at < period.ends_at, "a period ends after it begins");
    fuzz::promise(zone.period_at(period.begins_at) == period, "a period is found from its first second");
    fuzz::promise(zone.period_at(period.ends_at - seconds(1)) == period, "a period is found from its last second");
    const cron::ZonePeriod next = zone.period_at(period.ends_at);
    fuzz::promise(next.begins_at == period.ends_at, "one period begins where the other ends");
    fuzz::promise(next.offset != period.offset, "neighbours differ");
    fuzz::promise(next.offset > -std::chrono::hours(26) && next.offset < std::chrono::hours(26), "26 hours at most");
    period = next;
  }
}

void try_zone(const Result<cron::Zone>& zone) {
  if (!zone) {
    fuzz::promise(fuzz::is_one_line(zone.error().text), "a refusal is one line");
    return;
  }
  const sys_seconds today(std::chrono::sys_days(std::chrono::year(2026) / 11 / 23));
  for (const sys_seconds from : {sys_seconds::min(), sys_seconds(), today, today + std::chrono::years(200)}) {
    promise_consistency(*zone, from);
  }
  fuzz::promise(zone->period_at(sys_seconds::min()).begins_at == sys_seconds::min(), "nothing is before time");
  fuzz::promise(zone->period_at(sys_seconds::max()).ends_at == sys_seconds::max(), "nothing is after time");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = fuzz::text_of(data, size);
  try_zone(cron::Zone::from_tzif("Fuzzed/Zone", bytes));
  try_zone(cron::Zone::from_posix(bytes));
  return 0;
}
