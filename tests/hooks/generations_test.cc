#include "sidefridge/hooks/generations.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <string>
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

std::string run_path(const Result<HookReading>& reading) {
  EXPECT_TRUE(reading.ok()) << (reading ? "" : reading.error().text);
  return reading ? reading->hooks.scripts(Hook::backups).at(0).run_path : "";
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
  EXPECT_EQ(generations->newest(), 0U);
  dir.write("scripts/backups/bkp", "one");
  EXPECT_EQ(run_path(generations->make(dir / "scripts")), dir / "copies/1/backups/bkp");
  EXPECT_EQ(generations->newest(), 1U);
  dir.write("scripts/backups/bkp", "two");
  EXPECT_EQ(run_path(generations->make(dir / "scripts")), dir / "copies/2/backups/bkp");
  EXPECT_EQ(generations->newest(), 2U);
}

TEST(Generations, an_unchanged_tree_makes_none) {
  const TempDir dir;
  const auto generations = open(dir / "copies");
  dir.write("scripts/backups/bkp", "one");
  const Result<HookReading> first = generations->make(dir / "scripts");
  dir.make_folder("scripts/backup");
  const Result<HookReading> again = generations->make(dir / "scripts");
  EXPECT_EQ(run_path(again), run_path(first));
  EXPECT_EQ(again->warnings.size(), 1U) << "warnings are of now";
  EXPECT_EQ(generations->newest(), 1U);
  EXPECT_EQ(listed(dir / "copies"), Texts{"1"});
}

TEST(Generations, the_one_before_stays_until_it_is_told_to_go) {
  const TempDir dir;
  const auto generations = open(dir / "copies");
  for (const char* content : {"one", "two", "three"}) {
    dir.write("scripts/backups/bkp", content);
    EXPECT_TRUE(generations->make(dir / "scripts").ok());
  }
  EXPECT_EQ(listed(dir / "copies"), (Texts{"1", "2", "3"}));
  generations->remove_unused();
  EXPECT_EQ(listed(dir / "copies"), Texts{"3"});
}

TEST(Generations, a_pinned_one_stays_until_its_last_pin_is_gone) {
  const TempDir dir;
  const auto generations = open(dir / "copies");
  dir.write("scripts/backups/bkp", "one");
  EXPECT_TRUE(generations->make(dir / "scripts").ok());
  generations->pin(1);
  generations->pin(1);
  dir.write("scripts/backups/bkp", "two");
  EXPECT_TRUE(generations->make(dir / "scripts").ok());
  generations->remove_unused();
  EXPECT_EQ(listed(dir / "copies"), (Texts{"1", "2"}));
  generations->unpin(1);
  generations->remove_unused();
  EXPECT_EQ(listed(dir / "copies"), (Texts{"1", "2"}));
  generations->unpin(1);
  generations->remove_unused();
  EXPECT_EQ(listed(dir / "copies"), Texts{"2"});
}

TEST(Generations, a_failure_keeps_the_newest) {
  const TempDir dir;
  const auto generations = open(dir / "copies");
  dir.write("scripts/backups/bkp", "one");
  const std::string first = run_path(generations->make(dir / "scripts"));
  std::filesystem::rename(dir / "scripts", dir / "away");
  EXPECT_FALSE(generations->make(dir / "scripts").ok());
  generations->remove_unused();
  EXPECT_EQ(listed(dir / "copies"), Texts{"1"});
  std::filesystem::rename(dir / "away", dir / "scripts");
  EXPECT_EQ(run_path(generations->make(dir / "scripts")), first);
}

TEST(Generations, a_tree_too_large_is_generation_0_and_needs_no_pin) {
  const TempDir dir;
  CopySettings settings;
  settings.limit_bytes = 3;
  const auto generations = open(dir / "copies", settings);
  dir.write("scripts/backups/bkp", "one");
  EXPECT_TRUE(generations->make(dir / "scripts").ok());
  dir.write("scripts/backups/bkp", "three");
  EXPECT_EQ(run_path(generations->make(dir / "scripts")), dir / "scripts/backups/bkp");
  EXPECT_EQ(generations->newest(), 0U);
  generations->pin(0);
  generations->unpin(0);
  generations->remove_unused();
  EXPECT_EQ(listed(dir / "copies"), Texts{});
  dir.write("scripts/backups/bkp", "two");
  EXPECT_EQ(run_path(generations->make(dir / "scripts")), dir / "copies/2/backups/bkp");
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
    EXPECT_TRUE(generations->make(dir / "scripts").ok());
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
