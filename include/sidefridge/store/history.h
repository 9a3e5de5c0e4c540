// history.h - the runs of a state folder, newest kept, across restarts and crashes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sidefridge/base/result.h"
#include "sidefridge/core/record.h"
#include "sidefridge/core/run_record.h"
#include "sidefridge/store/environment.h"
#include "sidefridge/store/page_file.h"
#include "sidefridge/store/state_folder.h"

namespace sidefridge::store {

/// history.mdb: records of runs by sequence. What a call has written is on the disk when it returns.
/// Owns:   one LMDB environment. Movable, not copyable. Requires: one object a file and process.
/// Thread: one thread at a time, not always the same one: each call is a whole transaction.
/// Blocks: a write waits for the disk and for the writes of other processes; a read for nobody.
/// Errors: full when the disk is, io. A record that cannot be read is passed over; take_notices() tells.
class History {
public:
  struct Settings {
    std::size_t limit;                                       // runs kept
    std::size_t map_bytes = std::size_t{256} * 1024 * 1024;  // the file never grows beyond it
  };

  /// Opens the file or makes it. One that is damaged is moved aside and a new one begun, now as at each later call,
  /// and one that was removed is made again: take_notices() tells.
  static Result<History> open(const StateFolder& folder, Settings settings);

  /// Reads what is there as it is now, to look only; nothing is locked or changed. Of one that is damaged nothing is
  /// seen: take_notices() tells.  Errors: unavailable when there is none, io.
  static Result<History> open_read_only(const StateFolder& folder);

  /// Stores the intent and forgets the oldest runs beyond the limit. Returns: its sequence.
  Result<std::uint64_t> begin(const core::RunRecord& run);

  /// Stores a final record in its place; one without a sequence is appended. Returns: its sequence.
  Result<std::uint64_t> finish(const core::RunRecord& run);

  /// Notes which daemon started. In a new history the schedule is settled until then.
  Result<void> note_daemon(const core::DaemonRecord& daemon);

  /// The newest `count` runs, oldest first.
  Result<std::vector<core::RunRecord>> latest(std::size_t count);

  /// Runs that are unfinished (core::is_unfinished), oldest first.
  Result<std::vector<core::RunRecord>> unfinished();

  /// The newest run that succeeded, install_dependencies aside; known also when its record is long gone.
  Result<std::optional<core::RunRecord>> last_success();

  /// How far the schedule has come.
  Result<core::ScheduleRecord> schedule();

  /// The daemon that started last.
  Result<std::optional<core::DaemonRecord>> last_daemon();

  /// One line each on what happened that nobody asked for. Emptied by the call.
  std::vector<std::string> take_notices();

  /// Frees what readers that were killed still hold. Returns: how many.
  int clear_stale_readers() noexcept { return environment_ ? environment_->clear_stale_readers() : 0; }

private:
  History(std::string path, Settings settings) noexcept : path_(std::move(path)), settings_(settings) {}

  static Result<Environment> open_sound(const std::string& path, const Settings& settings);
  Result<void> open_or_renew();
  Result<void> renew(const Error& why);
  Result<void> make_whole();
  template <class Call>
  auto on_sound(Call call) -> decltype(call());
  Result<std::uint64_t> store(const core::RunRecord& run);
  Result<std::uint64_t> store_once(const core::RunRecord& run);
  Result<void> note_daemon_once(const core::DaemonRecord& daemon);
  Result<std::vector<Item>> items(std::string_view name);
  Result<std::optional<std::string>> fact(std::string_view name);
  std::optional<core::RunRecord> read(std::string_view key, std::string_view value);

  std::string path_;
  Settings settings_;
  std::optional<Environment> environment_;              // nothing: to look only, or it could not be opened again
  std::optional<std::vector<std::vector<Item>>> seen_;  // to look only: all there was
  std::vector<std::string> notices_;
  std::size_t unreadable_ = 0;  // records passed over since the last notice
};

}  // namespace sidefridge::store
