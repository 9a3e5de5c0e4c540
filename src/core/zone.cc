// zone.cc - TZif and POSIX's TZ as periods.
#include "sidefridge/core/zone.h"

#include <algorithm>

namespace sidefridge::core {

using std::chrono::sys_seconds;

Result<Zone> Zone::from_posix(std::string_view text) {
  const auto rule = parse_zone_rule(text);
  if (!rule) return rule.error();
  return Zone(std::string(text), {}, *rule, sys_seconds::min());
}

ZonePeriod Zone::period_at(sys_seconds at) const noexcept {
  if (rule_ && at >= rule_from_) return rule_->period_at(at);
  const auto next = std::upper_bound(steps_.begin(), steps_.end(), at,
                                     [](sys_seconds instant, const Step& step) { return instant < step.begins_at; });
  const Step& step = *std::prev(next);
  if (next != steps_.end()) return {step.begins_at, next->begins_at, step.offset};
  return {step.begins_at, rule_ ? rule_from_ : sys_seconds::max(), step.offset};
}

}  // namespace sidefridge::core
