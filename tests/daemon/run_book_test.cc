#include "sidefridge/core/run_book.h"

#include <optional>
#include <thread>
#include <utility>

#include "../store/fixture.h"
#include "sidefridge/daemon/state_store.h"

namespace sidefridge::daemon {
namespace {

using core::Outcome;
using core::RunBook;
using core::RunRecord;
using store::in_child;
using store::must;
using store::StateFolder;
using store::TempDir;

// A process that has done `work` and then does nothing until it is killed.
class Elsewhere {
public:
  explicit Elsewhere(const std::function<void(const std::function<void()>&)>& work) {
    int ready[2];
    EXPECT_EQ(::pipe2(ready, O_CLOEXEC), 0);
    std::fflush(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      work([&] {
        std::fflush(nullptr);
        EXPECT_EQ(::write(ready[1], "", 1), 1);
        for (;;) ::pause();
      });
      ::_exit(1);
    }
    ::close(ready[1]);
    char byte = 0;
    EXPECT_EQ(::read(ready[0], &byte, 1), 1) << "it failed";
    ::close(ready[0]);
  }
  ~Elsewhere() { kill(); }
  Elsewhere(const Elsewhere&) = delete;
  Elsewhere& operator=(const Elsewhere&) = delete;

  pid_t pid() const { return pid_; }
  void kill() {
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, 0), nullptr, 0);
  }

private:
  pid_t pid_ = 0;
};

Result<RunBook> open_book(const std::string& state_dir, std::string boot_id, RunBook::Owner owner) {
  return RunBook::open(
      must(StateStore::open({.state_dir = state_dir, .store_limit_bytes = 4 << 20, .history_limit = 100})),
      {.state_dir = state_dir, .boot_id = std::move(boot_id)}, owner);
}

class RunBookTest : public testing::Test {
protected:
  TempDir dir_;
  StateFolder folder_ = StateFolder::at(dir_.path());

  Result<RunBook> try_open(RunBook::Owner owner) const { return open_book(dir_.path(), "boot-1", owner); }
  RunBook open_daemon(std::string boot_id = "boot-1") const {
    return must(open_book(dir_.path(), std::move(boot_id), RunBook::Owner::daemon));
  }

  // As another process sees it.
  std::vector<RunRecord> history() const {
    std::vector<RunRecord> runs;
    int channel[2];
    EXPECT_EQ(::pipe2(channel, O_CLOEXEC), 0);
    EXPECT_EQ(in_child([&] {
                auto seen = must(store::History::open_read_only(folder_));
                for (const RunRecord& run : must(seen.latest(1000))) {
                  const std::string bytes = core::format_record(run);
                  const std::uint64_t head[2] = {run.sequence, bytes.size()};
                  EXPECT_EQ(::write(channel[1], head, sizeof head), ssize_t{sizeof head});
                  EXPECT_EQ(::write(channel[1], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
                }
              }),
              0);
    ::close(channel[1]);
    std::uint64_t head[2];
    while (::read(channel[0], head, sizeof head) == ssize_t{sizeof head}) {
      std::string bytes(head[1], '\0');
      EXPECT_EQ(::read(channel[0], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
      runs.push_back(must(core::parse_run_record(bytes)));
      runs.back().sequence = head[0];
    }
    ::close(channel[0]);
    return runs;
  }

  // What save_var meets in another process; nothing when it can save.
  std::optional<ErrorCode> save_elsewhere(const std::string& run_id) const {
    constexpr int done = 50;
    const int code = in_child([&] {
      auto variables = store::Variables::join(folder_);
      if (!variables) ::_exit(static_cast<int>(variables.error().code));
      auto result = variables->save(run_id, "key", "value");
      ::_exit(result ? done : static_cast<int>(result.error().code));
    });
    if (code == done) return std::nullopt;
    return static_cast<ErrorCode>(code);
  }
  static constexpr auto saved = std::nullopt;
};

RunRecord run_of(std::string run_id) {
  RunRecord run;
  run.run_id = std::move(run_id);
  run.started_at = WallTime(std::chrono::seconds(1'700'000'000));
  return run;
}

RunRecord ended(RunRecord run, Outcome outcome = Outcome::succeeded) {
  run.outcome = outcome;
  run.finished_at = run.started_at + std::chrono::seconds(3);
  return run;
}

core::StepRecord step_of(std::string script, core::StepOutcome outcome = core::StepOutcome::exited) {
  core::StepRecord step;
  step.script = std::move(script);
  step.started_at = run_of({}).started_at;
  step.outcome = outcome;
  return step;
}

std::uint64_t begun(RunBook& book, const RunRecord& run) {
  auto result = book.begin(run);
  if (const auto* error = std::get_if<Error>(&result)) ADD_FAILURE() << error->text;
  if (const auto* busy = std::get_if<RunBook::Busy>(&result)) ADD_FAILURE() << "busy: " << busy->holder;
  const auto* success = std::get_if<RunBook::Begun>(&result);
  return success == nullptr ? 0 : success->sequence;
}

void do_run(RunBook& book, RunRecord run) {
  run.sequence = begun(book, run);
  must(book.finish(ended(run)));
}

TEST_F(RunBookTest, the_intent_is_in_the_history_before_the_first_script_can_start) {
  RunBook book = open_daemon();
  RunRecord run = run_of("r1");
  run.sequence = begun(book, run);
  run.boot_id = "boot-1";
  EXPECT_EQ(history(), std::vector{run});
  EXPECT_EQ(save_elsewhere("r1"), saved);
}

TEST_F(RunBookTest, at_its_end_a_run_has_its_final_record_and_its_variables_are_gone) {
  RunBook book = open_daemon();
  RunRecord run = run_of("r1");
  run.sequence = begun(book, run);
  run = ended(run);
  must(book.finish(run));
  EXPECT_EQ(history(), std::vector{run});
  EXPECT_EQ(save_elsewhere("r1"), ErrorCode::unavailable);
}

TEST_F(RunBookTest, a_second_daemon_is_busy_with_the_pid_of_the_first) {
  const RunBook book = open_daemon();
  EXPECT_EQ(in_child([&] {
              auto second = try_open(RunBook::Owner::daemon);
              ASSERT_FALSE(second.ok());
              EXPECT_EQ(second.error().code, ErrorCode::busy);
              EXPECT_EQ(second.error().text, "a sidefridge daemon has the state folder " + dir_.path() +
                                                 " already: process " + std::to_string(::getppid()) +
                                                 "; give each daemon a SIDEFRIDGE_STATE_DIR of its own");
            }),
            0);
}

TEST_F(RunBookTest, a_second_daemon_is_told_of_the_first_also_during_a_run) {
  RunBook book = open_daemon();
  begun(book, run_of("r1"));
  EXPECT_EQ(in_child([&] {
              auto second = try_open(RunBook::Owner::daemon);
              ASSERT_FALSE(second.ok());
              EXPECT_EQ(second.error().code, ErrorCode::busy);
              EXPECT_NE(second.error().text.find("a sidefridge daemon has"), std::string::npos) << second.error().text;
            }),
            0);
}

TEST_F(RunBookTest, once_beside_a_run_is_busy_with_the_pid_of_who_runs_it) {
  RunBook book = open_daemon();
  begun(book, run_of("r1"));
  EXPECT_EQ(in_child([&] {
              auto once = try_open(RunBook::Owner::once);
              ASSERT_FALSE(once.ok());
              EXPECT_EQ(once.error().code, ErrorCode::busy);
              EXPECT_EQ(once.error().text, "a run is in progress in the state folder " + dir_.path() + ": process " +
                                               std::to_string(::getppid()) + "; try again when it has ended");
            }),
            0);
  EXPECT_EQ(save_elsewhere("r1"), saved) << "who was refused has touched nothing";
}

TEST_F(RunBookTest, a_daemon_beside_a_running_once_is_busy) {
  const Elsewhere once([&](const auto& stay) {
    auto book = must(try_open(RunBook::Owner::once));
    stay();
  });
  auto daemon = try_open(RunBook::Owner::daemon);
  ASSERT_FALSE(daemon.ok());
  EXPECT_EQ(daemon.error().code, ErrorCode::busy);
  EXPECT_NE(daemon.error().text.find("process " + std::to_string(once.pid())), std::string::npos);
}

TEST_F(RunBookTest, while_once_works_beside_an_idle_daemon_its_ticks_are_busy) {
  RunBook daemon = open_daemon();
  Elsewhere once([&](const auto& stay) {
    auto book = must(try_open(RunBook::Owner::once));
    begun(book, run_of("by-once"));
    stay();
  });
  const auto result = daemon.begin(run_of("by-tick"));
  ASSERT_TRUE(std::holds_alternative<RunBook::Busy>(result));
  EXPECT_EQ(std::get<RunBook::Busy>(result).holder, once.pid());
  EXPECT_EQ(history().size(), 1U);
  EXPECT_EQ(save_elsewhere("by-once"), saved);
}

TEST_F(RunBookTest, once_keeps_ticks_away_between_its_runs_too) {
  RunBook daemon = open_daemon();
  const Elsewhere once([&](const auto& stay) {
    auto book = must(try_open(RunBook::Owner::once));
    do_run(book, run_of("install"));
    stay();
  });
  EXPECT_TRUE(std::holds_alternative<RunBook::Busy>(daemon.begin(run_of("by-tick"))));
}

TEST_F(RunBookTest, after_once_the_daemon_runs_again_and_its_scripts_find_their_variables) {
  RunBook daemon = open_daemon();
  do_run(daemon, run_of("r1"));
  EXPECT_EQ(in_child([&] {
              auto book = must(try_open(RunBook::Owner::once));
              RunRecord run = run_of("r2");
              run.sequence = begun(book, run);
              EXPECT_EQ(save_elsewhere("r2"), saved);
              must(book.finish(ended(run)));
            }),
            0);
  EXPECT_EQ(begun(daemon, run_of("r3")), 3U);
  EXPECT_EQ(save_elsewhere("r3"), saved);
}

TEST_F(RunBookTest, when_a_run_is_over_another_process_may_start_one) {
  RunBook daemon = open_daemon();
  do_run(daemon, run_of("r1"));
  EXPECT_EQ(in_child([&] { must(try_open(RunBook::Owner::once)); }), 0);
}

TEST_F(RunBookTest, a_run_whose_daemon_was_killed_is_recorded_as_lost_at_the_next_start_with_its_steps) {
  Elsewhere daemon([&](const auto& stay) {
    RunBook book = open_daemon();
    begun(book, run_of("r1"));
    must(book.save_steps("r1", 0, std::vector{step_of("/scripts/backups/1")}));
    must(book.save_steps("r1", 1, std::vector{step_of("/scripts/backups/2", core::StepOutcome::running)}));
    stay();
  });
  daemon.kill();
  RunBook book = open_daemon();
  RunRecord lost = run_of("r1");
  lost.sequence = 1;
  lost.boot_id = "boot-1";
  lost.outcome = Outcome::lost;
  lost.reason = "the process that ran it was killed";
  lost.steps = {step_of("/scripts/backups/1"), step_of("/scripts/backups/2", core::StepOutcome::running)};
  lost.owed = true;
  EXPECT_EQ(history(), std::vector{lost});
  EXPECT_EQ(book.take_notices(),
            std::vector<std::string>{"run r1, started at 2023-11-14T22:13:20Z, was lost: the process "
                                     "that ran it was killed"});
  EXPECT_EQ(save_elsewhere("r1"), ErrorCode::unavailable) << "its variables are dropped";
}

TEST_F(RunBookTest, once_sees_to_what_was_lost_where_no_daemon_does) {
  const auto lose = [&](const char* run_id) {
    Elsewhere once([&](const auto& stay) {
      RunBook book = must(try_open(RunBook::Owner::once));
      begun(book, run_of(run_id));
      stay();
    });
    once.kill();
  };
  lose("r1");
  const auto owed_to = [&](RunBook::Owner owner) {
    std::vector<std::string> run_ids;
    RunBook book = must(try_open(owner));
    for (const RunRecord& run : book.take_owed()) run_ids.push_back(run.run_id);
    return run_ids;
  };
  EXPECT_EQ(owed_to(RunBook::Owner::once), std::vector<std::string>{"r1"});
  EXPECT_EQ(owed_to(RunBook::Owner::once), std::vector<std::string>{"r1"}) << "nothing has followed yet";
  {
    RunBook daemon = open_daemon();
    daemon.take_owed();
    lose("r2");
    EXPECT_EQ(in_child([&] { EXPECT_TRUE(owed_to(RunBook::Owner::once).empty()); }), 0) << "the daemon has it";
  }
}

TEST_F(RunBookTest, what_a_lost_run_of_this_boot_left_running_is_ended_before_the_next_begins) {
  for (const char* boot_id : {"boot-1", "boot-2"}) {
    Elsewhere daemon([&](const auto& stay) {
      RunBook book = open_daemon("boot-1");
      begun(book, run_of("r1"));
      stay();
    });
    daemon.kill();
    std::vector<std::string> ended;
    RunBook book = must(RunBook::open(
        must(StateStore::open({.state_dir = dir_.path(), .store_limit_bytes = 4 << 20, .history_limit = 100})),
        {.state_dir = dir_.path(),
         .boot_id = boot_id,
         .end_processes =
             [&](const std::string& run_id) {
               EXPECT_EQ(history()[0].outcome, Outcome::running);
               ended.push_back(run_id);
               return std::vector<std::string>{"dump (pid 12)"};
             }},
        RunBook::Owner::daemon));
    if (boot_id == std::string("boot-1")) {
      EXPECT_EQ(ended, std::vector<std::string>{"r1"});
      EXPECT_EQ(book.take_notices().front(), "what run r1 left running was ended: dump (pid 12)");
    } else {
      EXPECT_TRUE(ended.empty()) << "the machine was started again since: nobody is left";
    }
  }
}

TEST_F(RunBookTest, steps_noted_before_the_machine_went_down_are_not_read) {
  Elsewhere daemon([&](const auto& stay) {
    RunBook book = open_daemon("boot-1");
    begun(book, run_of("r1"));
    must(book.save_steps("r1", 0, std::vector{step_of("/scripts/backups/1")}));
    stay();
  });
  daemon.kill();
  // What a power cut may leave behind.
  std::ofstream(folder_.variables_path()) << std::string(100'000, 'x');
  RunBook book = open_daemon("boot-2");
  const auto runs = history();
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_EQ(runs[0].outcome, Outcome::lost);
  EXPECT_EQ(runs[0].reason, "the machine went down while it ran");
  EXPECT_TRUE(runs[0].steps.empty());
  begun(book, run_of("r2"));
  EXPECT_EQ(save_elsewhere("r2"), saved);
}

TEST_F(RunBookTest, sound_steps_of_another_boot_are_not_read_either) {
  Elsewhere daemon([&](const auto& stay) {
    RunBook book = open_daemon("boot-1");
    begun(book, run_of("r1"));
    must(book.save_steps("r1", 0, std::vector{step_of("/scripts/backups/1")}));
    stay();
  });
  daemon.kill();
  for (const char* boot_id : {"boot-2", ""}) {
    const RunBook book = open_daemon(boot_id);
    const auto runs = history();
    ASSERT_EQ(runs.size(), 1U);
    EXPECT_TRUE(runs[0].steps.empty());
  }
}

TEST_F(RunBookTest, a_run_of_a_killed_once_is_recorded_as_lost_at_the_daemons_next_run) {
  RunBook daemon = open_daemon();
  Elsewhere once([&](const auto& stay) {
    auto book = must(try_open(RunBook::Owner::once));
    begun(book, run_of("by-once"));
    must(book.save_steps("by-once", 0, std::vector{step_of("/scripts/backups/1")}));
    stay();
  });
  once.kill();
  EXPECT_EQ(begun(daemon, run_of("r2")), 2U);
  const auto runs = history();
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[0].outcome, Outcome::lost);
  EXPECT_EQ(runs[0].steps, std::vector{step_of("/scripts/backups/1")});
  EXPECT_EQ(runs[1].outcome, Outcome::running);
  EXPECT_EQ(daemon.take_notices().size(), 1U);
  EXPECT_EQ(save_elsewhere("by-once"), ErrorCode::unavailable);
  EXPECT_EQ(save_elsewhere("r2"), saved);
}

TEST_F(RunBookTest, a_start_makes_the_variables_anew) {
  Elsewhere daemon([&](const auto& stay) {
    RunBook book = open_daemon();
    begun(book, run_of("r1"));
    stay();
  });
  ASSERT_EQ(save_elsewhere("r1"), saved);
  daemon.kill();
  EXPECT_EQ(save_elsewhere("r1"), saved) << "a stray script still finds what was there";
  const RunBook book = open_daemon();
  EXPECT_EQ(save_elsewhere("r1"), ErrorCode::unavailable);
}

TEST_F(RunBookTest, when_somebody_removes_the_variables_the_next_run_has_new_ones) {
  RunBook book = open_daemon();
  std::filesystem::remove(folder_.variables_path());
  begun(book, run_of("r1"));
  EXPECT_EQ(save_elsewhere("r1"), saved);
}

TEST_F(RunBookTest, a_skipped_tick_has_its_record) {
  RunBook book = open_daemon();
  RunRecord run = run_of("r1");
  run.sequence = begun(book, run);
  RunRecord skip = run_of("");
  skip.outcome = Outcome::skipped;
  must(book.record_skip(skip));
  run.boot_id = "boot-1";
  skip.sequence = 2;
  EXPECT_EQ(history(), (std::vector{run, skip}));
}

TEST_F(RunBookTest, a_run_that_could_not_begin_is_recorded_by_its_end) {
  RunBook book = open_daemon();
  must(book.finish(ended(run_of("r1"), Outcome::failed)));
  const auto runs = history();
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_EQ(runs[0].sequence, 1U);
}

TEST_F(RunBookTest, an_unreadable_history_is_told_of) {
  std::filesystem::create_directories(folder_.path());
  std::ofstream(folder_.history_path()) << std::string(10'000, 'x');
  RunBook book = open_daemon();
  EXPECT_EQ(book.take_notices().size(), 1U);
  EXPECT_TRUE(book.take_notices().empty());
}

// Each call in a thread of its own, which is gone when it returns.
template <class Call>
auto elsewhere(Call call) {
  std::optional<decltype(call())> result;
  std::thread([&] { result.emplace(call()); }).join();
  return std::move(*result);
}

TEST_F(RunBookTest, its_calls_may_come_from_any_thread_one_at_a_time) {
  RunBook book = elsewhere([&] { return open_daemon(); });
  for (int round = 1; round <= 5; ++round) {
    RunRecord run = run_of("r" + std::to_string(round));
    run.scheduled_at = run.started_at;
    run.sequence = elsewhere([&] { return begun(book, run); });
    must(book.save_steps(run.run_id, 0, std::vector{step_of("/scripts/backups/1")}));
    must(elsewhere([&] { return book.save_steps(run.run_id, 1, std::vector{step_of("/scripts/backups/2")}); }));
    EXPECT_EQ(save_elsewhere(run.run_id), saved) << "no lock is left behind";
    EXPECT_EQ(in_child([&] { EXPECT_FALSE(try_open(RunBook::Owner::once).ok()); }), 0);
    must(elsewhere([&] { return book.finish(ended(run)); }));
    RunRecord skip = run_of("");
    skip.scheduled_at = run.scheduled_at;
    skip.outcome = Outcome::skipped;
    must(elsewhere([&] { return book.record_skip(skip); }));
    must(elsewhere([&] {
      return book.note_daemon({.pid = 1, .started_at = run.started_at, .schedule = "@daily", .version = "0.1.0"});
    }));
    EXPECT_EQ(must(elsewhere([&] { return book.schedule(); })).settled_until, run.started_at);
    EXPECT_EQ(in_child([&] {
                auto once = must(try_open(RunBook::Owner::once));
                do_run(once, run_of("once-" + run.run_id));
              }),
              0);
  }
  EXPECT_TRUE(elsewhere([&] { return book.take_notices(); }).empty());
  EXPECT_EQ(history().size(), 15U);
}

TEST_F(RunBookTest, what_a_run_saved_cannot_be_read_in_the_file_after_its_end) {
  RunBook book = open_daemon();
  RunRecord run = run_of("r1");
  run.sequence = begun(book, run);
  EXPECT_EQ(in_child([&] { must(must(store::Variables::join(folder_)).save("r1", "key", "a secret value")); }), 0);
  EXPECT_NE(store::content_of(folder_.variables_path()).find("a secret value"), std::string::npos);
  must(book.finish(ended(run)));
  EXPECT_EQ(store::content_of(folder_.variables_path()).find("a secret value"), std::string::npos);
  EXPECT_EQ(save_elsewhere("r1"), ErrorCode::unavailable);
}

TEST_F(RunBookTest, a_state_folder_that_is_removed_is_made_again_and_stays_ours) {
  RunBook book = open_daemon();
  do_run(book, run_of("r1"));
  std::filesystem::remove_all(folder_.path());
  EXPECT_EQ(begun(book, run_of("r2")), 1U);
  EXPECT_EQ(save_elsewhere("r2"), saved);
  EXPECT_EQ(in_child([&] {
              EXPECT_EQ(try_open(RunBook::Owner::daemon).error().code, ErrorCode::busy);
              EXPECT_EQ(try_open(RunBook::Owner::once).error().code, ErrorCode::busy);
            }),
            0);
  std::filesystem::remove_all(dir_.path());
  RunRecord end = ended(run_of("r2"));
  must(book.finish(end));
  do_run(book, run_of("r3"));
  EXPECT_EQ(history().size(), 2U);
  EXPECT_FALSE(book.take_notices().empty());
}

TEST_F(RunBookTest, a_state_folder_that_another_daemon_has_made_again_is_its_own) {
  RunBook book = open_daemon();
  std::filesystem::remove_all(folder_.path());
  EXPECT_EQ(
      in_child([&] {
        RunBook other = open_daemon();
        const int other_pid = ::getpid();
        EXPECT_EQ(
            in_child([&] {
              const auto result = book.begin(run_of("r1"));
              ASSERT_TRUE(std::holds_alternative<Error>(result));
              EXPECT_EQ(std::get<Error>(result).code, ErrorCode::busy);
              EXPECT_NE(std::get<Error>(result).text.find("process " + std::to_string(other_pid)), std::string::npos)
                  << std::get<Error>(result).text;
            }),
            0);
      }),
      0);
}

// The variables of the run that was lost are all that lies there.
TEST_F(RunBookTest, on_a_disk_that_variables_have_filled_the_next_daemon_starts_and_records_the_lost_run) {
  const TempDir disk;
  const int code = store::on_small_disk(disk.path(), "1m", [&] {
    const StateFolder folder = StateFolder::at(disk.path());
    EXPECT_EQ(in_child([&] {
                RunBook lost = must(open_book(disk.path(), "boot-1", RunBook::Owner::daemon));
                begun(lost, run_of("r1"));
                must(lost.save_steps("r1", 0, std::vector{step_of("/scripts/backups/1")}));
                EXPECT_EQ(in_child([&] {
                            auto variables = must(store::Variables::join(folder));
                            for (int key = 0;; ++key) {
                              const std::string value(8000, 'v');
                              if (!variables.save("r1", "key" + std::to_string(key), value)) break;
                            }
                          }),
                          0);
              }),
              0);
    store::fill_disk(disk / "ballast");
    RunBook book = must(open_book(disk.path(), "boot-1", RunBook::Owner::daemon));
    EXPECT_EQ(begun(book, run_of("r2")), 2U);
    auto history = must(store::History::open_read_only(folder));
    const auto runs = must(history.latest(10));
    ASSERT_EQ(runs.size(), 2U);
    EXPECT_EQ(runs[0].outcome, Outcome::lost);
    EXPECT_EQ(runs[0].steps.size(), 1U) << "what it had noted is not lost with the variables";
  });
  if (code == store::not_permitted) GTEST_SKIP() << "this machine does not let us mount a small disk";
  EXPECT_EQ(code, 0);
}

TEST_F(RunBookTest, a_full_disk_does_not_keep_a_daemon_from_starting) {
  const TempDir disk;
  const int code = store::on_small_disk(disk.path(), "1m", [&] {
    std::filesystem::create_directories(StateFolder::at(disk.path()).path());
    store::fill_disk(disk / "ballast");
    RunBook book = must(open_book(disk.path(), "boot-1", RunBook::Owner::daemon));
    const auto notices = book.take_notices();
    ASSERT_EQ(notices.size(), 1U);
    EXPECT_NE(notices[0].find("No space left on device"), std::string::npos) << notices[0];
    EXPECT_TRUE(std::holds_alternative<Error>(book.begin(run_of("r1"))));
    EXPECT_FALSE(book.save_steps("r1", 0, std::vector{step_of("/scripts/on_error/1")}).ok());
    EXPECT_FALSE(book.finish(ended(run_of("r1"), Outcome::failed)).ok());
    EXPECT_EQ(::unlink((disk / "ballast").c_str()), 0);
    EXPECT_EQ(begun(book, run_of("r2")), 2U) << "behind the record of the one that failed";
  });
  if (code == store::not_permitted) GTEST_SKIP() << "this machine does not let us mount a small disk";
  EXPECT_EQ(code, 0);
}

TEST_F(RunBookTest, on_a_full_disk_runs_fail_and_are_recorded_as_soon_as_there_is_room) {
  const TempDir disk;
  const int code = store::on_small_disk(disk.path(), "2m", [&] {
    RunBook book = must(open_book(disk.path(), "boot-1", RunBook::Owner::daemon));
    RunRecord first = run_of("r1");
    first.sequence = begun(book, first);

    store::fill_disk(disk / "ballast");
    const std::string large(100'000, 'v');
    first = ended(first);
    core::StepRecord step = step_of(std::string(4000, 's'));
    first.steps.assign(15, step);
    EXPECT_EQ(book.finish(first).error().code, ErrorCode::full);

    // The failed run holds the lock from begin() to finish(), as any other.
    const auto result = book.begin(run_of("r2"));
    ASSERT_TRUE(std::holds_alternative<Error>(result));
    EXPECT_EQ(std::get<Error>(result).code, ErrorCode::full);
    EXPECT_NE(std::get<Error>(result).text.find("No space left on device"), std::string::npos);
    EXPECT_EQ(in_child([&] { EXPECT_FALSE(open_book(disk.path(), "boot-1", RunBook::Owner::once).ok()); }), 0);
    EXPECT_FALSE(book.finish(ended(run_of("r2"), Outcome::failed)).ok());
    RunRecord skip = run_of("");
    skip.outcome = Outcome::skipped;
    EXPECT_FALSE(book.record_skip(skip).ok());

    EXPECT_EQ(::unlink((disk / "ballast").c_str()), 0);
    do_run(book, run_of("r3"));
    EXPECT_EQ(in_child([&] {
                auto history = must(store::History::open_read_only(StateFolder::at(disk.path())));
                std::vector<std::pair<std::string, Outcome>> runs;
                for (const RunRecord& run : must(history.latest(100))) runs.emplace_back(run.run_id, run.outcome);
                EXPECT_EQ(runs, (std::vector<std::pair<std::string, Outcome>>{{"r1", Outcome::succeeded},
                                                                              {"r2", Outcome::failed},
                                                                              {"", Outcome::skipped},
                                                                              {"r3", Outcome::succeeded}}));
              }),
              0);
  });
  if (code == store::not_permitted) GTEST_SKIP() << "this machine does not let us mount a small disk";
  EXPECT_EQ(code, 0);
}

}  // namespace
}  // namespace sidefridge::daemon
