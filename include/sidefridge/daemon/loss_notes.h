// loss_notes.h - hears what kubectlexec tells of the script that runs.
#pragma once

#include <memory>
#include <optional>

#include "sidefridge/base/result.h"
#include "sidefridge/core/action.h"
#include "sidefridge/core/event.h"
#include "sidefridge/core/loss_note.h"
#include "sidefridge/loop/fd_watch.h"
#include "sidefridge/loop/loop.h"
#include "sidefridge/os/note_fifo.h"

namespace sidefridge::daemon {

/// Owns:   the FIFO of the notes. Only while a script runs it is read: one run at a time goes on in a state folder,
///         but `once` may have one beside an idle daemon.
/// Thread: loop thread only.  Blocks: never.
class LossNotes final : private loop::FdListener {
public:
  /// Errors: as FdWatch::open().
  static Result<std::unique_ptr<LossNotes>> open(loop::Loop& loop, os::NoteFifo fifo);

  /// A script is about to start.
  void begin(const core::StartScript& start);
  /// It has ended: every call of kubectlexec that it waited for has told by now.
  void judge(core::ScriptResult& result);

private:
  explicit LossNotes(os::NoteFifo fifo) noexcept : fifo_(std::move(fifo)) {}
  void on_ready() noexcept override { book_.take(fifo_.drain()); }

  os::NoteFifo fifo_;
  core::LossBook book_;
  std::optional<loop::FdWatch> watch_;
};

}  // namespace sidefridge::daemon
