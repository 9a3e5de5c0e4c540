#include "sidefridge/core/hook_changes.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace sidefridge::core {
namespace {

using Contents = std::map<std::string, std::uint64_t>;  // a script's name and digest

void fill(HookSet& hooks, Hook hook, const Contents& contents, std::uint64_t others = 0) {
  std::vector<Script> scripts;
  std::uint64_t all = others;
  for (const auto& [name, digest] : contents) {
    const std::string path = "/scripts/" + std::string(name_of(hook)) + "/" + name;
    scripts.push_back(Script{hook, name, path, path, digest});
    all = all * 31 + digest;
  }
  hooks.assign(hook, std::move(scripts), all);
}

HookSet with(Hook hook, const Contents& contents, std::uint64_t others = 0) {
  HookSet hooks;
  fill(hooks, hook, contents, others);
  return hooks;
}

TEST(HookChanges, are_told_in_the_order_of_hooks_and_scripts) {
  HookSet before;
  fill(before, Hook::backups, {{"10-db", 1}, {"30-same", 3}});
  fill(before, Hook::on_error, {{"alert", 4}});
  HookSet after;
  fill(after, Hook::backups, {{"10-db", 2}, {"20-files", 5}, {"30-same", 3}});
  EXPECT_EQ(describe_changes(before, after), "backups/10-db changed, backups/20-files added, on_error/alert removed");
  EXPECT_EQ(describe_changes(after, before), "backups/10-db changed, backups/20-files removed, on_error/alert added");
}

TEST(HookChanges, are_nothing_between_equal_sets) {
  EXPECT_EQ(describe_changes(HookSet(), HookSet()), "");
  const HookSet hooks = with(Hook::backups, {{"a", 1}}, 7);
  EXPECT_EQ(describe_changes(hooks, hooks), "");
}

TEST(HookChanges, name_the_hook_when_something_beside_its_scripts_changed) {
  EXPECT_EQ(describe_changes(with(Hook::backups, {{"a", 1}}, 7), with(Hook::backups, {{"a", 1}}, 8)),
            "backups: other files changed");
  EXPECT_EQ(describe_changes(with(Hook::backups, {{"a", 1}}, 7), with(Hook::backups, {{"a", 2}}, 8)),
            "backups/a changed");
}

TEST(HookChanges, stop_after_ten_names) {
  Contents many;
  for (char name = 'a'; name < 'a' + 10; ++name) many[std::string(1, name)] = 1;
  EXPECT_EQ(describe_changes(HookSet(), with(Hook::backups, many)),
            "backups/a added, backups/b added, backups/c added, backups/d added, backups/e added, backups/f added, "
            "backups/g added, backups/h added, backups/i added, backups/j added");
  many["k"] = 1;
  many["l"] = 1;
  EXPECT_EQ(describe_changes(HookSet(), with(Hook::backups, many)),
            "backups/a added, backups/b added, backups/c added, backups/d added, backups/e added, backups/f added, "
            "backups/g added, backups/h added, backups/i added, backups/j added and 2 more");
}

TEST(HookChanges, stay_on_one_line_whatever_the_names) {
  EXPECT_EQ(describe_changes(HookSet(), with(Hook::backups, {{"a\nb", 1}})), "'backups/a\\x0ab' added");
}

TEST(HookSet, is_equal_wherever_its_copies_lie) {
  const auto set = [](const std::string& run_path, std::uint64_t digest, std::uint64_t folder) {
    HookSet hooks;
    hooks.assign(Hook::backups, {Script{Hook::backups, "a", "/scripts/backups/a", run_path, digest}}, folder);
    return hooks;
  };
  EXPECT_EQ(set("/copies/1/backups/a", 1, 2), set("/copies/2/backups/a", 1, 2));
  EXPECT_NE(set("/copies/1/backups/a", 1, 2), set("/copies/1/backups/a", 9, 2));
  EXPECT_NE(set("/copies/1/backups/a", 1, 2), set("/copies/1/backups/a", 1, 9));
}

}  // namespace
}  // namespace sidefridge::core
