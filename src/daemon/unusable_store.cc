// unusable_store.cc - see unusable_store.h.
#include "sidefridge/daemon/unusable_store.h"

#include <utility>

namespace sidefridge::daemon {
namespace {

class UnusableStore final : public core::RunStore {
public:
  explicit UnusableStore(Error why) : why_(std::move(why)) {}

  Result<std::variant<Acquired, HeldBy>> try_lock(Lock) override { return std::variant<Acquired, HeldBy>(Acquired{}); }
  void unlock(Lock) noexcept override {}
  Result<void> open_history() override { return {}; }
  Result<std::uint64_t> record(const core::RunRecord&) override { return why_; }
  Result<std::vector<core::RunRecord>> unfinished() override { return std::vector<core::RunRecord>{}; }
  Result<core::ScheduleRecord> schedule() override { return core::ScheduleRecord{}; }
  Result<void> note_daemon(const core::DaemonRecord&) override { return why_; }
  Result<void> recreate_variables() override { return {}; }
  bool variables_are_current() const noexcept override { return true; }
  Result<void> begin_namespace(std::string_view) override { return {}; }
  Result<void> drop_namespace(std::string_view) override { return {}; }
  // Of what is lost with them, the record says enough.
  Result<void> save_steps(std::string_view, std::size_t, std::span<const core::StepRecord>) override { return {}; }
  Result<std::vector<core::StepRecord>> steps_left(std::string_view) override {
    return std::vector<core::StepRecord>{};
  }
  void clear_stale_readers() noexcept override {}
  std::vector<std::string> take_notices() override { return {}; }

private:
  Error why_;
};

}  // namespace

std::unique_ptr<core::RunStore> unusable_store(Error why) {
  return std::make_unique<UnusableStore>(std::move(why));
}

}  // namespace sidefridge::daemon
