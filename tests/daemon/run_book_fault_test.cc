// run_book_fault_test.cc - every write of a run fails once, in each of the ways a disk has.
#include "../store/fault.h"
#include "../store/fixture.h"
#include "sidefridge/core/run_book.h"
#include "sidefridge/daemon/state_store.h"

namespace sidefridge::daemon {
namespace {

using core::Outcome;
using core::RunBook;
using core::RunRecord;
using store::in_child;
using store::must;
using store::StateFolder;

class RunBookFaultTest : public testing::TestWithParam<int> {
protected:
  store::TempDir dir_;

  Result<RunBook> open_book(RunBook::Owner owner) const {
    return RunBook::open(
        must(StateStore::open({.state_dir = dir_.path(), .store_limit_bytes = 1 << 20, .history_limit = 10'000})),
        {.state_dir = dir_.path(), .boot_id = "boot"}, owner);
  }

  bool can_save_elsewhere(const std::string& run_id) const {
    return in_child([&] {
             auto variables = must(store::Variables::join(StateFolder::at(dir_.path())));
             ::_exit(variables.save(run_id, "key", "value") ? 0 : 1);
           }) == 0;
  }
  bool once_may_start() const {
    return in_child([&] { ::_exit(open_book(RunBook::Owner::once) ? 0 : 1); }) == 0;
  }
};

// As the daemon does it: a run that could not begin still ends, as failed.
void do_run(RunBook& book, RunRecord run) {
  const auto begun = book.begin(run);
  ASSERT_FALSE(std::holds_alternative<RunBook::Busy>(begun));
  run.outcome = Outcome::succeeded;
  if (const auto* success = std::get_if<RunBook::Begun>(&begun)) run.sequence = success->sequence;
  if (std::holds_alternative<Error>(begun)) run.outcome = Outcome::failed;
  core::StepRecord step;
  static_cast<void>(book.save_steps(run.run_id, 0, std::vector{step}).ok());
  static_cast<void>(book.finish(run).ok());
}

TEST_P(RunBookFaultTest, whatever_write_fails_each_run_has_one_final_record_and_the_next_run_is_sound) {
  RunBook book = must(open_book(RunBook::Owner::daemon));
  std::vector<std::string> begun;
  bool struck = true;
  for (int nth = 1; struck; ++nth) {
    RunRecord run;
    run.boot_id = "boot";
    run.run_id = "struck-" + std::to_string(nth);
    begun.push_back(run.run_id);
    store::arm(nth, GetParam());
    do_run(book, run);
    struck = store::fault_struck();
    store::disarm();

    run.run_id = "sound-" + std::to_string(nth);
    begun.push_back(run.run_id);
    const auto sound = book.begin(run);
    ASSERT_TRUE(std::holds_alternative<RunBook::Begun>(sound)) << "after fault " << nth;
    EXPECT_TRUE(can_save_elsewhere(run.run_id)) << "after fault " << nth;
    EXPECT_FALSE(can_save_elsewhere("struck-" + std::to_string(nth))) << "after fault " << nth;
    EXPECT_FALSE(once_may_start());
    run.sequence = std::get<RunBook::Begun>(sound).sequence;
    run.outcome = Outcome::succeeded;
    must(book.finish(run));
  }
  EXPECT_GT(begun.size(), 10U);
  EXPECT_TRUE(book.take_notices().empty()) << "nothing of it was taken for lost";
  EXPECT_EQ(in_child([&] {
              auto history = must(store::History::open_read_only(StateFolder::at(dir_.path())));
              std::vector<std::string> recorded;
              for (const RunRecord& run : must(history.latest(10'000))) {
                EXPECT_TRUE(run.outcome == Outcome::succeeded || run.outcome == Outcome::failed) << run.run_id;
                recorded.push_back(run.run_id);
              }
              EXPECT_EQ(recorded, begun);
            }),
            0);
  EXPECT_TRUE(once_may_start()) << "the run lock is free";
}

TEST_P(RunBookFaultTest, while_the_disk_refuses_for_long_the_run_that_began_is_remembered_and_memory_is_bounded) {
  RunBook book = must(open_book(RunBook::Owner::daemon));
  RunRecord run;
  run.run_id = "began";
  const auto begun = book.begin(run);
  ASSERT_TRUE(std::holds_alternative<RunBook::Begun>(begun));
  run.sequence = std::get<RunBook::Begun>(begun).sequence;
  run.outcome = Outcome::succeeded;

  store::arm(1, GetParam(), store::Lasts::on);
  EXPECT_FALSE(book.finish(run).ok());
  RunRecord skip;
  skip.outcome = Outcome::skipped;
  for (int tick = 0; tick < 1000; ++tick) EXPECT_FALSE(book.record_skip(skip).ok());
  EXPECT_EQ(book.take_notices().size(), 901U);
  store::disarm();

  must(book.record_skip(skip));
  EXPECT_EQ(in_child([&] {
              auto history = must(store::History::open_read_only(StateFolder::at(dir_.path())));
              const auto runs = must(history.latest(10'000));
              EXPECT_EQ(runs.size(), 101U);
              EXPECT_EQ(runs.front(), run);
              EXPECT_TRUE(must(history.unfinished()).empty());
            }),
            0);
}

INSTANTIATE_TEST_SUITE_P(Disk, RunBookFaultTest, testing::ValuesIn(store::disk_faults), store::name_of_disk_fault);

}  // namespace
}  // namespace sidefridge::daemon
