// record_keeper.cc - one call of the book a job.
#include "sidefridge/daemon/record_keeper.h"

#include <utility>
#include <variant>

namespace sidefridge::daemon {

RecordKeeper::RecordKeeper(loop::Lane& lane, Console& console, EventSink& sink, core::RunBook book)
    : console_(console), sink_(sink), book_(std::move(book)), lane_(lane) {}

// `call(book)` on the lane, `done(what it returned)` on the loop.
template <class Call, class Done>
void RecordKeeper::post(Call call, Done done) {
  using Outcome = decltype(call(book_));
  lane_.post(
      [this, call = std::move(call)] {
        Outcome outcome = call(book_);
        return Told<Outcome>{std::move(outcome), book_.take_notices()};
      },
      [this, done = std::move(done)](Told<Outcome> told) {
        for (const std::string& notice : told.notices) console_.log(core::LogLevel::warning, notice);
        done(std::move(told.outcome));
      });
}

Result<void> RecordKeeper::has_room() const {
  if (!lane_.full()) return {};
  return Error{ErrorCode::busy, "the state folder does not answer, and " + std::to_string(loop::Lane::most_pending) +
                                    " changes wait for it"};
}

// What nobody waits for. A failure is logged as `what`, and that there is no room is one.
template <class Call>
void RecordKeeper::post_if_room(std::string_view what, Call call) {
  if (const Result<void> room = has_room(); !room) {
    log_failure(room, what);
    return;
  }
  post(std::move(call), [this, what](const Result<void>& result) { log_failure(result, what); });
}

void RecordKeeper::carry_out(const core::BeginRun& action) {
  using Begun = std::variant<core::RunBook::Begun, core::RunBook::Busy, Error>;
  if (Result<void> room = has_room(); !room) {
    refused_run_ = action.record.run_id;
    sink_.post(core::RunUnrecorded{action.serial, std::move(room).error()});
    return;
  }
  post([record = action.record](core::RunBook& book) -> Begun { return book.begin(record); },
       [this, serial = action.serial](Begun begun) {
         if (const auto* recorded = std::get_if<core::RunBook::Begun>(&begun)) {
           sink_.post(core::RunBegun{serial, recorded->sequence});
         } else if (const auto* busy = std::get_if<core::RunBook::Busy>(&begun)) {
           sink_.post(core::RunBusy{serial, busy->holder});
         } else {
           sink_.post(core::RunUnrecorded{serial, std::get<Error>(std::move(begun))});
         }
       });
}

void RecordKeeper::carry_out(const core::SaveSteps& action) {
  post_if_room("a step cannot be noted",
               [action](core::RunBook& book) { return book.save_steps(action.run_id, action.first, action.steps); });
}

void RecordKeeper::carry_out(const core::FinishRun& action) {
  const std::string what = "run " + action.record.run_id + " cannot be recorded";
  // The end of a run that has begun is stored however many wait: one each, and those were let in.
  if (Result<void> room = has_room(); !room && action.record.run_id == refused_run_) {
    log_failure(room, what);
    sink_.post(core::RunRecorded{action.serial});
    return;
  }
  post([record = action.record](core::RunBook& book) { return book.finish(record); },
       [this, serial = action.serial, what](const Result<void>& finished) {
         log_failure(finished, what);
         sink_.post(core::RunRecorded{serial});
       });
}

void RecordKeeper::carry_out(const core::RecordTick& action) {
  post_if_room("a tick without a run cannot be recorded",
               [record = action.record](core::RunBook& book) { return book.record_skip(record); });
}

void RecordKeeper::carry_out(const core::FlushRecords& action) {
  lane_.post([] {}, [this, serial = action.serial] { sink_.post(core::RecordsFlushed{serial}); });
}

void RecordKeeper::note_daemon(const core::DaemonRecord& daemon) {
  post(
      [daemon](core::RunBook& book) { return book.note_daemon(daemon); },
      [this](const Result<void>& noted) { log_failure(noted, "this daemon cannot be noted for 'sidefridge status'"); });
}

void RecordKeeper::log_failure(const Result<void>& result, std::string_view what) {
  if (result) return;
  console_.log(core::LogLevel::error, std::string(what) + ": " + result.error().text);
}

}  // namespace sidefridge::daemon
