// script_output.h - one output of one script: reads the pipe, relays its lines, remembers the end.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sidefridge/base/result.h"
#include "sidefridge/core/hook.h"
#include "sidefridge/daemon/alarm.h"
#include "sidefridge/daemon/console.h"
#include "sidefridge/daemon/log_line.h"
#include "sidefridge/loop/fd_watch.h"
#include "sidefridge/loop/loop.h"
#include "sidefridge/os/unique_fd.h"
#include "sidefridge/text/line_splitter.h"

namespace sidefridge::daemon {

class ScriptOutput;

/// Hears that what a script had written when it ended has been relayed.
class ScriptOutputListener {
public:
  /// May be called from within finish_when_drained(). May destroy `output`.
  virtual void on_drained(ScriptOutput& output) noexcept = 0;

protected:
  ~ScriptOutputListener() = default;
};

/// Relays one pipe to the console as bytes arrive; holds the pipe back while the console is congested.
/// Owns:   the read end, closed at end-of-file; destruction is a close(). Lives on the heap: the loop points at it.
/// Thread: loop thread only.  Blocks: never.
/// Memory: at most one read and one line part; nothing to speak of while nothing arrives.
class ScriptOutput final : private loop::FdListener, private OutputListener, private AlarmListener {
public:
  /// A line that stands unfinished for so long is shown as far as it got.
  static constexpr Duration unfinished_patience = std::chrono::seconds(1);

  static constexpr std::size_t tail_bytes = 4096;

  /// `pipe` is the read end. Nothing is read yet. Requires: `loop`, `console` and `listener` outlive the object.
  /// Errors: ENOMEM, EMFILE.
  static Result<std::unique_ptr<ScriptOutput>> open(loop::Loop& loop, Console& console, os::UniqueFd pipe,
                                                    Stream stream, ScriptOutputListener& listener);

  /// Says whose output it is, and reads from now on; once drained, the next script's. Requires: not begun, or drained
  /// since.
  void begin(std::string_view run_id, const core::Script& script);

  ~ScriptOutput();
  ScriptOutput(const ScriptOutput&) = delete;
  ScriptOutput& operator=(const ScriptOutput&) = delete;

  /// The script's process has ended: relays what waits in the pipe at this moment and the last line even without its
  /// newline, then calls on_drained(), from within this call where the console takes it all. A process the script left
  /// behind may go on writing: that is relayed too, later, and on_drained() does not wait for it.
  void finish_when_drained();

  /// The script is given up: on_drained() does not come any more. What it has written and goes on to write is relayed
  /// as before, as that of a process left behind.
  void disown() noexcept { owed_bytes_.reset(); }

  /// Relays what waits in the pipe at this moment, congested or not, and the last line even without its newline; closes
  /// the pipe. on_drained() does not come any more.
  void close() noexcept;

  /// Whether the pipe can still bring something: its end has not been seen.
  bool is_open() const noexcept { return static_cast<bool>(pipe_); }

  /// The last `tail_bytes` of a stderr, without NULs; empty for a stdout.
  std::string tail() const;

private:
  ScriptOutput(loop::Loop& loop, Console& console, os::UniqueFd pipe, Stream stream, ScriptOutputListener& listener);
  void on_ready() noexcept override;
  void on_alarm() noexcept override;
  void on_output_ready() noexcept override;
  /// How a read went.
  enum class Read { some, nothing_now, end };

  Read read_some(std::size_t limit_bytes);
  void relay(std::string_view bytes);
  void relay_held();
  void note_unfinished(std::string_view taken);
  void end();
  void drain();
  void tell_if_drained() noexcept;

  loop::Loop& loop_;
  Console& console_;
  ScriptOutputListener& listener_;
  std::optional<ScriptLineFormat> format_;  // nothing: not begun
  Stream stream_;
  text::LineSplitter splitter_;
  std::string held_;  // read, but the console was full: it tells when there is room, and the pipe is not watched
  std::string tail_;
  std::optional<std::size_t> owed_bytes_;  // in held_ and the pipe: to be relayed before on_drained()
  os::UniqueFd pipe_;
  std::optional<loop::FdWatch> watch_;
  std::unique_ptr<Alarm> alarm_;              // nothing: no line was unfinished yet, or there is no descriptor for it
  std::optional<MonoTime> unfinished_since_;  // a line is
};

}  // namespace sidefridge::daemon
