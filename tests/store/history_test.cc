#include "sidefridge/store/history.h"

#include <random>

#include "fixture.h"

namespace sidefridge::store {
namespace {

using core::Outcome;
using core::RunRecord;

class HistoryTest : public testing::Test {
protected:
  TempDir dir_;
  StateFolder folder_ = must(StateFolder::open(dir_.path()));

  History open(std::size_t limit = 1000) const { return must(History::open(folder_, {.limit = limit})); }

  std::vector<std::string> ids(History& history, std::size_t count = 10'000) const {
    std::vector<std::string> result;
    for (const RunRecord& run : must(history.latest(count))) result.push_back(run.run_id);
    return result;
  }

  void overwrite(std::size_t from, const std::string& bytes) const {
    std::fstream file(folder_.history_path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(from));
    file << bytes;
    ASSERT_TRUE(file.good());
  }
};

RunRecord run_of(std::string run_id, Outcome outcome = Outcome::running) {
  RunRecord run;
  run.run_id = std::move(run_id);
  run.outcome = outcome;
  run.started_at = WallTime(std::chrono::seconds(1'700'000'000));
  run.boot_id = "boot";
  return run;
}

using Ids = std::vector<std::string>;

TEST_F(HistoryTest, the_files_are_for_their_owner_only) {
  const History history = open();
  EXPECT_EQ(mode_of(folder_.history_path()), 0600U);
  EXPECT_EQ(mode_of(folder_.history_path() + "-lock"), 0600U);
}

TEST_F(HistoryTest, an_empty_one_has_nothing_to_tell) {
  History history = open();
  EXPECT_TRUE(must(history.latest(10)).empty());
  EXPECT_TRUE(must(history.unfinished()).empty());
  EXPECT_EQ(must(history.last_success()), std::nullopt);
  EXPECT_EQ(must(history.last_daemon()), std::nullopt);
  EXPECT_TRUE(history.take_notices().empty());
}

TEST_F(HistoryTest, sequences_ascend_from_one) {
  History history = open();
  EXPECT_EQ(must(history.begin(run_of("r1"))), 1U);
  EXPECT_EQ(must(history.begin(run_of("r2"))), 2U);
}

TEST_F(HistoryTest, a_run_begun_is_unfinished_until_its_final_record) {
  History history = open();
  RunRecord run = run_of("r1");
  run.sequence = must(history.begin(run));
  EXPECT_EQ(must(history.unfinished()), std::vector{run});
  run.outcome = Outcome::failed;
  run.reason = "why";
  EXPECT_EQ(must(history.finish(run)), run.sequence);
  EXPECT_TRUE(must(history.unfinished()).empty());
  EXPECT_EQ(must(history.latest(10)), std::vector{run});
}

TEST_F(HistoryTest, a_final_record_without_a_sequence_is_appended) {
  History history = open();
  must(history.begin(run_of("r1")));
  EXPECT_EQ(must(history.finish(run_of("r2", Outcome::failed))), 2U);
  EXPECT_EQ(ids(history), (Ids{"r1", "r2"}));
}

TEST_F(HistoryTest, it_survives_whoever_wrote_it) {
  EXPECT_EQ(in_child([&] {
              History history = open();
              must(history.finish(run_of("r1", Outcome::succeeded)));
              must(history.begin(run_of("r2")));
              ::kill(::getpid(), SIGKILL);
            }),
            128 + SIGKILL);
  History history = open();
  EXPECT_EQ(ids(history), (Ids{"r1", "r2"}));
  EXPECT_EQ(must(history.unfinished()).size(), 1U);
}

TEST_F(HistoryTest, the_newest_come_last_and_only_as_many_as_asked_for) {
  History history = open();
  for (int run = 1; run <= 5; ++run) must(history.finish(run_of("r" + std::to_string(run), Outcome::failed)));
  EXPECT_EQ(ids(history, 2), (Ids{"r4", "r5"}));
}

TEST_F(HistoryTest, beyond_the_limit_the_oldest_are_forgotten) {
  History history = open(3);
  for (int run = 1; run <= 5; ++run) must(history.finish(run_of("r" + std::to_string(run), Outcome::failed)));
  EXPECT_EQ(ids(history), (Ids{"r3", "r4", "r5"}));
}

TEST_F(HistoryTest, a_lower_limit_counts_from_the_next_run_on) {
  {
    History history = open(100);
    for (int run = 1; run <= 50; ++run) must(history.finish(run_of("r" + std::to_string(run), Outcome::failed)));
  }
  History history = open(2);
  must(history.begin(run_of("new")));
  EXPECT_EQ(ids(history), (Ids{"r50", "new"}));
}

TEST_F(HistoryTest, a_run_that_goes_on_is_not_forgotten) {
  History history = open(2);
  RunRecord run = run_of("long");
  run.sequence = must(history.begin(run));
  for (int tick = 0; tick < 10; ++tick) must(history.finish(run_of("", Outcome::skipped)));
  EXPECT_EQ(ids(history), (Ids{"long", ""}));
  run.outcome = Outcome::succeeded;
  must(history.finish(run));
  must(history.finish(run_of("", Outcome::skipped)));
  EXPECT_EQ(ids(history), (Ids{"", ""}));
}

TEST_F(HistoryTest, the_last_success_is_known_when_its_record_is_long_gone) {
  History history = open(2);
  RunRecord success = run_of("good", Outcome::succeeded);
  success.sequence = must(history.begin(run_of("good")));
  must(history.finish(success));
  for (int run = 0; run < 10; ++run) must(history.finish(run_of("bad", Outcome::failed)));
  EXPECT_EQ(must(history.last_success()), success);
}

TEST_F(HistoryTest, to_install_dependencies_is_no_successful_run) {
  History history = open();
  RunRecord install = run_of("i", Outcome::succeeded);
  install.trigger = core::Trigger::install;
  must(history.finish(install));
  EXPECT_EQ(must(history.last_success()), std::nullopt);
}

TEST_F(HistoryTest, it_knows_the_daemon_that_started_last) {
  History history = open();
  const core::DaemonRecord daemon{
      .pid = 7, .started_at = WallTime(std::chrono::seconds(5)), .schedule = "@daily", .version = "1"};
  must(history.note_daemon(core::DaemonRecord{}));
  must(history.note_daemon(daemon));
  EXPECT_EQ(must(history.last_daemon()), daemon);
}

WallTime at(int seconds) {
  return WallTime(std::chrono::seconds(seconds));
}

core::DaemonRecord daemon_of(int start) {
  core::DaemonRecord daemon;
  daemon.started_at = at(start);
  return daemon;
}

RunRecord tick_at(int seconds, Outcome outcome = Outcome::running) {
  RunRecord run = run_of("r" + std::to_string(seconds), outcome);
  run.scheduled_at = at(seconds);
  run.started_at = at(seconds + 1);
  return run;
}

TEST_F(HistoryTest, a_new_schedule_is_settled_until_its_first_daemon) {
  History history = open();
  EXPECT_EQ(must(history.schedule()), core::ScheduleRecord{});
  for (const int start : {5, 9}) must(history.note_daemon(daemon_of(start)));
  EXPECT_EQ(must(history.schedule()), (core::ScheduleRecord{at(5), {}, {}}));
}

TEST_F(HistoryTest, a_tick_settles_the_schedule_from_its_intent_on_even_when_it_is_skipped) {
  History history = open();
  must(history.note_daemon(daemon_of(5)));
  RunRecord run = tick_at(10);
  run.sequence = must(history.begin(run));
  EXPECT_EQ(must(history.schedule()), (core::ScheduleRecord{at(10), at(10), at(11)}));
  must(history.finish(tick_at(20, Outcome::skipped)));
  run.outcome = Outcome::succeeded;
  must(history.finish(run));
  EXPECT_EQ(must(history.schedule()), (core::ScheduleRecord{at(20), at(20), at(11)}));
}

TEST_F(HistoryTest, a_manual_run_starts_but_settles_nothing) {
  History history = open();
  RunRecord run = tick_at(10);
  run.trigger = core::Trigger::manual;
  must(history.begin(run));
  EXPECT_EQ(must(history.schedule()), (core::ScheduleRecord{{}, {}, at(11)}));
}

TEST_F(HistoryTest, one_can_look_at_it_while_it_is_in_use) {
  History history = open();
  must(history.finish(run_of("r1", Outcome::failed)));
  EXPECT_EQ(in_child([&] {
              History other = must(History::open_read_only(folder_));
              EXPECT_EQ(ids(other), (Ids{"r1"}));
            }),
            0);
}

TEST_F(HistoryTest, to_look_makes_no_file) {
  auto history = History::open_read_only(folder_);
  ASSERT_FALSE(history.ok());
  EXPECT_EQ(history.error().code, ErrorCode::unavailable);
  EXPECT_EQ(history.error().text, "there is no " + folder_.history_path());
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

TEST_F(HistoryTest, a_file_that_is_none_of_ours_is_moved_aside_and_begun_anew) {
  std::ofstream(folder_.history_path()) << std::string(10'000, 'x');
  History history = open();
  must(history.finish(run_of("r1", Outcome::failed)));
  EXPECT_EQ(ids(history), (Ids{"r1"}));
  const auto notices = history.take_notices();
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_NE(notices[0].find("it was moved to " + folder_.history_path() + ".unreadable-1, and a new one starts"),
            std::string::npos)
      << notices[0];
  EXPECT_TRUE(history.take_notices().empty());
  EXPECT_EQ(content_of(folder_.history_path() + ".unreadable-1"), std::string(10'000, 'x'));
}

TEST_F(HistoryTest, what_was_moved_aside_earlier_is_not_overwritten) {
  for (const char* content : {"first", "second"}) {
    std::ofstream(folder_.history_path()) << content;
    EXPECT_FALSE(open().take_notices().empty());
  }
  EXPECT_EQ(content_of(folder_.history_path() + ".unreadable-1"), "first");
  EXPECT_EQ(content_of(folder_.history_path() + ".unreadable-2"), "second");
}

TEST_F(HistoryTest, one_of_an_unknown_version_of_lmdb_is_moved_aside) {
  must(open().finish(run_of("r1", Outcome::failed)));
  // Both meta pages: after the page header of 16 bytes and the magic of 4 comes the version.
  overwrite(20, "\x63");
  overwrite(4096 + 20, "\x63");
  History history = open();
  EXPECT_TRUE(ids(history).empty());
  EXPECT_EQ(history.take_notices().size(), 1U);
}

// A value of this machine's as the bytes it is in a file.
template <class Number>
std::string raw(Number number) {
  return std::string(reinterpret_cast<const char*>(&number), sizeof number);
}

struct MetaDamage {
  const char* name;
  std::size_t at;  // in a meta page
  std::string bytes;
};

class HistoryMetaTest : public HistoryTest, public testing::WithParamInterface<MetaDamage> {};

TEST_P(HistoryMetaTest, one_whose_meta_page_makes_no_sense_is_moved_aside_and_told_of_to_who_looks) {
  must(open().finish(run_of("r1", Outcome::failed)));
  const std::string sound = content_of(folder_.history_path());
  for (const std::size_t page : {std::size_t{0}, std::size_t{4096}}) {
    std::ofstream(folder_.history_path()) << sound;
    overwrite(page + GetParam().at, GetParam().bytes);
    const std::string damaged = content_of(folder_.history_path());
    EXPECT_EQ(in_child([&] {
                History looked = must(History::open_read_only(folder_));
                EXPECT_TRUE(ids(looked).empty());
                const auto notices = looked.take_notices();
                ASSERT_EQ(notices.size(), 1U);
                EXPECT_NE(notices[0].find(folder_.history_path()), std::string::npos) << notices[0];
              }),
              0);
    EXPECT_EQ(content_of(folder_.history_path()), damaged);
    EXPECT_EQ(in_child([&] {
                History history = open();
                EXPECT_EQ(history.take_notices().size(), 1U);
                must(history.finish(run_of("new", Outcome::failed)));
                EXPECT_EQ(ids(history), Ids{"new"});
              }),
              0);
    EXPECT_EQ(std::filesystem::file_size(folder_.history_path() + ".unreadable-1"), damaged.size());
    std::filesystem::remove(folder_.history_path() + ".unreadable-1");
  }
}

INSTANTIATE_TEST_SUITE_P(Damage, HistoryMetaTest,
                         testing::Values(MetaDamage{"no_meta_page", 10, raw(std::uint16_t{2})},
                                         MetaDamage{"magic", 16, "x"}, MetaDamage{"version", 20, "\x63"},
                                         MetaDamage{"map_of_2_to_the_60", 32, raw(std::uint64_t{1} << 60)},
                                         MetaDamage{"map_of_nothing", 32, raw(std::uint64_t{0})},
                                         MetaDamage{"pages_of_nothing", 40, raw(std::uint32_t{0})},
                                         MetaDamage{"pages_of_one_byte", 40, raw(std::uint32_t{1})},
                                         MetaDamage{"odd_pages", 40, raw(std::uint32_t{4095})},
                                         MetaDamage{"pages_of_128_kib", 40, raw(std::uint32_t{1} << 17)},
                                         MetaDamage{"pages_of_2_gib", 40, raw(std::uint32_t{1} << 31)},
                                         MetaDamage{"last_page_far_out", 136, raw(std::uint64_t{1} << 48)},
                                         MetaDamage{"last_page_beyond_all", 136, raw(~std::uint64_t{0})},
                                         MetaDamage{"last_page_before_the_first", 136, raw(std::uint64_t{0})}),
                         [](const auto& damage) { return std::string(damage.param.name); });

TEST_F(HistoryTest, what_is_no_regular_file_is_refused_at_once_and_left_alone) {
  const std::string elsewhere = dir_ / "elsewhere";
  const std::string content(64 * 1024, 'x');
  std::ofstream(elsewhere) << content;
  for (const std::string& path : {folder_.history_path(), folder_.history_path() + "-lock"}) {
    for (const bool fifo : {true, false}) {
      must(open().take_notices().empty() ? Result<void>() : Error{ErrorCode::io, "a notice"});
      std::filesystem::remove(path);
      if (fifo) {
        ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
      } else {
        std::filesystem::create_symlink(elsewhere, path);
      }
      const std::string refusal = path + " is not a regular file; remove it";
      if (path == folder_.history_path()) {
        const auto looked = History::open_read_only(folder_);
        ASSERT_FALSE(looked.ok());
        EXPECT_EQ(looked.error().code, ErrorCode::io);
        EXPECT_EQ(looked.error().text, refusal);
      }
      EXPECT_EQ(in_child([&] {
                  const auto opened = History::open(folder_, {.limit = 10});
                  ASSERT_FALSE(opened.ok());
                  EXPECT_EQ(opened.error().text, refusal);
                }),
                0);
      EXPECT_EQ(content_of(elsewhere), content);
      std::filesystem::remove(path);
    }
  }
}

TEST_F(HistoryTest, one_cut_short_is_moved_aside) {
  {
    History history = open();
    for (int run = 1; run <= 100; ++run) must(history.finish(run_of("r" + std::to_string(run), Outcome::failed)));
  }
  std::filesystem::resize_file(folder_.history_path(), 2 * 4096);
  History history = open();
  must(history.finish(run_of("new", Outcome::failed)));
  EXPECT_EQ(ids(history), (Ids{"new"}));
  EXPECT_EQ(history.take_notices().size(), 1U);
}

TEST_F(HistoryTest, an_empty_file_is_an_empty_history) {
  std::ofstream(folder_.history_path()).flush();
  History history = open();
  EXPECT_TRUE(history.take_notices().empty());
  must(history.begin(run_of("r1")));
}

TEST_F(HistoryTest, one_damaged_while_it_is_in_use_is_moved_aside_and_the_run_is_recorded) {
  History history = open();
  for (int run = 1; run <= 100; ++run) must(history.finish(run_of("r" + std::to_string(run), Outcome::failed)));
  const auto size = std::filesystem::file_size(folder_.history_path());
  overwrite(2 * 4096, std::string(size - 2 * 4096, '\0'));
  must(history.finish(run_of("new", Outcome::failed)));
  EXPECT_EQ(ids(history), (Ids{"new"}));
  EXPECT_EQ(history.take_notices().size(), 1U);
}

TEST_F(HistoryTest, whichever_page_is_lost_the_next_run_is_recorded) {
  {
    History history = open();
    for (int run = 1; run <= 100; ++run) must(history.finish(run_of("r" + std::to_string(run), Outcome::failed)));
    must(history.begin(run_of("unfinished")));
  }
  const std::string sound = content_of(folder_.history_path());
  for (std::size_t page = 2 * 4096; page < sound.size(); page += 4096) {
    std::ofstream(folder_.history_path()) << sound;
    overwrite(page, std::string(4096, '\0'));
    EXPECT_EQ(in_child([&] {
                History history = open();
                must(history.unfinished());
                must(history.begin(run_of("new")));
                EXPECT_EQ(ids(history, 1), Ids{"new"});
              }),
              0)
        << "page at " << page;
  }
}

// A history with everything that a file of LMDB can hold: branches, values of several pages, pages that are free.
class HistoryDamageTest : public HistoryTest {
protected:
  HistoryDamageTest() {
    History history = open(150);
    RunRecord large = run_of("large", Outcome::failed);
    core::StepRecord step;
    step.script = std::string(3000, 's');
    large.steps.assign(3, step);
    for (int run = 1; run <= 200; ++run) {
      must(history.finish(run % 40 == 0 ? large : run_of("r" + std::to_string(run), Outcome::succeeded)));
    }
    must(history.begin(run_of("unfinished")));
    sound_ = content_of(folder_.history_path());
  }

  // Any process that opens it: it is seen or put aside, by a reader and by a daemon, and the next runs are recorded.
  void expect_survived(const std::string& damaged) const {
    std::ofstream(folder_.history_path(), std::ios::binary) << damaged;
    std::filesystem::remove(folder_.history_path() + "-lock");
    History looked = must(History::open_read_only(folder_));
    must(looked.latest(1000));
    must(looked.last_success());
    must(looked.schedule());
    must(looked.last_daemon());
    {
      History history = open(150);
      must(history.unfinished());
      must(history.schedule());
      for (int run = 0; run < 2; ++run) must(history.begin(run_of("new")));
      EXPECT_EQ(ids(history, 1), Ids{"new"});
    }
    std::error_code none;
    std::filesystem::remove(folder_.history_path() + ".unreadable-1", none);
  }

  std::string sound_;
};

TEST_F(HistoryDamageTest, a_sound_one_is_sound) {
  expect_survived(sound_);
  History history = open();
  EXPECT_TRUE(history.take_notices().empty());
  EXPECT_EQ(ids(history).size(), 150U);
}

TEST_F(HistoryDamageTest, whichever_page_is_zeroed_the_next_run_is_recorded) {
  for (std::size_t page = 0; page < sound_.size(); page += 4096) {
    SCOPED_TRACE("page at " + std::to_string(page));
    std::string damaged = sound_;
    damaged.replace(page, 4096, 4096, '\0');
    expect_survived(damaged);
  }
}

TEST_F(HistoryDamageTest, whichever_page_holds_another_one_the_next_run_is_recorded) {
  for (std::size_t page = 0; page < sound_.size(); page += 4096) {
    SCOPED_TRACE("page at " + std::to_string(page));
    std::string damaged = sound_;
    damaged.replace(page, 4096, sound_, (page + 4096) % sound_.size(), 4096);
    expect_survived(damaged);
  }
}

TEST_F(HistoryDamageTest, wherever_bits_flip_in_a_page_the_next_run_is_recorded) {
  std::minstd_rand random(1);
  for (std::size_t page = 0; page < sound_.size(); page += 4096) {
    for (const int flips : {1, 2, 8}) {
      SCOPED_TRACE("page at " + std::to_string(page) + ", flips " + std::to_string(flips));
      std::string damaged = sound_;
      for (int flip = 0; flip < flips; ++flip) {
        // Half of them in the head of the page, where its header and its pointers are.
        const std::size_t at = random() % (flip % 2 == 0 ? 64 : 4096);
        damaged[page + at] = static_cast<char>(damaged[page + at] ^ (1 << random() % 8));
      }
      expect_survived(damaged);
    }
  }
}

TEST_F(HistoryDamageTest, wherever_it_is_cut_the_next_run_is_recorded) {
  for (std::size_t size = 0; size < sound_.size(); size += 2048) expect_survived(sound_.substr(0, size));
}

TEST_F(HistoryDamageTest, one_that_has_lost_a_name_is_moved_aside) {
  for (const char* const name : {"runs", "unfinished", "facts"}) {
    std::string damaged = sound_;
    for (std::size_t at = damaged.find(name); at != std::string::npos; at = damaged.find(name, at)) damaged[at] ^= 1;
    std::ofstream(folder_.history_path(), std::ios::binary) << damaged;
    History history = open();
    EXPECT_EQ(history.take_notices().size(), 1U) << name;
  }
}

// The daemon has it open and mapped.
TEST_F(HistoryDamageTest, cut_to_nothing_while_it_is_in_use_it_is_moved_aside) {
  History history = open();
  std::filesystem::resize_file(folder_.history_path(), 0);
  must(history.finish(run_of("new", Outcome::failed)));
  EXPECT_EQ(ids(history), Ids{"new"});
  EXPECT_EQ(history.take_notices().size(), 1U);
}

TEST_F(HistoryDamageTest, who_looks_is_not_held_up_by_a_key_far_ahead) {
  EXPECT_EQ(in_child([&] {
              auto environment = must(Environment::open(folder_.history_path(), {}));
              auto transaction = must(environment.begin_write());
              auto runs = must(transaction.find_database("runs"));
              const std::string run = core::format_record(run_of("far", Outcome::failed));
              must(transaction.put(*runs, std::string(8, '\x7f'), run));
              must(transaction.put(*runs, "odd", run));
              must(transaction.commit());
            }),
            0);
  History looked = must(History::open_read_only(folder_));
  EXPECT_EQ(ids(looked, 1), Ids{"far"});
  EXPECT_EQ(ids(looked).size(), 152U);
}

TEST_F(HistoryTest, one_that_was_removed_while_it_is_in_use_is_made_again) {
  for (const char* gone : {"", "-lock"}) {
    History history = open();
    must(history.finish(run_of("r1", Outcome::failed)));
    std::filesystem::remove(folder_.history_path() + gone);
    must(history.finish(run_of("r2", Outcome::failed)));
    EXPECT_EQ(ids(history, 1), Ids{"r2"});
    EXPECT_EQ(history.take_notices(),
              Ids{folder_.history_path() + " was removed, or another put in its place: it is opened again"});
    EXPECT_TRUE(std::filesystem::exists(folder_.history_path() + gone));
  }
}

TEST_F(HistoryTest, one_whose_lock_was_written_over_while_it_is_in_use_is_opened_again) {
  History history = open();
  must(history.finish(run_of("r1", Outcome::failed)));
  std::fstream(folder_.history_path() + "-lock", std::ios::binary | std::ios::in | std::ios::out)
      << std::string(8192, '\xff');  // with these bytes no C library waits
  must(history.finish(run_of("r2", Outcome::failed)));
  EXPECT_EQ(ids(history), (Ids{"r1", "r2"}));
}

TEST_F(HistoryTest, a_record_that_cannot_be_read_is_passed_over_and_counted) {
  History history = open();
  must(history.finish(run_of("r1", Outcome::failed)));
  must(history.finish(run_of("r3", Outcome::failed)));
  EXPECT_EQ(in_child([&] {
              auto environment = must(Environment::open(folder_.history_path(), {}));
              auto transaction = must(environment.begin_write());
              auto runs = must(transaction.find_database("runs"));
              must(transaction.put(*runs, std::string("\0\0\0\0\0\0\0\1", 8), "R\x02 from the future"));
              must(transaction.commit());
            }),
            0);
  EXPECT_EQ(ids(history), (Ids{"r3"}));
  EXPECT_EQ(history.take_notices(),
            (Ids{"1 record of the history cannot be read by this version of sidefridge and is passed over"}));
}

TEST_F(HistoryTest, a_full_map_is_kept_from_filling_up) {
  constexpr std::size_t map_bytes = 4U << 20;
  History history = must(History::open(folder_, {.limit = 1'000'000, .map_bytes = map_bytes}));
  RunRecord large = run_of("large", Outcome::failed);
  core::StepRecord step;
  step.script = std::string(4000, 's');
  large.steps.assign(20, step);
  for (int run = 0; run < 300; ++run) must(history.finish(large));
  EXPECT_GE(ids(history).size(), 10U);
  EXPECT_LE(std::filesystem::file_size(folder_.history_path()), map_bytes);
}

}  // namespace
}  // namespace sidefridge::store
