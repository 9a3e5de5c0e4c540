// line_splitter.h - a stream of bytes, cut into lines of bounded length.
#pragma once

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

namespace sidefridge::core {

/// How a piece of a line ends.
enum class LineEnd {
  newline,    // the line is whole, or this was its last part
  continued,  // the line was too long; the next piece goes on with it
};

/// Whether a sink takes more.
enum class Take { more, enough };

/// Cuts chunks into lines, whatever bytes they hold. A line longer than `max_part_bytes` comes in parts, cut between
/// two UTF-8 characters where that is possible. Memory: at most one part is kept from one chunk to the next; lines that
/// lie within a chunk are never copied.
class LineSplitter {
public:
  static constexpr std::size_t max_part_bytes = 16 * 1024;

  /// Calls `Take sink(std::string_view line, LineEnd)` for each line or part that is complete, without its newline. The
  /// view is valid during the call. Goes on while the sink says Take::more.
  /// Returns: how many bytes of `chunk` are done with; the caller feeds the rest again later.
  template <class Sink>
  std::size_t feed(std::string_view chunk, Sink&& sink);

  /// The stream is over: a last line without a newline goes to the sink, whose answer does not matter.
  template <class Sink>
  void finish(Sink&& sink);

  /// Bytes of the line that is not complete yet.
  std::size_t pending_bytes() const noexcept { return pending_.size(); }

private:
  std::string pending_;
};

}  // namespace sidefridge::core
