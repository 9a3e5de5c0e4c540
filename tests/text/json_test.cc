// json_test.cc - what is written is JSON, whatever it says.
#include "sidefridge/text/json.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <string_view>

#include "json_reader.h"

namespace sidefridge::text {
namespace {

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

/// What a reader of the JSON sees.
std::string read_back(std::string_view text) {
  const auto leaves = JsonReader::read(json_string(text));
  if (!leaves || !leaves->contains("")) return "not JSON: " + json_string(text);
  return leaves->at("");
}

TEST(JsonString, leaves_plain_text_alone) {
  EXPECT_EQ(json_string(""), R"("")");
  EXPECT_EQ(json_string("a plain line, of some length: 0 < 1 & 'so on'/~"),
            R"("a plain line, of some length: 0 < 1 & 'so on'/~")");
}

TEST(JsonString, escapes_quotes_backslashes_and_control_characters) {
  EXPECT_EQ(json_string("\"\\\b\f\n\r\t"), R"("\"\\\b\f\n\r\t")");
  EXPECT_EQ(json_string(std::string_view("\0\x01\x1b\x1f\x7f", 5)), "\"\\u0000\\u0001\\u001b\\u001f\x7f\"");
}

TEST(JsonString, finds_what_to_escape_at_every_place) {
  for (int byte = 0; byte < 0x80; ++byte) {
    for (std::size_t place = 0; place < 20; ++place) {
      std::string text(20, '!');  // the smallest plain character beside the blank
      text[place] = static_cast<char>(byte);
      EXPECT_EQ(read_back(text), text) << byte << " at " << place;
    }
  }
}

TEST(JsonString, passes_valid_utf_8) {
  for (const std::string_view text :
       {"\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf", "Kühlschränke 冰箱 🧊"}) {
    EXPECT_EQ(json_string(text), '"' + std::string(text) + '"');
    EXPECT_EQ(read_back(text), text);
  }
}

TEST(JsonString, names_bytes_that_are_not_utf_8) {
  EXPECT_EQ(json_string("caf\xe9!"), R"("caf\\xe9!")");
  EXPECT_EQ(read_back("\x80"), R"(\x80)");
  EXPECT_EQ(read_back("\xff\xfe"), R"(\xff\xfe)");
  EXPECT_EQ(read_back("\xc0\xaf"), R"(\xc0\xaf)");                  // overlong
  EXPECT_EQ(read_back("\xe0\x9f\xbf"), R"(\xe0\x9f\xbf)");          // overlong
  EXPECT_EQ(read_back("\xf0\x8f\xbf\xbf"), R"(\xf0\x8f\xbf\xbf)");  // overlong
  EXPECT_EQ(read_back("\xed\xa0\x80"), R"(\xed\xa0\x80)");          // a surrogate
  EXPECT_EQ(read_back("\xf4\x90\x80\x80"), R"(\xf4\x90\x80\x80)");  // above U+10FFFF
  EXPECT_EQ(read_back("\xe2\x82"), R"(\xe2\x82)");                  // cut off
  EXPECT_EQ(read_back("\xe2\x82z"), R"(\xe2\x82z)");
}

TEST(JsonString, is_valid_for_random_bytes) {
  std::mt19937 random(1);  // NOLINT: the same each time
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (std::size_t length = random() % 40; length > 0; --length) {
      // Half of them from what UTF-8 is made of, so that valid sequences come up.
      text += static_cast<char>(random() % 2 == 0 ? random() % 256 : 0x80 + random() % 0x75);
    }
    EXPECT_TRUE(JsonReader::read(json_string(text))) << json_string(text);
  }
}

TEST(JsonReaderOfTheTests, refuses_what_is_not_json) {
  for (const std::string_view text :
       {"", "{", "[1,]", "{\"a\":1,}", "{\"a\" 1}", "\"\n\"", "\"\\x\"", "01", "tru", "1 2", "\"\xe9\"", "\"\xc0\xaf\"",
        "\"\xed\xa0\x80\"", "{\"a\":1,\"a\":2}", "\"\\u12\""}) {
    EXPECT_FALSE(JsonReader::read(text)) << text;
  }
  EXPECT_TRUE(JsonReader::read(" { \"a\" : [ 1 , -2, true, null, \"\\u0041\\n\" ] , \"b\" : { } } "));
}

TEST(JsonWriter, nests_objects_and_arrays) {
  std::string out = "> ";
  JsonWriter writer(out);
  writer.begin_object();
  writer.key("id").string("r\"1");
  writer.key("steps").begin_array();
  writer.begin_object().key("code").integer(-3).key("ok").boolean(false).end_object();
  writer.begin_object().end_object();
  writer.begin_array().end_array();
  writer.integer(1).integer(2);
  writer.end_array();
  writer.key("end").null();
  EXPECT_FALSE(writer.complete());
  writer.end_object();
  EXPECT_TRUE(writer.complete());
  EXPECT_EQ(out, R"(> {"id":"r\"1","steps":[{"code":-3,"ok":false},{},[],1,2],"end":null})");
}

TEST(JsonWriter, writes_the_largest_numbers) {
  std::string out;
  JsonWriter(out)
      .begin_array()
      .integer(std::numeric_limits<std::int64_t>::min())
      .integer(std::numeric_limits<std::int64_t>::max())
      .unsigned_integer(std::numeric_limits<std::uint64_t>::max())
      .end_array();
  EXPECT_EQ(out, "[-9223372036854775808,9223372036854775807,18446744073709551615]");
}

TEST(JsonWriter, writes_a_single_value) {
  std::string out;
  JsonWriter writer(out);
  EXPECT_FALSE(writer.complete());
  writer.boolean(true);
  EXPECT_TRUE(writer.complete());
  EXPECT_EQ(out, "true");
}

TEST(JsonWriterDeathTest, aborts_on_misuse) {
  std::string out;
  EXPECT_DEATH(JsonWriter(out).begin_object().integer(1), "has a key");
  EXPECT_DEATH(JsonWriter(out).begin_array().key("a"), "stands in an object");
  EXPECT_DEATH(JsonWriter(out).key("a"), "stands in an object");
  EXPECT_DEATH(JsonWriter(out).begin_object().key("a").key("b"), "before a value");
  EXPECT_DEATH(JsonWriter(out).begin_object().key("a").end_object(), "ends where it can");
  EXPECT_DEATH(JsonWriter(out).begin_object().end_array(), "ends where it can");
  EXPECT_DEATH(JsonWriter(out).end_array(), "ends where it can");
  EXPECT_DEATH(JsonWriter(out).null().null(), "one value");
}

}  // namespace
}  // namespace sidefridge::text
