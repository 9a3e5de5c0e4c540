// commands_test.cc - save_var, load_var and store_var as scripts call them.
#include <memory>
#include <random>

#include "fixture.h"

namespace sidefridge::store {
namespace {

const std::string save_var = SIDEFRIDGE_COMMANDS "/save_var";
const std::string store_var = SIDEFRIDGE_COMMANDS "/store_var";
const std::string load_var = SIDEFRIDGE_COMMANDS "/load_var";

using Arguments = std::vector<std::string>;

class CommandsTest : public testing::Test {
protected:
  void SetUp() override {
    ::signal(SIGPIPE, SIG_IGN);
    begin_run(some_limit_bytes);
  }

  // As the daemon does it; the store is not kept open here, so that it can be looked at again.
  void begin_run(std::uint64_t limit_bytes) {
    Variables variables = must(Variables::recreate(must(StateFolder::open(dir_.path())), limit_bytes));
    must(variables.begin("r1"));
    must(variables.begin("r2"));
  }

  Arguments environment(const std::string& run_id = "r1") const {
    return {"SIDEFRIDGE_RUN_ID=" + run_id, "SIDEFRIDGE_STATE_DIR=" + dir_.path()};
  }

  Outcome call(Arguments command, std::string_view input = {}) const { return run(command, environment(), input); }

  void saves(Arguments arguments, std::string_view input = {}) const {
    arguments.insert(arguments.begin(), save_var);
    const Outcome outcome = call(std::move(arguments), input);
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err, "");
  }

  void loads(Arguments arguments, std::string_view expected) const {
    arguments.insert(arguments.begin(), load_var);
    const Outcome outcome = call(std::move(arguments));
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, expected);
    EXPECT_EQ(outcome.err, "");
  }

  void fails(Arguments command, int code, std::string_view error) const {
    const Outcome outcome = call(std::move(command));
    EXPECT_EQ(outcome.code, code);
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err, error);
  }

  TempDir dir_;
};

TEST_F(CommandsTest, save_var_sets_and_load_var_prints_the_value_and_a_newline) {
  saves({"KEY", "value"});
  loads({"KEY"}, "value\n");
}

TEST_F(CommandsTest, save_var_overwrites) {
  saves({"KEY", "a long value"});
  saves({"KEY", "v"});
  loads({"KEY"}, "v\n");
}

TEST_F(CommandsTest, store_var_is_another_name_of_save_var) {
  EXPECT_EQ(call({store_var, "KEY", "value"}).code, 0);
  loads({"KEY"}, "value\n");
  fails({store_var}, 2, "store_var: expected KEY and VALUE; see save_var --help\n");
}

TEST_F(CommandsTest, a_missing_key_prints_the_default) {
  loads({"KEY", "default"}, "default\n");
}

TEST_F(CommandsTest, a_missing_key_without_a_default_prints_an_empty_line) {
  loads({"KEY"}, "\n");
}

TEST_F(CommandsTest, a_key_that_is_there_does_not_print_the_default) {
  saves({"KEY", ""});
  loads({"KEY", "default"}, "\n");
}

TEST_F(CommandsTest, raw_prints_the_exact_bytes) {
  saves({"KEY", "value\n"});
  loads({"--raw", "KEY"}, "value\n");
  loads({"--raw", "MISSING"}, "");
  loads({"--raw", "MISSING", "default"}, "default");
}

TEST_F(CommandsTest, strict_makes_a_missing_key_a_failure) {
  fails({load_var, "--strict", "KEY"}, 1, "");
  fails({load_var, "--strict", "KEY", "default"}, 1, "");
  saves({"KEY", ""});
  loads({"--strict", "KEY"}, "\n");
  loads({"--strict", "--raw", "KEY"}, "");
}

TEST_F(CommandsTest, a_value_may_be_empty) {
  saves({"KEY", ""});
  loads({"--raw", "--strict", "KEY"}, "");
}

TEST_F(CommandsTest, a_value_may_start_with_a_dash) {
  for (const std::string value : {"-", "--", "-x", "--help", "--stdin", "--raw"}) {
    saves({"KEY", value});
    loads({"KEY"}, value + "\n");
    loads({"MISSING", value}, value + "\n");
  }
}

TEST_F(CommandsTest, a_key_may_start_with_a_dash_behind_two_dashes) {
  saves({"--", "--key", "--value"});
  loads({"--raw", "--", "--key"}, "--value");
  saves({"--stdin", "--", "-"}, "dash");
  loads({"-"}, "dash\n");
}

TEST_F(CommandsTest, a_value_may_hold_newlines) {
  saves({"KEY", "\none\n\ntwo\n"});
  loads({"KEY"}, "\none\n\ntwo\n\n");
}

TEST_F(CommandsTest, a_value_from_standard_input_may_be_binary) {
  std::string binary;
  for (int byte = 0; byte < 256 * 1024; ++byte) binary += static_cast<char>(byte * 7 / 3);
  saves({"--stdin", "KEY"}, binary);
  loads({"--raw", "KEY"}, binary);
}

TEST_F(CommandsTest, a_value_from_standard_input_may_be_empty) {
  saves({"--stdin", "KEY"});
  loads({"--raw", "--strict", "KEY"}, "");
}

TEST_F(CommandsTest, keys_are_1_to_511_bytes) {
  const std::string longest(511, 'k');
  saves({longest, "long"});
  saves({"k", "short"});
  loads({longest}, "long\n");
  loads({"k"}, "short\n");
  fails({save_var, "", "value"}, 2, "save_var: a key is 1 to 511 bytes long, this one has 0\n");
  fails({save_var, longest + "k", "value"}, 2, "save_var: a key is 1 to 511 bytes long, this one has 512\n");
  fails({load_var, ""}, 2, "load_var: a key is 1 to 511 bytes long, this one has 0\n");
  fails({load_var, longest + "k"}, 2, "load_var: a key is 1 to 511 bytes long, this one has 512\n");
}

TEST_F(CommandsTest, wrong_usage_is_told) {
  fails({save_var}, 2, "save_var: expected KEY and VALUE; see save_var --help\n");
  fails({save_var, "KEY"}, 2, "save_var: expected KEY and VALUE; see save_var --help\n");
  fails({save_var, "KEY", "a", "b"}, 2, "save_var: expected KEY and VALUE; see save_var --help\n");
  fails({save_var, "--stdin"}, 2, "save_var: expected KEY alone after --stdin; see save_var --help\n");
  fails({save_var, "--stdin", "KEY", "v"}, 2, "save_var: expected KEY alone after --stdin; see save_var --help\n");
  fails({save_var, "--raw", "KEY", "v"}, 2, "save_var: unknown option '--raw'; see save_var --help\n");
  fails({load_var}, 2, "load_var: expected KEY, or KEY and DEFAULT; see load_var --help\n");
  fails({load_var, "a", "b", "c"}, 2, "load_var: expected KEY, or KEY and DEFAULT; see load_var --help\n");
  fails({load_var, "-x", "KEY"}, 2, "load_var: unknown option '-x'; see load_var --help\n");
}

TEST_F(CommandsTest, help_and_version_need_no_run) {
  for (const std::string& command : {save_var, load_var}) {
    const Outcome help = run({command, "--help"}, {});
    EXPECT_EQ(help.code, 0);
    EXPECT_EQ(help.out.substr(0, 7), "Usage: ");
    const Outcome version = run({command, "--version"}, {});
    EXPECT_EQ(version.code, 0);
    EXPECT_NE(version.out.find("_var (sidefridge) "), std::string::npos);
  }
}

TEST_F(CommandsTest, runs_do_not_see_each_others_variables) {
  saves({"KEY", "value"});
  EXPECT_EQ(run({load_var, "KEY"}, environment("r2")).out, "\n");
}

TEST_F(CommandsTest, outside_a_run_is_a_clear_error_and_makes_no_file) {
  const TempDir empty;
  const Arguments outside{"SIDEFRIDGE_STATE_DIR=" + (empty / "state")};
  for (const Arguments& command :
       {Arguments{save_var, "K", "v"}, Arguments{load_var, "K"}, Arguments{save_var, "--stdin", "K"}}) {
    const Outcome outcome = run(command, outside);
    EXPECT_EQ(outcome.code, 69);
    EXPECT_EQ(outcome.out, "");
    EXPECT_NE(outcome.err.find("_var: this is not inside a run: SIDEFRIDGE_RUN_ID is not set; only scripts of a hook "
                               "have variables\n"),
              std::string::npos)
        << outcome.err;
  }
  EXPECT_TRUE(std::filesystem::is_empty(empty.path()));
}

TEST_F(CommandsTest, without_a_store_is_a_clear_error_and_makes_no_file) {
  const TempDir empty;
  std::filesystem::create_directories(empty / "state/store");
  const Arguments lost{"SIDEFRIDGE_STATE_DIR=" + (empty / "state"), "SIDEFRIDGE_RUN_ID=r1"};
  for (const Arguments& command :
       {Arguments{save_var, "K", "v"}, Arguments{load_var, "K"}, Arguments{save_var, "--stdin", "K"}}) {
    const Outcome outcome = run(command, lost);
    EXPECT_EQ(outcome.code, 69);
    EXPECT_NE(outcome.err.find("there is no " + (empty / "state/store/variables.mdb") + "\n"), std::string::npos)
        << outcome.err;
  }
  EXPECT_TRUE(std::filesystem::is_empty(empty / "state/store"));
}

TEST_F(CommandsTest, after_the_run_is_a_clear_error) {
  const Outcome outcome = run({save_var, "KEY", "value"}, environment("r0"));
  EXPECT_EQ(outcome.code, 69);
  EXPECT_EQ(outcome.err, "save_var: the run 'r0' has ended or does not exist\n");
  EXPECT_EQ(run({load_var, "KEY"}, environment("r0")).code, 69);
}

TEST_F(CommandsTest, an_output_that_cannot_be_written_is_a_failure) {
  saves({"KEY", "value"});
  const Outcome outcome = call({"/bin/sh", "-c", "\"$0\" KEY >/dev/full", load_var});
  EXPECT_EQ(outcome.code, 74);
  EXPECT_EQ(outcome.err, "load_var: cannot write the output: No space left on device\n");
}

TEST_F(CommandsTest, a_file_that_is_no_store_is_a_failure) {
  const std::string path = StateFolder::at(dir_.path()).variables_path();
  std::ofstream(path) << std::string(10'000, 'x');
  const Outcome outcome = call({save_var, "KEY", "value"});
  EXPECT_EQ(outcome.code, 74);
  EXPECT_NE(outcome.err.find(path), std::string::npos) << outcome.err;
}

TEST_F(CommandsTest, of_eight_parallel_writers_no_update_is_lost) {
  constexpr int writers = 8;
  constexpr int saves = SIDEFRIDGE_SANITIZED ? 40 : 200;
  const std::string script = "i=0; while [ $i -lt " + std::to_string(saves) +
                             " ]; do \"$0\" \"$1-$i\" \"value $1 $i\" || exit 1; i=$((i+1)); done";
  // That many starts are enough to wait for; the other tests look for leaks.
  Arguments quick = environment();
  quick.push_back("ASAN_OPTIONS=detect_leaks=0");
  std::vector<std::unique_ptr<Process>> processes;
  for (int writer = 0; writer < writers; ++writer) {
    processes.push_back(
        std::make_unique<Process>(Arguments{"/bin/sh", "-c", script, save_var, std::to_string(writer)}, quick));
  }
  for (const auto& process : processes) {
    EXPECT_EQ(process->read_errors(), "");
    EXPECT_EQ(process->wait(), 0);
  }
  Variables variables = must(Variables::join(StateFolder::at(dir_.path())));
  for (int writer = 0; writer < writers; ++writer) {
    for (int save = 0; save < saves; ++save) {
      const std::string name = std::to_string(writer) + "-" + std::to_string(save);
      EXPECT_EQ(must(variables.load("r1", name)), "value " + std::to_string(writer) + " " + std::to_string(save));
    }
  }
}

// The kill comes at a seeded moment between the start and a little after the usual end. Whatever it hits, what was
// saved before is there, the key has its old or its new value, and the next command is not held up.
TEST_F(CommandsTest, one_killed_at_any_instant_loses_its_own_update_at_most_and_blocks_nobody) {
  saves({"OTHER", "other"});
  std::string current(1 << 20, 'a');
  saves({"--stdin", "KEY"}, current);
  constexpr int rounds = SIDEFRIDGE_SANITIZED ? 30 : 120;
  int round = 0;
  int killed = 0;
  // Returns: whether it ended by itself within that time.
  const auto save_and_kill_after = [&](std::mt19937::result_type microseconds) {
    const std::string next(1 << 20, static_cast<char>('a' + ++round % 26));
    Process process({save_var, "--stdin", "KEY"}, environment());
    process.feed(next);
    process.end_input();
    const bool ended = ends_within(process.pid(), {static_cast<time_t>(microseconds / 1'000'000),
                                                   static_cast<long>(microseconds % 1'000'000 * 1000)});
    process.kill();
    const int code = process.wait();
    EXPECT_TRUE(code == 0 || (!ended && code == 128 + SIGKILL)) << code;
    killed += code == 0 ? 0 : 1;

    const Outcome key = call({load_var, "--raw", "--strict", "KEY"});
    EXPECT_EQ(key.code, 0);
    EXPECT_TRUE(key.out == next || (key.out == current && code != 0)) << "in round " << round;
    current = key.out;
    return ended;
  };
  std::mt19937::result_type long_enough = 250;
  while (!save_and_kill_after(long_enough) && long_enough < wait_limit_ms * 1000U) long_enough *= 2;
  std::mt19937 random(20260731);
  while (round < rounds) save_and_kill_after(random() % long_enough);
  EXPECT_GT(killed, 0);

  loads({"OTHER"}, "other\n");
  saves({"KEY", "value"});
  loads({"KEY"}, "value\n");
}

TEST_F(CommandsTest, one_that_waits_for_its_input_blocks_nobody) {
  Process waiting({save_var, "--stdin", "KEY"}, environment());
  waiting.feed("half a value");
  saves({"KEY", "other"});
  loads({"KEY"}, "other\n");
  waiting.end_input();
  EXPECT_EQ(waiting.wait(), 0);
  loads({"KEY"}, "half a value\n");
}

TEST_F(CommandsTest, at_the_limit_is_a_clear_error_and_all_that_was_saved_is_still_there) {
  constexpr std::uint64_t limit_bytes = 1 << 20;
  begin_run(limit_bytes);
  const std::string value(100'000, 'v');
  int saved = 0;
  Outcome outcome{};
  while (saved < 20 && (outcome = call({save_var, "--stdin", "key " + std::to_string(saved)}, value)).code == 0)
    ++saved;
  EXPECT_GE(saved, 5);
  EXPECT_EQ(outcome.code, 74);
  EXPECT_EQ(outcome.err, "save_var: " + StateFolder::at(dir_.path()).variables_path() +
                             ": its limit is reached; raise SIDEFRIDGE_STORE_LIMIT\n");
  for (int key = 0; key < saved; ++key) loads({"--raw", "key " + std::to_string(key)}, value);
  loads({"key " + std::to_string(saved)}, "\n");
}

TEST_F(CommandsTest, a_value_larger_than_the_limit_is_not_even_read) {
  begin_run(1 << 20);
  const Outcome outcome = call({"/bin/sh", "-c", "\"$0\" --stdin KEY </dev/zero", save_var});
  EXPECT_EQ(outcome.code, 74);
  EXPECT_EQ(outcome.err, "save_var: the value is larger than the store; raise SIDEFRIDGE_STORE_LIMIT\n");
}

TEST_F(CommandsTest, on_a_full_disk_is_a_clear_error_and_all_that_was_saved_is_still_there) {
  const TempDir disk;
  const int code = on_small_disk(disk.path(), "2m", [&] {
    Variables variables = must(Variables::recreate(must(StateFolder::open(disk.path())), some_limit_bytes));
    must(variables.begin("r1"));
    const Arguments there{"SIDEFRIDGE_RUN_ID=r1", "SIDEFRIDGE_STATE_DIR=" + disk.path()};
    EXPECT_EQ(run({save_var, "FIRST", "first"}, there).code, 0);

    const std::string value(100'000, 'v');
    int saved = 0;
    Outcome outcome{};
    while (saved < 40 &&
           (outcome = run({save_var, "--stdin", "key " + std::to_string(saved)}, there, value)).code == 0) {
      ++saved;
    }
    EXPECT_GE(saved, 5);
    EXPECT_EQ(outcome.code, 74);
    EXPECT_EQ(outcome.err, "save_var: " + (disk / "store/variables.mdb") + ": No space left on device\n");

    fill_disk(disk / "ballast");
    EXPECT_EQ(run({save_var, "--stdin", "large"}, there, value).code, 74);
    EXPECT_EQ(run({load_var, "FIRST"}, there).out, "first\n");
    for (int key = 0; key < saved; ++key) {
      EXPECT_EQ(run({load_var, "--raw", "key " + std::to_string(key)}, there).out, value);
    }

    EXPECT_EQ(::unlink((disk / "ballast").c_str()), 0);
    EXPECT_EQ(run({save_var, "LAST", "last"}, there).code, 0);
    EXPECT_EQ(run({load_var, "LAST"}, there).out, "last\n");
  });
  if (code == not_permitted) GTEST_SKIP() << "this machine does not let us mount a small disk";
  EXPECT_EQ(code, 0);
}

}  // namespace
}  // namespace sidefridge::store
