// record.cc - layout 2 out, layouts 1 and 2 in.
#include "sidefridge/core/record.h"

#include <concepts>
#include <optional>
#include <type_traits>
#include <utility>

namespace sidefridge::core {
namespace {

constexpr char run_kind = 'R';
constexpr char step_kind = 'S';
constexpr char daemon_kind = 'D';
constexpr char schedule_kind = 'T';
constexpr char layout = 2;
constexpr char oldest_layout = 1;

// A path is at most this long, and nobody reads more of a reason. With these, a run's last dozen steps always fit.
constexpr std::size_t maximum_path_bytes = 4096;
constexpr std::size_t maximum_line_bytes = 1024;
constexpr std::size_t maximum_id_bytes = 256;

// Tags are never used for anything else again.
enum class RunTag : std::uint8_t {
  run_id = 1,
  trigger = 2,
  attempt = 3,
  outcome = 4,
  scheduled_at = 5,
  started_at = 6,
  finished_at = 7,
  boot_id = 8,
  reason = 9,
  step = 10,  // one field each, in the order they ran
  steps_omitted = 11,
  job = 12,
  last_scheduled_at = 13,
  ticks = 14,
  owed = 15,
};
enum class StepTag : std::uint8_t {
  hook = 1,
  script = 2,
  started_at = 3,
  elapsed = 4,
  outcome = 5,
  code = 6,
  detail = 7,
};
enum class DaemonTag : std::uint8_t {
  pid = 1,
  started_at = 2,
  schedule = 3,
  version = 4,
};
enum class ScheduleTag : std::uint8_t {
  settled_until = 1,
  last_scheduled_at = 2,
  last_started_at = 3,
};

template <std::integral Number>
std::string bytes_of(Number number) {
  auto bits = static_cast<std::make_unsigned_t<Number>>(number);
  std::string bytes(sizeof bits, '\0');
  for (std::size_t i = sizeof bits; i-- > 0; bits = static_cast<decltype(bits)>(bits >> 4 >> 4)) {
    bytes[i] = static_cast<char>(bits & 0xff);
  }
  return bytes;
}

// A cut text ends in "…", and never in half a UTF-8 sequence.
std::string cut(std::string_view text, std::size_t limit) {
  constexpr std::string_view mark = "…";
  if (text.size() <= limit) return std::string(text);
  std::size_t kept = limit - mark.size();
  while (kept > 0 && (static_cast<unsigned char>(text[kept]) & 0xc0) == 0x80) --kept;
  return std::string(text.substr(0, kept)).append(mark);
}

// Fields of one kind of tags, one after the other.
template <class Tag>
class Fields {
public:
  Fields& bytes(Tag tag, std::string_view bytes) {
    out_ += static_cast<char>(tag);
    out_ += bytes_of(static_cast<std::uint16_t>(bytes.size()));
    out_ += bytes;
    return *this;
  }
  template <std::integral Number>
  Fields& number(Tag tag, Number number) {
    return bytes(tag, bytes_of(number));
  }
  template <class Enum>
  Fields& enumerator(Tag tag, Enum enumerator) {
    return number(tag, static_cast<std::uint8_t>(enumerator));
  }
  Fields& time(Tag tag, std::optional<WallTime> at) {
    return at ? number(tag, std::int64_t{at->time_since_epoch().count()}) : *this;
  }
  Fields& text(Tag tag, std::string_view text, std::size_t limit) {
    return text.empty() ? *this : bytes(tag, cut(text, limit));
  }

  std::size_t size() const { return out_.size(); }
  const std::string& bytes() const { return out_; }

private:
  std::string out_;
};

std::string record_of(char kind, const std::string& fields) {
  return std::string{kind, layout} + bytes_of(static_cast<std::uint32_t>(fields.size())) + fields;
}

constexpr std::size_t record_head_bytes = 2 + sizeof(std::uint32_t);
constexpr std::size_t field_head_bytes = 1 + sizeof(std::uint16_t);

Fields<StepTag> fields_of(const StepRecord& step) {
  Fields<StepTag> fields;
  fields.enumerator(StepTag::hook, step.hook)
      .text(StepTag::script, step.script, maximum_path_bytes)
      .time(StepTag::started_at, step.started_at)
      .number(StepTag::elapsed, std::int64_t{step.elapsed.count()})
      .enumerator(StepTag::outcome, step.outcome)
      .number(StepTag::code, std::int32_t{step.code})
      .text(StepTag::detail, step.detail, maximum_line_bytes);
  return fields;
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

  // A text behind its length, and one that is all there is left.
  std::string text() { return std::string(take(number<std::uint32_t>())); }
  std::string_view rest() { return take(rest_.size()); }
  WallTime time() { return WallTime(Duration(number<std::int64_t>())); }

  std::optional<WallTime> optional_time() {
    const bool known = number<std::uint8_t>() != 0;
    const WallTime at = time();
    return known ? std::optional(at) : std::nullopt;
  }

  // An enumerator of whatever number.
  template <class Enum>
  Enum enumerator() {
    return static_cast<Enum>(number<std::uint8_t>());
  }

  // What a field holds, behind its length.
  Reader field() { return Reader(take(number<std::uint16_t>())); }

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
  bool at_end() const { return rest_.empty(); }
  bool sound_and_at_end() const { return sound_ && at_end(); }

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

enum class Tagged { known, unknown, damaged };

// Hands each field to `take`, as its tag and a reader of its bytes. Returns: whether all of them are as they should be.
template <class Tag, class Take>
bool read_fields(Reader reader, Take take) {
  while (reader.sound() && !reader.at_end()) {
    const auto tag = reader.enumerator<Tag>();
    Reader field = reader.field();
    const Tagged taken = take(tag, field);
    if (taken == Tagged::damaged || (taken == Tagged::known && !field.sound_and_at_end())) return false;
  }
  return reader.sound();
}

// Nothing: damaged.
std::optional<StepRecord> read_step(Reader reader) {
  StepRecord step;
  const bool sound = read_fields<StepTag>(reader, [&](StepTag tag, Reader& field) {
    switch (tag) {
      case StepTag::hook: step.hook = field.enumerator<Hook>(); return Tagged::known;
      case StepTag::script: step.script = field.rest(); return Tagged::known;
      case StepTag::started_at: step.started_at = field.time(); return Tagged::known;
      case StepTag::elapsed: step.elapsed = Duration(field.number<std::int64_t>()); return Tagged::known;
      case StepTag::outcome: step.outcome = field.enumerator<StepOutcome>(); return Tagged::known;
      case StepTag::code: step.code = field.number<std::int32_t>(); return Tagged::known;
      case StepTag::detail: step.detail = field.rest(); return Tagged::known;
    }
    return Tagged::unknown;
  });
  return sound ? std::optional(std::move(step)) : std::nullopt;
}

std::optional<RunRecord> read_run(Reader reader) {
  RunRecord run;
  const bool sound = read_fields<RunTag>(reader, [&](RunTag tag, Reader& field) {
    switch (tag) {
      case RunTag::run_id: run.run_id = field.rest(); return Tagged::known;
      case RunTag::trigger: run.trigger = field.enumerator<Trigger>(); return Tagged::known;
      case RunTag::attempt: run.attempt = field.number<std::uint32_t>(); return Tagged::known;
      case RunTag::outcome: run.outcome = field.enumerator<Outcome>(); return Tagged::known;
      case RunTag::scheduled_at: run.scheduled_at = field.time(); return Tagged::known;
      case RunTag::started_at: run.started_at = field.time(); return Tagged::known;
      case RunTag::finished_at: run.finished_at = field.time(); return Tagged::known;
      case RunTag::boot_id: run.boot_id = field.rest(); return Tagged::known;
      case RunTag::reason: run.reason = field.rest(); return Tagged::known;
      case RunTag::step: {
        auto step = read_step(Reader(field.rest()));
        if (!step) return Tagged::damaged;
        run.steps.push_back(std::move(*step));
        return Tagged::known;
      }
      case RunTag::steps_omitted: run.steps_omitted = field.number<std::uint32_t>(); return Tagged::known;
      case RunTag::last_scheduled_at: run.last_scheduled_at = field.time(); return Tagged::known;
      case RunTag::ticks: run.ticks = field.number<std::uint64_t>(); return Tagged::known;
      case RunTag::job: run.job = field.enumerator<JobId>(); return Tagged::known;
      case RunTag::owed: run.owed = field.number<std::uint8_t>() != 0; return Tagged::known;
    }
    return Tagged::unknown;
  });
  return sound ? std::optional(std::move(run)) : std::nullopt;
}

std::optional<DaemonRecord> read_daemon(Reader reader) {
  DaemonRecord daemon;
  const bool sound = read_fields<DaemonTag>(reader, [&](DaemonTag tag, Reader& field) {
    switch (tag) {
      case DaemonTag::pid: daemon.pid = field.number<std::int64_t>(); return Tagged::known;
      case DaemonTag::started_at: daemon.started_at = field.time(); return Tagged::known;
      case DaemonTag::schedule: daemon.schedule = field.rest(); return Tagged::known;
      case DaemonTag::version: daemon.version = field.rest(); return Tagged::known;
    }
    return Tagged::unknown;
  });
  return sound ? std::optional(std::move(daemon)) : std::nullopt;
}

std::optional<ScheduleRecord> read_schedule(Reader reader) {
  ScheduleRecord schedule;
  const bool sound = read_fields<ScheduleTag>(reader, [&](ScheduleTag tag, Reader& field) {
    switch (tag) {
      case ScheduleTag::settled_until: schedule.settled_until = field.time(); return Tagged::known;
      case ScheduleTag::last_scheduled_at: schedule.last_scheduled_at = field.time(); return Tagged::known;
      case ScheduleTag::last_started_at: schedule.last_started_at = field.time(); return Tagged::known;
    }
    return Tagged::unknown;
  });
  return sound ? std::optional(schedule) : std::nullopt;
}

// Layout 1, with the enumerators that there were.

StepRecord read_step_1(Reader& reader) {
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

std::optional<StepRecord> read_step_record_1(Reader reader) {
  StepRecord step = read_step_1(reader);
  return reader.sound_and_at_end() ? std::optional(std::move(step)) : std::nullopt;
}

std::optional<RunRecord> read_run_1(Reader reader) {
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
  for (std::uint32_t i = 0; i < count && reader.sound(); ++i) run.steps.push_back(read_step_1(reader));
  return reader.sound_and_at_end() ? std::optional(std::move(run)) : std::nullopt;
}

std::optional<DaemonRecord> read_daemon_1(Reader reader) {
  DaemonRecord daemon;
  daemon.pid = reader.number<std::int64_t>();
  daemon.started_at = reader.time();
  daemon.schedule = reader.text();
  daemon.version = reader.text();
  return reader.sound_and_at_end() ? std::optional(std::move(daemon)) : std::nullopt;
}

std::optional<ScheduleRecord> read_schedule_1(Reader reader) {
  ScheduleRecord schedule;
  schedule.settled_until = reader.optional_time();
  schedule.last_scheduled_at = reader.optional_time();
  schedule.last_started_at = reader.optional_time();
  return reader.sound_and_at_end() ? std::optional(schedule) : std::nullopt;
}

// Whichever layout it is. `newest` reads fields, `oldest` all that follows the first two bytes.
template <class Record>
Result<Record> parse(std::string_view bytes, char kind, std::optional<Record> (*newest)(Reader),
                     std::optional<Record> (*oldest)(Reader)) {
  if (bytes.size() < 2 || bytes[0] != kind) return Error{ErrorCode::invalid, "the bytes are not a record of this kind"};
  Reader reader(bytes.substr(2));
  std::optional<Record> record;
  if (bytes[1] == oldest_layout) {
    record = oldest(reader);
  } else if (bytes[1] == layout) {
    const auto size = reader.number<std::uint32_t>();
    if (bytes.size() - 2 - sizeof size == size) record = newest(reader);
  } else {
    return Error{ErrorCode::invalid, "the record has layout " + std::to_string(static_cast<unsigned char>(bytes[1])) +
                                         ", this version of sidefridge knows only layouts 1 and 2"};
  }
  if (!record) return Error{ErrorCode::invalid, "the record is damaged"};
  return std::move(*record);
}

}  // namespace

ScheduleRecord after_run(ScheduleRecord schedule, const RunRecord& run) {
  if (run.trigger == Trigger::install) return schedule;
  if (!never_began(run.outcome)) schedule.last_started_at = run.started_at;
  // A retry's tick has been dealt with, and those of a catch-up are missed ones, which have a record of their own.
  if (run.trigger == Trigger::schedule && run.attempt == 1) {
    schedule.settled_until = run.last_scheduled_at.value_or(run.scheduled_at);
    schedule.last_scheduled_at = schedule.settled_until;
  }
  return schedule;
}

std::string format_record(const RunRecord& run) {
  Fields<RunTag> fields;
  fields.text(RunTag::run_id, run.run_id, maximum_id_bytes)
      .enumerator(RunTag::trigger, run.trigger)
      .number(RunTag::attempt, run.attempt)
      .enumerator(RunTag::outcome, run.outcome)
      .time(RunTag::scheduled_at, run.scheduled_at)
      .time(RunTag::started_at, run.started_at)
      .time(RunTag::finished_at, run.finished_at)
      .text(RunTag::boot_id, run.boot_id, maximum_id_bytes)
      .text(RunTag::reason, run.reason, maximum_line_bytes)
      .enumerator(RunTag::job, run.job)
      .time(RunTag::last_scheduled_at, run.last_scheduled_at);
  if (run.ticks != 1) fields.number(RunTag::ticks, run.ticks);
  if (run.owed) fields.number(RunTag::owed, std::uint8_t{1});

  // The newest steps tell why a run ended as it did, so they are kept when not all fit.
  std::vector<std::string> kept;
  std::size_t size = record_head_bytes + fields.size() + field_head_bytes + sizeof run.steps_omitted;
  for (auto step = run.steps.rbegin(); step != run.steps.rend(); ++step) {
    std::string bytes = fields_of(*step).bytes();
    size += field_head_bytes + bytes.size();
    if (size > maximum_record_bytes) break;
    kept.push_back(std::move(bytes));
  }
  const std::size_t left_out = run.steps.size() - kept.size();
  fields.number(RunTag::steps_omitted, static_cast<std::uint32_t>(run.steps_omitted + left_out));
  for (auto bytes = kept.rbegin(); bytes != kept.rend(); ++bytes) fields.bytes(RunTag::step, *bytes);
  return record_of(run_kind, fields.bytes());
}

std::string format_record(const StepRecord& step) {
  return record_of(step_kind, fields_of(step).bytes());
}

std::string format_record(const DaemonRecord& daemon) {
  Fields<DaemonTag> fields;
  fields.number(DaemonTag::pid, daemon.pid)
      .time(DaemonTag::started_at, daemon.started_at)
      .text(DaemonTag::schedule, daemon.schedule, maximum_line_bytes)
      .text(DaemonTag::version, daemon.version, maximum_id_bytes);
  return record_of(daemon_kind, fields.bytes());
}

std::string format_record(const ScheduleRecord& schedule) {
  Fields<ScheduleTag> fields;
  fields.time(ScheduleTag::settled_until, schedule.settled_until)
      .time(ScheduleTag::last_scheduled_at, schedule.last_scheduled_at)
      .time(ScheduleTag::last_started_at, schedule.last_started_at);
  return record_of(schedule_kind, fields.bytes());
}

Result<RunRecord> parse_run_record(std::string_view bytes) {
  return parse(bytes, run_kind, read_run, read_run_1);
}
Result<StepRecord> parse_step_record(std::string_view bytes) {
  return parse(bytes, step_kind, read_step, read_step_record_1);
}
Result<DaemonRecord> parse_daemon_record(std::string_view bytes) {
  return parse(bytes, daemon_kind, read_daemon, read_daemon_1);
}
Result<ScheduleRecord> parse_schedule_record(std::string_view bytes) {
  return parse(bytes, schedule_kind, read_schedule, read_schedule_1);
}

}  // namespace sidefridge::core
