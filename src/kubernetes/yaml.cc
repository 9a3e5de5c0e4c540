// yaml.cc - YAML 1.2, chapters 5 (characters), 7 (flow scalars) and 8 (block styles).
#include "sidefridge/kubernetes/yaml.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "sidefridge/base/check.h"
#include "sidefridge/text/hex.h"
#include "sidefridge/text/utf8.h"

namespace sidefridge::kubernetes {
namespace {

constexpr std::size_t indent_step = 2;

struct Character {
  char32_t code = 0;
  std::size_t length = 1;
};

// Requires: `text` begins with a character of UTF-8.
Character first_character(std::string_view text) noexcept {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {lead, 1};
  const std::size_t length = text::multibyte_length(text);
  char32_t code = lead & (0xffu >> (length + 1));
  for (std::size_t index = 1; index < length; ++index) {
    code = (code << 6) | (static_cast<unsigned char>(text[index]) & 0x3f);
  }
  return {code, length};
}

/// Whether a character may stand as it is, in any style: no line break but LF to any reader, no BOM.
bool stands_for_itself(char32_t code) noexcept {
  if (code < 0x20) return code == '\t' || code == '\n';
  return code != 0x2028 && code != 0x2029 && code != 0xfeff;
}

bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t';
}

/// Whether a `|` block gives all of it back with every reader. Behind the last line with something in it readers differ
/// over lines of blanks; anywhere else they do not.
bool can_be_block(std::string_view text) noexcept {
  for (std::size_t at = 0; at < text.size();) {
    const Character character = first_character(text.substr(at));
    if (!stands_for_itself(character.code)) return false;
    at += character.length;
  }
  const std::size_t last = text.find_last_not_of(" \t\n");
  if (last == std::string_view::npos) return false;
  const std::size_t end = text.find('\n', last);
  return end == std::string_view::npos || text.find_first_not_of('\n', end) == std::string_view::npos;
}

bool is_letter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

/// What some reader takes for a truth value or for nothing at all.
bool is_reserved(std::string_view text) {
  constexpr std::array<std::string_view, 9> reserved{"true", "false", "yes", "no", "on", "off", "y", "n", "null"};
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(reserved.begin(), reserved.end(), lower) != reserved.end();
}

/// Whether every reader takes the bare text for just that text. Errs on the side of quotes.
bool can_be_plain(std::string_view text) {
  const auto allowed = [](char c) {
    return is_letter(c) || is_digit(c) || c == '-' || c == '_' || c == '.' || c == '/' || c == ':';
  };
  if (text.empty() || text.back() == ':' || !std::all_of(text.begin(), text.end(), allowed)) return false;
  if (is_letter(text[0])) return !is_reserved(text);
  if (text[0] == '/') return true;
  // "10-dump" can be no number and no date.
  const auto dash = std::find_if_not(text.begin(), text.end(), is_digit);
  return dash != text.begin() && text.end() - dash > 1 && *dash == '-' && is_letter(dash[1]);
}

void append_escape(std::string& out, char32_t code) {
  const bool wide = code > 0xff;
  out += wide ? "\\u" : "\\x";
  if (wide) text::append_hex(out, static_cast<unsigned char>(code >> 8));
  text::append_hex(out, static_cast<unsigned char>(code & 0xff));
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const Character character = first_character(text);
    if (character.code == '"' || character.code == '\\') {
      out += '\\';
      out += text[0];
    } else if (character.code == '\n') {
      out += "\\n";
    } else if (character.code == '\t') {
      out += "\\t";
    } else if (character.code == '\r') {
      out += "\\r";
    } else if (stands_for_itself(character.code)) {
      out += text.substr(0, character.length);
    } else {
      append_escape(out, character.code);
    }
    text.remove_prefix(character.length);
  }
  out += '"';
}

void append_text(std::string& out, std::string_view text) {
  if (can_be_plain(text)) {
    out += text;
  } else {
    append_quoted(out, text);
  }
}

/// Requires: can_be_block().
void append_block(std::string& out, std::string_view text, std::size_t indent) {
  out += '|';
  // Without the hint a reader would count the first line's own blanks as indentation.
  if (is_blank(text.front()) || text.front() == '\n') out += std::to_string(indent_step);
  if (!text.ends_with('\n')) out += '-';
  if (text.ends_with("\n\n")) out += '+';
  out += '\n';
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) out.append(indent, ' ').append(text.substr(0, end));
    out += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

}  // namespace

bool is_yaml_text(std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    const auto lead = static_cast<unsigned char>(bytes[0]);
    if (lead == 0 || (lead >= 0x80 && text::multibyte_length(bytes) == 0)) return false;
    const Character character = first_character(bytes);
    if (character.code >= 0x7f && character.code < 0xa0) return false;
    if (character.code == 0xfffe || character.code == 0xffff) return false;
    bytes.remove_prefix(character.length);
  }
  return true;
}

/// Appends values to a text, each at its indentation.
class Yaml::Writer {
public:
  explicit Writer(std::string& out) : out_(out) {}

  /// `bullet` says that the first field is the head of a list's item: its last two blanks are "- ".
  enum class Head { bare, bullet };
  void write_fields(const Fields& fields, std::size_t indent, Head head) {
    for (const Field& field : fields) {
      const bool bullet = head == Head::bullet && &field == &fields.front();
      if (!field.comment.empty()) out_ += comment_lines(field.comment, bullet ? indent - indent_step : indent);
      out_.append(bullet ? indent - indent_step : indent, ' ');
      if (bullet) out_ += "- ";
      append_text(out_, field.key);
      out_ += ':';
      write_value(field.value, indent);
    }
  }

private:
  /// Writes what comes behind the colon of a field at `indent`.
  void write_value(const Yaml& value, std::size_t indent) {
    if (const auto* fields = std::get_if<Fields>(&value.value_); fields != nullptr && !fields->empty()) {
      out_ += '\n';
      write_fields(*fields, indent + indent_step, Head::bare);
    } else if (const auto* items = std::get_if<Items>(&value.value_); items != nullptr && !items->empty()) {
      out_ += '\n';
      for (const Yaml& item : *items) write_item(item, indent + indent_step);
    } else {
      out_ += ' ';
      write_scalar(value, indent + indent_step);
    }
  }

  void write_item(const Yaml& item, std::size_t indent) {
    if (const auto* fields = std::get_if<Fields>(&item.value_); fields != nullptr && !fields->empty()) {
      write_fields(*fields, indent + indent_step, Head::bullet);
      return;
    }
    check(!std::holds_alternative<Items>(item.value_), "a list of YAML holds no bare list");
    out_.append(indent, ' ').append("- ");
    write_scalar(item, indent + indent_step);
  }

  void write_scalar(const Yaml& value, std::size_t indent) {
    if (const auto* block = std::get_if<Block>(&value.value_)) {
      if (can_be_block(block->text)) return append_block(out_, block->text, indent);
      append_quoted(out_, block->text);
    } else if (const auto* text = std::get_if<Text>(&value.value_)) {
      append_text(out_, text->text);
    } else if (const auto* verbatim = std::get_if<Verbatim>(&value.value_)) {
      out_ += verbatim->text;
    } else {
      out_ += std::holds_alternative<Fields>(value.value_) ? "{}" : "[]";
    }
    out_ += '\n';
  }

  std::string& out_;
};

Yaml::Yaml(Value value) : value_(std::move(value)) {}
Yaml::Yaml(std::string text) : value_(Text{std::move(text)}) {}
Yaml::Yaml(std::string_view text) : Yaml(std::string(text)) {}
Yaml::Yaml(const char* text) : Yaml(std::string(text)) {}
Yaml::Yaml(const Yaml&) = default;
Yaml::Yaml(Yaml&&) noexcept = default;
Yaml& Yaml::operator=(const Yaml&) = default;
Yaml& Yaml::operator=(Yaml&&) noexcept = default;
Yaml::~Yaml() = default;

Yaml Yaml::block(std::string text) {
  return Yaml(Value(Block{std::move(text)}));
}

Yaml Yaml::number(std::int64_t number) {
  return Yaml(Value(Verbatim{std::to_string(number)}));
}

Yaml Yaml::truth(bool truth) {
  return Yaml(Value(Verbatim{truth ? "true" : "false"}));
}

Yaml Yaml::map(std::vector<Field> fields) {
  return Yaml(Value(std::move(fields)));
}

Yaml Yaml::list(std::vector<Yaml> items) {
  return Yaml(Value(std::move(items)));
}

Yaml& Yaml::add(Field field) {
  auto* fields = std::get_if<Fields>(&value_);
  check(fields != nullptr, "only a map of YAML takes fields");
  fields->push_back(std::move(field));
  return *this;
}

std::string Yaml::format() const {
  const auto* fields = std::get_if<Fields>(&value_);
  check(fields != nullptr && !fields->empty(), "a document of YAML is a map");
  std::string out;
  Writer(out).write_fields(*fields, 0, Writer::Head::bare);
  return out;
}

std::string comment_lines(std::string_view text, std::size_t indent) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out.append(indent, ' ').append(end > 0 ? "# " : "#").append(text.substr(0, end)).append("\n");
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace sidefridge::kubernetes
