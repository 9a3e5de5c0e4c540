// loop.cc - uv_loop_t, a check handle for the end of each turn, and an idle one for a turn that does not wait.
#include "sidefridge/loop/loop.h"

#include <uv.h>

#include <utility>

#include "sidefridge/base/check.h"

namespace sidefridge::loop {

struct Loop::State {
  uv_loop_t loop;
  uv_check_t turn_end;
  uv_idle_t impatience;  // while it runs libuv does not wait
  TurnListener* listener = nullptr;
};

Result<Loop> Loop::open() {
  auto state = std::make_unique<State>();
  if (const int code = uv_loop_init(&state->loop); code != 0) return system_error("cannot open an event loop", -code);
  uv_check_init(&state->loop, &state->turn_end);
  state->turn_end.data = state.get();
  uv_idle_init(&state->loop, &state->impatience);
  return Loop(std::move(state));
}

Loop::Loop(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
Loop::Loop(Loop&&) noexcept = default;

Loop::~Loop() {
  if (!state_) return;
  uv_close(reinterpret_cast<uv_handle_t*>(&state_->turn_end), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&state_->impatience), nullptr);
  // One round without waiting runs the close callbacks: those of watches destroyed since the last turn, too.
  uv_run(&state_->loop, UV_RUN_NOWAIT);
  // The thread of a job that is still in work will report to this loop, even if nobody reads that any more: then it
  // has to stay.
  bool awaited = false;
  uv_walk(
      &state_->loop,
      [](uv_handle_t* handle, void* found) {
        check(handle->type == UV_ASYNC, "every watch is gone before its loop");
        *static_cast<bool*>(found) = true;
      },
      &awaited);
  if (awaited || uv_loop_close(&state_->loop) != 0) static_cast<void>(state_.release());
}

void Loop::run(TurnListener& listener) {
  state_->listener = &listener;
  // The running check handle is also what keeps uv_run going while nothing is watched.
  uv_check_start(&state_->turn_end, [](uv_check_t* turn_end) {
    auto* state = static_cast<State*>(turn_end->data);
    uv_idle_stop(&state->impatience);
    state->listener->on_turn();
  });
  uv_idle_start(&state_->impatience, [](uv_idle_t*) {});
  uv_run(&state_->loop, UV_RUN_DEFAULT);
  uv_check_stop(&state_->turn_end);
}

void Loop::stop() noexcept {
  uv_stop(&state_->loop);
}

uv_loop_s* Loop::handle() noexcept {
  return &state_->loop;
}

}  // namespace sidefridge::loop
