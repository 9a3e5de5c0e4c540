// json.cc - JSON, byte by byte.
#include "sidefridge/text/json.h"

#include <array>
#include <charconv>
#include <cstring>

#include "sidefridge/base/check.h"
#include "sidefridge/text/hex.h"
#include "sidefridge/text/utf8.h"

namespace sidefridge::text {

namespace {

bool is_plain(unsigned char byte) noexcept {
  return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

/// Whether all eight bytes of `word` are plain ASCII that needs no escape: the usual trick of finding a byte below n
/// without a loop, where a borrow can only make a plain byte above a special one look special.
bool all_plain(std::uint64_t word) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101;
  constexpr std::uint64_t tops = 0x8080808080808080;
  const std::uint64_t quotes = word ^ (ones * '"');
  const std::uint64_t backslashes = word ^ (ones * '\\');
  return ((word | (word - ones * 0x20) | (quotes - ones) | (backslashes - ones)) & tops) == 0;
}

std::size_t plain_run(std::string_view text) noexcept {
  std::size_t at = 0;
  for (; text.size() - at >= sizeof(std::uint64_t); at += sizeof(std::uint64_t)) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + at, sizeof word);
    if (!all_plain(word)) break;
  }
  while (at < text.size() && is_plain(static_cast<unsigned char>(text[at]))) ++at;
  return at;
}

void append_escaped(std::string& out, unsigned char byte) {
  switch (byte) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: out += byte < 0x20 ? "\\u00" : "\\\\x"; append_hex(out, byte);
  }
}

template <class Number>
void append_number(std::string& out, Number number) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  std::size_t copied = 0;
  std::size_t at = 0;
  for (;;) {
    at += plain_run(text.substr(at));
    if (at == text.size()) break;
    const auto byte = static_cast<unsigned char>(text[at]);
    const std::size_t length = byte < 0x80 ? 0 : multibyte_length(text.substr(at));
    if (length > 0) {
      at += length;
      continue;
    }
    out.append(text, copied, at - copied);
    append_escaped(out, byte);
    copied = ++at;
  }
  out.append(text, copied, at - copied);
  out += '"';
}

void JsonWriter::before_value() {
  if (inside_.empty()) {
    check(!started_, "a JSON text is one value");
    started_ = true;
    return;
  }
  check(inside_.back() != Inside::object_before_key, "a value in a JSON object has a key");
  if (inside_.back() == Inside::object_after_key) {
    inside_.back() = Inside::object_before_key;
  } else {
    separate();
  }
}

void JsonWriter::separate() {
  if (!first_) out_ += ',';
  first_ = false;
}

JsonWriter& JsonWriter::begin(char bracket, Inside inside) {
  before_value();
  out_ += bracket;
  inside_.push_back(inside);
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::end(char bracket, Inside inside) {
  check(!inside_.empty() && inside_.back() == inside, "a JSON object or array ends where it can");
  out_ += bracket;
  inside_.pop_back();
  first_ = false;
  return *this;
}

JsonWriter& JsonWriter::begin_object() {
  return begin('{', Inside::object_before_key);
}
JsonWriter& JsonWriter::end_object() {
  return end('}', Inside::object_before_key);
}
JsonWriter& JsonWriter::begin_array() {
  return begin('[', Inside::array);
}
JsonWriter& JsonWriter::end_array() {
  return end(']', Inside::array);
}

JsonWriter& JsonWriter::key(std::string_view name) {
  check(!inside_.empty() && inside_.back() == Inside::object_before_key,
        "a JSON key stands in an object, before a value");
  separate();
  append_json_string(out_, name);
  out_ += ':';
  inside_.back() = Inside::object_after_key;
  return *this;
}

JsonWriter& JsonWriter::string(std::string_view text) {
  before_value();
  append_json_string(out_, text);
  return *this;
}

JsonWriter& JsonWriter::integer(std::int64_t number) {
  before_value();
  append_number(out_, number);
  return *this;
}

JsonWriter& JsonWriter::unsigned_integer(std::uint64_t number) {
  before_value();
  append_number(out_, number);
  return *this;
}

JsonWriter& JsonWriter::boolean(bool truth) {
  before_value();
  out_ += truth ? "true" : "false";
  return *this;
}

JsonWriter& JsonWriter::null() {
  before_value();
  out_ += "null";
  return *this;
}

}  // namespace sidefridge::text
