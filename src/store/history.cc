// history.cc - three databases: the runs, which of them are unfinished, and facts that outlive them.
#include "sidefridge/store/history.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "sidefridge/store/page_file.h"
#include "sidefridge/store/sequence_key.h"

namespace sidefridge::store {
namespace {

constexpr const char* runs_name = "runs";
constexpr const char* unfinished_name = "unfinished";
constexpr const char* facts_name = "facts";
const std::array<std::string, 3> names{runs_name, unfinished_name, facts_name};

constexpr std::string_view daemon_fact = "daemon";
constexpr std::string_view schedule_fact = "schedule";
constexpr std::string_view last_success_fact = "last success";

struct Databases {
  Database runs;
  Database unfinished;
  Database facts;
};

std::size_t index_of(std::string_view name) {
  return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
}

// All of them are made at once: where one is missing from the others, its name was damaged.
Result<Databases> make_databases(Transaction& transaction) {
  std::array<Database, names.size()> databases{};
  std::size_t missing = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    auto found = transaction.find_database(names[i]);
    if (!found) return std::move(found).error();
    if (*found) databases[i] = **found;
    if (!*found) ++missing;
  }
  if (missing > 0 && missing < names.size()) return Error{ErrorCode::invalid, "a database is missing from it"};
  for (std::size_t i = 0; missing > 0 && i < names.size(); ++i) {
    auto made = transaction.make_database(names[i]);
    if (!made) return std::move(made).error();
    databases[i] = *made;
  }
  return Databases{databases[0], databases[1], databases[2]};
}

bool is_success(const core::RunRecord& run) {
  return run.outcome == core::Outcome::succeeded && run.trigger != core::Trigger::install;
}

// Empty when none is stored, or none that this version can read.
core::ScheduleRecord schedule_of(std::optional<std::string_view> bytes) {
  if (!bytes) return {};
  const auto schedule = core::parse_schedule_record(*bytes);
  return schedule ? *schedule : core::ScheduleRecord{};
}

Result<core::ScheduleRecord> read_schedule(const Transaction& transaction, Database facts) {
  auto bytes = transaction.get(facts, schedule_fact);
  if (!bytes) return std::move(bytes).error();
  return schedule_of(*bytes);
}

Result<void> note_schedule(Transaction& transaction, Database facts, const core::RunRecord& run) {
  auto schedule = read_schedule(transaction, facts);
  if (!schedule) return std::move(schedule).error();
  const core::ScheduleRecord after = core::after_run(*schedule, run);
  if (after == *schedule) return {};
  return transaction.put(facts, schedule_fact, core::format_record(after));
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
    key = oldest + '\0';  // the next that can be
    auto going_on = transaction.get(databases.unfinished, oldest);
    if (!going_on) return std::move(going_on).error();
    if (*going_on) continue;
    if (auto gone = transaction.erase(databases.runs, oldest); !gone) return gone;
  }
}

}  // namespace

Result<Environment> History::open_sound(const std::string& path, const Settings& settings) {
  auto environment = Environment::open(
      path,
      {.access = Environment::Access::create, .pages = Environment::Pages::checked, .map_bytes = settings.map_bytes});
  if (!environment) return environment;
  // A start does not wait for the disk where there is nothing to lose: the first record is synced, and with it this.
  if (environment->is_new()) environment->set_sync(Environment::Sync::never);
  auto transaction = environment->begin_write();
  if (!transaction) return std::move(transaction).error();
  if (auto databases = make_databases(*transaction); !databases) return std::move(databases).error();
  if (auto made = transaction->commit(); !made) return std::move(made).error();
  environment->set_sync(Environment::Sync::at_commit);
  return environment;
}

Result<History> History::open(const StateFolder& folder, Settings settings) {
  History history(folder.history_path(), settings);
  if (auto opened = history.open_or_renew(); !opened) return std::move(opened).error();
  return history;
}

Result<History> History::open_read_only(const StateFolder& folder) {
  History history(folder.history_path(), Settings{});
  auto databases = read_databases(history.path_, names);
  if (databases) {
    history.seen_ = std::move(*databases);
  } else if (databases.error().code == ErrorCode::invalid) {
    history.seen_.emplace(names.size());
    history.notices_.push_back("the history cannot be read (" + databases.error().text +
                               "); the daemon moves it aside when it starts or runs next, and begins a new one");
  } else {
    return std::move(databases).error();
  }
  return history;
}

Result<void> History::open_or_renew() {
  environment_.reset();
  auto environment = open_sound(path_, settings_);
  if (!environment && environment.error().code == ErrorCode::invalid) return renew(environment.error());
  if (!environment) return std::move(environment).error();
  environment_.emplace(std::move(*environment));
  return {};
}

Result<void> History::renew(const Error& why) {
  environment_.reset();
  auto aside = set_aside(path_);
  if (!aside) return std::move(aside).error();
  auto fresh = open_sound(path_, settings_);
  if (!fresh) return std::move(fresh).error();
  environment_.emplace(std::move(*fresh));
  notices_.push_back("the history cannot be read (" + why.text + "); it was moved to " + *aside +
                     ", and a new one starts");
  return {};
}

Result<void> History::make_whole() {
  if (environment_ && environment_->is_current()) return {};
  if (environment_) notices_.push_back(path_ + " was removed, or another put in its place: it is opened again");
  return open_or_renew();
}

// `call()`, and once more with a new history when this one turns out to be damaged.
template <class Call>
auto History::on_sound(Call call) -> decltype(call()) {
  if (auto whole = make_whole(); !whole) return std::move(whole).error();
  auto result = call();
  if (result || result.error().code != ErrorCode::invalid) return result;
  if (auto renewed = renew(result.error()); !renewed) return std::move(renewed).error();
  return call();
}

Result<std::uint64_t> History::begin(const core::RunRecord& run) {
  return store(run);
}
Result<std::uint64_t> History::finish(const core::RunRecord& run) {
  return store(run);
}

Result<std::uint64_t> History::store(const core::RunRecord& run) {
  return on_sound([&] { return store_once(run); });
}

Result<std::uint64_t> History::store_once(const core::RunRecord& run) {
  auto transaction = environment_->begin_write();
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
  return on_sound([&] { return note_daemon_once(daemon); });
}

Result<void> History::note_daemon_once(const core::DaemonRecord& daemon) {
  auto transaction = environment_->begin_write();
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

std::optional<core::RunRecord> History::read(std::string_view key, std::string_view value) {
  auto run = core::parse_run_record(value);
  if (!run) {
    ++unreadable_;
    return std::nullopt;
  }
  run->sequence = parse_key(key);
  return std::move(*run);
}

Result<std::vector<Item>> History::items(std::string_view name) {
  if (seen_) return (*seen_)[index_of(name)];
  return on_sound([&]() -> Result<std::vector<Item>> {
    const std::array wanted{std::string(name)};
    auto databases = read_databases(path_, wanted);
    if (!databases) return std::move(databases).error();
    return std::move(databases->front());
  });
}

Result<std::vector<core::RunRecord>> History::latest(std::size_t count) {
  std::vector<core::RunRecord> runs;
  auto records = items(runs_name);
  if (!records) return std::move(records).error();
  for (auto record = records->rbegin(); record != records->rend() && runs.size() < count; ++record) {
    if (auto run = read(record->key, record->value)) runs.push_back(std::move(*run));
  }
  std::reverse(runs.begin(), runs.end());
  return runs;
}

Result<std::vector<core::RunRecord>> History::unfinished() {
  std::vector<core::RunRecord> runs;
  const auto marks = items(unfinished_name);
  if (!marks) return marks.error();
  if (marks->empty()) return runs;
  const auto records = items(runs_name);
  if (!records) return records.error();
  for (const Item& record : *records) {
    const bool marked = std::binary_search(marks->begin(), marks->end(), record,
                                           [](const Item& left, const Item& right) { return left.key < right.key; });
    if (!marked) continue;
    if (auto run = read(record.key, record.value)) runs.push_back(std::move(*run));
  }
  return runs;
}

Result<std::optional<std::string>> History::fact(std::string_view name) {
  auto facts = items(facts_name);
  if (!facts) return std::move(facts).error();
  const auto found = std::find_if(facts->begin(), facts->end(), [&](const Item& fact) { return fact.key == name; });
  if (found == facts->end()) return std::optional<std::string>();
  return std::optional(std::move(found->value));
}

Result<std::optional<core::RunRecord>> History::last_success() {
  auto bytes = fact(last_success_fact);
  if (!bytes) return std::move(bytes).error();
  if (!*bytes) return std::optional<core::RunRecord>();
  const std::string_view both = **bytes;
  const std::size_t key_bytes = std::min(both.size(), format_key(0).size());
  return read(both.substr(0, key_bytes), both.substr(key_bytes));
}

Result<core::ScheduleRecord> History::schedule() {
  auto bytes = fact(schedule_fact);
  if (!bytes) return std::move(bytes).error();
  return schedule_of(*bytes ? std::optional<std::string_view>(**bytes) : std::nullopt);
}

Result<std::optional<core::DaemonRecord>> History::last_daemon() {
  auto bytes = fact(daemon_fact);
  if (!bytes) return std::move(bytes).error();
  if (!*bytes) return std::optional<core::DaemonRecord>();
  auto daemon = core::parse_daemon_record(**bytes);
  if (!daemon) return std::optional<core::DaemonRecord>();
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
