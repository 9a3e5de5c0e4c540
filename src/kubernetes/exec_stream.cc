// exec_stream.cc - the grammar of the wrapper's marks, and what is held back for them.
#include "sidefridge/kubernetes/exec_stream.h"

#include <algorithm>
#include <utility>

namespace sidefridge::kubernetes {
namespace {

enum class Match {
  none,     // this is no mark
  partial,  // it may become one
  whole,
};

/// Reads one mark, piece by piece; after a piece that does not match no other is tried.
class MarkReader {
public:
  explicit MarkReader(std::string_view text) : rest_(text) {}

  bool literal(std::string_view expected) {
    const std::size_t common = std::min(expected.size(), rest_.size());
    if (rest_.substr(0, common) != expected.substr(0, common)) return stop(Match::none);
    if (common < expected.size()) return stop(Match::partial);
    rest_.remove_prefix(common);
    return true;
  }

  /// One or more bytes between `first` and `last`, as many as `max_length` at most.
  std::optional<std::string_view> run(char first, char last, std::size_t max_length) {
    std::size_t length = 0;
    while (length < rest_.size() && length <= max_length && rest_[length] >= first && rest_[length] <= last) ++length;
    const bool fits = length <= max_length && (length > 0 || rest_.empty());
    if (!fits) {
      stop(Match::none);
    } else if (length == rest_.size()) {
      stop(Match::partial);
    } else {
      const std::string_view bytes = rest_.substr(0, length);
      rest_.remove_prefix(length);
      return bytes;
    }
    return std::nullopt;
  }

  std::optional<std::uint64_t> number(std::uint64_t largest) {
    const auto digits = run('0', '9', 19);
    if (!digits) return std::nullopt;
    std::uint64_t value = 0;
    for (const char digit : *digits) value = value * 10 + static_cast<std::uint64_t>(digit - '0');
    if (value <= largest) return value;
    stop(Match::none);
    return std::nullopt;
  }

  bool next_is(char byte) const { return !rest_.empty() && rest_.front() == byte; }
  Match match() const { return match_; }
  std::size_t left() const { return rest_.size(); }

private:
  bool stop(Match match) {
    match_ = match;
    return false;
  }

  std::string_view rest_;
  Match match_ = Match::whole;
};

struct Start {
  std::uint32_t pid = 0;
};

template <class Content>
struct Read {
  Match match = Match::none;
  std::size_t length = 0;  // of the whole mark
  Content content{};
};

template <class Content>
Read<Content> finished(const MarkReader& reader, std::string_view text, Content content) {
  return {reader.match(), text.size() - reader.left(), std::move(content)};
}

Read<Start> read_start(std::string_view text, std::string_view prefix) {
  MarkReader reader(text);
  Start start;
  if (reader.literal(prefix) && reader.literal("start:")) {
    if (const auto pid = reader.number(0x7fffffff)) {
      start.pid = static_cast<std::uint32_t>(*pid);
      reader.literal("\n");
    }
  }
  return finished(reader, text, start);
}

Read<std::string> read_lacking(std::string_view text, std::string_view prefix) {
  MarkReader reader(text);
  std::string program;
  if (reader.literal(prefix) && reader.literal("lacks:")) {
    if (const auto name = reader.run('a', 'z', 16)) {
      program = *name;
      reader.literal("\n");
    }
  }
  return finished(reader, text, std::move(program));
}

Read<Trailer> read_trailer(std::string_view text, std::string_view prefix) {
  MarkReader reader(text);
  Trailer trailer;
  if (reader.literal(prefix) && reader.literal("end:")) {
    if (const auto status = reader.number(255)) {
      trailer.status = static_cast<int>(*status);
      if (reader.next_is(':') && reader.literal(":")) trailer.bytes = reader.number(0x7fffffffffffffff);
      if (reader.match() == Match::whole && reader.next_is(':') && reader.literal(":")) {
        if (const auto crc = reader.number(0xffffffff)) trailer.crc = static_cast<std::uint32_t>(*crc);
      }
      if (reader.match() == Match::whole) reader.literal("\n");
    }
  }
  return finished(reader, text, trailer);
}

/// Where `text` has the prefix, or its beginning as its last bytes; its size when nowhere.
std::size_t find_prefix(std::string_view text, std::string_view prefix) {
  if (const std::size_t found = text.find(prefix); found != text.npos) return found;
  const std::size_t tail = std::min(text.size(), prefix.size() - 1);
  for (std::size_t at = text.size() - tail; at < text.size(); ++at) {
    if (prefix.starts_with(text.substr(at))) return at;
  }
  return text.size();
}

}  // namespace

std::string ExecStream::feed(std::string_view bytes) {
  if (trailer_) return {};
  held_ += bytes;
  std::string passed = sort_out();
  if (pid_) return passed;
  const std::size_t room = max_before_start_bytes - std::min(before_start_.size(), max_before_start_bytes);
  before_start_.append(passed, 0, room);
  return {};
}

/// Takes from `held_` all that can be told by now. Returns: what is not the wrapper's.
std::string ExecStream::sort_out() {
  std::string passed;
  std::string_view rest = held_;
  while (!rest.empty()) {
    const std::string& prefix = pid_ ? end_ : begin_;
    const std::size_t at = find_prefix(rest, prefix);
    passed += rest.substr(0, at);
    rest.remove_prefix(at);
    if (rest.empty()) break;

    bool wait = false;
    std::size_t length = 0;
    if (pid_) {
      const Read<Trailer> end = read_trailer(rest, prefix);
      wait = end.match == Match::partial;
      if (end.match == Match::whole) {
        trailer_ = end.content;
        rest = {};
        break;
      }
    } else {
      const Read<Start> start = read_start(rest, prefix);
      const Read<std::string> lacking = read_lacking(rest, prefix);
      wait = start.match == Match::partial || lacking.match == Match::partial;
      if (start.match == Match::whole) {
        pid_ = start.content.pid;
        length = start.length;
        passed.insert(0, before_start_);
        before_start_.clear();
      } else if (lacking.match == Match::whole) {
        lacking_ = lacking.content;
        length = lacking.length;
      }
    }
    if (wait) break;
    if (length == 0) {
      // It only looked like a mark.
      passed += rest.front();
      length = 1;
    }
    rest.remove_prefix(length);
  }
  held_ = std::string(rest);
  return passed;
}

std::string ExecStream::finish() {
  std::string rest = std::exchange(held_, {});
  if (pid_) return rest;
  before_start_ += rest;
  return {};
}

std::string OutputEnd::feed(std::string_view bytes) {
  if (seen_) return {};
  held_ += bytes;
  const std::size_t at = find_prefix(held_, word_);
  seen_ = held_.size() - at >= word_.size();
  std::string rest = held_.substr(at);
  held_.resize(at);
  std::swap(held_, rest);
  if (seen_) held_.clear();
  return rest;
}

std::string OutputEnd::finish() {
  return std::exchange(held_, {});
}

}  // namespace sidefridge::kubernetes
