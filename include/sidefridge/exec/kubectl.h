// kubectl.h - calls of the kubectl binary, several at once, and one place that waits for them.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <span>
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

/// Our stdin, read without waiting.
/// Owns: an epoll set around it, so that its flags stay as others who share it want them. Lives on the heap.
class Input {
public:
  /// Errors: as FdWatch::open(); what is not open for reading is only found by reading.
  static Result<std::unique_ptr<Input>> open(loop::Loop& loop, int fd);

  /// Reads what is there now, at most `room.size()` bytes. Returns: those, nothing when there are none yet; once over()
  /// always nothing.
  std::string_view read(std::span<char> room) noexcept;
  /// Whether read() is to be called when there is something to read.
  void want(loop::Interest interest) noexcept;

  /// It has been read to its end, or failed.
  bool over() const noexcept { return over_; }
  /// Why it could not be read to its end, as an errno value.
  std::optional<int> failure() const noexcept { return failure_; }

private:
  explicit Input(int fd) noexcept : fd_(fd) {}

  int fd_;
  bool over_ = false;
  std::optional<int> failure_;
  os::UniqueFd ready_;
  Waker waker_;
  std::optional<loop::FdWatch> watch_;  // nothing: it never keeps a reader waiting
};

/// Takes what a call wrote.
using Sink = std::function<void(std::string_view)>;

/// What to do with an output of a call.
struct Capture {
  Sink sink;
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

  /// Writes to its stdin, without waiting. What it does not take is dropped.
  void feed(std::string_view bytes);
  /// From now on all of `input` goes to its stdin, whose end is the end of that. Requires: `input` outlives the call.
  void feed_from(Input& input) noexcept { input_ = &input; }
  /// Closes its stdin, once all that was fed is written.
  void end_input() noexcept;

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

  bool takes_input() const noexcept { return in_ && !in_->failure(); }
  void relay_input(std::span<char> buffer) noexcept;

  Kubectl& kubectl_;
  pid_t pid_ = -1;
  std::optional<ExitStatus> status_;
  Reader out_;
  Reader err_;
  os::UniqueFd in_pipe_;        // the end that we write; closed after in_
  std::unique_ptr<Output> in_;  // nothing: its stdin has ended
  bool in_ends_ = false;        // once in_ is empty
  Input* input_ = nullptr;
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
  /// Our stdin as an Input. Requires: asked for at most once.
  Result<Input*> open_input(int fd);

  /// What a call has as its stdin.
  enum class Stdin {
    empty,  // /dev/null
    fed,    // what feed() and feed_from() give it
  };

  /// Starts `kubectl` with these arguments, from argv[0] on, in a session of its own.
  /// Errors: unavailable: it cannot be executed; no descriptors or memory left.
  Result<std::unique_ptr<KubectlCall>> start(const std::vector<std::string>& argv, Stdin in, Capture out, Capture err);

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
  void watch_readers() noexcept;

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
  std::unique_ptr<Input> input_;
  std::vector<KubectlCall*> calls_;
};

}  // namespace sidefridge::exec
