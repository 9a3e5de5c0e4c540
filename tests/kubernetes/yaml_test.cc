// yaml_test.cc - what is written, byte by byte, and what libyaml reads of it.
#include "sidefridge/kubernetes/yaml.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

#include "yaml_reader.h"

namespace sidefridge::kubernetes {
namespace {

std::string as_block(std::string_view text) {
  return Yaml::map({{"k", Yaml::block(std::string(text))}}).format();
}

/// What libyaml reads of a text that stands where scripts stand, with something behind it.
std::string read_back(std::string_view text) {
  const Yaml value = Yaml::map(
      {{"data", Yaml::map({{"a", Yaml::block(std::string(text))}, {"b", Yaml(text)}, {"c", "behind"}})},
       {"list", Yaml::list({Yaml::block(std::string(text)), Yaml::map({{"d", Yaml::block(std::string(text))}})})}});
  const auto documents = YamlReader::read(value.format());
  if (!documents || documents->size() != 1) return "not one document:\n" + value.format();
  const YamlValue& data = documents->front()["data"];
  const YamlValue& list = documents->front()["list"];
  if (data["c"].scalar != "behind" || list.items.size() != 2) return "the text swallowed what follows it";
  if (data["b"].scalar != data["a"].scalar) return "a line differs from a block";
  if (list.items[0].scalar != data["a"].scalar) return "an item differs from a field";
  if (list.items[1]["d"].scalar != data["a"].scalar) return "a field of an item differs from a field";
  return data["a"].scalar;
}

TEST(Yaml, writes_a_script_as_it_is) {
  EXPECT_EQ(as_block("#!/bin/sh\nif a; then\n  b \"c\" 'd': # e\nfi\n"),
            "k: |\n  #!/bin/sh\n  if a; then\n    b \"c\" 'd': # e\n  fi\n");
}

TEST(Yaml, keeps_each_kind_of_end) {
  EXPECT_EQ(as_block("a"), "k: |-\n  a\n");
  EXPECT_EQ(as_block("a\n"), "k: |\n  a\n");
  EXPECT_EQ(as_block("a\n\n"), "k: |+\n  a\n\n");
  EXPECT_EQ(as_block("a\n\n\nb"), "k: |-\n  a\n\n\n  b\n");
}

TEST(Yaml, keeps_blanks_at_the_ends_of_lines_and_lines_of_blanks) {
  EXPECT_EQ(as_block("a \n  \n\t\nb\t\n"), "k: |\n  a \n    \n  \t\n  b\t\n");
}

TEST(Yaml, says_how_deep_a_block_is_that_begins_with_a_blank) {
  EXPECT_EQ(as_block("  a\n"), "k: |2\n    a\n");
  EXPECT_EQ(as_block("\ta"), "k: |2-\n  \ta\n");
  EXPECT_EQ(as_block("\na\n\n"), "k: |2+\n\n  a\n\n");
}

TEST(Yaml, quotes_what_a_block_might_lose) {
  EXPECT_EQ(as_block(""), "k: \"\"\n");
  EXPECT_EQ(as_block("\n\n"), "k: \"\\n\\n\"\n");
  EXPECT_EQ(as_block("a\r\nb\r\n"), "k: \"a\\r\\nb\\r\\n\"\n");
  EXPECT_EQ(as_block(" \n"), "k: \" \\n\"\n");
  EXPECT_EQ(as_block("a\n \n"), "k: \"a\\n \\n\"\n");
  EXPECT_EQ(as_block("a\n\t"), "k: \"a\\n\\t\"\n");
  EXPECT_EQ(as_block("\x1b[0m"), "k: \"\\x1b[0m\"\n");
  EXPECT_EQ(as_block("\xe2\x80\xa8\xe2\x80\xa9\xef\xbb\xbf"), "k: \"\\u2028\\u2029\\ufeff\"\n");
  EXPECT_EQ(as_block("\"\\\r"), "k: \"\\\"\\\\\\r\"\n");
}

TEST(Yaml, quotes_what_some_reader_takes_for_no_text) {
  for (const char* word :
       {"true",  "No",       "ON",         "y",   "N",    "null", "~",    "1",   "010",  "0x1f", "1e3",
        "1_000", "12:30:45", "2026-11-23", ".5",  ".inf", "-",    "-a",   "? a", "a: b", "a:",   "a #b",
        "#a",    "&a",       "*a",         "!a",  "%a",   "@a",   "`a",   "[a]", "{a}",  "a,b",  "|",
        ">",     "=",        "<<",         "'a'", " a",   "a ",   "a\nb", "---", "...",  "1-2"}) {
    const auto documents = YamlReader::read(Yaml::map({{word, word}}).format());
    ASSERT_TRUE(documents) << word;
    ASSERT_EQ(documents->front().fields.size(), 1u);
    EXPECT_EQ(documents->front().fields[0].first, word);
    EXPECT_EQ(documents->front().fields[0].second.scalar, word);
    EXPECT_EQ(documents->front().fields[0].second.kind, YamlValue::Kind::text) << word << " is not quoted";
  }
}

TEST(Yaml, leaves_plain_words_bare) {
  for (const char* word :
       {"v1", "rbac.authorization.k8s.io/v1", "10-dump", "on_error", "/scripts/backups", "a:5000/b:1.0"}) {
    EXPECT_EQ(Yaml::map({{"k", word}}).format(), std::string("k: ") + word + "\n");
  }
}

TEST(Yaml, nests_maps_and_lists) {
  const Yaml value = Yaml::map(
      {{"a", Yaml::map({{"b", Yaml::number(-1)}, {"c", Yaml::map({})}}), "two\n\nlines"},
       {"d", Yaml::list({Yaml::map({{"e", Yaml::list({"f", ""}), "head"}, {"g", Yaml::truth(false), "second"}}),
                         Yaml::map({}), "h"})},
       {"i", Yaml::list({})}});
  EXPECT_EQ(value.format(), R"(# two
#
# lines
a:
  b: -1
  c: {}
d:
  # head
  - e:
      - f
      - ""
    # second
    g: false
  - {}
  - h
i: []
)");
}

TEST(Yaml, knows_text_from_other_bytes) {
  EXPECT_TRUE(is_yaml_text(""));
  EXPECT_TRUE(is_yaml_text("\x01 gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80"));
  EXPECT_FALSE(is_yaml_text(std::string_view("a\0b", 3)));
  EXPECT_FALSE(is_yaml_text("\xff"));
  EXPECT_FALSE(is_yaml_text("a\x7f"));
  EXPECT_FALSE(is_yaml_text("\xc2\x80"));
  EXPECT_FALSE(is_yaml_text("\xc2\x85"));
  EXPECT_FALSE(is_yaml_text("\xc2\x9f"));
  EXPECT_TRUE(is_yaml_text("\xc2\xa0"));
  EXPECT_TRUE(is_yaml_text("\xef\xbf\xbd"));
  EXPECT_FALSE(is_yaml_text("\xef\xbf\xbe"));
  EXPECT_FALSE(is_yaml_text("\xef\xbf\xbf"));
  EXPECT_TRUE(is_yaml_text("\xf0\x9f\xbf\xbf"));
  EXPECT_FALSE(is_yaml_text("\xc3"));
  EXPECT_FALSE(is_yaml_text("\xc0\x80"));
  EXPECT_FALSE(is_yaml_text("\xed\xa0\x80"));
}

TEST(Yaml, comes_back_byte_for_byte) {
  for (const char* text : {"",
                           " ",
                           "\n",
                           "\t",
                           "\n\n\n",
                           "a",
                           "a\n",
                           "a\n\n",
                           "a\n ",
                           "a \n",
                           " a",
                           "\ta\n",
                           "\n a",
                           "\n\n\ta\n\n",
                           "a\n\n  b\n\tc",
                           "a\r",
                           "a\r\nb",
                           "\r",
                           "# a",
                           "#!/bin/sh\n",
                           "---\na\n",
                           "...\n",
                           "--- a\n...\nb",
                           "%YAML 1.2\n",
                           "- a\n- b\n",
                           "a: b\n",
                           "? a\n: b",
                           "|\n",
                           "|2-\n x\n",
                           ">\n",
                           "\"",
                           "'",
                           "\\",
                           "\\n",
                           "a\\\n",
                           "${a} $(b) `c`",
                           "{{ .Values.a }}\n",
                           "<<EOF\n\tx\nEOF\n",
                           "a\xc2\xa0",
                           "\xc2\xa0\n",
                           "\xe2\x80\xa8",
                           "a\xe2\x80\xa9\n",
                           "\xef\xbb\xbf#!/bin/sh\n",
                           "\xf0\x9f\x98\x80\n",
                           "\x1b[31m\n",
                           "\x01\x02\x1f",
                           "e\xcc\x81"}) {
    EXPECT_EQ(read_back(text), text);
  }
}

TEST(Yaml, comes_back_whatever_the_pieces) {
  constexpr std::array<std::string_view, 22> pieces{
      " ", "  ", "\n", "\n\n",     "\t",           "\r",           "a",    "#",  ":",        "-",    "---\n", "\"",
      "'", "\\", "|",  "\xc2\xa0", "\xe2\x80\xa8", "\xef\xbb\xbf", "\x1b", ": ", "\xc3\xbc", "...\n"};
  std::mt19937 random(20261123);
  for (int round = 0; round < 5000; ++round) {
    std::string text;
    for (auto left = random() % 12; left > 0; --left) text += pieces[random() % pieces.size()];
    ASSERT_EQ(read_back(text), text) << as_block(text);
  }
}

}  // namespace
}  // namespace sidefridge::kubernetes
