// kubectl.h - calls of the kubectl binary, several at once, and one place that waits for them.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sidefridge/base/exit_status.h"
#include "sidefridge/base/result.h"
#include "sidefridge/base/time.h"
#include "sidefridge/loop/fd_watch.h"
#include "sidefridge/loop/loop.h"
#include "sidefridge/os/mono_timer.h"
#include "sidefridge/os/output_stream.h"
#include "sidefridge/os/signal_fd.h"
#include "sidefridge/os/unique_fd.h"

namespace sidefridge::exec {

/// What a watch tells: Kubectl looks at everything in each turn, so that being woken is all it takes.
class Waker final : public loop::FdListener {
public:
  void on_ready() noexcept override {}
};

/// An output of ours, stdout or stderr, that is written without waiting.
/// Owns: what OutputStream does. Lives on the heap: the loop points at it.
class Output {
public:
  /// Errors: as OutputStream::open() and FdWatch::open().
  static Result<std::unique_ptr<Output>> open(loop::Loop& loop, int fd);

  void append(std::string_view bytes);
  void flush() noexcept;

  bool congested() const noexcept { return stream_.congested(); }
  bool empty() const noexcept { return stream_.pending_bytes() == 0; }
  /// Whether the reader was gone, or the disk full, and bytes were lost: why, as an errno value.
  std::optional<int> failure() const noexcept { return failure_; }
  bool at_line_start() const noexcept { return at_line_start_; }

private:
  explicit Output(os::OutputStream stream) : stream_(std::move(stream)) {}

  os::OutputStream stream_;
  std::optional<int> failure_;
  bool at_line_start_ = true;
  Waker waker_;
  std::optional<loop::FdWatch> watch_;
};

/// Takes what a call wrote.
using Sink = std::function<void(std::string_view)>;

/// What to do with an output of a call.
struct Capture {
  Sink sink;                // nothing: the call has our own descriptor
  Output* holds = nullptr;  // while it is congested, nothing is read
};

class Kubectl;

/// A kubectl that was started.
/// Owns:     the process, which is killed unless it has ended, and what it writes.
/// Requires: destroyed before its Kubectl, and not while that waits.
class KubectlCall {
public:
  KubectlCall(const KubectlCall&) = delete;
  KubectlCall& operator=(const KubectlCall&) = delete;
  ~KubectlCall();

  /// It has ended, and all it wrote was given to the sinks.
  bool over() const noexcept { return status_ && !out_.pipe && !err_.pipe; }
  /// Requires: over().
  ExitStatus status() const { return *status_; }

  /// Sends a signal to it and what it started, unless it has ended.
  void signal(int number) const noexcept;

private:
  friend class Kubectl;

  struct Reader {
    bool may_read() const noexcept { return pipe && (capture.holds == nullptr || !capture.holds->congested()); }

    os::UniqueFd pipe;
    Capture capture;
    Waker waker;
    std::optional<loop::FdWatch> watch;
  };

  explicit KubectlCall(Kubectl& kubectl) noexcept : kubectl_(kubectl) {}

  Kubectl& kubectl_;
  pid_t pid_ = -1;
  std::optional<ExitStatus> status_;
  Reader out_;
  Reader err_;
};

/// Starts kubectl, and waits.
/// Owns:   the loop and the signals of the process.
/// Thread: one.
class Kubectl final : private loop::TurnListener {
public:
  /// Takes the process's signals. Requires: descriptors 0, 1 and 2 are open.
  /// Errors: unavailable: there is no kubectl in PATH; no descriptors or memory left.
  static Result<std::unique_ptr<Kubectl>> open();
  Kubectl(const Kubectl&) = delete;
  Kubectl& operator=(const Kubectl&) = delete;

  /// Our stdout or stderr as an Output. Requires: asked for at most once each.
  Result<Output*> open_output(int fd);

  /// Starts `kubectl` with these arguments, from argv[0] on, in a session of its own. `stdin_fd`: as SpawnRequest has
  /// it. Errors: as spawn().
  Result<std::unique_ptr<KubectlCall>> start(const std::vector<std::string>& argv, int stdin_fd, Capture out,
                                             Capture err);

  /// Waits until `holds`, which is asked again whenever something happened, or the deadline has passed.
  /// Returns: whether it holds.
  bool wait(std::optional<MonoTime> deadline, const std::function<bool()>& holds);

  /// The first of TERM, INT and HUP that came.
  std::optional<int> stop_signal() const noexcept { return stop_signal_; }

private:
  friend class KubectlCall;

  Kubectl(std::string program, loop::Loop loop, os::SignalFd signals, os::MonoTimer timer);
  void on_turn() noexcept override;
  void take_signals() noexcept;
  void reap() noexcept;
  void read(const KubectlCall& call, KubectlCall::Reader& reader) noexcept;

  std::string program_;
  std::vector<std::string> environment_;
  std::optional<int> stop_signal_;
  const std::function<bool()>* holds_ = nullptr;
  std::optional<MonoTime> deadline_;
  std::vector<char> buffer_;
  loop::Loop loop_;
  os::SignalFd signals_;
  os::MonoTimer timer_;
  Waker waker_;
  std::optional<loop::FdWatch> signal_watch_;
  std::optional<loop::FdWatch> timer_watch_;
  std::vector<std::unique_ptr<Output>> outputs_;
  std::vector<KubectlCall*> calls_;
};

}  // namespace sidefridge::exec
