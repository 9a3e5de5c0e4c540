#include "sidefridge/kubernetes/exec_stream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace sidefridge::kubernetes {
namespace {

const Marks marks{"kubectlexec:0123456789abcdef0123456789abcdef", "kubectlexec:fedcba9876543210fedcba9876543210"};
const std::string& mark = marks.end;
const std::string start = marks.begin + ":start:4711\n";

std::string end(int status) {
  return mark + ":end:" + std::to_string(status) + "\n";
}

struct Seen {
  std::string passed;
  std::optional<std::uint32_t> pid;
  std::optional<Trailer> trailer;
  std::string before_start;
  std::string lacking;

  friend bool operator==(const Seen&, const Seen&) = default;
};

Seen seen(ExecStream& stream, std::string passed) {
  passed += stream.finish();
  return {std::move(passed), stream.pid(), stream.trailer(), stream.before_start(), stream.lacking()};
}

Seen read(std::string_view text) {
  ExecStream stream(marks);
  std::string passed = stream.feed(text);
  return seen(stream, std::move(passed));
}

Seen read_in_pieces(std::string_view text, std::size_t size) {
  ExecStream stream(marks);
  std::string passed;
  for (std::size_t at = 0; at < text.size(); at += size) passed += stream.feed(text.substr(at, size));
  return seen(stream, std::move(passed));
}

Seen ran(std::string passed, int status) {
  return {std::move(passed), 4711U, Trailer{status, std::nullopt, std::nullopt}, "", ""};
}

Seen lost(std::string passed) {
  return {std::move(passed), 4711U, std::nullopt, "", ""};
}

Seen never_started(std::string before_start) {
  return {"", std::nullopt, std::nullopt, std::move(before_start), ""};
}

TEST(ExecStream, takes_every_status_from_the_trailer) {
  for (int status = 0; status < 256; ++status) ASSERT_EQ(read(start + end(status)), ran("", status));
}

TEST(ExecStream, passes_everything_else_on_unchanged) {
  std::string every_byte;
  for (int i = 0; i < 512; ++i) every_byte += static_cast<char>(i);
  for (const std::string& text :
       {std::string(), std::string("\n"), std::string("no newline"), every_byte, mark, mark + ":",
        mark + ":end:", mark + ":end:1", start, marks.begin + ":end:3\n", mark + mark}) {
    EXPECT_EQ(read(start + text + end(7)), ran(text, 7)) << text;
  }
}

TEST(ExecStream, does_not_care_where_the_stream_is_cut) {
  const std::string nearly = mark.substr(0, 20);
  for (const std::string& text :
       {"note\n" + start + "some\nerrors" + end(3), start + end(0), start + end(1) + end(2), start + "lost",
        start + end(9) + "late", start + nearly + mark + nearly + end(255), std::string("refused\n"),
        start + mark + ":end:256\n", start + mark + ":end:0:1:2\n", start + mark + ":end:0:1\n",
        start + mark + ":end:0::\n", marks.begin + ":lacks:cksum\n"}) {
    const Seen whole = read(text);
    for (std::size_t size = 1; size <= text.size(); ++size) {
      ASSERT_EQ(read_in_pieces(text, size), whole) << text << " in pieces of " << size;
    }
  }
}

TEST(ExecStream, does_not_take_a_cut_trailer_for_one) {
  const std::string trailer = end(0);
  for (std::size_t length = 0; length < trailer.size(); ++length) {
    const std::string text = "output" + trailer.substr(0, length);
    EXPECT_EQ(read(start + text), lost(text));
  }
}

TEST(ExecStream, drops_what_follows_the_trailer) {
  EXPECT_EQ(read(start + "out" + end(5) + "error: the connection broke\n"), ran("out", 5));
  EXPECT_EQ(read(start + end(5) + end(3)), ran("", 5));
  EXPECT_EQ(read(start + end(5) + "\n"), ran("", 5));
}

TEST(ExecStream, does_not_take_the_mark_of_the_start_for_that_of_the_end) {
  const std::string forged = marks.begin + ":end:0\n";
  EXPECT_EQ(read(start + forged), lost(forged));
}

TEST(ExecStream, does_not_take_what_only_resembles_a_trailer) {
  const std::string other = "kubectlexec:1123456789abcdef0123456789abcdef";
  for (const std::string& text :
       {other + ":end:0\n", mark + ":end:256\n", mark + ":end:-1\n", mark + ":end:\n", mark + ":end:0 \n",
        mark + ":end:0\r\n", mark + ":End:0\n", mark + "::end:0\n", mark + ":end:0:1:\n", mark + ":end:0::1\n",
        mark + ":end:0:0:4294967296\n", mark + ":end:0:1:2:3\n", mark + ":end:00000000000000000000\n"}) {
    EXPECT_EQ(read(start + text), lost(text));
  }
}

TEST(ExecStream, reads_the_count_and_the_checksum) {
  EXPECT_EQ(read(start + mark + ":end:3:9223372036854775807:4294967295\n").trailer,
            (Trailer{3, 9223372036854775807U, 4294967295U}));
  EXPECT_EQ(read(start + mark + ":end:3:12\n").trailer, (Trailer{3, 12U, std::nullopt}));
}

TEST(ExecStream, does_not_believe_an_end_before_the_start) {
  EXPECT_EQ(read(end(0)), never_started(end(0)));
  EXPECT_EQ(read(marks.begin + ":end:0\n"), never_started(marks.begin + ":end:0\n"));
  EXPECT_EQ(read(mark.substr(0, 30)), never_started(mark.substr(0, 30)));
}

TEST(ExecStream, keeps_what_comes_before_the_start_until_it_comes) {
  ExecStream stream(marks);
  EXPECT_EQ(stream.feed("Warning: slow\n"), "");
  EXPECT_EQ(stream.before_start(), "Warning: slow\n");
  EXPECT_EQ(stream.feed(start + "output"), "Warning: slow\noutput");
  EXPECT_EQ(stream.before_start(), "");
}

TEST(ExecStream, bounds_what_comes_before_the_start) {
  ExecStream stream(marks);
  const std::string chunk(10'000, 'x');
  for (int i = 0; i < 20; ++i) EXPECT_EQ(stream.feed(chunk), "");
  EXPECT_EQ(stream.before_start().size(), ExecStream::max_before_start_bytes);
}

TEST(ExecStream, tells_what_the_target_lacks) {
  const Seen got = read(marks.begin + ":lacks:cksum\n");
  EXPECT_EQ(got.lacking, "cksum");
  EXPECT_EQ(got.pid, std::nullopt);
}

TEST(ExecStream, passes_on_at_once_what_cannot_become_a_trailer) {
  ExecStream stream(marks);
  EXPECT_EQ(stream.feed(start), "");
  EXPECT_EQ(stream.feed("a line\n"), "a line\n");
  EXPECT_EQ(stream.feed("kube"), "");
  EXPECT_EQ(stream.feed("ctl get"), "kubectl get");
  EXPECT_EQ(stream.feed(mark + ":e"), "");
  EXPECT_EQ(stream.feed("x"), mark + ":ex");
}

// Streams made of pieces of marks and of other bytes, cut at random: nothing before the end is lost, and an end is one.
TEST(ExecStream, loses_no_byte_of_any_stream) {
  std::mt19937 random(42);
  const auto below = [&random](std::size_t limit) { return std::size_t{random()} % limit; };
  const std::vector<std::string> pieces{start, end(0), end(77), mark, mark + ":end:", "k", "kubectlexec:", "\n", "x"};
  int ended = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (std::size_t i = below(8); i > 0; --i) {
      const std::string& piece = pieces[below(pieces.size())];
      text += piece.substr(0, below(4) == 0 ? below(piece.size() + 1) : piece.size());
    }
    ExecStream stream(marks);
    std::string passed;
    const std::string all = start + text;
    for (std::size_t at = 0; at < all.size();) {
      const std::size_t size = 1 + below(40);
      passed += stream.feed(std::string_view(all).substr(at, size));
      at += size;
    }
    passed += stream.finish();
    const std::size_t first_end = std::min(text.find(end(0)), text.find(end(77)));
    ASSERT_EQ(stream.trailer().has_value(), first_end != text.npos);
    ASSERT_EQ(passed, text.substr(0, first_end));
    ended += stream.trailer() ? 1 : 0;
  }
  EXPECT_GT(ended, 100);
}

TEST(OutputEnd, passes_on_all_that_comes_before_it_and_nothing_else) {
  const std::string word = mark + "\n";
  for (const std::string& text : {std::string(), std::string("\n"), std::string("out"), mark, mark + mark,
                                  mark.substr(0, 20) + mark.substr(0, 30), marks.begin + "\n", std::string("k")}) {
    const std::string all = text + word + "late" + word;
    for (std::size_t size = 1; size <= all.size(); ++size) {
      OutputEnd end(marks);
      std::string passed;
      for (std::size_t at = 0; at < all.size(); at += size) {
        EXPECT_EQ(end.seen(), at >= text.size() + word.size());
        passed += end.feed(std::string_view(all).substr(at, size));
      }
      passed += end.finish();
      ASSERT_EQ(passed, text) << "in pieces of " << size;
      ASSERT_TRUE(end.seen());
    }
  }
}

TEST(OutputEnd, passes_on_all_of_a_stream_that_is_cut) {
  const std::string word = mark + "\n";
  for (std::size_t length = 0; length < word.size(); ++length) {
    const std::string text = "out" + word.substr(0, length);
    OutputEnd end(marks);
    std::string passed = end.feed(text);
    passed += end.finish();
    EXPECT_EQ(passed, text);
    EXPECT_FALSE(end.seen());
  }
}

TEST(OutputEnd, passes_on_at_once_what_cannot_become_the_end) {
  OutputEnd end(marks);
  EXPECT_EQ(end.feed("out"), "out");
  EXPECT_EQ(end.feed("kube"), "");
  EXPECT_EQ(end.feed("s"), "kubes");
}

}  // namespace
}  // namespace sidefridge::kubernetes
