// nothing_blocks_test.cc - a daemon whose store, or whose hooks, do not answer: all else goes on, and in time.
//
// In time is told by the daemon's own log against stamps of the scripts (EPOCHREALTIME is bash's own, it starts no
// process) and of ours. What does not answer here does not for seconds, until the test lets it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <csignal>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "sidefridge/text/time_format.h"
#include "tests/e2e/stage.h"

namespace sidefridge::e2e {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using std::chrono::system_clock;

// On an idle machine and without a sanitizer it is a tenth of that.
constexpr milliseconds in_time = SIDEFRIDGE_SANITIZED ? milliseconds(1000) : milliseconds(200);

milliseconds now() {
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch());
}

milliseconds instant(std::string_view text) {
  const Result<WallTime> parsed = text::parse_rfc3339(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? duration_cast<milliseconds>(parsed->time_since_epoch()) : milliseconds(0);
}

/// When the daemon logged this line.
milliseconds logged_at(const std::string& line) {
  return instant(line.substr(0, line.find(' ')));
}

/// What a script said after `word`: seconds, as EPOCHREALTIME has them.
milliseconds stamp_after(const std::string& line, const std::string& word) {
  return milliseconds(std::llround(std::floor(std::stod(line.substr(line.find(word) + word.size())) * 1000)));
}

/// How long after that the daemon logged it, for all lines with `word`. Fails the test when it was not in time.
void expect_in_time(const std::string& line, milliseconds happened_at) {
  const milliseconds delay = logged_at(line) - happened_at;
  std::cout << "[ MEASURED ] " << delay.count() << " ms: " << line << '\n';
  EXPECT_LE(delay.count(), in_time.count()) << line;
}

void expect_relayed_in_time(const Program& daemon, const std::string& word) {
  const std::vector<std::string> lines = daemon.lines_with("| " + word);
  EXPECT_FALSE(lines.empty()) << word;
  for (const std::string& line : lines) expect_in_time(line, stamp_after(line, word));
}

/// The line about a tick says which it was.
void expect_skipped_in_time(const Program& daemon, const std::string& why) {
  const std::vector<std::string> lines = daemon.lines_with(" skipped: " + why);
  EXPECT_FALSE(lines.empty()) << daemon.output();
  for (const std::string& line : lines) {
    const std::string_view before = "tick of ";
    const std::size_t at = line.find(before) + before.size();
    expect_in_time(line, instant(std::string_view(line).substr(at, line.find(' ', at) - at)));
  }
}

/// A file whose lock is what slow_disk.c waits for. Shut when it is made.
class Gate {
public:
  explicit Gate(std::filesystem::path path) : path_(std::move(path)) {
    fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    EXPECT_EQ(::flock(fd_, LOCK_EX), 0);
  }
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  ~Gate() { open(); }

  void open() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  /// Waits until something stands before it.
  bool wait_until_reached() const {
    return eventually([&] { return std::filesystem::exists(path_.string() + ".waits"); });
  }

private:
  std::filesystem::path path_;
  int fd_;
};

class NothingBlocks : public ::testing::Test {
protected:
  // How long an ending takes is measured here, and a sanitizer's look for leaks may take longer than all of it.
  NothingBlocks() { stage.environment["ASAN_OPTIONS"] = "detect_leaks=0"; }

  /// Whether a daemon started from here on stands before gates.
  bool can_be_slow() {
#ifdef SIDEFRIDGE_SLOW_DISK
    preloaded_ = {{"LD_PRELOAD", SIDEFRIDGE_SLOW_DISK},
                  {"SLOW_DISK", stage.file("disk")},
                  {"SLOW_WRITES", stage.file("writes")},
                  {"SLOW_WATCHES", stage.file("watches")},
                  // Else AddressSanitizer insists on being loaded first.
                  { "ASAN_OPTIONS",
                    "detect_leaks=0:verify_asan_link_order=0" }};
    return true;
#else
    return false;
#endif
  }

  Program daemon() {
    Program program = starting_daemon();
    program.wait_for("ready; next runs at");
    return program;
  }

  Program starting_daemon() {
    stage.environment["CRON_BACKUP_SCHEDULE"] = "* * * * * *";
    const std::map<std::string, std::string> own = stage.environment;
    for (const auto& [name, value] : preloaded_) stage.environment[name] = value;
    Program program = stage.start({});
    stage.environment = own;
    return program;
  }

  void touch(const std::string& name) const {
    std::ofstream(stage.file(name)).flush();
  }

  /// Sends SIGTERM and waits for the line about it.
  void expect_term_heard_in_time(Program& daemon) {
    term_at = now();
    daemon.signal(SIGTERM);
    ASSERT_TRUE(daemon.wait_for("SIGTERM: "));
    expect_in_time(daemon.lines_with("SIGTERM: ").front(), term_at);
  }

  /// Waits for the end of a daemon that got SIGTERM.
  void expect_ended_within(Program& daemon, milliseconds longest) {
    EXPECT_EQ(daemon.wait_exit(), 0) << daemon.errors();
    const milliseconds took = now() - term_at;
    ASSERT_TRUE(daemon.output().ends_with(" ended\n")) << daemon.output();
    const milliseconds said = logged_at(daemon.lines_with(" ended").back()) - term_at;
    std::cout << "[ MEASURED ] said so " << said.count() << " ms after SIGTERM, and was gone " << took.count() << '\n';
    EXPECT_LE(took.count(), longest.count());
  }

  std::string ask(const std::vector<std::string>& verb) {
    const milliseconds asked_at = now();
    Program program = stage.start(verb);
    EXPECT_EQ(program.wait_exit(), 0) << program.errors();
    const milliseconds took = now() - asked_at;
    std::cout << "[ MEASURED ] " << verb.front() << " took " << took.count() << " ms\n";
    return program.output();
  }

  std::size_t count_in(const std::string& text, std::string_view part) {
    std::size_t count = 0;
    for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++count;
    return count;
  }

  Stage stage;
  milliseconds term_at{};

private:
  std::map<std::string, std::string> preloaded_;
};

const std::string wait_for = "until [ -e @ROOT@/";
const std::string waited = " ]; do sleep 0.01; done\n";

TEST_F(NothingBlocks, while_a_commit_takes_its_time) {
  if (!can_be_slow()) GTEST_SKIP() << "a static program loads no slow disk";
  stage.script("backups/1", "#!/bin/bash\necho begun\n" + wait_for + "1" + waited);
  stage.script("backups/2", "#!/bin/bash\necho second\n" + wait_for + "2" + waited + "echo \"said $EPOCHREALTIME\"\n" +
                                wait_for + "3" + waited + "echo \"over $EPOCHREALTIME\"\n");
  stage.script("backups/3", "#!/bin/bash\necho third\n" + wait_for + "4" + waited);
  Program daemon = this->daemon();
  ASSERT_TRUE(daemon.wait_for("| begun"));
  Gate disk(stage.file("disk"));
  touch("1");
  // The start of the second script is noted.
  ASSERT_TRUE(disk.wait_until_reached());
  ASSERT_TRUE(daemon.wait_for("| second"));
  touch("2");
  ASSERT_TRUE(daemon.wait_for("| said "));
  const int skipped = static_cast<int>(daemon.lines_with(" skipped: run ").size());
  ASSERT_TRUE(daemon.wait_for(" skipped: run ", skipped + 2));
  touch("3");
  ASSERT_TRUE(daemon.wait_for("| third"));
  expect_term_heard_in_time(daemon);

  expect_relayed_in_time(daemon, "said ");
  expect_skipped_in_time(daemon, "run ");
  const std::vector<std::string> over = daemon.lines_with("| over ");
  const std::vector<std::string> finished = daemon.lines_with("backups/2 finished in ");
  ASSERT_EQ(over.size(), 1U);
  ASSERT_EQ(finished.size(), 1U);
  expect_in_time(finished.front(), stamp_after(over.front(), "over "));

  disk.open();
  touch("4");
  expect_ended_within(daemon, milliseconds(15000));
  const std::string history = ask({"history", "--json", "--limit", "1000"});
  EXPECT_EQ(count_in(history, "\"outcome\":\"succeeded\""), 1U) << history;
  EXPECT_EQ(count_in(history, "backups/"), 3U) << history;
  EXPECT_EQ(count_in(history, "\"outcome\":\"skipped\""), daemon.lines_with(" skipped: ").size()) << history;
}

TEST_F(NothingBlocks, and_the_daemon_ends_with_its_last_words_while_a_commit_hangs) {
  if (!can_be_slow()) GTEST_SKIP() << "a static program loads no slow disk";
  stage.environment["SIDEFRIDGE_GRACE"] = "0";
  stage.script("backups/1", "#!/bin/bash\necho begun\n" + wait_for + "1" + waited);
  stage.script("backups/2", "#!/bin/bash\necho second\nexec sleep 600\n");
  Program daemon = this->daemon();
  ASSERT_TRUE(daemon.wait_for("| begun"));
  const Gate disk(stage.file("disk"));
  touch("1");
  ASSERT_TRUE(disk.wait_until_reached());
  ASSERT_TRUE(daemon.wait_for("| second"));
  expect_term_heard_in_time(daemon);
  expect_ended_within(daemon, milliseconds(13000));
  EXPECT_EQ(daemon.lines_with("whether the record of run ").size(), 1U) << daemon.output();
  EXPECT_EQ(count_in(ask({"history", "--json", "--limit", "1000"}), "\"outcome\":\"lost\""), 1U);
}

TEST_F(NothingBlocks, while_a_stopped_process_has_the_write_lock) {
  stage.environment["SIDEFRIDGE_SCRIPT_TIMEOUT"] = "15";
  stage.script("backups/1", "#!/bin/bash\n[ ! -e @ROOT@/held ] || exit 0\necho begun\n" + wait_for + "held" + waited);
  stage.script("backups/2",
               "#!/bin/bash\n[ ! -e @ROOT@/go ] || { save_var key value; echo \"all is well\"; exit 0; }\n"
               "echo \"second $EPOCHREALTIME\"\nexec sleep 600\n");
  stage.script("on_error/tell", "#!/bin/bash\necho \"told $EPOCHREALTIME $1\"\n");
  Program daemon = this->daemon();
  ASSERT_TRUE(daemon.wait_for("| begun"));
  Program writer =
      stage.shell(std::string("exec ") + SIDEFRIDGE_STOPPED_WRITER + " $SIDEFRIDGE_STATE_DIR/store/variables.mdb");
  ASSERT_TRUE(writer.wait_for("has it"));
  touch("held");
  ASSERT_TRUE(daemon.wait_for("| told "));
  // The final record is waited for, and ticks come.
  const int skipped = static_cast<int>(daemon.lines_with(" skipped: run ").size());
  ASSERT_TRUE(daemon.wait_for(" skipped: run ", skipped + 2));

  expect_relayed_in_time(daemon, "second ");
  expect_relayed_in_time(daemon, "told ");
  EXPECT_NE(daemon.lines_with("| told ").front().find("longer than SIDEFRIDGE_SCRIPT_TIMEOUT"), std::string::npos);
  const std::vector<std::string> timed_out = daemon.lines_with("longer than SIDEFRIDGE_SCRIPT_TIMEOUT");
  ASSERT_FALSE(timed_out.empty());
  expect_skipped_in_time(daemon, "run ");
  EXPECT_NE(ask({"status"}).find(std::to_string(daemon.pid())), std::string::npos);
  EXPECT_NE(ask({"history", "--limit", "1000"}).find("running"), std::string::npos);

  touch("go");
  writer.signal(SIGCONT);
  EXPECT_EQ(writer.wait_exit(), 0);
  ASSERT_TRUE(daemon.wait_for("| all is well"));
  ASSERT_TRUE(daemon.wait_for(" succeeded in "));
  expect_term_heard_in_time(daemon);
  EXPECT_EQ(daemon.wait_exit(), 0);
  const std::string history = ask({"history", "--json", "--limit", "1000"});
  EXPECT_EQ(count_in(history, "\"outcome\":\"failed\""), 1U) << history;
  EXPECT_EQ(count_in(history, "\"outcome\":\"running\""), 0U) << history;
}

TEST_F(NothingBlocks, and_what_cannot_begin_for_a_stopped_process_fails_with_its_reason) {
  stage.script("backups/1", "#!/bin/bash\necho \"ran\"\nexec sleep 600\n");
  stage.script("on_error/tell", "#!/bin/bash\necho \"told $EPOCHREALTIME $1\"\n");
  stage.environment["SIDEFRIDGE_SCRIPT_TIMEOUT"] = "2";
  Program daemon = this->daemon();
  ASSERT_TRUE(daemon.wait_for("| ran"));
  Program writer =
      stage.shell(std::string("exec ") + SIDEFRIDGE_STOPPED_WRITER + " $SIDEFRIDGE_STATE_DIR/store/variables.mdb");
  ASSERT_TRUE(writer.wait_for("has it"));
  // The run under way ends without its record, and the next one cannot begin: each is waited for as long as
  // core::store_patience has it.
  ASSERT_TRUE(daemon.wait_for("the state folder did not answer: whether the record"));
  ASSERT_TRUE(daemon.wait_for("Run could not start: the state folder did not answer for 30 s"));
  expect_relayed_in_time(daemon, "told ");
  expect_skipped_in_time(daemon, "");
  expect_term_heard_in_time(daemon);
  expect_ended_within(daemon, milliseconds(28000));
  writer.signal(SIGKILL);
  writer.wait_exit();

  Program again = this->daemon();
  ASSERT_TRUE(again.wait_for("was lost: "));
  ASSERT_TRUE(again.wait_for("| ran"));
  again.signal(SIGTERM);
  again.signal(SIGTERM);
  EXPECT_EQ(again.wait_exit(), 0);
}

TEST_F(NothingBlocks, and_sigterm_ends_a_daemon_that_starts_beside_a_stopped_process) {
  stage.script("backups/1", "#!/bin/bash\necho \"ran\"\n");
  {
    Program daemon = this->daemon();
    ASSERT_TRUE(daemon.wait_for("| ran"));
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait_exit(), 0);
  }
  Program writer =
      stage.shell(std::string("exec ") + SIDEFRIDGE_STOPPED_WRITER + " $SIDEFRIDGE_STATE_DIR/store/history.mdb");
  ASSERT_TRUE(writer.wait_for("has it"));
  Program daemon = starting_daemon();
  ASSERT_TRUE(daemon.wait_for("the state folder has not answered for 5 s"));
  daemon.signal(SIGTERM);
  ASSERT_TRUE(daemon.wait_for("SIGTERM: ended; the state folder has not answered"));
  EXPECT_EQ(daemon.wait_exit(), 0);
  writer.signal(SIGKILL);
  writer.wait_exit();
}

TEST_F(NothingBlocks, while_hooks_are_being_copied) {
  if (!can_be_slow()) GTEST_SKIP() << "a static program loads no slow disk";
  stage.script("backups/1", "#!/bin/bash\necho begun\n" + wait_for + "1" + waited + "echo \"said $EPOCHREALTIME\"\n");
  Program daemon = this->daemon();
  ASSERT_TRUE(daemon.wait_for("| begun"));
  const Gate writes(stage.file("writes"));
  stage.script("backups/2", "#!/bin/bash\necho new\n");
  ASSERT_TRUE(writes.wait_until_reached());
  daemon.signal(SIGUSR1);
  touch("1");
  // What was read counts: its copy is not waited for.
  ASSERT_TRUE(daemon.wait_for(" succeeded in ", 3));
  EXPECT_TRUE(daemon.wait_for("| new")) << daemon.output();
  expect_relayed_in_time(daemon, "said ");
  expect_term_heard_in_time(daemon);
  expect_ended_within(daemon, milliseconds(6000));
}

TEST_F(NothingBlocks, while_hooks_cannot_be_looked_at) {
  if (!can_be_slow()) GTEST_SKIP() << "a static program loads no slow disk";
  stage.script("backups/1", "#!/bin/bash\necho begun\n" + wait_for + "1" + waited + "echo \"said $EPOCHREALTIME\"\n");
  Program daemon = this->daemon();
  ASSERT_TRUE(daemon.wait_for("| begun"));
  Gate watches(stage.file("watches"));
  stage.script("backups/2", "#!/bin/bash\necho new\n");
  ASSERT_TRUE(watches.wait_until_reached());
  touch("1");
  ASSERT_TRUE(daemon.wait_for(" succeeded in ", 3));
  EXPECT_TRUE(daemon.lines_with("| new").empty()) << daemon.output();
  expect_relayed_in_time(daemon, "said ");
  watches.open();
  ASSERT_TRUE(daemon.wait_for("| new"));
  expect_term_heard_in_time(daemon);
  EXPECT_EQ(daemon.wait_exit(), 0);
}

TEST_F(NothingBlocks, and_the_daemon_starts_and_ends_in_time_where_hooks_cannot_be_looked_at) {
  if (!can_be_slow()) GTEST_SKIP() << "a static program loads no slow disk";
  const Gate watches(stage.file("watches"));
  Program daemon = starting_daemon();
  ASSERT_TRUE(watches.wait_until_reached());
  expect_term_heard_in_time(daemon);
  expect_ended_within(daemon, milliseconds(6000));
}

TEST_F(NothingBlocks, while_ten_thousand_files_are_copied) {
  constexpr int files = 9'990;
  std::filesystem::create_directories(stage.scripts_dir() / "backups" / "data");
  for (int i = 0; i < files; ++i) {
    std::ofstream(stage.scripts_dir() / "backups" / "data" / std::to_string(i)) << "file " << i << '\n';
  }
  stage.script("backups/1", "#!/bin/bash\nuntil [ -e @ROOT@/go ]; do echo \"at $EPOCHREALTIME\"; sleep 0.01; done\n");
  Program daemon = this->daemon();
  ASSERT_TRUE(daemon.wait_for("| at "));
  stage.script("backups/2", "#!/bin/sh\n");
  ASSERT_TRUE(daemon.wait_for("hooks changed: backups/2 added"));
  ASSERT_TRUE(daemon.wait_for(" skipped: run "));
  touch("go");
  expect_term_heard_in_time(daemon);
  EXPECT_EQ(daemon.wait_exit(), 0);
  milliseconds longest{};
  for (const std::string& line : daemon.lines_with("| at ")) {
    longest = std::max(longest, logged_at(line) - stamp_after(line, "at "));
  }
  std::cout << "[ MEASURED ] the slowest of " << daemon.lines_with("| at ").size() << " lines: " << longest.count()
            << " ms\n";
  EXPECT_LE(longest.count(), in_time.count());
  expect_skipped_in_time(daemon, "run ");
}

}  // namespace
}  // namespace sidefridge::e2e
