#include "sidefridge/store/variables.h"

#include <lmdb.h>

#include <algorithm>

#include "fixture.h"

namespace sidefridge::store {
namespace {

class VariablesTest : public testing::Test {
protected:
  TempDir dir_;
  StateFolder folder_ = must(StateFolder::open(dir_.path()));
  Variables variables_ = must(Variables::recreate(folder_, some_limit_bytes));

  std::string loaded(std::string_view run_id, std::string_view key) {
    return must(variables_.load(run_id, key)).value_or("(nothing)");
  }
};

core::StepRecord step_of(std::string script) {
  core::StepRecord step;
  step.script = std::move(script);
  return step;
}

TEST_F(VariablesTest, the_files_are_for_their_owner_only) {
  EXPECT_EQ(mode_of(folder_.path()), 0700U);
  EXPECT_EQ(mode_of(folder_.variables_path()), 0600U);
  EXPECT_EQ(mode_of(folder_.variables_path() + "-lock"), 0600U);
}

TEST_F(VariablesTest, nothing_but_the_two_files_is_left_in_the_folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"variables.mdb", "variables.mdb-lock"}));
}

TEST_F(VariablesTest, a_run_starts_with_an_empty_namespace) {
  must(variables_.begin("r1"));
  must(variables_.save("r1", "key", "value"));
  must(variables_.begin("r2"));
  EXPECT_EQ(loaded("r2", "key"), "(nothing)");
  EXPECT_EQ(loaded("r1", "key"), "value");
}

TEST_F(VariablesTest, a_namespace_begun_again_is_empty) {
  must(variables_.begin("r1"));
  must(variables_.save("r1", "key", "value"));
  must(variables_.begin("r1"));
  EXPECT_EQ(loaded("r1", "key"), "(nothing)");
}

TEST_F(VariablesTest, it_is_gone_when_the_run_ends) {
  must(variables_.begin("r1"));
  must(variables_.drop("r1"));
  auto saved = variables_.save("r1", "key", "value");
  ASSERT_FALSE(saved.ok());
  EXPECT_EQ(saved.error().code, ErrorCode::unavailable);
  EXPECT_EQ(saved.error().text, "the run 'r1' has ended or does not exist");
}

TEST_F(VariablesTest, dropping_a_run_that_is_not_there_is_no_error) {
  must(variables_.drop("r1"));
}

TEST_F(VariablesTest, names_that_no_run_has_are_no_namespace) {
  must(variables_.begin("r1"));
  must(variables_.save_steps("r1", 0, std::vector{step_of("s")}));
  for (const std::string& run_id : {std::string(), std::string("r1/steps"), std::string(1000, 'r')}) {
    auto saved = variables_.save(run_id, "key", "value");
    ASSERT_FALSE(saved.ok());
    EXPECT_EQ(saved.error().code, ErrorCode::unavailable);
  }
}

TEST_F(VariablesTest, made_anew_it_is_empty) {
  must(variables_.begin("r1"));
  Variables fresh = must(Variables::recreate(folder_, some_limit_bytes));
  EXPECT_FALSE(fresh.load("r1", "key").ok());
}

TEST_F(VariablesTest, who_has_the_replaced_file_open_notices) {
  EXPECT_TRUE(variables_.is_current());
  const Variables fresh = must(Variables::recreate(folder_, some_limit_bytes));
  EXPECT_FALSE(variables_.is_current());
  EXPECT_TRUE(fresh.is_current());
}

TEST_F(VariablesTest, what_is_written_to_the_replaced_file_does_not_reach_the_new_one) {
  must(variables_.begin("r1"));
  Variables fresh = must(Variables::recreate(folder_, some_limit_bytes));
  must(fresh.begin("r1"));
  must(variables_.save("r1", "key", "stray"));
  EXPECT_EQ(must(fresh.load("r1", "key")), std::nullopt);
  must(fresh.save("r1", "key", "ours"));
  EXPECT_EQ(must(fresh.load("r1", "key")), "ours");
}

TEST_F(VariablesTest, joining_finds_the_limit_in_the_file) {
  EXPECT_EQ(in_child([&] { EXPECT_EQ(must(Variables::join(folder_)).limit_bytes(), some_limit_bytes); }), 0);
}

TEST_F(VariablesTest, joining_what_is_no_regular_file_or_makes_no_sense_is_refused_at_once) {
  const std::string path = folder_.variables_path();
  const auto refusal = [&](const std::string& text) {
    return in_child([&] {
      const auto joined = Variables::join(folder_);
      ASSERT_FALSE(joined.ok());
      EXPECT_EQ(joined.error().code, ErrorCode::io);
      EXPECT_NE(joined.error().text.find(path + text), std::string::npos) << joined.error().text;
    });
  };
  // The size of a page, behind the head of 16 bytes and the magic, version, address and map's size.
  std::fstream(path, std::ios::in | std::ios::out | std::ios::binary).seekp(40) << std::string(4, '\0');
  EXPECT_EQ(refusal(""), 0);
  std::filesystem::remove(path);
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(refusal(" is not a regular file; remove it"), 0);
  EXPECT_FALSE(variables_.is_current());
  variables_ = must(Variables::recreate(folder_, some_limit_bytes));
  EXPECT_EQ(in_child([&] { must(Variables::join(folder_)); }), 0);
}

TEST_F(VariablesTest, joining_makes_no_file) {
  const TempDir empty;
  std::filesystem::create_directories(empty / "store");
  auto joined = Variables::join(StateFolder::at(empty.path()));
  ASSERT_FALSE(joined.ok());
  EXPECT_EQ(joined.error().code, ErrorCode::unavailable);
  EXPECT_TRUE(std::filesystem::is_empty(empty / "store"));
}

TEST_F(VariablesTest, steps_come_back_in_order_and_the_last_note_counts) {
  must(variables_.begin("r1"));
  for (std::uint32_t index = 0; index < 300; ++index) {
    must(variables_.save_steps("r1", index, std::vector{step_of("old " + std::to_string(index))}));
    must(variables_.save_steps("r1", index, std::vector{step_of(std::to_string(index))}));
  }
  const auto steps = must(Variables::read_steps(folder_, "r1"));
  ASSERT_EQ(steps.size(), 300U);
  for (std::size_t index = 0; index < steps.size(); ++index) EXPECT_EQ(steps[index].script, std::to_string(index));
}

TEST_F(VariablesTest, steps_are_dropped_with_their_run_and_are_no_variables) {
  must(variables_.begin("r1"));
  must(variables_.save_steps("r1", 0, std::vector{step_of("s")}));
  must(variables_.save("r1", "0", "x"));
  EXPECT_EQ(must(Variables::read_steps(folder_, "r1")).size(), 1U);
  must(variables_.drop("r1"));
  EXPECT_TRUE(must(Variables::read_steps(folder_, "r1")).empty());
}

TEST_F(VariablesTest, its_descriptors_are_not_inherited) {
  const auto outcome = run({"/bin/sh", "-c", "ls -l /proc/$$/fd"}, {"PATH=/usr/bin:/bin"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out.find(".mdb"), std::string::npos) << outcome.out;
}

TEST_F(VariablesTest, runs_that_come_and_go_do_not_let_the_file_grow) {
  const std::string value(100'000, 'v');
  const auto one_run = [&](int number) {
    const std::string run_id = "r" + std::to_string(number);
    must(variables_.begin(run_id));
    for (int key = 0; key < 20; ++key) must(variables_.save(run_id, std::to_string(key), value));
    must(variables_.drop(run_id));
  };
  for (int number = 0; number < 3; ++number) one_run(number);
  const auto size = std::filesystem::file_size(folder_.variables_path());
  for (int number = 3; number < 50; ++number) one_run(number);
  EXPECT_LE(std::filesystem::file_size(folder_.variables_path()), size + size / 2);
}

// A writer that dies in the middle holds the lock that all writers wait for.
TEST_F(VariablesTest, a_writer_killed_in_the_middle_loses_its_update_only_and_blocks_nobody) {
  must(variables_.begin("r1"));
  must(variables_.save("r1", "key", "before"));
  const int code = in_child([&] {
    auto environment = must(Environment::open(folder_.variables_path(), {.sync = Environment::Sync::never}));
    auto transaction = must(environment.begin_write());
    auto space = must(transaction.find_database("r1"));
    must(transaction.put(*space, "key", "halfway"));
    ::kill(::getpid(), SIGKILL);
  });
  ASSERT_EQ(code, 128 + SIGKILL);
  EXPECT_EQ(loaded("r1", "key"), "before");
  must(variables_.save("r1", "key", "after"));
  EXPECT_EQ(loaded("r1", "key"), "after");
}

TEST_F(VariablesTest, a_killed_reader_does_not_fill_the_file) {
  must(variables_.begin("r1"));
  const int code = in_child([&] {
    auto environment = must(Environment::open(folder_.variables_path(), {.sync = Environment::Sync::never}));
    auto transaction = must(environment.begin_read());
    ::kill(::getpid(), SIGKILL);
  });
  ASSERT_EQ(code, 128 + SIGKILL);
  // Each overwrite needs the pages of an earlier one, which the dead reader would hold for ever.
  const std::string value(some_limit_bytes / 8, 'v');
  for (int round = 0; round < 50; ++round) must(variables_.save("r1", "key", value));
}

TEST_F(VariablesTest, stale_readers_are_cleared_between_runs) {
  const int code = in_child([&] {
    auto environment = must(Environment::open(folder_.variables_path(), {.sync = Environment::Sync::never}));
    auto transaction = must(environment.begin_read());
    ::kill(::getpid(), SIGKILL);
  });
  ASSERT_EQ(code, 128 + SIGKILL);
  EXPECT_EQ(variables_.clear_stale_readers(), 1);
  EXPECT_EQ(variables_.clear_stale_readers(), 0);
}

TEST_F(VariablesTest, a_thousand_may_read_at_once_and_one_more_waits_for_its_turn) {
  must(variables_.begin("r1"));
  must(variables_.save("r1", "key", "value"));
  int ready[2];
  ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    MDB_env* env = nullptr;
    MDB_txn* reader = nullptr;
    mdb_env_create(&env);
    mdb_env_open(env, folder_.variables_path().c_str(), MDB_NOSUBDIR | MDB_NOTLS, 0600);
    int readers = 0;
    while (mdb_txn_begin(env, nullptr, MDB_RDONLY, &reader) == 0) ++readers;
    EXPECT_EQ(::write(ready[1], &readers, sizeof readers), ssize_t{sizeof readers});
    for (;;) ::pause();
  }
  int readers = 0;
  ASSERT_EQ(::read(ready[0], &readers, sizeof readers), ssize_t{sizeof readers});
  EXPECT_GE(readers, 1000);
  EXPECT_EQ(loaded("r1", "key"), "value");
  must(variables_.save("r1", "key", "other"));
  EXPECT_EQ(loaded("r1", "key"), "other");
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_F(VariablesTest, at_the_limit_all_that_was_saved_is_still_there_and_can_be_dropped) {
  must(variables_.begin("r1"));
  const std::string value(100'000, 'v');
  int saved = 0;
  for (;;) {
    auto result = variables_.save("r1", "key " + std::to_string(saved), value);
    if (!result) {
      EXPECT_EQ(result.error().code, ErrorCode::full);
      EXPECT_EQ(result.error().text, folder_.variables_path() + ": its limit is reached; raise SIDEFRIDGE_STORE_LIMIT");
      break;
    }
    ++saved;
  }
  EXPECT_GT(saved, 100);
  for (int key = 0; key < saved; ++key) EXPECT_EQ(loaded("r1", "key " + std::to_string(key)), value);
  must(variables_.drop("r1"));
  must(variables_.begin("r2"));
  for (int key = 0; key < saved / 2; ++key) must(variables_.save("r2", "key " + std::to_string(key), value));
}

}  // namespace
}  // namespace sidefridge::store
