// log_line.cc - the two formats, side by side.
#include "sidefridge/daemon/log_line.h"

#include "sidefridge/base/check.h"
#include "sidefridge/text/hex.h"
#include "sidefridge/text/json.h"
#include "sidefridge/text/time_format.h"

namespace sidefridge::daemon {

namespace {

constexpr std::size_t time_bytes = std::string_view("2026-11-23T07:55:17.125Z").size();
constexpr std::string_view json_begin = R"({"time":")";

/// As wide as the widest, so that what follows stands in one column.
std::string_view column_of(core::LogLevel level) noexcept {
  switch (level) {
    case core::LogLevel::debug: return " debug ";
    case core::LogLevel::info: return " info  ";
    case core::LogLevel::warning: return " warn  ";
    case core::LogLevel::error: return " error ";
  }
  return "";
}

text::Tone tone_of(core::LogLevel level) noexcept {
  switch (level) {
    case core::LogLevel::debug:
    case core::LogLevel::info: return text::Tone::plain;
    case core::LogLevel::warning: return text::Tone::doubtful;
    case core::LogLevel::error: return text::Tone::bad;
  }
  return text::Tone::plain;
}

void append_level(std::string& out, core::LogLevel level, text::Colours colours) {
  out += text::painted(column_of(level), tone_of(level), colours);
}

std::string_view column_of(Stream stream) noexcept {
  switch (stream) {
    case Stream::out: return " out   ";
    case Stream::err: return " err   ";
  }
  return "";
}

std::string_view name_of(Stream stream) noexcept {
  switch (stream) {
    case Stream::out: return "stdout";
    case Stream::err: return "stderr";
  }
  return "";
}

void append_json_member(std::string& out, std::string_view name, std::string_view value) {
  out += ",\"";
  out += name;
  out += "\":";
  text::append_json_string(out, value);
}

void append_on_one_line(std::string& out, std::string_view message) {
  for (const char character : message) {
    const auto byte = static_cast<unsigned char>(character);
    if (character == '\n') {
      out += "\\n";
    } else if ((byte < 0x20 && character != '\t') || byte == 0x7f) {
      out += "\\x";
      text::append_hex(out, byte);
    } else {
      out += character;
    }
  }
}

}  // namespace

void append_log_line(std::string& out, core::LogFormat format, WallTime at, core::LogLevel level,
                     std::string_view message, const LogContext& context, text::Colours colours) {
  switch (format) {
    case core::LogFormat::text:
      text::append_rfc3339(out, at, text::Precision::milliseconds);
      append_level(out, level, colours);
      append_on_one_line(out, message);
      break;
    case core::LogFormat::json:
      out += json_begin;
      text::append_rfc3339(out, at, text::Precision::milliseconds);
      out += '"';
      append_json_member(out, "level", core::name_of(level));
      append_json_member(out, "message", message);
      if (!context.run_id.empty()) append_json_member(out, "run", context.run_id);
      if (!context.script.empty()) append_json_member(out, "script", context.script);
      out += '}';
      break;
  }
  out += '\n';
}

ScriptLineFormat::ScriptLineFormat(core::LogFormat format, std::string_view run_id, const core::Script& script,
                                   Stream stream, bool escapes)
    : format_(format), escapes_(escapes) {
  const std::string no_time_yet(time_bytes, '?');
  switch (format) {
    case core::LogFormat::text:
      prefix_.append(no_time_yet).append(column_of(stream)).append(run_id).append(" ");
      append_on_one_line(prefix_, script.tag());
      prefix_ += " | ";
      break;
    case core::LogFormat::json:
      prefix_.append(json_begin).append(no_time_yet).append("\"");
      append_json_member(prefix_, "run", run_id);
      append_json_member(prefix_, "hook", core::name_of(script.hook));
      append_json_member(prefix_, "script", script.path);
      append_json_member(prefix_, "stream", name_of(stream));
      prefix_ += ",\"line\":";
      break;
  }
}

void ScriptLineFormat::begin(WallTime at) {
  std::string time;
  text::append_rfc3339(time, at, text::Precision::milliseconds);
  check(time.size() == time_bytes, "all instants are equally long");
  prefix_.replace(format_ == core::LogFormat::json ? json_begin.size() : 0, time_bytes, time);
}

void ScriptLineFormat::append(std::string& out, std::string_view line, text::LineEnd end) const {
  out += prefix_;
  switch (format_) {
    case core::LogFormat::text:
      if (end == text::LineEnd::continued) out[out.size() - 2] = '+';
      if (escapes_) {
        append_on_one_line(out, line);
      } else {
        out += line;
      }
      out += '\n';
      break;
    case core::LogFormat::json:
      text::append_json_string(out, line);
      out += end == text::LineEnd::continued ? ",\"partial\":true}\n" : "}\n";
      break;
  }
}

}  // namespace sidefridge::daemon
