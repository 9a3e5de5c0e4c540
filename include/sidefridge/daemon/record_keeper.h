// record_keeper.h - the run book, kept off the loop: its answers are events.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sidefridge/base/result.h"
#include "sidefridge/core/action.h"
#include "sidefridge/core/record.h"
#include "sidefridge/core/run_book.h"
#include "sidefridge/daemon/console.h"
#include "sidefridge/daemon/event_sink.h"
#include "sidefridge/loop/lane.h"

namespace sidefridge::daemon {

/// Does what the scheduler asks of the store, in that order, on a lane: the disk may take its time, and another process
/// may hold LMDB's write lock for ever. Beyond Lane::most_pending that wait for it all but the end of a run that has
/// begun fails at once. Failures, and what the book has to tell, are logged. Owns:   the book. Thread: loop thread
/// only; the book is used on the lane alone.  Blocks: never.
class RecordKeeper {
public:
  /// Requires: lane, console and sink outlive the object. The object outlives every job it has posted.
  RecordKeeper(loop::Lane& lane, Console& console, EventSink& sink, core::RunBook book);

  /// Posts: RunBegun, RunBusy or RunUnrecorded.
  void carry_out(const core::BeginRun& action);
  void carry_out(const core::SaveSteps& action);
  /// Posts: RunRecorded.
  void carry_out(const core::FinishRun& action);
  void carry_out(const core::RecordTick& action);
  /// Posts: RecordsFlushed.
  void carry_out(const core::FlushRecords& action);

  /// Notes which daemon this is, for `status`.
  void note_daemon(const core::DaemonRecord& daemon);

private:
  /// What a call of the book gave back, and what it had to tell.
  template <class Outcome>
  struct Told {
    Outcome outcome;
    std::vector<std::string> notices;
  };

  template <class Call, class Done>
  void post(Call call, Done done);
  template <class Call>
  void post_if_room(std::string_view what, Call call);  // `what` is a literal: it outlives the job
  /// Whether another change may wait for the store.
  Result<void> has_room() const;
  void log_failure(const Result<void>& result, std::string_view what);

  Console& console_;
  EventSink& sink_;
  core::RunBook book_;
  loop::Lane& lane_;
  std::string refused_run_;  // the last run that could not begin for lack of room
};

}  // namespace sidefridge::daemon
