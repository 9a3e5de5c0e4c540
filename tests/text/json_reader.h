// json_reader.h - a strict reader of JSON (RFC 8259) for tests, that shares nothing with what writes it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace sidefridge::text {

/// Reads one JSON text. Returns: its leaves by path ("runs/0/id"), strings with their escapes undone, all else as
/// written; nothing when the text is not valid JSON in valid UTF-8, or an object has a key twice.
class JsonReader {
public:
  using Leaves = std::map<std::string, std::string>;

  static std::optional<Leaves> read(std::string_view text) {
    JsonReader reader(text);
    reader.skip_blanks();
    if (!reader.value("")) return std::nullopt;
    reader.skip_blanks();
    if (!reader.rest_.empty()) return std::nullopt;
    return reader.leaves_;
  }

private:
  explicit JsonReader(std::string_view text) : rest_(text) {}

  bool take(std::string_view token) {
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  void skip_blanks() {
    while (!rest_.empty() && std::string_view(" \t\r\n").find(rest_[0]) != std::string_view::npos)
      take(rest_.substr(0, 1));
  }
  bool leaf(const std::string& path, std::string value) { return leaves_.emplace(path, std::move(value)).second; }

  bool value(const std::string& path) {
    for (const std::string_view word : {"true", "false", "null"}) {
      if (take(word)) return leaf(path, std::string(word));
    }
    if (rest_.starts_with('"')) {
      const auto text = string();
      return text && leaf(path, *text);
    }
    if (take("{")) return object(path);
    if (take("[")) return array(path);
    return number(path);
  }

  bool object(const std::string& path) {
    skip_blanks();
    if (take("}")) return true;
    for (;;) {
      skip_blanks();
      const auto key = string();
      skip_blanks();
      if (!key || !take(":")) return false;
      skip_blanks();
      if (!value(path.empty() ? *key : path + '/' + *key)) return false;
      skip_blanks();
      if (take("}")) return true;
      if (!take(",")) return false;
    }
  }

  bool array(const std::string& path) {
    skip_blanks();
    if (take("]")) return true;
    for (int index = 0;; ++index) {
      skip_blanks();
      if (!value(path.empty() ? std::to_string(index) : path + '/' + std::to_string(index))) return false;
      skip_blanks();
      if (take("]")) return true;
      if (!take(",")) return false;
    }
  }

  bool number(const std::string& path) {
    std::size_t length = rest_.starts_with('-') ? 1 : 0;
    const std::size_t digits = length;
    while (length < rest_.size() && rest_[length] >= '0' && rest_[length] <= '9') ++length;
    if (length == digits || (rest_[digits] == '0' && length > digits + 1)) return false;
    const std::string text(rest_.substr(0, length));  // no fractions or exponents: nothing here writes any
    rest_.remove_prefix(length);
    return leaf(path, text);
  }

  std::optional<std::string> string() {
    if (!take("\"")) return std::nullopt;
    std::string text;
    while (!rest_.empty() && !rest_.starts_with('"')) {
      if (!(rest_.starts_with('\\') ? escape(text) : character(text))) return std::nullopt;
    }
    if (!take("\"")) return std::nullopt;
    return text;
  }

  bool escape(std::string& text) {
    static const std::map<char, char> simple{{'"', '"'},  {'\\', '\\'}, {'/', '/'},  {'b', '\b'},
                                             {'f', '\f'}, {'n', '\n'},  {'r', '\r'}, {'t', '\t'}};
    if (rest_.size() < 2) return false;
    const char kind = rest_[1];
    rest_.remove_prefix(2);
    if (const auto found = simple.find(kind); found != simple.end()) {
      text += found->second;
      return true;
    }
    if (kind != 'u' || rest_.size() < 4) return false;
    unsigned code = 0;
    for (const char digit : rest_.substr(0, 4)) {
      const auto worth = std::string_view("0123456789abcdef").find(digit);
      if (worth == std::string_view::npos) return false;
      code = code * 16 + static_cast<unsigned>(worth);
    }
    rest_.remove_prefix(4);
    if (code > 0x7f) return false;  // nothing here writes any
    text += static_cast<char>(code);
    return true;
  }

  /// One unescaped character: decoded to its code point and compared with the range its length is for.
  bool character(std::string& text) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(rest_[at]); };
    std::size_t length = 1;
    std::uint32_t code = byte(0);
    if (code < 0x20) return false;
    if (code >= 0x80) {
      length = code >= 0xf0 ? 4 : code >= 0xe0 ? 3 : 2;
      if (code < 0xc0 || code > 0xf7 || rest_.size() < length) return false;
      code &= 0xffu >> (length + 1);
      for (std::size_t at = 1; at < length; ++at) {
        if ((byte(at) & 0xc0) != 0x80) return false;
        code = code << 6 | (byte(at) & 0x3f);
      }
      const std::uint32_t smallest = length == 2 ? 0x80 : length == 3 ? 0x800 : 0x10000;
      if (code < smallest || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return false;
    }
    text += rest_.substr(0, length);
    rest_.remove_prefix(length);
    return true;
  }

  std::string_view rest_;
  Leaves leaves_;
};

}  // namespace sidefridge::text
