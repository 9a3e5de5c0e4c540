// log_line.h - how one line of output looks, in text and in JSON.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "sidefridge/base/time.h"
#include "sidefridge/core/hook.h"
#include "sidefridge/core/log_level.h"
#include "sidefridge/text/colours.h"
#include "sidefridge/text/line_splitter.h"

namespace sidefridge::daemon {

/// Which of a script's two outputs.
enum class Stream { out, err };

/// What a line of the daemon's is about; empty where it is about none. Text lines do not show it: the message says it.
struct LogContext {
  std::string_view run_id;
  std::string_view script;  // path as the user knows it
};

/// Appends one line of the daemon's own log, newline included. What is no character of a line in `message` is escaped:
/// "\n", "\x1b". In text, `colours` show what is a warning and what an error.
///     2026-11-23T07:55:17.125Z info  message
///     {"time":"2026-11-23T07:55:17.125Z","level":"info","message":"…","run":"…","script":"…"}
void append_log_line(std::string& out, core::LogFormat format, WallTime at, core::LogLevel level,
                     std::string_view message, const LogContext& context, text::Colours colours = text::Colours::none);

/// Formats the lines of one stream of one script.
///     2026-11-23T07:55:17.125Z out   <run_id> backups/10-dump | <bytes>
///     {"time":"…","run":"…","hook":"backups","script":"/scripts/backups/10-dump","stream":"stdout","line":"…"}
/// A part that the next line goes on with has `+` instead of `|`, or `"partial":true`.
/// What all lines of one read share is made once, in begin().
class ScriptLineFormat {
public:
  /// `escapes`: in text, what is no character of a line comes out as "\x1b", as it is right on a terminal.
  ScriptLineFormat(core::LogFormat format, std::string_view run_id, const core::Script& script, Stream stream,
                   bool escapes = false);

  /// Sets the time of the lines that follow.
  void begin(WallTime at);

  /// Appends one line, newline included. Requires: begin() was called.
  void append(std::string& out, std::string_view line, text::LineEnd end) const;

private:
  core::LogFormat format_;
  bool escapes_;
  std::string prefix_;  // starts with the time, which begin() replaces
};

}  // namespace sidefridge::daemon
