// event_sink.h - where what happened is put until the scheduler steps on it.
#pragma once

#include "sidefridge/core/event.h"

namespace sidefridge::daemon {

/// Takes events in the order they happened. Thread: loop thread only. post() never acts on the event itself.
class EventSink {
public:
  virtual void post(core::Event event) = 0;

protected:
  ~EventSink() = default;
};

}  // namespace sidefridge::daemon
