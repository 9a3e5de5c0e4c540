// fd_watch.h - tells one listener when one descriptor is ready.
#pragma once

#include <memory>

#include "sidefridge/base/result.h"
#include "sidefridge/loop/loop.h"

namespace sidefridge::loop {

/// Hears that a watched descriptor may be ready. Readiness can be false: a read may still say EAGAIN.
class FdListener {
public:
  /// Runs on the loop thread. May destroy this watch or any other.
  virtual void on_ready() noexcept = 0;

protected:
  ~FdListener() = default;
};

/// What a watch waits for.
enum class Interest {
  nothing,
  input,
  news,  // POLLPRI: what a file of the kernel's tells has changed (proc(5), /proc/PID/mounts)
};

/// One descriptor in the loop.
/// Owns:   the libuv handle, never the descriptor. Movable; a moved-from watch may only be destroyed or assigned to.
/// Thread: loop thread only.  Blocks: never.
/// Make it the last member of what owns the descriptor, so that the watch goes before the descriptor is closed.
/// Once a watch is destroyed its listener is not called again, not even for readiness the same turn has already seen.
class FdWatch {
public:
  /// Begins with Interest::nothing. Sets O_NONBLOCK on the open file description of `fd`: watch only those that are
  /// ours. Requires: `fd` has no other watch; `fd` and `listener` outlive the watch. Errors: EPERM for what cannot be
  /// polled (a regular file, a folder), EBADF, ENOMEM.
  static Result<FdWatch> open(Loop& loop, int fd, FdListener& listener);

  FdWatch(FdWatch&& other) noexcept;
  FdWatch& operator=(FdWatch&& other) noexcept;
  ~FdWatch();

  /// Replaces what is waited for. Level-triggered: on_ready() comes each turn while the descriptor is ready.
  /// Only news is told once, to the first that polls the descriptor. So what it tells is to be read in the
  /// first turn of the loop or later, not before.
  /// An end of file and an error count as ready. After an error on the descriptor itself (the reader of a pipe is gone)
  /// the watch has fallen back to Interest::nothing when on_ready() is called: a read or write will tell.
  void want(Interest interest) noexcept;

private:
  struct Handle;
  explicit FdWatch(Handle* handle) noexcept;
  void close() noexcept;

  Handle* handle_;  // freed by libuv's close callback, which comes after we are gone
};

}  // namespace sidefridge::loop
