// console.h - stdout, as the daemon uses it: its own log and its scripts' lines, one writer, line by line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sidefridge/base/result.h"
#include "sidefridge/base/time.h"
#include "sidefridge/core/log_level.h"
#include "sidefridge/daemon/log_line.h"
#include "sidefridge/loop/fd_watch.h"
#include "sidefridge/loop/loop.h"
#include "sidefridge/os/output_stream.h"
#include "sidefridge/text/colours.h"
#include "sidefridge/text/line_splitter.h"

namespace spdlog {
class logger;
}

namespace sidefridge::daemon {

/// Hears that the output takes more again.
class OutputListener {
public:
  virtual void on_output_ready() noexcept = 0;

protected:
  ~OutputListener() = default;
};

/// Owns:   the writer of one descriptor, its watch, and the daemon's logger. Lives on the heap: others point at it.
/// Thread: loop thread only.
/// Blocks: only drain_until().
/// Memory: a slow reader holds scripts back (congested()). What cannot be held back is accepted all the same: the
///         daemon's own lines while less than `own_limit_bytes` wait, the rest of closed outputs while less than
///         `rest_limit_bytes` do. Then it is dropped and counted, and a line tells how much once it flows again.
class Console final : private loop::FdListener {
public:
  static constexpr std::size_t flush_bytes = 64 * 1024;  // so much is written at once
  static constexpr std::size_t room_bytes = 128 * 1024;  // held-back scripts go on when no more than this waits
  static constexpr std::size_t own_limit_bytes = 1024 * 1024;
  static constexpr std::size_t rest_limit_bytes = 16 * 1024 * 1024;

  /// `fd` is usually STDOUT_FILENO. Requires: `loop` outlives the console.
  /// Errors: `fd` is closed; no descriptors or memory left.
  static Result<std::unique_ptr<Console>> open(loop::Loop& loop, int fd, core::LogFormat format, core::LogLevel level,
                                               text::Colours colours = text::Colours::none);
  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  /// One line of the daemon's own log, unless `level` is below the console's.
  void log(core::LogLevel level, std::string_view message, const LogContext& context = {});

  /// Takes bytes of a script's stream through `splitter`, until all are taken or the output is congested.
  /// Requires: format.begin() was called for this read.
  /// Returns: how many bytes were taken.
  std::size_t append_script_lines(const ScriptLineFormat& format, text::LineSplitter& splitter, std::string_view bytes);

  /// The same for what will not be there later: takes all of it, congested or not.
  void append_last_lines(const ScriptLineFormat& format, text::LineSplitter& splitter, std::string_view rest);

  /// Shows what has come of a line that is not complete. Returns: whether there was room.
  bool show_unfinished_line(const ScriptLineFormat& format, text::LineSplitter& splitter);

  /// The script is over, or its stream: takes a last line that has no newline, congested or not.
  void finish_script_lines(const ScriptLineFormat& format, text::LineSplitter& splitter);

  /// Writes what waits, as far as the reader takes it. The daemon calls it as the last thing of each loop turn; the
  /// console itself whenever `flush_bytes` wait.
  void flush() noexcept;

  /// Whether scripts have to be held back.
  bool congested() const noexcept { return stream_.congested(); }

  /// Tells `listener` once, when there is room again. Listeners are told in the order they came, one after the other
  /// while there is room. Requires: congested(); `listener` is not waiting yet.
  void wait_for_room(OutputListener& listener);
  /// Takes back wait_for_room(). Required before `listener` is destroyed.
  void forget(OutputListener& listener) noexcept;

  /// Writes what waits, and waits for the reader until `deadline` at the latest: for the end of the process.
  void drain_until(MonoTime deadline) noexcept;

  /// What of the log is lost that the log itself could not tell so far; nothing when all is well.
  std::optional<std::string> untold_losses() const;

  core::LogFormat format() const noexcept { return format_; }
  bool is_terminal() const noexcept { return is_terminal_; }

private:
  class Sink;
  Console(os::OutputStream stream, core::LogFormat format, core::LogLevel level, text::Colours colours);
  void on_ready() noexcept override;
  void append_own_line(WallTime at, core::LogLevel level, std::string_view message);
  text::Take append_script_line(const ScriptLineFormat& format, std::string_view line, text::LineEnd end);
  text::Take append_last_line(const ScriptLineFormat& format, std::string_view line, text::LineEnd end);
  void handle_flush(os::OutputStream::Flush flushed) noexcept;
  void tell_losses() noexcept;

  os::OutputStream stream_;
  core::LogFormat format_;
  text::Colours colours_;
  bool is_terminal_ = false;
  std::unique_ptr<spdlog::logger> logger_;
  LogContext context_;                    // of the line that goes through logger_ right now
  std::vector<OutputListener*> waiting_;  // first come, first told
  std::uint64_t dropped_lines_ = 0;       // not told yet
  std::uint64_t told_lost_lines_ = 0;     // of stream_.lost_lines()
  bool blocked_ = false;                  // watch_ will tell when a flush makes sense
  std::optional<loop::FdWatch> watch_;    // none when nothing can block
};

}  // namespace sidefridge::daemon
