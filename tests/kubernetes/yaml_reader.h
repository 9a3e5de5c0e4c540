// yaml_reader.h - libyaml, which Kubernetes' own reader is a translation of: what was written, as values.
#pragma once

#include <yaml.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sidefridge::kubernetes {

/// A value as it was read. A scalar keeps whether it was plain: only then it may be something else than text.
struct YamlValue {
  enum class Kind { plain, text, map, list };
  Kind kind = Kind::plain;
  std::string scalar{};
  std::vector<std::pair<std::string, YamlValue>> fields{};
  std::vector<YamlValue> items{};

  /// The field of this name; an empty value when there is none.
  const YamlValue& operator[](std::string_view name) const {
    static const YamlValue nothing{};
    for (const auto& [key, value] : fields) {
      if (key == name) return value;
    }
    return nothing;
  }
};

class YamlReader {
public:
  /// All documents of a text, or nothing when libyaml refuses it or a map has a key twice.
  static std::optional<std::vector<YamlValue>> read(std::string_view text) {
    yaml_parser_t parser;
    if (yaml_parser_initialize(&parser) == 0) return std::nullopt;
    yaml_parser_set_input_string(&parser, reinterpret_cast<const unsigned char*>(text.data()), text.size());
    std::optional<std::vector<YamlValue>> documents{std::in_place};
    for (bool more = true; more && documents;) {
      yaml_document_t document;
      if (yaml_parser_load(&parser, &document) == 0) {
        documents.reset();
        break;
      }
      const yaml_node_t* root = yaml_document_get_root_node(&document);
      more = root != nullptr;
      if (more) {
        bool unique = true;
        documents->push_back(convert(document, *root, unique));
        if (!unique) documents.reset();
      }
      yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
    return documents;
  }

private:
  static std::string text_of(const yaml_node_t& node) {
    return {reinterpret_cast<const char*>(node.data.scalar.value), node.data.scalar.length};
  }

  static YamlValue convert(yaml_document_t& document, const yaml_node_t& node, bool& unique) {
    YamlValue value;
    if (node.type == YAML_MAPPING_NODE) {
      value.kind = YamlValue::Kind::map;
      for (auto* pair = node.data.mapping.pairs.start; pair < node.data.mapping.pairs.top; ++pair) {
        const std::string key = text_of(*yaml_document_get_node(&document, pair->key));
        for (const auto& field : value.fields) unique = unique && field.first != key;
        value.fields.emplace_back(key, convert(document, *yaml_document_get_node(&document, pair->value), unique));
      }
    } else if (node.type == YAML_SEQUENCE_NODE) {
      value.kind = YamlValue::Kind::list;
      for (auto* item = node.data.sequence.items.start; item < node.data.sequence.items.top; ++item) {
        value.items.push_back(convert(document, *yaml_document_get_node(&document, *item), unique));
      }
    } else {
      value.kind = node.data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? YamlValue::Kind::plain : YamlValue::Kind::text;
      value.scalar = text_of(node);
    }
    return value;
  }
};

}  // namespace sidefridge::kubernetes
