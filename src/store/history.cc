// history.cc - three databases: the runs, which of them are unfinished, and facts that outlive them.
#include "sidefridge/store/history.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "sidefridge/store/sequence_key.h"

namespace sidefridge::store {
namespace {

constexpr const char* runs_name = "runs";
constexpr const char* unfinished_name = "unfinished";
constexpr const char* facts_name = "facts";

constexpr std::string_view daemon_fact = "daemon";
constexpr std::string_view schedule_fact = "schedule";
constexpr std::string_view last_success_fact = "last success";

struct Databases {
  Database runs;
  Database unfinished;
  Database facts;
};

Result<Databases> make_databases(Transaction& transaction) {
  auto runs = transaction.make_database(runs_name);
  if (!runs) return std::move(runs).error();
  auto unfinished = transaction.make_database(unfinished_name);
  if (!unfinished) return std::move(unfinished).error();
  auto facts = transaction.make_database(facts_name);
  if (!facts) return std::move(facts).error();
  return Databases{*runs, *unfinished, *facts};
}

bool is_success(const core::RunRecord& run) {
  return run.outcome == core::Outcome::succeeded && run.trigger != core::Trigger::install;
}

// Empty when none is stored, or none that this version can read.
Result<core::ScheduleRecord> read_schedule(const Transaction& transaction, Database facts) {
  auto bytes = transaction.get(facts, schedule_fact);
  if (!bytes) return std::move(bytes).error();
  if (!*bytes) return core::ScheduleRecord{};
  const auto schedule = core::parse_schedule_record(**bytes);
  return schedule ? *schedule : core::ScheduleRecord{};
}

Result<void> note_schedule(Transaction& transaction, Database facts, const core::RunRecord& run) {
  auto schedule = read_schedule(transaction, facts);
  if (!schedule) return std::move(schedule).error();
  const core::ScheduleRecord after = core::after_run(*schedule, run);
  if (after == *schedule) return {};
  return transaction.put(facts, schedule_fact, core::format_record(after));
}

// Of a damaged file, what can be noticed at once.
Result<void> probe(Transaction& transaction) {
  auto databases = make_databases(transaction);
  if (!databases) return std::move(databases).error();
  for (const Database database : {databases->runs, databases->unfinished}) {
    if (auto first = transaction.at_or_after(database, {}); !first) return std::move(first).error();
    if (auto last = transaction.last(database); !last) return std::move(last).error();
  }
  return {};
}

// What is in it can still be looked at. Returns: its new path.
Result<std::string> set_aside(const std::string& path) {
  std::string aside;
  int number = 0;
  do {
    aside = path + ".unreadable-" + std::to_string(++number);
  } while (::access(aside.c_str(), F_OK) == 0);
  if (::rename(path.c_str(), aside.c_str()) != 0) return system_error("cannot move " + path, errno);
  ::unlink((path + "-lock").c_str());
  return aside;
}

std::string set_aside_notice(const Error& why, const std::string& aside) {
  return "the history cannot be read (" + why.text + "); it was moved to " + aside + ", and a new one starts";
}

// Forgets the oldest runs. One that goes on is kept, and so is the newest; half of the file stays free, because
// forgetting takes room, too.
Result<void> prune(Transaction& transaction, const Databases& databases, const History::Settings& settings) {
  std::string key;
  for (;;) {
    auto usage = transaction.usage(databases.runs);
    if (!usage) return std::move(usage).error();
    const bool small_enough = usage->entries <= settings.limit && usage->bytes <= settings.map_bytes / 2;
    if (small_enough || usage->entries <= 1) return {};
    auto entry = transaction.at_or_after(databases.runs, key);
    if (!entry) return std::move(entry).error();
    if (!*entry) return {};
    const std::string oldest((*entry)->key);
    key = format_key(parse_key(oldest) + 1);
    auto going_on = transaction.get(databases.unfinished, oldest);
    if (!going_on) return std::move(going_on).error();
    if (*going_on) continue;
    if (auto gone = transaction.erase(databases.runs, oldest); !gone) return gone;
  }
}

}  // namespace

Result<Environment> History::open_sound(const std::string& path, const Settings& settings) {
  auto environment = Environment::open(path, {.access = Environment::Access::create, .map_bytes = settings.map_bytes});
  if (!environment) return environment;
  if (auto whole = environment->fill_up(); !whole) return std::move(whole).error();
  // A start does not wait for the disk where there is nothing to lose: the first record is synced, and with it this.
  if (environment->is_new()) environment->set_sync(Environment::Sync::never);
  auto transaction = environment->begin_write();
  if (!transaction) return std::move(transaction).error();
  if (auto sound = probe(*transaction); !sound) return std::move(sound).error();
  if (auto made = transaction->commit(); !made) return std::move(made).error();
  environment->set_sync(Environment::Sync::at_commit);
  return environment;
}

Result<History> History::open(const StateFolder& folder, Settings settings) {
  const std::string path = folder.history_path();
  auto environment = open_sound(path, settings);
  if (environment) return History(std::move(*environment), settings);
  const Error why = environment.error();
  if (why.code != ErrorCode::invalid) return why;
  auto aside = set_aside(path);
  if (!aside) return std::move(aside).error();
  environment = open_sound(path, settings);
  if (!environment) return std::move(environment).error();
  History history(std::move(*environment), settings);
  history.notices_.push_back(set_aside_notice(why, *aside));
  return history;
}

Result<History> History::open_read_only(const StateFolder& folder) {
  auto environment = Environment::open(folder.history_path(), {.access = Environment::Access::read_only});
  if (!environment) return std::move(environment).error();
  return History(std::move(*environment), Settings{});
}

Result<std::uint64_t> History::begin(const core::RunRecord& run) {
  return store(run);
}
Result<std::uint64_t> History::finish(const core::RunRecord& run) {
  return store(run);
}

Result<std::uint64_t> History::store(const core::RunRecord& run) {
  auto stored = store_once(run);
  if (stored || stored.error().code != ErrorCode::invalid) return stored;
  // The damaged file stays open until the new one has taken its place.
  const std::string path = environment_.path();
  const Error why = stored.error();
  auto aside = set_aside(path);
  if (!aside) return std::move(aside).error();
  auto fresh = open_sound(path, settings_);
  if (!fresh) return std::move(fresh).error();
  environment_ = std::move(*fresh);
  notices_.push_back(set_aside_notice(why, *aside));
  return store_once(run);
}

Result<std::uint64_t> History::store_once(const core::RunRecord& run) {
  auto transaction = environment_.begin_write();
  if (!transaction) return std::move(transaction).error();
  auto databases = make_databases(*transaction);
  if (!databases) return std::move(databases).error();

  std::uint64_t sequence = run.sequence;
  if (sequence == 0) {
    auto last = transaction->last(databases->runs);
    if (!last) return std::move(last).error();
    sequence = (*last ? parse_key((*last)->key) : 0) + 1;
  }
  const std::string key = format_key(sequence);
  const std::string bytes = core::format_record(run);
  if (auto put = transaction->put(databases->runs, key, bytes); !put) return std::move(put).error();
  auto noted = core::is_unfinished(run) ? transaction->put(databases->unfinished, key, {})
                                        : transaction->erase(databases->unfinished, key);
  if (!noted) return std::move(noted).error();
  if (run.sequence == 0) {
    if (auto counted = note_schedule(*transaction, databases->facts, run); !counted) {
      return std::move(counted).error();
    }
  }
  if (is_success(run)) {
    if (auto put = transaction->put(databases->facts, last_success_fact, key + bytes); !put) {
      return std::move(put).error();
    }
  }
  if (auto pruned = prune(*transaction, *databases, settings_); !pruned) return std::move(pruned).error();
  if (auto done = transaction->commit(); !done) return std::move(done).error();
  return sequence;
}

Result<void> History::note_daemon(const core::DaemonRecord& daemon) {
  auto transaction = environment_.begin_write();
  if (!transaction) return std::move(transaction).error();
  auto databases = make_databases(*transaction);
  if (!databases) return std::move(databases).error();
  if (auto put = transaction->put(databases->facts, daemon_fact, core::format_record(daemon)); !put) return put;
  auto schedule = read_schedule(*transaction, databases->facts);
  if (!schedule) return std::move(schedule).error();
  if (!schedule->settled_until) {
    schedule->settled_until = daemon.started_at;
    if (auto put = transaction->put(databases->facts, schedule_fact, core::format_record(*schedule)); !put) return put;
  }
  return transaction->commit();
}

std::optional<core::RunRecord> History::read(const Entry& entry) {
  auto run = core::parse_run_record(entry.value);
  if (!run) {
    ++unreadable_;
    return std::nullopt;
  }
  run->sequence = parse_key(entry.key);
  return std::move(*run);
}

Result<std::vector<core::RunRecord>> History::latest(std::size_t count) {
  std::vector<core::RunRecord> runs;
  auto transaction = environment_.begin_read();
  if (!transaction) return std::move(transaction).error();
  auto database = transaction->find_database(runs_name);
  if (!database) return std::move(database).error();
  if (!*database) return runs;
  auto first = transaction->at_or_after(**database, {});
  if (!first) return std::move(first).error();
  auto last = transaction->last(**database);
  if (!last) return std::move(last).error();
  if (!*first || !*last) return runs;

  const std::uint64_t oldest = parse_key((*first)->key);
  for (std::uint64_t sequence = parse_key((*last)->key) + 1; sequence-- > oldest && runs.size() < count;) {
    const std::string key = format_key(sequence);
    auto bytes = transaction->get(**database, key);
    if (!bytes) return std::move(bytes).error();
    if (!*bytes) continue;
    if (auto run = read(Entry{key, **bytes})) runs.push_back(std::move(*run));
  }
  std::reverse(runs.begin(), runs.end());
  return runs;
}

Result<std::vector<core::RunRecord>> History::unfinished() {
  std::vector<core::RunRecord> runs;
  auto transaction = environment_.begin_read();
  if (!transaction) return std::move(transaction).error();
  auto records = transaction->find_database(runs_name);
  if (!records) return std::move(records).error();
  auto marks = transaction->find_database(unfinished_name);
  if (!marks) return std::move(marks).error();
  if (!*records || !*marks) return runs;
  for (std::string next;;) {
    auto mark = transaction->at_or_after(**marks, next);
    if (!mark) return std::move(mark).error();
    if (!*mark) return runs;
    auto bytes = transaction->get(**records, (*mark)->key);
    if (!bytes) return std::move(bytes).error();
    if (*bytes) {
      if (auto run = read(Entry{(*mark)->key, **bytes})) runs.push_back(std::move(*run));
    }
    next = format_key(parse_key((*mark)->key) + 1);
  }
}

Result<std::optional<std::string>> History::fact(std::string_view name) {
  auto transaction = environment_.begin_read();
  if (!transaction) return std::move(transaction).error();
  auto facts = transaction->find_database(facts_name);
  if (!facts) return std::move(facts).error();
  if (!*facts) return std::optional<std::string>();
  auto bytes = transaction->get(**facts, name);
  if (!bytes) return std::move(bytes).error();
  if (!*bytes) return std::optional<std::string>();
  return std::optional<std::string>(**bytes);
}

Result<std::optional<core::RunRecord>> History::last_success() {
  auto bytes = fact(last_success_fact);
  if (!bytes) return std::move(bytes).error();
  if (!*bytes) return std::optional<core::RunRecord>();
  const std::string_view both = **bytes;
  const std::size_t key_bytes = std::min(both.size(), format_key(0).size());
  return read(Entry{both.substr(0, key_bytes), both.substr(key_bytes)});
}

Result<core::ScheduleRecord> History::schedule() {
  auto transaction = environment_.begin_read();
  if (!transaction) return std::move(transaction).error();
  auto facts = transaction->find_database(facts_name);
  if (!facts) return std::move(facts).error();
  if (!*facts) return core::ScheduleRecord{};
  return read_schedule(*transaction, **facts);
}

Result<std::optional<core::DaemonRecord>> History::last_daemon() {
  auto bytes = fact(daemon_fact);
  if (!bytes) return std::move(bytes).error();
  if (!*bytes) return std::optional<core::DaemonRecord>();
  auto daemon = core::parse_daemon_record(**bytes);
  if (!daemon) return std::move(daemon).error();
  return std::optional(std::move(*daemon));
}

std::vector<std::string> History::take_notices() {
  if (const std::size_t passed_over = std::exchange(unreadable_, 0); passed_over > 0) {
    notices_.push_back(std::to_string(passed_over) + (passed_over == 1 ? " record" : " records") +
                       " of the history cannot be read by this version of sidefridge and " +
                       (passed_over == 1 ? "is" : "are") + " passed over");
  }
  return std::exchange(notices_, {});
}

}  // namespace sidefridge::store
