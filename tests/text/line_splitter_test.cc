// line_splitter_test.cc - lines out of chunks, however the chunks are cut.
#include "sidefridge/text/line_splitter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace sidefridge::text {
namespace {

struct Piece {
  std::string bytes;
  LineEnd end;
  friend bool operator==(const Piece&, const Piece&) = default;
};

void PrintTo(const Piece& piece, std::ostream* out) {
  *out << piece.bytes.size() << " bytes" << (piece.end == LineEnd::continued ? ", continued" : "");
}

/// Feeds `chunk`, asking the sink for an answer each time, until all of it is taken.
template <class Answer>
void feed_all(LineSplitter& splitter, std::string_view chunk, std::vector<Piece>& pieces, Answer answer) {
  while (!chunk.empty()) {
    chunk.remove_prefix(splitter.feed(chunk, [&](std::string_view bytes, LineEnd end) {
      pieces.push_back({std::string(bytes), end});
      return answer();
    }));
    EXPECT_LE(splitter.pending_bytes(), LineSplitter::max_part_bytes);
  }
}

std::vector<Piece> split(std::string_view text, std::size_t chunk_bytes, Take answer = Take::more) {
  LineSplitter splitter;
  std::vector<Piece> pieces;
  while (!text.empty()) {
    const std::string_view chunk = text.substr(0, chunk_bytes);
    feed_all(splitter, chunk, pieces, [&] { return answer; });
    text.remove_prefix(chunk.size());
  }
  splitter.finish([&](std::string_view bytes, LineEnd end) { pieces.push_back({std::string(bytes), end}); });
  return pieces;
}

std::string join(const std::vector<Piece>& pieces) {
  std::string text;
  for (const Piece& piece : pieces) text += piece.bytes + (piece.end == LineEnd::newline ? "\n" : "");
  return text;
}

constexpr std::size_t max = LineSplitter::max_part_bytes;
constexpr auto whole = LineEnd::newline;
constexpr auto part = LineEnd::continued;

TEST(LineSplitter, gives_lines_without_their_newlines) {
  EXPECT_EQ(split("one\ntwo\n", 64), (std::vector<Piece>{{"one", whole}, {"two", whole}}));
  EXPECT_EQ(split("\n\n", 64), (std::vector<Piece>{{"", whole}, {"", whole}}));
  EXPECT_EQ(split("", 64), std::vector<Piece>{});
}

TEST(LineSplitter, flushes_a_last_line_without_newline) {
  EXPECT_EQ(split("one\ntwo", 64), (std::vector<Piece>{{"one", whole}, {"two", whole}}));
  EXPECT_EQ(split("x", 64), (std::vector<Piece>{{"x", whole}}));
}

TEST(LineSplitter, gives_the_same_lines_wherever_the_input_is_cut) {
  const std::string_view text = "ab\n\ncd\r\n\n\nefghi\nlast";
  const std::vector<Piece> expected = split(text, text.size());
  ASSERT_EQ(expected.size(), 7u);
  for (std::size_t first = 0; first <= text.size(); ++first) {
    for (std::size_t second = first; second <= text.size(); ++second) {
      LineSplitter splitter;
      std::vector<Piece> pieces;
      const auto more = [] { return Take::more; };
      feed_all(splitter, text.substr(0, first), pieces, more);
      feed_all(splitter, text.substr(first, second - first), pieces, more);
      feed_all(splitter, text.substr(second), pieces, more);
      splitter.finish([&](std::string_view bytes, LineEnd end) { pieces.push_back({std::string(bytes), end}); });
      EXPECT_EQ(pieces, expected) << "cut at " << first << " and " << second;
    }
  }
}

TEST(LineSplitter, passes_nul_and_every_other_byte) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) {
    if (byte != '\n') all += static_cast<char>(byte);
  }
  for (const std::size_t chunk_bytes : {1ul, 2ul, 255ul, 256ul, 1000ul}) {
    EXPECT_EQ(split(all + '\n', chunk_bytes), (std::vector<Piece>{{all, whole}}));
  }
}

TEST(LineSplitter, splits_and_marks_only_what_is_longer_than_a_part) {
  for (const std::size_t chunk_bytes : {1ul, 7ul, 4096ul, max - 1, max, max + 1, 65536ul}) {
    const std::string fits(max, 'x');
    EXPECT_EQ(split(fits + "\n", chunk_bytes), (std::vector<Piece>{{fits, whole}}));
    EXPECT_EQ(split(fits, chunk_bytes), (std::vector<Piece>{{fits, whole}}));
    EXPECT_EQ(split(fits + "y\n", chunk_bytes), (std::vector<Piece>{{fits, part}, {"y", whole}}));
    EXPECT_EQ(split("a\n" + fits + fits + "\nb", chunk_bytes),
              (std::vector<Piece>{{"a", whole}, {fits, part}, {fits, whole}, {"b", whole}}));
  }
}

TEST(LineSplitter, cuts_between_characters_not_within_them) {
  for (const std::string_view character : {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\xa7\x8a"}) {
    for (std::size_t before = max - 5; before <= max; ++before) {
      for (const std::size_t chunk_bytes : {1ul, max, 65536ul}) {
        const std::string text = std::string(before, 'x') + std::string(character) + std::string(10, 'y');
        const std::vector<Piece> pieces = split(text, chunk_bytes);
        ASSERT_EQ(pieces.size(), 2u);
        const std::size_t fits = before + character.size() <= max ? max : before;
        EXPECT_EQ(pieces[0], (Piece{text.substr(0, fits), part})) << before << " before " << character;
        EXPECT_EQ(pieces[1], (Piece{text.substr(fits), whole}));
      }
    }
  }
}

TEST(LineSplitter, cuts_what_is_not_utf_8_where_the_part_is_full) {
  for (const char byte : {'\x80', '\xbf', '\xff'}) {
    const std::string text(2 * max, byte);
    const std::vector<Piece> pieces = split(text, 1000);
    EXPECT_GE(pieces[0].bytes.size(), max - 3);
    EXPECT_GE(pieces[1].bytes.size(), max - 3);
    EXPECT_LE(pieces.size(), 3u);
    EXPECT_EQ(join(pieces), text + '\n');
  }
}

TEST(LineSplitter, goes_on_where_a_sink_had_enough) {
  const std::string text = "one\ntwo\n" + std::string(3 * max, 'x') + "\n\nlast\nrest";
  for (const std::size_t chunk_bytes : {1ul, 5ul, max, 1000000ul}) {
    EXPECT_EQ(split(text, chunk_bytes, Take::enough), split(text, 1000000));
  }
}

TEST(LineSplitter, loses_and_doubles_nothing_of_random_input_in_random_chunks) {
  std::mt19937 random(1);  // NOLINT: the same each time
  for (int round = 0; round < 20; ++round) {
    std::string text;
    while (text.size() < 100'000) {
      const std::size_t length = random() % 10 == 0 ? random() % 40'000 : random() % 200;
      for (std::size_t index = 0; index < length; ++index) text += static_cast<char>(random() % 256);
      text += '\n';
    }
    LineSplitter splitter;
    std::vector<Piece> pieces;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t length = std::min<std::size_t>(1 + random() % 30'000, text.size() - at);
      feed_all(splitter, std::string_view(text).substr(at, length), pieces,
               [&] { return random() % 2 == 0 ? Take::more : Take::enough; });
      at += length;
    }
    EXPECT_EQ(splitter.pending_bytes(), 0u);
    EXPECT_EQ(join(pieces), text);
  }
}

TEST(LineSplitter, shows_what_stands_unfinished_in_its_newest_state) {
  const struct {
    std::string_view fed;
    std::string_view shown;
  } rows[] = {{"Password: ", "Password: "}, {"1 %\r2 %", "2 %"}, {"\r1 %\r2 %\r\r", "2 %"}, {"\r", ""}};
  for (const auto& row : rows) {
    LineSplitter splitter;
    std::vector<Piece> pieces;
    const auto sink = [&](std::string_view bytes, LineEnd end) {
      pieces.push_back({std::string(bytes), end});
      return Take::more;
    };
    splitter.feed(row.fed, sink);
    splitter.show_unfinished(sink);
    splitter.show_unfinished(sink);
    splitter.feed("end\n", sink);
    EXPECT_EQ(pieces, (std::vector<Piece>{{std::string(row.shown), LineEnd::continued}, {"end", LineEnd::newline}}));
  }
}

}  // namespace
}  // namespace sidefridge::text
