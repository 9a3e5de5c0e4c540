// console.cc - spdlog in front, one stream behind, and who waits for it.
#include "sidefridge/daemon/console.h"

#include <spdlog/details/log_msg.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/sink.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string>
#include <utility>

#include "sidefridge/os/system_clock.h"

namespace sidefridge::daemon {

namespace {

spdlog::level::level_enum spdlog_level_of(core::LogLevel level) noexcept {
  switch (level) {
    case core::LogLevel::debug: return spdlog::level::debug;
    case core::LogLevel::info: return spdlog::level::info;
    case core::LogLevel::warning: return spdlog::level::warn;
    case core::LogLevel::error: return spdlog::level::err;
  }
  return spdlog::level::err;
}

core::LogLevel level_of(spdlog::level::level_enum level) noexcept {
  if (level <= spdlog::level::debug) return core::LogLevel::debug;
  if (level == spdlog::level::info) return core::LogLevel::info;
  if (level == spdlog::level::warn) return core::LogLevel::warning;
  return core::LogLevel::error;
}

std::string count_of_lines(std::uint64_t count) {
  return std::to_string(count) + (count == 1 ? " line" : " lines");
}

}  // namespace

// Formats by itself: spdlog's patterns know neither JSON nor a context.
class Console::Sink final : public spdlog::sinks::sink {
public:
  explicit Sink(Console& console) noexcept : console_(console) {}
  void log(const spdlog::details::log_msg& message) override {
    console_.append_own_line(std::chrono::time_point_cast<Duration>(message.time), level_of(message.level),
                             std::string_view(message.payload.data(), message.payload.size()));
  }
  void flush() override { console_.flush(); }
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

private:
  Console& console_;
};

Result<std::unique_ptr<Console>> Console::open(loop::Loop& loop, int fd, core::LogFormat format, core::LogLevel level,
                                               text::Colours colours) {
  auto stream = os::OutputStream::open(fd);
  if (!stream) return std::move(stream).error();
  std::unique_ptr<Console> console(new Console(std::move(stream).value(), format, level, colours));
  console->is_terminal_ = ::isatty(fd) == 1;
  if (const int ready_fd = console->stream_.ready_fd(); ready_fd >= 0) {
    auto watch = loop::FdWatch::open(loop, ready_fd, *console);
    if (!watch) return std::move(watch).error();
    console->watch_.emplace(std::move(watch).value());
  }
  return console;
}

Console::Console(os::OutputStream stream, core::LogFormat format, core::LogLevel level, text::Colours colours)
    : stream_(std::move(stream)),
      format_(format),
      colours_(colours),
      // spdlog wants its sinks shared.
      logger_(std::make_unique<spdlog::logger>("sidefridge", std::make_shared<Sink>(*this))) {
  logger_->set_level(spdlog_level_of(level));
  // Whatever follows an error, it has been said.
  logger_->flush_on(spdlog::level::err);
}

Console::~Console() = default;

void Console::log(core::LogLevel level, std::string_view message, const LogContext& context) {
  context_ = context;
  const auto now = std::chrono::time_point_cast<spdlog::log_clock::duration>(os::sample_now().wall);
  logger_->log(now, spdlog::source_loc{}, spdlog_level_of(level),
               spdlog::string_view_t(message.data(), message.size()));
  context_ = {};
}

void Console::append_own_line(WallTime at, core::LogLevel level, std::string_view message) {
  if (stream_.pending_bytes() >= own_limit_bytes) {
    ++dropped_lines_;
    return;
  }
  append_log_line(stream_.buffer(), format_, at, level, message, context_, colours_);
  if (stream_.pending_bytes() >= flush_bytes) flush();
}

text::Take Console::append_script_line(const ScriptLineFormat& format, std::string_view line, text::LineEnd end) {
  format.append(stream_.buffer(), line, end);
  if (stream_.pending_bytes() < flush_bytes) return text::Take::more;
  flush();
  return congested() ? text::Take::enough : text::Take::more;
}

std::size_t Console::append_script_lines(const ScriptLineFormat& format, text::LineSplitter& splitter,
                                         std::string_view bytes) {
  if (congested()) return 0;
  return splitter.feed(bytes,
                       [&](std::string_view line, text::LineEnd end) { return append_script_line(format, line, end); });
}

text::Take Console::append_last_line(const ScriptLineFormat& format, std::string_view line, text::LineEnd end) {
  if (stream_.pending_bytes() >= rest_limit_bytes) {
    ++dropped_lines_;
  } else {
    append_script_line(format, line, end);
  }
  return text::Take::more;
}

void Console::append_last_lines(const ScriptLineFormat& format, text::LineSplitter& splitter, std::string_view rest) {
  splitter.feed(rest, [&](std::string_view line, text::LineEnd end) { return append_last_line(format, line, end); });
}

bool Console::show_unfinished_line(const ScriptLineFormat& format, text::LineSplitter& splitter) {
  if (congested()) return false;
  splitter.show_unfinished(
      [&](std::string_view line, text::LineEnd end) { return append_script_line(format, line, end); });
  return true;
}

void Console::finish_script_lines(const ScriptLineFormat& format, text::LineSplitter& splitter) {
  splitter.finish([&](std::string_view line, text::LineEnd end) { return append_last_line(format, line, end); });
}

void Console::flush() noexcept {
  if (blocked_ || stream_.pending_bytes() == 0) return;
  handle_flush(stream_.flush());
}

void Console::handle_flush(os::OutputStream::Flush flushed) noexcept {
  switch (flushed) {
    case os::OutputStream::Flush::drained: tell_losses(); return;
    case os::OutputStream::Flush::blocked:
      blocked_ = true;
      if (watch_) watch_->want(loop::Interest::input);
      return;
    case os::OutputStream::Flush::broken: return;
  }
}

void Console::on_ready() noexcept {
  blocked_ = false;
  handle_flush(stream_.flush());
  if (!blocked_ && watch_) watch_->want(loop::Interest::nothing);
  if (stream_.pending_bytes() > room_bytes) return;
  // Each of those who wait now gets one turn; one that fills the output again leaves the others where they are.
  for (std::size_t turns = waiting_.size(); turns > 0 && !waiting_.empty() && !congested(); --turns) {
    OutputListener* next = waiting_.front();
    waiting_.erase(waiting_.begin());
    next->on_output_ready();
  }
}

void Console::wait_for_room(OutputListener& listener) {
  waiting_.push_back(&listener);
}

void Console::forget(OutputListener& listener) noexcept {
  std::erase(waiting_, &listener);
}

void Console::drain_until(MonoTime deadline) noexcept {
  handle_flush(stream_.drain_until(deadline));
}

std::optional<std::string> Console::untold_losses() const {
  const std::uint64_t lost = stream_.lost_lines() - told_lost_lines_;
  if (lost == 0) return std::nullopt;
  return count_of_lines(lost) + " of the log could not be written: " + std::strerror(stream_.last_error());
}

void Console::tell_losses() noexcept {
  const std::uint64_t lost = stream_.lost_lines() - told_lost_lines_;
  if (lost == 0 && dropped_lines_ == 0) return;
  std::string message;
  if (lost > 0) {
    message += count_of_lines(lost) + " could not be written here: " + std::strerror(stream_.last_error());
  }
  if (dropped_lines_ > 0) {
    if (!message.empty()) message += "; ";
    message += count_of_lines(dropped_lines_) + " of this log were dropped while nobody read it";
  }
  const std::uint64_t lost_until_now = stream_.lost_lines();
  append_log_line(stream_.buffer(), format_, os::sample_now().wall, core::LogLevel::warning, message, {}, colours_);
  const auto flushed = stream_.flush();
  if (flushed == os::OutputStream::Flush::broken) {
    // The news is lost, too: it is told another time, and itself does not count.
    told_lost_lines_ += stream_.lost_lines() - lost_until_now;
    return;
  }
  told_lost_lines_ = lost_until_now;
  dropped_lines_ = 0;
  handle_flush(flushed);
}

}  // namespace sidefridge::daemon
