// request.h - what somebody asked of the daemon, and how it ended.
#pragma once

#include <cstdint>
#include <string>

namespace sidefridge::core {

/// Who asks.
enum class Asker : std::uint8_t {
  signal,        // SIGTERM, SIGINT, SIGHUP or SIGUSR1
  command_line,  // the process was started for it: `sidefridge once`
};

/// Names one request; its maker chooses an id that no other one of this process has.
struct Request {
  std::uint64_t id = 0;
  Asker asker = Asker::signal;

  friend bool operator==(const Request&, const Request&) = default;
};

/// How a request ended. Each gets one Reply, once.
enum class Reply : std::uint8_t {
  done,      // what was asked has happened; of a run: it succeeded
  failed,    // it was tried and failed
  busy,      // a run is going on, here or in another process
  stopping,  // the daemon ends and begins nothing more
};

}  // namespace sidefridge::core
