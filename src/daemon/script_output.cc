// script_output.cc - reads as long as the console takes.
#include "sidefridge/daemon/script_output.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "sidefridge/base/check.h"
#include "sidefridge/os/pipe.h"
#include "sidefridge/os/system_clock.h"

namespace sidefridge::daemon {

namespace {

// As much as a pipe holds unless it is asked for more.
constexpr std::size_t read_bytes = os::default_pipe_bytes;

}  // namespace

Result<std::unique_ptr<ScriptOutput>> ScriptOutput::open(loop::Loop& loop, Console& console, os::UniqueFd pipe,
                                                         Stream stream, ScriptOutputListener& listener) {
  const int fd = pipe.get();
  std::unique_ptr<ScriptOutput> output(new ScriptOutput(loop, console, std::move(pipe), stream, listener));
  auto watch = loop::FdWatch::open(loop, fd, *output);
  if (!watch) return std::move(watch).error();
  output->watch_.emplace(std::move(watch).value());
  return output;
}

ScriptOutput::ScriptOutput(loop::Loop& loop, Console& console, os::UniqueFd pipe, Stream stream,
                           ScriptOutputListener& listener)
    : loop_(loop), console_(console), listener_(listener), stream_(stream), pipe_(std::move(pipe)) {}

ScriptOutput::~ScriptOutput() {
  close();
}

void ScriptOutput::begin(std::string_view run_id, const core::Script& script) {
  check(!owed_bytes_ && held_.empty(), "an output is drained before it begins again");
  format_.emplace(console_.format(), run_id, script, stream_, console_.is_terminal());
  tail_.clear();
  unfinished_since_.reset();
  watch_->want(loop::Interest::input);
}

void ScriptOutput::finish_when_drained() {
  owed_bytes_ = held_.size() + (pipe_ ? os::bytes_waiting(pipe_.get()) : 0);
  drain();
  tell_if_drained();
}

void ScriptOutput::close() noexcept {
  disown();
  if (!pipe_ || !format_) return;
  if (!held_.empty()) console_.forget(*this);
  format_->begin(os::sample_now().wall);
  console_.append_last_lines(*format_, splitter_, held_);
  // Piece by piece: a script may have asked for a pipe of any size.
  std::array<char, read_bytes> chunk;
  for (std::size_t waiting = os::bytes_waiting(pipe_.get()); waiting > 0;) {
    const ssize_t count = ::read(pipe_.get(), chunk.data(), std::min(waiting, chunk.size()));
    if (count <= 0) break;
    console_.append_last_lines(*format_, splitter_, std::string_view(chunk.data(), static_cast<std::size_t>(count)));
    waiting -= static_cast<std::size_t>(count);
  }
  end();
}

std::string ScriptOutput::tail() const {
  std::string text = tail_.substr(tail_.size() - std::min(tail_.size(), tail_bytes));
  std::erase(text, '\0');
  return text;
}

void ScriptOutput::on_ready() noexcept {
  read_some(read_bytes);
  tell_if_drained();
}

void ScriptOutput::on_output_ready() noexcept {
  relay_held();
  drain();
  tell_if_drained();
}

ScriptOutput::Read ScriptOutput::read_some(std::size_t limit_bytes) {
  std::array<char, read_bytes> chunk;
  ssize_t count;
  do {
    count = ::read(pipe_.get(), chunk.data(), std::min(limit_bytes, chunk.size()));
  } while (count < 0 && errno == EINTR);
  if (count < 0 && errno == EAGAIN) return Read::nothing_now;
  if (count <= 0) {
    end();
    return Read::end;
  }
  relay(std::string_view(chunk.data(), static_cast<std::size_t>(count)));
  return Read::some;
}

void ScriptOutput::relay(std::string_view bytes) {
  if (stream_ == Stream::err) {
    tail_.append(bytes.substr(bytes.size() - std::min(bytes.size(), tail_bytes)));
    if (tail_.size() > 4 * tail_bytes) tail_.erase(0, tail_.size() - tail_bytes);
  }
  format_->begin(os::sample_now().wall);
  const std::size_t taken = console_.append_script_lines(*format_, splitter_, bytes);
  if (owed_bytes_) *owed_bytes_ -= std::min(*owed_bytes_, taken);
  note_unfinished(bytes.substr(0, taken));
  if (taken == bytes.size()) return;
  held_ = bytes.substr(taken);
  watch_->want(loop::Interest::nothing);
  console_.wait_for_room(*this);
}

void ScriptOutput::relay_held() {
  const std::size_t taken = console_.append_script_lines(*format_, splitter_, held_);
  if (owed_bytes_) *owed_bytes_ -= std::min(*owed_bytes_, taken);
  note_unfinished(std::string_view(held_).substr(0, taken));
  held_.erase(0, taken);
  if (!held_.empty()) {
    console_.wait_for_room(*this);
    return;
  }
  held_.shrink_to_fit();
  watch_->want(loop::Interest::input);
}

// The alarm is set once for many lines, and looks again where its line has gone: a timer set for each would be felt.
void ScriptOutput::note_unfinished(std::string_view taken) {
  if (splitter_.pending_bytes() == 0) {
    unfinished_since_.reset();
    return;
  }
  if (unfinished_since_ && taken.find('\n') == std::string_view::npos) return;
  unfinished_since_ = os::sample_now().mono;
  if (!alarm_) {
    if (auto opened = Alarm::open(loop_, *this)) alarm_ = std::move(*opened);
  }
  if (alarm_ && !alarm_->deadline()) alarm_->set(*unfinished_since_ + unfinished_patience);
}

void ScriptOutput::on_alarm() noexcept {
  if (!unfinished_since_ || splitter_.pending_bytes() == 0) return;
  const Now now = os::sample_now();
  if (now.mono < *unfinished_since_ + unfinished_patience) {
    alarm_->set(*unfinished_since_ + unfinished_patience);
    return;
  }
  format_->begin(now.wall);
  if (console_.show_unfinished_line(*format_, splitter_)) {
    unfinished_since_.reset();
  } else {
    alarm_->set(now.mono + unfinished_patience);
  }
}

void ScriptOutput::end() {
  console_.finish_script_lines(*format_, splitter_);
  held_.clear();
  watch_.reset();
  pipe_.reset();
  if (owed_bytes_) owed_bytes_ = 0;
}

void ScriptOutput::drain() {
  if (!owed_bytes_) return;
  while (pipe_ && held_.empty() && *owed_bytes_ > 0) {
    if (read_some(*owed_bytes_) == Read::nothing_now) owed_bytes_ = 0;
  }
}

void ScriptOutput::tell_if_drained() noexcept {
  if (owed_bytes_ != std::size_t{0}) return;
  owed_bytes_.reset();
  // The script's last words need no newline, though what it left behind may keep the pipe open for hours.
  if (pipe_) console_.finish_script_lines(*format_, splitter_);
  listener_.on_drained(*this);
}

}  // namespace sidefridge::daemon
