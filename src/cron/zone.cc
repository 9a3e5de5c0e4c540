// zone.cc - TZif and POSIX's TZ as periods.
#include "sidefridge/cron/zone.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>

#include "sidefridge/base/time.h"
#include "sidefridge/text/quote.h"

namespace sidefridge::cron {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr std::size_t type_bytes = 6;         // offset, whether daylight saving time, where its abbreviation is
constexpr seconds end_of_offsets{26 * 3600};  // RFC 9636, 3.2: -25 to 26 hours

/// A number of 4 or 8 bytes, the highest first, two's complement.
std::int64_t number_of(std::string_view bytes) noexcept {
  std::uint64_t bits = 0;
  for (const char c : bytes) bits = bits << 8 | static_cast<unsigned char>(c);
  return bytes.size() == 4 ? static_cast<std::int32_t>(bits) : static_cast<std::int64_t>(bits);
}

/// Takes data apart from left to right. At its end it says so and gives nothing.
class Bytes {
public:
  explicit Bytes(std::string_view bytes) noexcept : rest_(bytes) {}

  bool cut_short() const noexcept { return cut_short_; }
  std::string_view rest() const noexcept { return rest_; }

  /// The next `count` things of `bytes` each.
  std::string_view take(std::size_t count, std::size_t bytes) noexcept {
    if (count > rest_.size() / bytes) {  // divided, because a product could overflow where std::size_t has 32 bits
      cut_short_ = true;
      return {};
    }
    const std::string_view taken = rest_.substr(0, count * bytes);
    rest_.remove_prefix(taken.size());
    return taken;
  }

  std::size_t take_count() noexcept { return static_cast<std::uint32_t>(number_of(take(1, 4))); }

private:
  std::string_view rest_;
  bool cut_short_ = false;
};

/// A header and its data, as far as they matter here. Transition i is at times[i], from then on types[indexes[i]]
/// holds.
struct Block {
  char version = 0;
  std::size_t leap_seconds = 0;
  std::size_t time_bytes = 0;
  std::string_view times;
  std::string_view indexes;
  std::string_view types;

  std::size_t transitions() const noexcept { return indexes.size(); }
  sys_seconds at(std::size_t i) const noexcept {
    return sys_seconds(seconds(number_of(times.substr(i * time_bytes, time_bytes))));
  }
  std::size_t type(std::size_t i) const noexcept { return static_cast<unsigned char>(indexes[i]); }
  std::size_t type_count() const noexcept { return types.size() / type_bytes; }
  seconds offset(std::size_t type) const noexcept { return seconds(number_of(types.substr(type * type_bytes, 4))); }
};

constexpr std::string_view magic = "TZif";

Block take_block(Bytes& bytes, std::size_t time_bytes) noexcept {
  Block block;
  block.time_bytes = time_bytes;
  bytes.take(magic.size(), 1);
  const std::string_view version = bytes.take(1, 1);
  if (!version.empty()) block.version = version.front();
  bytes.take(15, 1);
  const std::size_t ut_indicators = bytes.take_count();
  const std::size_t standard_indicators = bytes.take_count();
  block.leap_seconds = bytes.take_count();
  const std::size_t transitions = bytes.take_count();
  const std::size_t types = bytes.take_count();
  const std::size_t abbreviation_bytes = bytes.take_count();
  block.times = bytes.take(transitions, time_bytes);
  block.indexes = bytes.take(transitions, 1);
  block.types = bytes.take(types, type_bytes);
  bytes.take(abbreviation_bytes, 1);
  bytes.take(block.leap_seconds, time_bytes + 4);
  bytes.take(standard_indicators, 1);
  bytes.take(ut_indicators, 1);
  return block;
}

/// What is wrong with a block; nothing when all is well.
std::string_view flaw_of(const Block& block) noexcept {
  if (block.leap_seconds > 0) return "counts leap seconds, which clocks leave out (is it from a folder 'right'?)";
  if (block.type_count() == 0) return "is damaged: it has no offset";
  for (std::size_t type = 0; type < block.type_count(); ++type) {
    if (block.offset(type) <= -end_of_offsets || block.offset(type) >= end_of_offsets) {
      return "is damaged: an offset is beyond 26 hours";
    }
  }
  for (std::size_t i = 0; i < block.transitions(); ++i) {
    if (block.type(i) >= block.type_count()) return "is damaged: a transition leads nowhere";
    if (i > 0 && block.at(i) <= block.at(i - 1)) return "is damaged: its transitions are not in order";
  }
  return {};
}

// What a rule says is spelled out for these years, all that schedules can meet: to look it up takes a fifth of the time
// that the rule's arithmetic does, and every search of the calendar asks several times.
constexpr sys_seconds spelled_out_from{};  // 1970
constexpr sys_seconds spelled_out_until = std::chrono::time_point_cast<seconds>(WallTime::max());

}  // namespace

Zone::Zone(std::string name, std::vector<Step> steps, std::optional<ZoneRule> rule, sys_seconds rule_from)
    : name_(std::move(name)), steps_(std::move(steps)), rule_(std::move(rule)), rule_from_(rule_from) {
  if (!rule_) return;
  sys_seconds at = std::max(rule_from_, spelled_out_from);
  while (at < spelled_out_until) {
    const ZonePeriod period = rule_->period_at(at);
    if (period.ends_at == sys_seconds::max()) break;
    steps_.push_back({period.begins_at, period.offset});
    rule_from_ = at = period.ends_at;
  }
}

Result<Zone> Zone::from_tzif(std::string name, std::string_view data) {
  const auto refusal = [&](std::string_view what) {
    return Error{ErrorCode::invalid, "the data of time zone " + text::in_quotes(name) + " " + std::string(what)};
  };
  if (!data.starts_with(magic)) return refusal("is not TZif");
  Bytes bytes(data);
  Block block = take_block(bytes, 4);
  std::optional<ZoneRule> rule;
  if (block.version >= '2') {  // a version to come will still be readable as these are (RFC 9636, 3.1)
    if (!bytes.rest().starts_with(magic)) return refusal("is damaged: its second header is missing");
    block = take_block(bytes, 8);
    const std::string_view footer = bytes.rest();
    const std::size_t end = footer.find('\n', 1);
    if (!footer.starts_with('\n') || end == std::string_view::npos) return refusal("is damaged: its footer is cut off");
    if (end > 1) {
      const auto parsed = parse_zone_rule(footer.substr(1, end - 1));
      if (!parsed) return Error(parsed.error()).with_context(refusal("is damaged").text);
      rule = *parsed;
    }
  }
  if (bytes.cut_short()) return refusal("is damaged: it is cut short");
  if (const std::string_view flaw = flaw_of(block); !flaw.empty()) return refusal(flaw);

  const std::size_t transitions = block.transitions();
  if (rule && transitions == 0) return Zone(std::move(name), {}, rule, sys_seconds::min());

  std::vector<Step> steps{{sys_seconds::min(), block.offset(0)}};
  const auto add = [&](sys_seconds at, seconds offset) {
    if (at == sys_seconds::min()) steps.clear();
    if (steps.empty() || steps.back().offset != offset) steps.push_back({at, offset});
  };
  const std::size_t of_table = rule ? transitions - 1 : transitions;
  for (std::size_t i = 0; i < of_table; ++i) add(block.at(i), block.offset(block.type(i)));
  sys_seconds rule_from = sys_seconds::max();
  if (rule) {
    // The rule holds from the last transition on. Its own first change after that is where it takes over.
    const sys_seconds last = block.at(of_table);
    const ZonePeriod joint = rule->period_at(last);
    add(last, joint.offset);
    rule_from = joint.ends_at;
    if (rule_from == sys_seconds::max()) rule.reset();
  }
  return Zone(std::move(name), std::move(steps), rule, rule_from);
}

Result<Zone> Zone::from_posix(std::string_view text) {
  const auto rule = parse_zone_rule(text);
  if (!rule) return rule.error();
  return Zone(std::string(text), {}, *rule, sys_seconds::min());
}

ZonePeriod Zone::period_at(sys_seconds at) const noexcept {
  const bool of_rule = at >= rule_from_ || steps_.empty() || at < steps_.front().begins_at;
  if (rule_ && of_rule) return rule_->period_at(at);
  const auto next = std::upper_bound(steps_.begin(), steps_.end(), at,
                                     [](sys_seconds instant, const Step& step) { return instant < step.begins_at; });
  const Step& step = *std::prev(next);
  if (next != steps_.end()) return {step.begins_at, next->begins_at, step.offset};
  return {step.begins_at, rule_ ? rule_from_ : sys_seconds::max(), step.offset};
}

}  // namespace sidefridge::cron
