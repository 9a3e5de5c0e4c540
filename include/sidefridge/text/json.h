// json.h - writes JSON (RFC 8259): the log's lines and what the verbs print with --json.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sidefridge::text {

/// Appends `text` as a JSON string, quotes included. Valid UTF-8 passes, control characters are escaped. A byte that is
/// not UTF-8 (RFC 3629: no overlong forms, no surrogates) becomes the four characters \xNN of its hexadecimal value: a
/// reader of the JSON sees which byte it was, and the output is always valid.
void append_json_string(std::string& out, std::string_view text);

/// Writes one JSON value, nested as deep as is needed, into a string of the caller's.
///     JsonWriter(out).begin_object().key("run").string(id).key("ok").boolean(true).end_object();
/// A misuse (a value without a key inside an object, an end that fits no begin) aborts.
class JsonWriter {
public:
  /// Requires: `out` outlives the writer.
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);

  JsonWriter& string(std::string_view text);
  JsonWriter& integer(std::int64_t number);
  JsonWriter& unsigned_integer(std::uint64_t number);
  JsonWriter& boolean(bool truth);
  JsonWriter& null();

  /// Whether one whole value has been written.
  bool complete() const noexcept { return started_ && inside_.empty(); }

private:
  enum class Inside : std::uint8_t { array, object_before_key, object_after_key };
  void before_value();
  void separate();
  JsonWriter& begin(char bracket, Inside inside);
  JsonWriter& end(char bracket, Inside inside);

  std::string& out_;
  std::vector<Inside> inside_;  // innermost last
  bool started_ = false;
  bool first_ = true;  // nothing yet in the innermost object or array
};

}  // namespace sidefridge::text
