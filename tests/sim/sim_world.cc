// sim_world.cc - what the fake world answers, and what must hold in it at all times.
#include "tests/sim/sim_world.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include "sidefridge/base/check.h"
#include "sidefridge/core/patience.h"
#include "sidefridge/text/time_format.h"

namespace sidefridge::sim {
namespace {

using core::Outcome;

constexpr int foreign_pid = 4711;

// What Scheduler notices of the clock: any step it is told of, and else what readings cannot differ by themselves.
constexpr Duration told_step = std::chrono::milliseconds(1);
constexpr Duration unmistakable_step = std::chrono::seconds(1);

// Woken more often than this at one instant, the scheduler does not deal with what it wants to be woken for.
constexpr int most_wakings_at_once = 1'000;

std::string name_of(int pid) {
  return "fake (pid " + std::to_string(pid) + ")";
}

core::RunBook::Owner owner_of(const core::Scheduler::Settings& settings) {
  return settings.schedule ? core::RunBook::Owner::daemon : core::RunBook::Owner::once;
}

// Stories are of those that start.
OpenBook open_surely(SimStore& store, core::RunBook::Owner owner, WallTime start) {
  auto opened = open_book(store, owner, start);
  check(opened.ok(), "the state folder can be opened");
  return *std::move(opened);
}

core::Scheduler::Settings settled(core::Scheduler::Settings settings, const OpenBook& opened) {
  if (!settings.settled_until) settings.settled_until = opened.settled_until;
  settings.owed = opened.owed;
  return settings;
}

}  // namespace

Result<OpenBook> open_book(SimStore& store, core::RunBook::Owner owner, WallTime start, int pid) {
  auto book = core::RunBook::open(store.folder.open(pid), {"/state", "boot"}, owner);
  if (!book) return std::move(book).error();
  if (owner == core::RunBook::Owner::once) return OpenBook{*std::move(book), std::nullopt, {}};
  if (auto noted = book->note_daemon({pid, start, {}, {}}); !noted) return std::move(noted).error();
  auto schedule = book->schedule();
  if (!schedule) return std::move(schedule).error();
  std::vector<core::RunRecord> owed = book->take_owed();
  return OpenBook{*std::move(book), schedule->settled_until, std::move(owed)};
}

void SimStore::begin_foreign_run() {
  if (foreign_) return;
  foreign_ = folder.open(foreign_pid);
  const auto locked = foreign_->try_lock(core::RunStore::Lock::run);
  if (!locked || !std::holds_alternative<core::RunStore::Acquired>(*locked)) foreign_.reset();
}

SimWorld::SimWorld(core::Scheduler::Settings settings, WallTime start, SimStore& store)
    : SimWorld(settings, start, store, open_surely(store, owner_of(settings), start)) {}

SimWorld::SimWorld(core::Scheduler::Settings settings, WallTime start, SimStore& store, OpenBook opened)
    : store_(store),
      schedule_(settings.schedule),
      delay_(settings.delay),
      grace_(settings.grace),
      book_(std::move(opened.book)),
      settled_until_(settings.settled_until ? settings.settled_until : opened.settled_until),
      scheduler_(settled(std::move(settings), opened)),
      now_{start, MonoTime(std::chrono::hours(1))} {
  for (const core::RunRecord& run : opened.owed) {
    if (run.outcome == Outcome::lost) lost_.insert(run.run_id);
  }
}

std::vector<core::RunRecord> SimWorld::runs() const {
  std::vector<core::RunRecord> found;
  for (const auto& [sequence, record] : store_.folder.history()) {
    if (record.outcome != Outcome::skipped && record.outcome != Outcome::missed) found.push_back(record);
  }
  return found;
}

std::vector<core::RunRecord> SimWorld::skipped() const {
  std::vector<core::RunRecord> found;
  for (const auto& [sequence, record] : store_.folder.history()) {
    if (record.outcome == Outcome::skipped) found.push_back(record);
  }
  return found;
}

std::vector<core::RunRecord> SimWorld::missed() const {
  std::vector<core::RunRecord> found;
  for (const auto& [sequence, record] : store_.folder.history()) {
    if (record.outcome == Outcome::missed) found.push_back(record);
  }
  return found;
}

std::vector<std::string> SimWorld::log_of(core::LogLevel level) const {
  std::vector<std::string> found;
  for (const core::Log& line : log_) {
    if (line.level == level) found.push_back(line.text);
  }
  return found;
}

bool SimWorld::logged(const std::string& part) const {
  return std::any_of(log_.begin(), log_.end(),
                     [&](const core::Log& line) { return line.text.find(part) != std::string::npos; });
}

std::optional<core::Reply> SimWorld::reply_to(std::uint64_t request) const {
  const auto found = requests_.find(request);
  return found == requests_.end() ? std::nullopt : found->second;
}

bool SimWorld::gave_up_records() {
  const std::vector<std::string> notices = book_.take_notices();
  return std::any_of(notices.begin(), notices.end(),
                     [](const std::string& notice) { return notice.find("is given up") != std::string::npos; });
}

// ---- what stories do

core::Request SimWorld::new_request(core::Asker asker) {
  const std::uint64_t id = next_request_++;
  requests_[id] = std::nullopt;
  return {id, asker};
}

void SimWorld::start() {
  begun_ = true;
  if (schedule_) {
    const auto complaint = store_.ledger.begin(*schedule_, delay_, now_.wall, settled_until_.value_or(now_.wall));
    if (complaint) violated(*complaint);
  }
  deliver(schedule_ ? core::Begun{} : core::Begun{new_request(core::Asker::command_line)});
}

void SimWorld::request_run() {
  deliver(core::RunRequested{new_request(core::Asker::command_line)});
}

void SimWorld::stop() {
  ++stops_;
  const Duration rest = core::term_patience + core::last_kill_patience + 2 * core::last_store_patience;
  const MonoTime end_by =
      now_.mono + (stops_ == 1 ? grace_ + rest : 3 * core::last_store_patience) + std::chrono::milliseconds(500);
  if (!end_by_ || end_by < *end_by_) end_by_ = end_by;
  deliver(core::StopRequested{new_request(core::Asker::signal)});
}

void SimWorld::reload() {
  deliver(core::ReloadRequested{new_request(core::Asker::signal)});
}

void SimWorld::step_wall_clock_untold(Duration by) {
  now_.wall += by;
  if (by < Duration::zero()) stepped_back_since_begin_ = true;
}

void SimWorld::step_wall_clock(Duration by) {
  step_wall_clock_untold(by);
  tell_of_step();
}

void SimWorld::advance(Duration by) {
  const MonoTime until = now_.mono + by;
  int wakings_at_once = 0;
  enum class What { deadline, process, store, hooks, late };
  while (!exit_code_ && violations_.empty()) {
    std::optional<MonoTime> next = scheduler_.mono_deadline();
    What what = What::deadline;
    if (const std::optional<WallTime> wall = scheduler_.wall_deadline()) {
      const MonoTime at = now_.mono + (*wall - now_.wall);
      if (!next || at < *next) next = at;
    }
    const auto consider = [&](std::optional<MonoTime> at, What its) {
      if (!at || (next && *at > *next)) return;
      next = at;
      what = its;
    };
    int ending = 0;
    for (const auto& [pid, process] : processes_) {
      if (!process.ends_at || (next && *process.ends_at > *next)) continue;
      consider(process.ends_at, What::process);
      ending = pid;
    }
    consider(store_lane_.first_ends_at, What::store);
    consider(hooks_lane_.first_ends_at, What::hooks);
    std::size_t late = 0;
    for (std::size_t i = 0; i < late_.size(); ++i) {
      if (next && late_[i].at > *next) continue;
      consider(late_[i].at, What::late);
      late = i;
    }
    if (!next || *next > until) break;
    if (*next > now_.mono) {
      now_.wall += *next - now_.mono;
      now_.mono = *next;
      wakings_at_once = 0;
    } else if (what == What::deadline && ++wakings_at_once > most_wakings_at_once) {
      violated("time stands still");
      break;
    }
    switch (what) {
      case What::deadline: deliver(core::TimePassed{}); break;
      case What::process: end_process(ending); break;
      case What::store: finish_first(store_lane_); break;
      case What::hooks: finish_first(hooks_lane_); break;
      case What::late: {
        const core::Event event = std::move(late_[late].event);
        late_.erase(late_.begin() + static_cast<std::ptrdiff_t>(late));
        deliver(event);
        break;
      }
    }
  }
  if (until <= now_.mono) return;
  now_.wall += until - now_.mono;
  now_.mono = until;
  if (!exit_code_ && end_by_ && now_.mono > *end_by_) violated("an ending takes longer than its grace allows");
}

// ---- events

void SimWorld::deliver(core::Event event) {
  events_.push_back(std::move(event));
  while (!events_.empty()) {
    const core::Event next = std::move(events_.front());
    events_.pop_front();
    step(next);
    finish_instant_jobs();
  }
}

void SimWorld::step(const core::Event& event) {
  ++events_delivered_;
  notice_clock(event);
  const bool was_gone = exit_code_.has_value();
  const std::vector<core::Action> actions = scheduler_.on(event, now_);
  if (was_gone && !actions.empty()) violated("nothing happens after the exit");
  for (const core::Action& action : actions) {
    if (crash_in_ > 0 && --crash_in_ == 0) throw Crash{};
    ++actions_done_;
    std::visit([this](const auto& asked) { carry_out(asked); }, action);
  }
  if (std::exchange(clock_set_untold_, false)) violated("a step of the wall clock is told");
  check_after_event();
}

void SimWorld::end_process(int pid) {
  const Process process = processes_.at(pid);
  processes_.erase(pid);
  if (!script_ || script_->number != process.script || !(process.is_script || process.is_fed)) {
    deliver(core::OrphansReaped{});
    return;
  }
  if (process.is_script) {
    script_->status = process.ends_with;
    script_->stalls = process.stalls;
  } else {
    const bool fails = process.ends_with.signalled() || process.ends_with.code != 0;
    if (fails && script_->failed_fed.empty()) {
      script_->failed_fed = name_of(pid);
      script_->failed_fed_status = process.ends_with;
    }
    deliver(core::OrphansReaped{});
  }
  see_what_it_feeds();
}

// Once the script's own process has ended.
void SimWorld::see_what_it_feeds() {
  if (!script_ || !script_->status) return;
  std::vector<std::string> fed;
  for (const auto& [pid, process] : processes_) {
    if (process.is_fed && process.script == script_->number) fed.push_back(name_of(pid));
  }
  if (!fed.empty()) {
    deliver(core::ScriptFeeds{script_->serial, std::move(fed)});
  } else if (!script_->stalls) {
    const RunningScript ended = *std::exchange(script_, std::nullopt);
    core::ScriptResult result = core::result_of(*ended.status, "stderr of " + ended.tag);
    if (result.succeeded() && !ended.failed_fed.empty()) {
      result = core::result_of_fed(ended.failed_fed, ended.failed_fed_status, std::move(result.stderr_tail));
    }
    const core::ScriptEnded answer{ended.serial, std::move(result)};
    if (const auto later = comes_twice()) late_.push_back({now_.mono + *later, answer});
    deliver(answer);
  }
}

// ---- lanes

void SimWorld::post(Lane& lane, std::optional<Duration> takes, std::function<std::optional<core::Event>()> work) {
  lane.jobs.push_back({std::move(work), takes});
  if (lane.jobs.size() == 1) begin_first(lane);
}

void SimWorld::begin_first(Lane& lane) {
  lane.first_ends_at.reset();
  if (!lane.jobs.empty() && lane.jobs.front().takes) lane.first_ends_at = now_.mono + *lane.jobs.front().takes;
}

void SimWorld::finish_first(Lane& lane) {
  const Lane::Job job = std::move(lane.jobs.front());
  lane.jobs.pop_front();
  begin_first(lane);
  const std::optional<core::Event> answer = job.work();
  if (!answer) return;
  if (const auto later = comes_twice()) late_.push_back({now_.mono + *later, *answer});
  deliver(*answer);
}

// What takes no time is done in this turn, so that stories need not mention it.
void SimWorld::finish_instant_jobs() {
  for (Lane* lane : {&store_lane_, &hooks_lane_}) {
    while (!lane->jobs.empty() && lane->first_ends_at && *lane->first_ends_at <= now_.mono &&
           lane->jobs.front().takes == Duration::zero()) {
      const Lane::Job job = std::move(lane->jobs.front());
      lane->jobs.pop_front();
      begin_first(*lane);
      if (std::optional<core::Event> answer = job.work()) events_.push_back(std::move(*answer));
    }
  }
}

// ---- what must hold

void SimWorld::violated(const std::string& what) {
  violations_.push_back(what + " (" + text::format_rfc3339(now_.wall, text::Precision::milliseconds) + ", " +
                        scheduler_.state_name() + ")");
}

// Follows the clock and the schedule as the scheduler has to: until SIGTERM, or it ends by itself.
void SimWorld::notice_clock(const core::Event& event) {
  const bool told = std::holds_alternative<core::ClockStepped>(event);
  highest_wall_ = std::max(highest_wall_, now_.wall);
  const Duration offset = now_.wall.time_since_epoch() - now_.mono.time_since_epoch();
  const Duration step = offset - clock_offset_.value_or(offset);
  const auto* const changed = std::get_if<core::ScheduleRead>(&event);
  const bool stepped = std::chrono::abs(step) >= (told ? told_step : unmistakable_step);
  if (!clock_offset_ || stepped) clock_offset_ = offset;
  store_.ledger.see(now_.wall);
  if (!stepped && changed == nullptr) return;
  const std::string state = scheduler_.state_name();
  if (state.find("SIGTERM") != std::string::npos || state.starts_with("leaving")) return;
  clock_set_untold_ = stepped && schedule_;
  if (stepped) store_.ledger.step(step, now_.wall);
  if (changed != nullptr && schedule_) store_.ledger.change(changed->schedule, now_.wall);
}

void SimWorld::deal_with(const core::RunRecord& record) {
  if (!schedule_) return;
  if (const auto complaint = store_.ledger.deal_with(record)) violated(*complaint);
}

void SimWorld::check_after_event() {
  if (exit_code_) {
    for (const auto& [pid, process] : processes_) {
      if (!process.survives_kill) violated("a process outlives the daemon");
    }
    for (const auto& [id, reply] : requests_) {
      if (!reply) violated("request " + std::to_string(id) + " has no answer");
    }
    return;
  }
  if (end_by_ && now_.mono > *end_by_) violated("an ending takes longer than its grace allows");
  if (!lost_.empty() && scheduler_.state_name() == "serving, idle") violated("on_error hears of each lost run");
  if (!begun_ || !events_.empty() || scheduler_.mono_deadline() || scheduler_.wall_deadline()) return;
  const std::string state = scheduler_.state_name();
  const bool waits_for_a_script = script_ && state.ends_with("running");
  if (state != "serving, idle" && !waits_for_a_script) violated("it waits for nothing");
}

void SimWorld::check_record(const core::RunRecord& record) {
  if (record.outcome == Outcome::running) violated("a final record is final");
  const bool lost = record.outcome == Outcome::lost;
  const bool ends_well = lost || (record.finished_at && *record.finished_at >= record.started_at);
  if (!ends_well) violated("no run takes negative time");
  for (const core::StepRecord& step : record.steps) {
    if (step.elapsed < Duration::zero()) violated("no step takes negative time");
    if (step.started_at < record.started_at) violated("no step starts before its run");
    if (!lost && step.outcome == core::StepOutcome::running) violated("no step runs when its run is over");
  }
  if (record.outcome != Outcome::succeeded && record.reason.empty()) violated("what did not succeed has a reason");
}

// What install_dependencies left behind lives on; all else that can be ended is.
void SimWorld::check_processes_of(const std::string& run_id) {
  for (const auto& [pid, process] : processes_) {
    const bool ends = process.ends_at && *process.ends_at <= now_.mono;
    if (process.run_id == run_id && !process.survives_kill && !ends) violated("a process outlives its run");
  }
}

bool SimWorld::call_fails() {
  return fail_in_ > 0 && --fail_in_ == 0;
}

// ---- actions

core::HooksRead SimWorld::read_hooks(Serial serial) const {
  core::HooksRead read;
  read.serial = serial;
  for (const auto& [hook, found_scripts] : scripts) {
    std::vector<core::Script> found;
    std::uint64_t digest = 1;
    for (const auto& [name, script] : found_scripts) {
      const std::string path = "/scripts/" + std::string(core::name_of(hook)) + "/" + name;
      found.push_back(core::Script{hook, name, path, path, script.version});
      digest = digest * 1009 + std::hash<std::string>{}(name) + script.version;
    }
    read.hooks.assign(hook, std::move(found), digest);
  }
  if (read.hooks.scripts(core::Hook::backups).empty()) read.warnings.push_back("nothing to back up");
  return read;
}

void SimWorld::carry_out(const core::ReadHooks& action) {
  ++hook_readings_;
  const bool fails = call_fails();
  post(hooks_lane_, hooks_take(), [this, serial = action.serial, fails]() -> std::optional<core::Event> {
    if (fails) return core::HooksUnreadable{serial, Error{ErrorCode::io, "folder '/scripts': no luck"}};
    return read_hooks(serial);
  });
}

void SimWorld::carry_out(const core::BeginRun& action) {
  if (run_under_way_) violated("one run at a time");
  run_under_way_ = action.record.run_id;
  begin_serial_ = action.serial;
  const core::RunRecord& record = action.record;
  // Its tick was that of an earlier daemon, whatever the clock says now.
  const bool is_of_lost_run = lost_.erase(record.run_id) > 0 || record.run_id == followed_run_;
  if (is_of_lost_run) followed_run_ = record.run_id;
  if (!is_of_lost_run && stands_for_ticks(record) && record.scheduled_at > highest_wall_ + core::tick_lead) {
    violated("a run begins long before its tick of " + text::format_rfc3339(record.scheduled_at));
  }
  if (stands_for_ticks(record) && record.scheduled_at <= now_.wall + core::tick_lead) highest_wall_ = now_.wall;
  if (!is_of_lost_run) deal_with(record);
  stepped_back_since_begin_ = false;
  const bool fails = call_fails();
  post(store_lane_, store_takes(), [this, action, fails]() -> std::optional<core::Event> {
    if (fails) store_.folder.fail_call(1, Error{ErrorCode::full, "no space left"});
    const auto begun = book_.begin(action.record);
    if (const auto* const recorded = std::get_if<core::RunBook::Begun>(&begun)) {
      return core::RunBegun{action.serial, recorded->sequence};
    }
    if (const auto* const busy = std::get_if<core::RunBook::Busy>(&begun)) {
      if (run_under_way_ == action.record.run_id && begin_serial_ == action.serial && !script_) {
        run_under_way_.reset();
        store_.ledger.refuse(action.record);
      }
      return core::RunBusy{action.serial, busy->holder};
    }
    return core::RunUnrecorded{action.serial, std::get<Error>(begun)};
  });
}

void SimWorld::carry_out(const core::SaveSteps& action) {
  post(store_lane_, store_takes(), [this, action]() -> std::optional<core::Event> {
    static_cast<void>(book_.save_steps(action.run_id, action.first, action.steps));
    return std::nullopt;
  });
}

void SimWorld::carry_out(const core::StartScript& action) {
  if (script_) violated("one script at a time");
  const bool excused = stepped_back_since_begin_ || action.run_id == followed_run_ ||
                       (highest_wall_ > now_.wall && action.scheduled_at <= highest_wall_ + core::tick_lead);
  if (action.trigger == core::Trigger::schedule && action.attempt == 1 && action.scheduled_at > now_.wall && !excused) {
    violated("a script starts before its tick");
  }
  if (end_by_ && !run_under_way_) violated("nothing starts after SIGTERM");
  const auto& of_hook = scripts[action.script.hook];
  const auto found = of_hook.find(action.script.name);
  // Removed since: the copy that was read runs all the same.
  const FakeScript script = found == of_hook.end() ? FakeScript{} : found->second;
  if (!forgets_) {
    starts.push_back(action);
    started_.push_back(action.script.tag());
  }
  last_run_id_ = action.run_id;
  const int number = scripts_started_++;
  if (script.cannot_start || call_fails()) {
    core::ScriptResult result;
    result.outcome = core::StepOutcome::not_started;
    result.code = 127;
    result.detail = "the system allows no more processes";
    events_.push_back(core::ScriptEnded{action.serial, result});
    return;
  }
  script_ = RunningScript{.serial = action.serial, .number = number, .tag = action.script.tag()};
  Process main;
  main.script = number;
  main.run_id = action.run_id;
  main.is_script = true;
  main.ends_at = now_.mono + script.runs_for;
  main.ends_with = script.ends_with;
  main.ignores_term = script.ignores_term;
  main.survives_kill = script.survives_kill;
  main.stalls = script.stalls;
  processes_[next_pid_++] = main;
  Process left;
  left.script = number;
  left.run_id = action.run_id;
  left.ignores_term = script.left_ignore_term;
  left.survives_kill = script.left_survive_kill;
  Process fed = left;
  fed.is_fed = true;
  fed.ends_at = now_.mono + script.fed_run_for;
  fed.ends_with = script.fed_end_with;
  for (int i = 0; i < script.feeds; ++i) processes_[next_pid_++] = fed;
  for (int i = 0; i < script.leaves_behind; ++i) processes_[next_pid_++] = left;
}

void SimWorld::carry_out(const core::AbandonScript&) {
  if (!script_) violated("there is a script to abandon");
  script_.reset();
}

void SimWorld::carry_out(const core::EndProcesses& action) {
  core::ProcessesAlive alive;
  alive.serial = action.serial;
  for (auto& [pid, process] : processes_) {
    if (action.scope == core::Scope::script && (!script_ || process.script != script_->number)) continue;
    if (action.scope == core::Scope::run && process.run_id != last_run_id_) continue;
    alive.processes.push_back(name_of(pid));
    // Signalled processes end a moment later, as real ones do.
    const bool ends = (action.send == core::Send::term && !process.ignores_term && !process.survives_kill) ||
                      (action.send == core::Send::kill && !process.survives_kill);
    if (!ends || (process.ends_at && *process.ends_at <= now_.mono)) continue;
    process.ends_at = now_.mono;
    process.ends_with = {ExitStatus::Kind::signalled, action.send == core::Send::kill ? SIGKILL : SIGTERM};
  }
  if (const auto later = comes_twice()) late_.push_back({now_.mono + *later, alive});
  events_.push_back(std::move(alive));
}

void SimWorld::carry_out(const core::FinishRun& action) {
  check_record(action.record);
  if (run_under_way_ != action.record.run_id) violated("a run that ends has begun");
  run_under_way_.reset();
  if (script_) violated("no script runs when its run is over");
  if (action.record.trigger != core::Trigger::install) check_processes_of(action.record.run_id);
  post(store_lane_, store_takes(), [this, action]() -> std::optional<core::Event> {
    static_cast<void>(book_.finish(action.record));
    return core::RunRecorded{action.serial};
  });
}

void SimWorld::carry_out(const core::RecordTick& action) {
  check_record(action.record);
  deal_with(action.record);
  post(store_lane_, store_takes(), [this, action]() -> std::optional<core::Event> {
    static_cast<void>(book_.record_skip(action.record));
    return std::nullopt;
  });
}

void SimWorld::carry_out(const core::FlushRecords& action) {
  post(store_lane_, store_takes(),
       [serial = action.serial]() -> std::optional<core::Event> { return core::RecordsFlushed{serial}; });
}

void SimWorld::carry_out(const core::Answer& action) {
  const auto request = requests_.find(action.request.id);
  if (request == requests_.end()) {
    violated("an answer is to a request");
  } else if (request->second) {
    violated("a request is answered once");
  } else if (forgets_) {
    requests_.erase(request);
  } else {
    request->second = action.reply;
  }
}

void SimWorld::carry_out(const core::Tell& action) {
  if (std::holds_alternative<core::happened::ClockSet>(action.happening) && !std::exchange(clock_set_untold_, false)) {
    violated("what is told as a step of the wall clock is one");
  }
  core::Log line = core::narrate(action.happening);
  if (line.text.empty() || line.text.find('\n') != std::string::npos) violated("what happened is one line");
  if (!forgets_) log_.push_back(std::move(line));
}

void SimWorld::carry_out(const core::Exit& action) {
  exit_code_ = action.code;
}

}  // namespace sidefridge::sim
