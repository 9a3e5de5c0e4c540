// names.cc - the rules of k8s.io/apimachinery/pkg/util/validation.
#include "sidefridge/kubernetes/names.h"

#include <algorithm>

#include "sidefridge/kubernetes/yaml.h"
#include "sidefridge/text/quote.h"

namespace sidefridge::kubernetes {
namespace {

constexpr std::size_t label_limit_bytes = 63;
constexpr std::size_t subdomain_limit_bytes = 253;

bool is_lower_alphanumeric(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_key_character(char c) noexcept {
  return is_lower_alphanumeric(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
}

Error refuse(std::string_view what, std::string_view name, std::string_view rule) {
  std::string text(what);
  text.append(" ").append(text::in_quotes(name)).append(" ").append(rule);
  return Error{ErrorCode::invalid, std::move(text)};
}

Result<void> check_length(std::string_view what, std::string_view name, std::size_t limit_bytes) {
  if (name.empty()) return Error{ErrorCode::invalid, std::string(what) + " is empty"};
  if (name.size() <= limit_bytes) return {};
  return refuse(what, name,
                "has " + std::to_string(name.size()) + " characters; " + std::to_string(limit_bytes) + " are allowed");
}

// `part` is the label to check, `name` what it is a part of.
Result<void> check_part(std::string_view what, std::string_view name, std::string_view part, std::string_view allowed) {
  const auto wrong =
      std::find_if(part.begin(), part.end(), [](char c) { return !is_lower_alphanumeric(c) && c != '-'; });
  if (wrong != part.end()) {
    return refuse(what, name,
                  "must not hold " + text::in_quotes({&*wrong, 1}) + "; allowed are " + std::string(allowed));
  }
  if (part.empty() || part.front() == '-' || part.back() == '-') {
    return refuse(what, name,
                  "has to begin and end with a letter or digit" +
                      std::string(part.size() == name.size() ? "" : ", and so has each part between dots"));
  }
  return {};
}

}  // namespace

bool is_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= subdomain_limit_bytes && is_lower_alphanumeric(name.front()) &&
         is_lower_alphanumeric(name.back()) &&
         std::all_of(name.begin(), name.end(), [](char c) { return is_lower_alphanumeric(c) || c == '-' || c == '.'; });
}

Result<void> check_label(std::string_view what, std::string_view name) {
  if (auto checked = check_length(what, name, label_limit_bytes); !checked) return checked;
  return check_part(what, name, name, "a-z, 0-9 and '-'");
}

Result<void> check_project_name(std::string_view what, std::string_view name) {
  if (auto checked = check_length(what, name, label_limit_bytes); !checked) return checked;
  for (std::string_view rest = name;;) {
    const std::size_t dot = rest.find('.');
    if (auto checked = check_part(what, name, rest.substr(0, dot), "a-z, 0-9, '-' and '.'"); !checked) return checked;
    if (dot == std::string_view::npos) return {};
    rest.remove_prefix(dot + 1);
  }
}

Result<void> check_key(std::string_view what, std::string_view name) {
  if (auto checked = check_length(what, name, subdomain_limit_bytes); !checked) return checked;
  const auto wrong = std::find_if_not(name.begin(), name.end(), is_key_character);
  if (wrong != name.end()) {
    return refuse(what, name,
                  "must not hold " + text::in_quotes({&*wrong, 1}) +
                      ": a key of a ConfigMap is made of letters, digits, '-', '_' and '.'; rename the file");
  }
  if (name == "." || name.starts_with("..")) {
    return refuse(what, name, "cannot be a key of a ConfigMap: it must not begin with '..'; rename the file");
  }
  return {};
}

Result<void> check_mount_path(std::string_view what, std::string_view path) {
  if (!path.starts_with('/')) return refuse(what, path, "has to be an absolute path");
  if (path.find_first_not_of('/') == std::string_view::npos) return refuse(what, path, "must not be the root folder");
  const bool controls = std::any_of(path.begin(), path.end(), [](unsigned char c) { return c < ' '; });
  if (controls || !is_yaml_text(path)) return refuse(what, path, "must not hold control characters, and be UTF-8");
  if (path.find(':') != std::string_view::npos) return refuse(what, path, "must not hold ':'");
  return {};
}

std::string dashed_name_of(core::Hook hook) {
  std::string name(core::name_of(hook));
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

}  // namespace sidefridge::kubernetes
