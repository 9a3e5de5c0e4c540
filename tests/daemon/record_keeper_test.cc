// record_keeper_test.cc - what is asked of a store that does not answer.
#include "sidefridge/daemon/record_keeper.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "console_fixture.h"
#include "tests/sim/memory_store.h"

namespace sidefridge::daemon {
namespace {

class RecordKeeperTest : public ConsoleTest, public EventSink {
protected:
  void SetUp() override {
    ConsoleTest::SetUp();
    lane = loop::Lane::open(test_loop.loop()).value();
    keeper.emplace(*lane, *console, *this,
                   core::RunBook::open(store.open(1), {"/state", "boot"}, core::RunBook::Owner::daemon).value());
  }

  void post(core::Event event) override { events.push_back(std::move(event)); }

  static core::RunRecord record(std::string run_id) {
    core::RunRecord record;
    record.run_id = std::move(run_id);
    return record;
  }

  sim::MemoryStore store;
  std::vector<core::Event> events;
  std::unique_ptr<loop::Lane> lane;
  std::optional<RecordKeeper> keeper;
};

TEST_F(RecordKeeperTest, keeps_so_much_for_a_store_that_hangs_and_refuses_the_rest_at_once) {
  std::promise<void> opened;
  lane->post([&] { opened.get_future().wait(); }, [] {});
  while (!lane->full()) keeper->carry_out(core::RecordTick{record("skipped")});
  EXPECT_TRUE(events.empty());

  keeper->carry_out(core::RecordTick{record("one too many")});
  keeper->carry_out(core::BeginRun{7, record("run")});
  keeper->carry_out(core::SaveSteps{"run", 0, {}});
  keeper->carry_out(core::FinishRun{8, record("run")});
  EXPECT_EQ(lane->pending(), loop::Lane::most_pending);
  ASSERT_EQ(events.size(), 2U);
  const auto* const unrecorded = std::get_if<core::RunUnrecorded>(&events[0]);
  ASSERT_NE(unrecorded, nullptr);
  EXPECT_EQ(unrecorded->serial, core::Serial{7});
  EXPECT_EQ(unrecorded->error.text, "the state folder does not answer, and 1000 changes wait for it");
  const auto* const recorded = std::get_if<core::RunRecorded>(&events[1]);
  ASSERT_NE(recorded, nullptr);
  EXPECT_EQ(recorded->serial, core::Serial{8});

  opened.set_value();
  test_loop.run_until([&] { return lane->idle(); });
  EXPECT_EQ(store.history().size(), loop::Lane::most_pending - 1);
  const std::vector<std::string> logged = lines_of(all_written());
  ASSERT_EQ(logged.size(), 3U);
  EXPECT_EQ(without_time(logged[0]),
            "error a tick without a run cannot be recorded: the state folder does not answer, and 1000 changes wait "
            "for it");
  EXPECT_NE(logged[1].find("a step cannot be noted: "), std::string::npos);
  EXPECT_EQ(without_time(logged[2]),
            "error run run cannot be recorded: the state folder does not answer, and 1000 changes wait for it");
}

TEST_F(RecordKeeperTest, keeps_the_end_of_a_run_that_has_begun_however_much_waits) {
  keeper->carry_out(core::BeginRun{7, record("run")});
  test_loop.run_until([&] { return lane->idle(); });
  std::promise<void> opened;
  lane->post([&] { opened.get_future().wait(); }, [] {});
  while (!lane->full()) keeper->carry_out(core::RecordTick{record("skipped")});
  core::RunRecord end = record("run");
  end.outcome = core::Outcome::succeeded;
  keeper->carry_out(core::FinishRun{8, end});
  EXPECT_EQ(lane->pending(), loop::Lane::most_pending + 1);
  opened.set_value();
  test_loop.run_until([&] { return lane->idle(); });
  EXPECT_EQ(store.history().begin()->second.outcome, core::Outcome::succeeded);
  EXPECT_EQ(store.holder(core::RunStore::Lock::run), std::nullopt);
}

}  // namespace
}  // namespace sidefridge::daemon
