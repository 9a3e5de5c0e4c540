#include "sidefridge/core/record.h"

#include <concepts>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <type_traits>
#include <utility>

namespace sidefridge::core {
namespace {

constexpr char run_kind = 'R';
constexpr char step_kind = 'S';
constexpr char daemon_kind = 'D';
constexpr char schedule_kind = 'T';
constexpr char layout = 1;

// A path is at most this long, and nobody reads more of a reason. With these, a run's last dozen steps always fit.
constexpr std::size_t maximum_path_bytes = 4096;
constexpr std::size_t maximum_line_bytes = 1024;
constexpr std::size_t maximum_id_bytes = 256;

template <std::integral Number>
void append_number(std::string& out, Number number) {
  auto bits = static_cast<std::make_unsigned_t<Number>>(number);
  char bytes[sizeof bits];
  for (std::size_t i = sizeof bits; i-- > 0; bits = static_cast<decltype(bits)>(bits >> 4 >> 4)) {
    bytes[i] = static_cast<char>(bits & 0xff);
  }
  out.append(bytes, sizeof bytes);
}

// A cut text ends in "…", and never in half a UTF-8 sequence.
void append_text(std::string& out, std::string_view text, std::size_t limit) {
  constexpr std::string_view mark = "…";
  if (text.size() <= limit) {
    append_number(out, static_cast<std::uint32_t>(text.size()));
    out += text;
    return;
  }
  std::size_t kept = limit - mark.size();
  while (kept > 0 && (static_cast<unsigned char>(text[kept]) & 0xc0) == 0x80) --kept;
  append_number(out, static_cast<std::uint32_t>(kept + mark.size()));
  out += text.substr(0, kept);
  out += mark;
}

void append_time(std::string& out, WallTime at) {
  append_number(out, std::int64_t{at.time_since_epoch().count()});
}

void append_optional_time(std::string& out, std::optional<WallTime> at) {
  append_number(out, std::uint8_t{at.has_value()});
  append_time(out, at.value_or(WallTime{}));
}

void append_step(std::string& out, const StepRecord& step) {
  append_number(out, static_cast<std::uint8_t>(step.hook));
  append_number(out, static_cast<std::uint8_t>(step.outcome));
  append_number(out, std::int32_t{step.code});
  append_time(out, step.started_at);
  append_number(out, std::int64_t{step.elapsed.count()});
  append_text(out, step.script, maximum_path_bytes);
  append_text(out, step.detail, maximum_line_bytes);
}

// Takes a record apart. After the first thing that is not as it should be, everything else is zero and empty.
class Reader {
public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  template <std::integral Number>
  Number number() {
    std::make_unsigned_t<Number> bits = 0;
    for (const char byte : take(sizeof bits)) {
      bits = static_cast<decltype(bits)>(bits << 4 << 4 | static_cast<unsigned char>(byte));
    }
    return static_cast<Number>(bits);
  }

  std::string text() { return std::string(take(number<std::uint32_t>())); }
  WallTime time() { return WallTime(Duration(number<std::int64_t>())); }

  std::optional<WallTime> optional_time() {
    const bool known = number<std::uint8_t>() != 0;
    const WallTime at = time();
    return known ? std::optional(at) : std::nullopt;
  }

  // An enumerator whose number lies in [first, last].
  template <class Enum>
  Enum choice(Enum first, Enum last) {
    const auto found = number<std::uint8_t>();
    if (found < static_cast<std::uint8_t>(first) || found > static_cast<std::uint8_t>(last)) {
      sound_ = false;
      return first;
    }
    return static_cast<Enum>(found);
  }

  bool sound() const { return sound_; }
  bool sound_and_at_end() const { return sound_ && rest_.empty(); }

private:
  std::string_view take(std::size_t count) {
    if (!sound_ || rest_.size() < count) {
      sound_ = false;
      return {};
    }
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }

  std::string_view rest_;
  bool sound_ = true;
};

StepRecord read_step(Reader& reader) {
  StepRecord step;
  step.hook = reader.choice(Hook::install_dependencies, Hook::on_error);
  step.outcome = reader.choice(StepOutcome::running, StepOutcome::interrupted);
  step.code = reader.number<std::int32_t>();
  step.started_at = reader.time();
  step.elapsed = Duration(reader.number<std::int64_t>());
  step.script = reader.text();
  step.detail = reader.text();
  return step;
}

// What follows the two bytes that every record begins with, once they are known to be right.
Result<Reader> open_record(std::string_view bytes, char kind) {
  if (bytes.size() < 2 || bytes[0] != kind) return Error{ErrorCode::invalid, "the bytes are no such record"};
  if (bytes[1] != layout) {
    return Error{ErrorCode::invalid, "the record has layout " + std::to_string(static_cast<unsigned char>(bytes[1])) +
                                         ", this version of sidefridge knows only layout 1"};
  }
  return Reader(bytes.substr(2));
}

Error damaged() {
  return Error{ErrorCode::invalid, "the record is damaged"};
}

}  // namespace

ScheduleRecord after_run(ScheduleRecord schedule, const RunRecord& run) {
  if (run.trigger == Trigger::install) return schedule;
  if (run.outcome != Outcome::skipped && run.outcome != Outcome::missed) schedule.last_started_at = run.started_at;
  // A retry's tick has been dealt with, and those of a catch-up are missed ones, which have a record of their own.
  if (run.trigger == Trigger::schedule && run.attempt == 1) {
    schedule.settled_until = run.last_scheduled_at.value_or(run.scheduled_at);
    schedule.last_scheduled_at = schedule.settled_until;
  }
  return schedule;
}

std::string format_record(const RunRecord& run) {
  std::string head{run_kind, layout};
  append_number(head, static_cast<std::uint8_t>(run.trigger));
  append_number(head, static_cast<std::uint8_t>(run.outcome));
  append_number(head, run.attempt);
  append_time(head, run.scheduled_at);
  append_time(head, run.started_at);
  append_optional_time(head, run.finished_at);
  append_text(head, run.run_id, maximum_id_bytes);
  append_text(head, run.boot_id, maximum_id_bytes);
  append_text(head, run.reason, maximum_line_bytes);

  // The newest steps tell why a run ended as it did, so they are kept when not all fit.
  std::vector<std::string> kept;
  std::size_t size = head.size() + 2 * sizeof(std::uint32_t);
  for (auto step = run.steps.rbegin(); step != run.steps.rend(); ++step) {
    std::string bytes;
    append_step(bytes, *step);
    size += bytes.size();
    if (size > maximum_record_bytes) break;
    kept.push_back(std::move(bytes));
  }

  append_number(head, static_cast<std::uint32_t>(run.steps_omitted + (run.steps.size() - kept.size())));
  append_number(head, static_cast<std::uint32_t>(kept.size()));
  for (auto bytes = kept.rbegin(); bytes != kept.rend(); ++bytes) head += *bytes;
  return head;
}

std::string format_record(const StepRecord& step) {
  std::string bytes{step_kind, layout};
  append_step(bytes, step);
  return bytes;
}

std::string format_record(const DaemonRecord& daemon) {
  std::string bytes{daemon_kind, layout};
  append_number(bytes, daemon.pid);
  append_time(bytes, daemon.started_at);
  append_text(bytes, daemon.schedule, maximum_line_bytes);
  append_text(bytes, daemon.version, maximum_id_bytes);
  return bytes;
}

std::string format_record(const ScheduleRecord& schedule) {
  std::string bytes{schedule_kind, layout};
  append_optional_time(bytes, schedule.settled_until);
  append_optional_time(bytes, schedule.last_scheduled_at);
  append_optional_time(bytes, schedule.last_started_at);
  return bytes;
}

Result<RunRecord> parse_run_record(std::string_view bytes) {
  auto opened = open_record(bytes, run_kind);
  if (!opened) return std::move(opened).error();
  Reader& reader = *opened;
  RunRecord run;
  run.trigger = reader.choice(Trigger::schedule, Trigger::start);
  run.outcome = reader.choice(Outcome::running, Outcome::skipped);
  run.attempt = reader.number<std::uint32_t>();
  run.scheduled_at = reader.time();
  run.started_at = reader.time();
  run.finished_at = reader.optional_time();
  run.run_id = reader.text();
  run.boot_id = reader.text();
  run.reason = reader.text();
  run.steps_omitted = reader.number<std::uint32_t>();
  const auto count = reader.number<std::uint32_t>();
  for (std::uint32_t i = 0; i < count && reader.sound(); ++i) run.steps.push_back(read_step(reader));
  if (!reader.sound_and_at_end()) return damaged();
  return run;
}

Result<StepRecord> parse_step_record(std::string_view bytes) {
  auto opened = open_record(bytes, step_kind);
  if (!opened) return std::move(opened).error();
  StepRecord step = read_step(*opened);
  if (!opened->sound_and_at_end()) return damaged();
  return step;
}

Result<DaemonRecord> parse_daemon_record(std::string_view bytes) {
  auto opened = open_record(bytes, daemon_kind);
  if (!opened) return std::move(opened).error();
  Reader& reader = *opened;
  DaemonRecord daemon;
  daemon.pid = reader.number<std::int64_t>();
  daemon.started_at = reader.time();
  daemon.schedule = reader.text();
  daemon.version = reader.text();
  if (!reader.sound_and_at_end()) return damaged();
  return daemon;
}

Result<ScheduleRecord> parse_schedule_record(std::string_view bytes) {
  auto opened = open_record(bytes, schedule_kind);
  if (!opened) return std::move(opened).error();
  Reader& reader = *opened;
  ScheduleRecord schedule;
  schedule.settled_until = reader.optional_time();
  schedule.last_scheduled_at = reader.optional_time();
  schedule.last_started_at = reader.optional_time();
  if (!reader.sound_and_at_end()) return damaged();
  return schedule;
}

}  // namespace sidefridge::core
