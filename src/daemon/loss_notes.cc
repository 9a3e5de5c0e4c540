// loss_notes.cc - see loss_notes.h.
#include "sidefridge/daemon/loss_notes.h"

#include <utility>

namespace sidefridge::daemon {

Result<std::unique_ptr<LossNotes>> LossNotes::open(loop::Loop& loop, os::NoteFifo fifo) {
  std::unique_ptr<LossNotes> self(new LossNotes(std::move(fifo)));
  auto watch = loop::FdWatch::open(loop, self->fifo_.fd(), *self);
  if (!watch) return std::move(watch).error();
  self->watch_ = *std::move(watch);
  return self;
}

void LossNotes::begin(const core::StartScript& start) {
  book_.begin(core::script_digest(start.run_id, core::name_of(start.script.hook), start.script.path));
  watch_->want(loop::Interest::input);
}

void LossNotes::judge(core::ScriptResult& result) {
  book_.take(fifo_.drain());
  watch_->want(loop::Interest::nothing);
  book_.judge(result);
}

}  // namespace sidefridge::daemon
