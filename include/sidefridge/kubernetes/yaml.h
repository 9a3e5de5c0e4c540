// yaml.h - writes YAML 1.2 that every reader of YAML reads the same way, in block style.
//
// An emitter of our own, because of the libraries at hand none keeps a script both exact and readable: yaml-cpp's
// literal style changes most scripts with blanks or newlines in odd places, and libyaml's turns a whole script into one
// quoted line as soon as it holds one tab or one blank at a line's end. What is written here, readers of YAML 1.1 (as
// Kubernetes' own) and of 1.2 agree on: words that either takes for something else than text are quoted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sidefridge::kubernetes {

/// Whether these bytes come through as text: UTF-8 without NUL, DEL, U+0080 to U+009F, U+FFFE and U+FFFF. YAML could
/// hold those escaped, but kubectl apply --server-side makes JSON of it, which does not escape them, and the server
/// gives that to a reader of YAML: it refuses them all, but for NEL (U+0085), which becomes a blank.
bool is_yaml_text(std::string_view bytes) noexcept;

/// One YAML value, nested as deep as is needed.
///     Yaml::map({{"kind", "Pod"}, {"names", Yaml::list({"a", "b"})}})
class Yaml {
public:
  struct Field;

  /// A text on one line, quoted where it has to be. Requires: is_yaml_text().
  Yaml(std::string text);
  Yaml(std::string_view text);
  Yaml(const char* text);
  // Only where Field is complete can these be made.
  Yaml(const Yaml&);
  Yaml(Yaml&&) noexcept;
  Yaml& operator=(const Yaml&);
  Yaml& operator=(Yaml&&) noexcept;
  ~Yaml();

  /// A text that people edit: a `|` block, unless a reader might not give all of it back; then as Yaml(text).
  static Yaml block(std::string text);
  static Yaml number(std::int64_t number);
  static Yaml truth(bool truth);
  /// Fields and items come out in the order they are given in.
  static Yaml map(std::vector<Field> fields);
  static Yaml list(std::vector<Yaml> items);

  /// Adds to a map. Requires: this is one.
  Yaml& add(Field field);

  /// The value as a document: without "---", with a newline at its end. Requires: this is a map with a field at least.
  std::string format() const;

private:
  struct Text {
    std::string text;
  };
  struct Block {
    std::string text;
  };
  struct Verbatim {
    std::string text;
  };
  using Fields = std::vector<Field>;
  using Items = std::vector<Yaml>;
  using Value = std::variant<Text, Block, Verbatim, Fields, Items>;

  explicit Yaml(Value value);

  class Writer;
  Value value_;
};

/// One field of a map.
struct Yaml::Field {
  std::string key;
  Yaml value;
  std::string comment{};  // written above the field, a line for each of its lines
};

/// The lines of `text` as comments: each behind "# ", with `indent` blanks before it.
std::string comment_lines(std::string_view text, std::size_t indent = 0);

}  // namespace sidefridge::kubernetes
