// exec_stream.h - kubectl's stdout and stderr, taken apart: what the wrapper says, and what everybody else wrote.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sidefridge/kubernetes/exec_command.h"

namespace sidefridge::kubernetes {

/// How the command ended, as the wrapper saw it.
struct Trailer {
  int status = 0;                      // 0 to 255
  std::optional<std::uint64_t> bytes;  // of stdout, with Verify::checksum
  std::optional<std::uint32_t> crc;    // of stdout, with Verify::checksum where the target has cksum

  friend bool operator==(const Trailer&, const Trailer&) = default;
};

/// Finds what the wrapper of exec_command.h says in kubectl's stderr, however that is cut. A start counts once, an end
/// only after it. What follows the end is nobody's that we wait for, a process that the command left behind or kubectl
/// itself, and is dropped.
/// Memory: at most a word is kept from one piece to the next, and what comes before the start up to its limit.
class ExecStream {
public:
  static constexpr std::size_t max_before_start_bytes = 64 * 1024;

  explicit ExecStream(const Marks& marks) : begin_(marks.begin + ":"), end_(marks.end + ":") {}

  /// Takes the next bytes. Returns: those that are not the wrapper's and may be passed on; until the command is about
  /// to start, none. Requires: finish() was not called.
  std::string feed(std::string_view bytes);

  /// The stream is over. Returns: the rest that may be passed on.
  std::string finish();

  /// The wrapper's pid, in the container, once it waits for the word to start the command.
  std::optional<std::uint32_t> pid() const noexcept { return pid_; }

  /// What the target lacks; empty: nothing that is known of.
  const std::string& lacking() const noexcept { return lacking_; }

  /// What came before the start, while there is none.
  const std::string& before_start() const noexcept { return before_start_; }

  /// How the command ended, once it has.
  const std::optional<Trailer>& trailer() const noexcept { return trailer_; }

private:
  std::string sort_out();

  std::string begin_;
  std::string end_;
  std::string held_;  // what may become a word
  std::string before_start_;
  std::optional<std::uint32_t> pid_;
  std::string lacking_;
  std::optional<Trailer> trailer_;
};

/// The same for kubectl's stdout, where the wrapper says only that this is the end.
/// Memory: at most a word is kept from one piece to the next.
class OutputEnd {
public:
  explicit OutputEnd(const Marks& marks) : word_(marks.end + "\n") {}

  /// Takes the next bytes. Returns: those that come before the end and may be passed on.
  /// Requires: finish() was not called.
  std::string feed(std::string_view bytes);

  /// The stream is over. Returns: the rest that may be passed on.
  std::string finish();

  /// The end has come: all that the command wrote to stdout was before it.
  bool seen() const noexcept { return seen_; }

private:
  std::string word_;
  std::string held_;  // the beginning of the word
  bool seen_ = false;
};

}  // namespace sidefridge::kubernetes
