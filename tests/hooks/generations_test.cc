#include "sidefridge/hooks/generations.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../os/fixture.h"

namespace sidefridge::hooks {
namespace {

using namespace os;

using core::Hook;
using Texts = std::vector<std::string>;

std::unique_ptr<Generations> open(const std::string& folder, const CopySettings& settings = {}) {
  Result<std::unique_ptr<Generations>> opened = Generations::open(folder, settings);
  EXPECT_TRUE(opened.ok()) << (opened ? "" : opened.error().text);
  return opened ? *std::move(opened) : nullptr;
}

using Made = Result<Generations::Made>;

/// In the year 2100: whatever the tests have written was written long before.
constexpr WallTime long_after{std::chrono::hours(24 * 47'482)};

Made make(Generations& generations, const TempDir& dir, WallTime now = long_after) {
  Made made = generations.make(dir / "scripts", now);
  EXPECT_TRUE(made.ok()) << (made ? "" : made.error().text);
  return made;
}

std::string run_path(const Made& made) {
  return made ? made->reading.hooks.scripts(Hook::backups).at(0).run_path : "";
}

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

/// When something was last made or removed in the folder of all copies.
timespec last_copying(const TempDir& dir) {
  struct stat status {};
  EXPECT_EQ(::stat((dir / "copies").c_str(), &status), 0);
  return status.st_mtim;
}

/// Whether make() copies anything.
bool copies(Generations& generations, const TempDir& dir, WallTime now = long_after) {
  const timespec past[2] = {{1, 0}, {1, 0}};
  EXPECT_EQ(::utimensat(AT_FDCWD, (dir / "copies").c_str(), past, 0), 0);
  EXPECT_TRUE(make(generations, dir, now).ok());
  return last_copying(dir).tv_sec != 1;
}

Texts listed(const std::string& folder) {
  Texts names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

TEST(Generations, are_numbered) {
  const TempDir dir;
  const auto generations = open(dir / "copies");
  dir.write("scripts/backups/bkp", "one");
  const Made first = make(*generations, dir);
  EXPECT_EQ(run_path(first), dir / "copies/1/backups/bkp");
  EXPECT_EQ(first->generation, 1U);
  dir.write("scripts/backups/bkp", "two");
  const Made second = make(*generations, dir);
  EXPECT_EQ(run_path(second), dir / "copies/2/backups/bkp");
  EXPECT_EQ(second->generation, 2U);
}

TEST(Generations, an_unchanged_tree_makes_none) {
  const TempDir dir;
  const auto generations = open(dir / "copies");
  dir.write("scripts/backups/bkp", "one");
  dir.make_folder("scripts/backup");
  const Made first = make(*generations, dir, WallTime{});
  dir.make_folder("scripts/backups/more");
  std::filesystem::remove(dir / "scripts/backups/more");
  for (const WallTime now : {WallTime{}, long_after, long_after}) {
    const Made again = make(*generations, dir, now);
    EXPECT_EQ(run_path(again), run_path(first));
    EXPECT_EQ(again->reading.warnings.size(), 1U) << "warnings are of now";
    EXPECT_EQ(again->generation, 1U);
    EXPECT_EQ(listed(dir / "copies"), Texts{"1"});
  }
}

TEST(Generations, nothing_is_copied_again_while_nothing_has_changed) {
  const TempDir dir;
  const auto generations = open(dir / "copies");
  dir.write("scripts/backups/bkp", "one");
  dir.write("scripts/backups/lib/x", "one");
  dir.write("scripts/lib/x", "one");
  EXPECT_TRUE(copies(*generations, dir, WallTime{}));
  EXPECT_TRUE(copies(*generations, dir)) << "what was written just before the last look is not to be trusted";
  EXPECT_FALSE(copies(*generations, dir));
  EXPECT_FALSE(copies(*generations, dir, WallTime{}));
  dir.write("scripts/lib/x", "two");
  EXPECT_FALSE(copies(*generations, dir)) << "what lies beside the hooks is not copied";
  dir.write("scripts/backups/lib/x", "two");
  EXPECT_TRUE(copies(*generations, dir));
  EXPECT_FALSE(copies(*generations, dir));
}

TEST(Generations, what_comes_or_goes_beside_the_hooks_later_is_seen_from_the_copy) {
  const TempDir dir;
  const auto generations = open(dir / "copies");
  dir.write("scripts/backups/bkp", "one");
  EXPECT_TRUE(make(*generations, dir).ok());
  dir.write("scripts/lib/x", "library");
  dir.write("scripts/.env", "settings");
  dir.write("scripts/..data/x", "the kubelet's");
  const std::string folder = dir / "copies/2/";
  EXPECT_EQ(run_path(make(*generations, dir)), folder + "backups/bkp");
  EXPECT_EQ(content_of(folder + "backups/../lib/x"), "library");
  EXPECT_EQ(content_of(folder + "backups/../.env"), "settings");
  EXPECT_EQ(listed(folder), (Texts{".env", "backups", "lib"}));
  std::filesystem::remove(dir / "scripts/.env");
  EXPECT_EQ(make(*generations, dir)->generation, 3U);
  EXPECT_EQ(listed(dir / "copies/3"), (Texts{"backups", "lib"}));
}

TEST(Generations, a_copy_that_was_altered_is_made_again) {
  const TempDir dir;
  dir.write("scripts/backups/bkp", "one");
  dir.write("scripts/backups/lib/x", "one");
  dir.write("scripts/lib/x", "one");
  const std::vector<std::function<void(const std::string&)>> ways{
      [](const std::string& copy) { std::ofstream(copy + "/backups/bkp") << "two"; },
      [](const std::string& copy) { std::ofstream(copy + "/backups/state") << "new"; },
      [](const std::string& copy) { std::ofstream(copy + "/backups/lib/x") << "longer"; },
      [](const std::string& copy) { std::filesystem::remove(copy + "/backups/bkp"); },
      [](const std::string& copy) { std::filesystem::remove(copy + "/lib"); },
      [](const std::string& copy) { ::chmod((copy + "/backups/bkp").c_str(), 0); },
      [](const std::string& copy) {
        std::filesystem::rename(copy + "/backups/bkp", copy + "/other");
        std::filesystem::copy_file(copy + "/other", copy + "/backups/bkp");
      },
      [](const std::string& copy) { std::filesystem::remove_all(copy + "/backups"); },
      [](const std::string& copy) { std::filesystem::remove_all(copy); },
      [](const std::string& copy) { std::filesystem::remove_all(copy + "/.."); },
  };
  // Whether the hooks could be told to be unchanged without reading them or not.
  for (const WallTime now : {long_after, WallTime{}}) {
    const auto generations = open(dir / "copies");
    std::uint64_t number = make(*generations, dir, now)->generation;
    for (const auto& alter : ways) {
      EXPECT_TRUE(generations->is_intact(number));
      alter(dir / ("copies/" + std::to_string(number)));
      EXPECT_FALSE(generations->is_intact(number));
      const Made again = make(*generations, dir, now);
      EXPECT_EQ(again->generation, number + 1);
      number = again->generation;
      const std::string copy = dir / ("copies/" + std::to_string(number));
      EXPECT_EQ(run_path(again), copy + "/backups/bkp");
      EXPECT_EQ(content_of(copy + "/backups/bkp"), "one");
      EXPECT_EQ(content_of(copy + "/backups/lib/x"), "one");
      EXPECT_EQ(content_of(copy + "/lib/x"), "one");
      EXPECT_EQ(listed(copy), (Texts{"backups", "lib"}));
      EXPECT_EQ(listed(copy + "/backups"), (Texts{"bkp", "lib"}));
    }
  }
}

TEST(Generations, only_the_newest_is_asked_whether_it_is_intact) {
  const TempDir dir;
  const auto generations = open(dir / "copies");
  EXPECT_TRUE(generations->is_intact(0));
  EXPECT_TRUE(generations->is_intact(1));
  dir.write("scripts/backups/bkp", "one");
  EXPECT_TRUE(make(*generations, dir).ok());
  dir.write("scripts/backups/bkp", "two");
  EXPECT_TRUE(make(*generations, dir).ok());
  generations->remove(std::vector<std::uint64_t>{1});
  EXPECT_TRUE(generations->is_intact(1));
  EXPECT_TRUE(generations->is_intact(2));
}

TEST(Generations, those_before_stay_until_they_are_removed) {
  const TempDir dir;
  const auto generations = open(dir / "copies");
  for (const char* content : {"one", "two", "three"}) {
    dir.write("scripts/backups/bkp", content);
    EXPECT_TRUE(make(*generations, dir).ok());
  }
  EXPECT_EQ(listed(dir / "copies"), (Texts{"1", "2", "3"}));
  generations->remove(std::vector<std::uint64_t>{1, 2});
  EXPECT_EQ(listed(dir / "copies"), Texts{"3"});
}

TEST(Generations, a_failure_keeps_the_newest) {
  const TempDir dir;
  const auto generations = open(dir / "copies");
  dir.write("scripts/backups/bkp", "one");
  const std::string first = run_path(make(*generations, dir));
  std::filesystem::rename(dir / "scripts", dir / "away");
  EXPECT_FALSE(generations->make(dir / "scripts", long_after).ok());
  EXPECT_EQ(listed(dir / "copies"), Texts{"1"});
  std::filesystem::rename(dir / "away", dir / "scripts");
  EXPECT_EQ(run_path(make(*generations, dir)), first);
}

TEST(Generations, a_tree_too_large_is_generation_0) {
  const TempDir dir;
  CopySettings settings;
  settings.limit_bytes = 3;
  const auto generations = open(dir / "copies", settings);
  dir.write("scripts/backups/bkp", "one");
  EXPECT_EQ(make(*generations, dir)->generation, 1U);
  dir.write("scripts/backups/bkp", "three");
  for (int i = 0; i < 2; ++i) {
    const Made in_place = make(*generations, dir);
    EXPECT_EQ(run_path(in_place), dir / "scripts/backups/bkp");
    EXPECT_EQ(in_place->generation, 0U);
    EXPECT_EQ(in_place->reading.warnings.size(), 1U);
  }
  dir.write("scripts/backups/bkp", "two");
  EXPECT_EQ(run_path(make(*generations, dir)), dir / "copies/2/backups/bkp");
}

TEST(Generations, what_an_earlier_process_left_is_removed) {
  const TempDir dir;
  dir.write("copies/1/backups/bkp", "stray", 0500);
  dir.write("copies/7/half", "stray");
  const auto generations = open(dir / "copies");
  EXPECT_EQ(listed(dir / "copies"), Texts{});
  struct stat status {};
  ASSERT_EQ(::stat((dir / "copies").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0700U);
}

TEST(Generations, take_their_folder_with_them) {
  const TempDir dir;
  dir.write("scripts/backups/bkp", "one");
  {
    const auto generations = open(dir / "copies");
    EXPECT_TRUE(make(*generations, dir).ok());
  }
  EXPECT_FALSE(std::filesystem::exists(dir / "copies"));
}

TEST(Generations, need_a_folder_to_be_made_in) {
  const TempDir dir;
  const auto opened = Generations::open(dir / "no/copies", {});
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::io);
  EXPECT_EQ(opened.error().text,
            "cannot make the folder '" + (dir / "no/copies") + "' for copies of the hooks: No such file or directory");
}

}  // namespace
}  // namespace sidefridge::hooks
