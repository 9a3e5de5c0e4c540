// line_splitter.h - a stream of bytes, cut into lines of bounded length.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sidefridge::text {

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

  /// What has come of a line that is not complete goes to the sink as a part of it; where CR rewrote it, the newest
  /// state only.
  template <class Sink>
  void show_unfinished(Sink&& sink);

  /// Bytes of the line that is not complete yet.
  std::size_t pending_bytes() const noexcept { return pending_.size(); }

private:
  /// Where to cut a part that is full: before a character that does not fit, else at the end.
  static std::size_t cut_position(std::string_view full_part) noexcept;
  /// What a terminal would show of it.
  static std::string_view newest_state(std::string_view line) noexcept;

  std::string pending_;
};

template <class Sink>
std::size_t LineSplitter::feed(std::string_view chunk, Sink&& sink) {
  std::size_t done = 0;
  while (done < chunk.size()) {
    const std::string_view rest = chunk.substr(done);
    // One byte more than fits: a line of just the largest size is still whole.
    const std::string_view window = rest.substr(0, max_part_bytes + 1 - pending_.size());
    const std::size_t newline = window.find('\n');
    if (newline == window.npos && window.size() + pending_.size() <= max_part_bytes) {
      pending_.append(rest);
      return chunk.size();
    }

    Take take;
    if (newline != window.npos && pending_.empty()) {
      done += newline + 1;
      take = sink(window.substr(0, newline), LineEnd::newline);
    } else if (newline != window.npos) {
      done += newline + 1;
      pending_.append(window.substr(0, newline));
      take = sink(std::string_view(pending_), LineEnd::newline);
      pending_.clear();
    } else if (pending_.empty()) {
      const std::size_t cut = cut_position(window.substr(0, max_part_bytes));
      done += cut;
      take = sink(window.substr(0, cut), LineEnd::continued);
    } else {
      done += max_part_bytes - pending_.size();
      pending_.append(window.substr(0, max_part_bytes - pending_.size()));
      const std::size_t cut = cut_position(pending_);
      take = sink(std::string_view(pending_).substr(0, cut), LineEnd::continued);
      pending_.erase(0, cut);
    }
    if (take == Take::enough) break;
  }
  return done;
}

template <class Sink>
void LineSplitter::show_unfinished(Sink&& sink) {
  if (pending_.empty()) return;
  sink(newest_state(pending_), LineEnd::continued);
  pending_.clear();
}

template <class Sink>
void LineSplitter::finish(Sink&& sink) {
  if (pending_.empty()) return;
  sink(std::string_view(pending_), LineEnd::newline);
  pending_.clear();
}

}  // namespace sidefridge::text
