// fault_test.cc - every write of the stores fails once, in each of the ways a disk has.
#include "fault.h"

#include "fixture.h"
#include "sidefridge/store/history.h"

namespace sidefridge::store {
namespace {

core::RunRecord run_of(const std::string& run_id, core::Outcome outcome) {
  core::RunRecord run;
  run.run_id = run_id;
  run.outcome = outcome;
  return run;
}

class FaultTest : public testing::TestWithParam<int> {
protected:
  TempDir dir_;
  StateFolder folder_ = must(StateFolder::open(dir_.path()));
};

// What is told as done is done, what failed left nothing behind, and afterwards all goes on.
TEST_P(FaultTest, a_history_whose_nth_write_fails_loses_that_one_only) {
  History history = must(History::open(folder_, {.limit = 10'000}));
  std::vector<std::string> expected;
  bool struck = true;
  for (int nth = 1; struck; ++nth) {
    arm(nth, GetParam());
    for (int run = 0; run < 3; ++run) {
      const std::string run_id = std::to_string(nth) + "-" + std::to_string(run);
      auto sequence = history.begin(run_of(run_id, core::Outcome::running));
      if (!sequence) continue;
      expected.push_back(run_id);
      core::RunRecord ended = run_of(run_id, core::Outcome::succeeded);
      ended.sequence = *sequence;
      if (!history.finish(ended)) must(history.finish(ended));
    }
    struck = fault_struck();
    disarm();

    std::vector<std::string> found;
    for (const core::RunRecord& run : must(history.latest(10'000))) {
      EXPECT_EQ(run.outcome, core::Outcome::succeeded);
      found.push_back(run.run_id);
    }
    EXPECT_EQ(found, expected) << "after fault " << nth;
    EXPECT_TRUE(must(history.unfinished()).empty());
  }
  EXPECT_GT(expected.size(), 10U);
  EXPECT_EQ(history.take_notices(), std::vector<std::string>{});
}

TEST_P(FaultTest, variables_whose_nth_write_fails_lose_that_one_only) {
  Variables variables = must(Variables::recreate(folder_, some_limit_bytes));
  bool struck = true;
  for (int nth = 1; struck; ++nth) {
    const std::string run_id = "r" + std::to_string(nth);
    must(variables.begin(run_id));
    arm(nth, GetParam());
    std::vector<std::string> saved;
    for (int key = 0; key < 5; ++key) {
      if (variables.save(run_id, std::to_string(key), std::string(10'000, 'v'))) saved.push_back(std::to_string(key));
    }
    struck = fault_struck();
    disarm();
    for (int key = 0; key < 5; ++key) {
      const std::string name = std::to_string(key);
      const bool there = must(variables.load(run_id, name)).has_value();
      EXPECT_EQ(there, std::find(saved.begin(), saved.end(), name) != saved.end()) << "after fault " << nth;
    }
    EXPECT_EQ(saved.size(), struck ? 4U : 5U);
    must(variables.save(run_id, "afterwards", "value"));
    must(variables.drop(run_id));
  }
}

TEST_P(FaultTest, when_the_nth_write_of_a_new_file_fails_the_next_attempt_makes_it) {
  bool struck = true;
  for (int nth = 1; struck; ++nth) {
    std::filesystem::remove(folder_.history_path());
    std::filesystem::remove(folder_.history_path() + "-lock");
    arm(nth, GetParam());
    const bool opened = History::open(folder_, {.limit = 10}).ok();
    struck = fault_struck();
    disarm();
    EXPECT_EQ(opened, !struck);
    History history = must(History::open(folder_, {.limit = 10}));
    must(history.begin(run_of("r1", core::Outcome::running)));
    EXPECT_EQ(must(history.latest(10)).size(), 1U);
  }
}

INSTANTIATE_TEST_SUITE_P(Disk, FaultTest, testing::ValuesIn(disk_faults), name_of_disk_fault);

}  // namespace
}  // namespace sidefridge::store
