// memory_store_test.cc - the real run book over a store in memory: crashes, a second process, and each call failing
// once.
#include "tests/sim/memory_store.h"

#include <gtest/gtest.h>

#include <chrono>
#include <utility>

#include "sidefridge/core/run_book.h"

namespace sidefridge::sim {
namespace {

using core::Outcome;
using core::RunBook;
using core::RunRecord;
using core::RunStore;

const Error no_luck{ErrorCode::io, "no luck"};

Result<RunBook> try_open(MemoryStore& store, int pid, RunBook::Owner owner = RunBook::Owner::daemon,
                         std::string boot_id = "boot-1") {
  return RunBook::open(store.open(pid), {.state_dir = "/state", .boot_id = std::move(boot_id)}, owner);
}

// As a process that must get the folder; its book is gone with the object, as it is with a process that is killed.
std::optional<RunBook> open(MemoryStore& store, int pid, RunBook::Owner owner = RunBook::Owner::daemon,
                            std::string boot_id = "boot-1") {
  auto book = try_open(store, pid, owner, std::move(boot_id));
  EXPECT_TRUE(book.ok()) << book.error().text;
  return std::optional(std::move(*book));
}

RunRecord run_of(std::string run_id) {
  RunRecord run;
  run.run_id = std::move(run_id);
  run.started_at = WallTime(std::chrono::seconds(1'700'000'000));
  run.scheduled_at = run.started_at;
  return run;
}

core::StepRecord step_of(std::string script) {
  core::StepRecord step;
  step.script = std::move(script);
  return step;
}

std::uint64_t begun(RunBook& book, const RunRecord& run) {
  const auto result = book.begin(run);
  const auto* success = std::get_if<RunBook::Begun>(&result);
  EXPECT_NE(success, nullptr);
  return success == nullptr ? 0 : success->sequence;
}

TEST(MemoryStore, a_run_has_its_namespace_and_the_run_lock_while_it_goes_on) {
  MemoryStore store;
  auto book = open(store, 10);
  EXPECT_EQ(store.holder(RunStore::Lock::daemon), 10);
  EXPECT_EQ(store.holder(RunStore::Lock::run), std::nullopt);
  RunRecord run = run_of("r1");
  run.sequence = begun(*book, run);
  EXPECT_EQ(run.sequence, 1U);
  EXPECT_EQ(store.holder(RunStore::Lock::run), 10);
  EXPECT_EQ(store.history().at(1).outcome, Outcome::running);
  EXPECT_TRUE(store.namespaces().contains("r1"));

  run.outcome = Outcome::succeeded;
  EXPECT_TRUE(book->finish(run).ok());
  EXPECT_EQ(store.holder(RunStore::Lock::run), std::nullopt);
  EXPECT_EQ(store.history().at(1), run);
  EXPECT_TRUE(store.namespaces().empty());
  EXPECT_EQ(store.schedule().settled_until, run.started_at);
}

TEST(MemoryStore, a_second_daemon_is_busy_and_touches_nothing) {
  MemoryStore store;
  auto first = open(store, 10);
  begun(*first, run_of("r1"));
  const auto second = try_open(store, 11);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::busy);
  EXPECT_EQ(second.error().text,
            "a sidefridge daemon has the state folder /state already: process 10; give each daemon a "
            "SIDEFRIDGE_STATE_DIR of its own");
  EXPECT_TRUE(store.namespaces().contains("r1"));
  EXPECT_EQ(store.history().at(1).outcome, Outcome::running);
}

TEST(MemoryStore, while_another_process_runs_one_a_begin_is_busy_and_after_it_all_is_well) {
  MemoryStore store;
  auto daemon = open(store, 10);
  auto once = open(store, 11, RunBook::Owner::once);
  begun(*once, run_of("by-once"));
  const auto result = daemon->begin(run_of("by-tick"));
  ASSERT_TRUE(std::holds_alternative<RunBook::Busy>(result));
  EXPECT_EQ(std::get<RunBook::Busy>(result).holder, 11);

  once.reset();  // killed in the middle
  EXPECT_EQ(begun(*daemon, run_of("r2")), 2U);
  EXPECT_EQ(store.history().at(1).outcome, Outcome::lost);
  EXPECT_EQ(daemon->take_notices().size(), 1U);
  EXPECT_EQ(store.namespaces().size(), 1U);
}

TEST(MemoryStore, a_run_of_a_daemon_that_was_killed_is_lost_with_the_steps_it_noted) {
  MemoryStore store;
  auto book = open(store, 10);
  begun(*book, run_of("r1"));
  const std::vector steps{step_of("/scripts/backups/1"), step_of("/scripts/backups/2")};
  EXPECT_TRUE(book->save_steps("r1", 0, steps).ok());
  book.reset();
  book = open(store, 11);
  EXPECT_EQ(store.history().at(1).outcome, Outcome::lost);
  EXPECT_EQ(store.history().at(1).reason, "the process that ran it was killed");
  EXPECT_EQ(store.history().at(1).steps, steps);
  EXPECT_TRUE(store.namespaces().empty());
}

TEST(MemoryStore, after_a_crash_of_the_machine_noted_steps_are_not_trusted) {
  MemoryStore store;
  auto book = open(store, 10);
  begun(*book, run_of("r1"));
  EXPECT_TRUE(book->save_steps("r1", 0, std::vector{step_of("/scripts/backups/1")}).ok());
  book.reset();
  book = open(store, 10, RunBook::Owner::daemon, "boot-2");
  EXPECT_EQ(store.history().at(1).reason, "the machine went down while it ran");
  EXPECT_TRUE(store.history().at(1).steps.empty());
}

TEST(MemoryStore, removed_variables_are_made_anew_by_the_next_run) {
  MemoryStore store;
  auto book = open(store, 10);
  store.remove_variables();
  begun(*book, run_of("r1"));
  EXPECT_TRUE(store.namespaces().contains("r1"));
}

// What the daemon does with a run, whatever the store says to it.
void do_run(RunBook& book, RunRecord run) {
  const auto begin = book.begin(run);
  ASSERT_FALSE(std::holds_alternative<RunBook::Busy>(begin));
  run.outcome = std::holds_alternative<Error>(begin) ? Outcome::failed : Outcome::succeeded;
  if (const auto* success = std::get_if<RunBook::Begun>(&begin)) run.sequence = success->sequence;
  static_cast<void>(book.save_steps(run.run_id, 0, std::vector{step_of("/scripts/backups/1")}).ok());
  static_cast<void>(book.finish(run).ok());
}

TEST(MemoryStore, whatever_call_fails_each_run_has_one_final_record_and_the_next_run_is_sound) {
  bool struck = true;
  int calls = 0;
  for (int nth = 1; struck; ++nth) {
    MemoryStore store;
    auto book = open(store, 10);
    store.fail_call(nth, no_luck);
    do_run(*book, run_of("struck"));
    struck = store.fault_struck();
    store.mend();
    calls = nth;

    begun(*book, run_of("sound"));
    EXPECT_EQ(store.history().size(), 2U) << "after fault " << nth;
    EXPECT_NE(store.history().at(1).outcome, Outcome::running) << "after fault " << nth;
    EXPECT_NE(store.history().at(1).outcome, Outcome::lost) << "after fault " << nth;
    EXPECT_EQ(store.history().at(2).outcome, Outcome::running) << "after fault " << nth;
    EXPECT_TRUE(store.namespaces().contains("sound")) << "after fault " << nth;
    EXPECT_FALSE(store.namespaces().contains("struck")) << "after fault " << nth;
    EXPECT_TRUE(book->take_notices().empty()) << "after fault " << nth;
  }
  EXPECT_GT(calls, 5);
}

TEST(MemoryStore, killed_in_any_call_a_run_is_lost_or_was_never_begun_or_is_over) {
  bool struck = true;
  for (int nth = 1; struck; ++nth) {
    MemoryStore store;
    auto book = open(store, 10);
    store.fail_call(nth, no_luck, MemoryStore::Lasts::on);
    do_run(*book, run_of("r1"));
    struck = store.fault_struck();
    book.reset();
    store.mend();
    EXPECT_EQ(store.holder(RunStore::Lock::daemon), std::nullopt);
    EXPECT_EQ(store.holder(RunStore::Lock::run), std::nullopt);

    book = open(store, 11);
    EXPECT_TRUE(store.namespaces().empty()) << "after fault " << nth;
    for (const auto& [sequence, run] : store.history()) {
      EXPECT_TRUE(run.outcome == Outcome::lost || run.outcome == Outcome::succeeded) << "after fault " << nth;
    }
    begun(*book, run_of("r2"));
  }
}

TEST(MemoryStore, whatever_call_of_an_open_fails_the_next_open_is_sound) {
  bool struck = true;
  for (int nth = 1; struck; ++nth) {
    MemoryStore store;
    auto book = open(store, 10);
    begun(*book, run_of("r1"));
    book.reset();
    store.fail_call(nth, no_luck);
    const bool opened = try_open(store, 11).ok();
    struck = store.fault_struck();
    EXPECT_TRUE(opened || struck);
    store.mend();
    book = open(store, 12);
    EXPECT_EQ(store.history().size(), 1U) << "after fault " << nth;
    EXPECT_EQ(store.history().at(1).outcome, Outcome::lost) << "after fault " << nth;
    EXPECT_EQ(store.holder(RunStore::Lock::run), std::nullopt) << "after fault " << nth;
  }
}

}  // namespace
}  // namespace sidefridge::sim
