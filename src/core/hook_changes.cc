// hook_changes.cc - a merge of two sorted lists a hook.
#include "sidefridge/core/hook_changes.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "sidefridge/text/join.h"
#include "sidefridge/text/quote.h"

namespace sidefridge::core {
namespace {

constexpr std::size_t most_names = 10;

/// The script's tag; in quotes when it would not stay on one line.
std::string shown(const Script& script) {
  const std::string tag = script.tag();
  const bool prints = std::none_of(tag.begin(), tag.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
  return prints ? tag : text::in_quotes(tag);
}

void add_changes_of(Hook hook, const HookSet& before, const HookSet& after, std::vector<std::string>& changes) {
  const std::vector<Script>& old_scripts = before.scripts(hook);
  const std::vector<Script>& new_scripts = after.scripts(hook);
  const std::size_t known = changes.size();
  auto old_one = old_scripts.begin();
  auto new_one = new_scripts.begin();
  while (old_one != old_scripts.end() || new_one != new_scripts.end()) {
    if (new_one == new_scripts.end() || (old_one != old_scripts.end() && old_one->name < new_one->name)) {
      changes.push_back(shown(*old_one++) + " removed");
    } else if (old_one == old_scripts.end() || new_one->name < old_one->name) {
      changes.push_back(shown(*new_one++) + " added");
    } else {
      if (*old_one != *new_one) changes.push_back(shown(*new_one) + " changed");
      ++old_one;
      ++new_one;
    }
  }
  if (changes.size() == known && before.digest(hook) != after.digest(hook)) {
    changes.push_back(std::string(name_of(hook)) + ": other files changed");
  }
}

}  // namespace

std::string describe_changes(const HookSet& before, const HookSet& after) {
  std::vector<std::string> changes;
  for (const Hook hook : all_hooks) add_changes_of(hook, before, after, changes);
  const std::size_t named = std::min(changes.size(), most_names);
  std::string text = text::join(std::span(changes).first(named));
  if (changes.size() > named) text += " and " + std::to_string(changes.size() - named) + " more";
  return text;
}

}  // namespace sidefridge::core
