// exec_stream.h - kubectl's stderr, taken apart: what the wrapper says, and what everybody else wrote.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sidefridge/kubernetes/cksum.h"

namespace sidefridge::kubernetes {

/// How the command ended, as the wrapper saw it.
struct Trailer {
  int status = 0;                    // 0 to 255
  std::optional<Checksum> checksum;  // of stdout, with Verify::checksum

  friend bool operator==(const Trailer&, const Trailer&) = default;
};

/// Finds what the wrapper of exec_command.h says in a stream that is cut anywhere. A start counts once; an end only
/// after a start, and only as the very last bytes of the stream: a command that prints something like it (it could
/// learn the mark in /proc) does not speak for the wrapper.
/// Memory: at most a mark is kept from one piece to the next, and what comes before the start up to its limit.
class ExecStream {
public:
  static constexpr std::size_t max_before_start_bytes = 64 * 1024;

  /// `mark`: that of mark_of().
  explicit ExecStream(std::string_view mark) : prefix_(std::string(mark) + ":") {}

  /// Takes the next bytes. Returns: those that are not the wrapper's and may be passed on; until the command has
  /// started, none. Requires: finish() was not called.
  std::string feed(std::string_view bytes);

  /// The stream is over. Returns: the rest that may be passed on.
  std::string finish();

  /// The wrapper's pid, in the container, once the command is about to start.
  std::optional<std::uint32_t> pid() const noexcept { return pid_; }

  /// What the target lacks; empty: nothing that is known of.
  const std::string& lacking() const noexcept { return lacking_; }

  /// What came before the start, while there is none.
  const std::string& before_start() const noexcept { return before_start_; }

  /// How the command ended. Requires: finish() was called.
  const std::optional<Trailer>& trailer() const noexcept { return trailer_; }

private:
  std::string sort_out();

  std::string prefix_;
  std::string held_;  // the beginning of a mark, or all of an end
  std::string before_start_;
  std::optional<std::uint32_t> pid_;
  std::string lacking_;
  std::optional<Trailer> trailer_;
};

}  // namespace sidefridge::kubernetes
