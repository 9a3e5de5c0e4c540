#include "sidefridge/hooks/generations.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
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
#include "kubelet_volume.h"

namespace sidefridge::hooks {
namespace {

using namespace os;

using core::Hook;
using Texts = std::vector<std::string>;

using Made = Result<Generations::Made>;

/// In the year 2100: whatever the tests have written was written long before.
constexpr WallTime long_after{std::chrono::hours(24 * 47'482)};
constexpr RanHooks none{};
constexpr RanHooks backups_ran{false, false, true, false, false};

Made make(Generations& generations, const TempDir& dir, WallTime now = long_after, const RanHooks& ran = none) {
  Made made = generations.make(dir / "scripts", now, ran);
  EXPECT_TRUE(made.ok()) << (made ? "" : made.error().text);
  return made;
}

/// Copies it, whatever else is to be done.
void copy(Generations& generations, std::uint64_t generation) {
  generations.copy(generation, [] { return false; });
}

core::Script script(const TempDir& dir, const std::string& name = "10", Hook hook = Hook::backups) {
  return core::Script{hook, name, dir / "scripts/" + std::string(core::name_of(hook)) + "/" + name};
}

std::string place(Generations& generations, const TempDir& dir, std::uint64_t generation, const RanHooks& ran = none) {
  return generations.place(generation, script(dir), ran).path;
}

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

Texts listed(const std::string& folder) {
  Texts names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

/// A tmpfs over `folder`, for this process alone. Returns: false when we may not mount.
bool mount_tmpfs(const std::string& folder, unsigned long flags, const std::string& options) {
  return ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("tmpfs", folder.c_str(), "tmpfs", flags, options.c_str()) == 0;
}

// ---- reading
// ---------------------------------------------------------------------------------------------------------

TEST(Generations, are_numbered_and_not_copied_by_reading) {
  const TempDir dir;
  const auto generations = Generations::open(dir / "copies", {});
  dir.write("scripts/backups/10", "one");
  EXPECT_EQ(make(*generations, dir)->generation, 1U);
  EXPECT_EQ(make(*generations, dir)->generation, 1U);
  dir.write("scripts/backups/10", "two");
  EXPECT_EQ(make(*generations, dir)->generation, 2U);
  dir.write("scripts/lib/x", "beside the hooks");
  EXPECT_EQ(make(*generations, dir)->generation, 3U);
  EXPECT_FALSE(std::filesystem::exists(dir / "copies"));
}

TEST(Generations, an_unchanged_tree_makes_none_and_is_not_read_again) {
  const TempDir dir;
  int steps = 0;
  CopySettings settings;
  settings.on_step = [&] { ++steps; };
  const auto generations = Generations::open(dir / "copies", settings);
  dir.write("scripts/backups/10", "one");
  dir.make_folder("scripts/backup");
  const auto steps_of_make = [&](WallTime now) {
    const int before = steps;
    const Made again = make(*generations, dir, now);
    EXPECT_EQ(again->generation, 1U);
    EXPECT_EQ(again->reading.warnings.size(), 1U) << "warnings are of now";
    return steps - before;
  };
  const int read = steps_of_make(WallTime{});
  EXPECT_GE(steps_of_make(long_after), read) << "what was written just before the last look is not to be trusted";
  EXPECT_LT(steps_of_make(long_after), read);
  dir.write("scripts/backups/10", "two");
  EXPECT_EQ(make(*generations, dir)->generation, 2U);
}

TEST(Generations, a_shebang_after_blank_lines_is_told_at_each_reading) {
  const TempDir dir;
  const auto generations = Generations::open(dir / "copies", {});
  dir.write("scripts/backups/10", "\n#!/bin/bash\n");
  const Texts told{(dir / "scripts/backups/10") +
                   ": its '#!' comes after blank lines, where others do not see it; move it into line 1"};
  EXPECT_EQ(make(*generations, dir)->reading.warnings, told);
  EXPECT_EQ(make(*generations, dir)->reading.warnings, told) << "nothing was read again";
}

TEST(Generations, a_script_that_has_appeared_beside_those_that_ran_is_told_once) {
  const TempDir dir;
  const auto generations = Generations::open(dir / "copies", {});
  dir.write("scripts/backups/10", "one");
  static_cast<void>(make(*generations, dir));
  dir.write("scripts/backups/dump.sql", "DROP");
  dir.write("scripts/on_error/10", "somebody's");
  static_cast<void>(make(*generations, dir, long_after, backups_ran));
  const Texts told = generations->take_notices();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_TRUE(told[0].starts_with("'" + (dir / "scripts/backups/dump.sql") + "' has appeared while scripts"))
      << told[0];
  static_cast<void>(make(*generations, dir, long_after, backups_ran));
  EXPECT_EQ(generations->take_notices(), Texts{});
}

TEST(Generations, where_a_link_leads_runs_from_its_copy) {
  const TempDir dir;
  dir.write("r1/backups/10", "one");
  dir.write("r1/backups/.lib", "one");
  dir.link("r1", "scripts");
  const auto generations = Generations::open(dir / "copies", {});
  EXPECT_FALSE(make(*generations, dir)->in_place[static_cast<std::size_t>(Hook::backups)]);
  generations->begin_run(1);
  dir.write("r2/backups/10", "two");
  std::filesystem::remove(dir / "scripts");
  dir.link("r2", "scripts");
  remove_tree(dir / "r1");
  const std::string from = place(*generations, dir, 1);
  EXPECT_EQ(content_of(from), "one");
  EXPECT_EQ(content_of(std::filesystem::path(from).parent_path() / ".lib"), "one");
}

TEST(Generations, of_hooks_that_are_links_those_alone_run_from_their_copy) {
  const TempDir dir;
  dir.write("elsewhere/10", "one");
  dir.write("scripts/on_error/10", "alert");
  dir.link("../elsewhere", "scripts/backups");
  const auto generations = Generations::open(dir / "copies", {});
  const Made made = make(*generations, dir);
  EXPECT_FALSE(made->in_place[static_cast<std::size_t>(Hook::backups)]);
  EXPECT_TRUE(made->in_place[static_cast<std::size_t>(Hook::on_error)]);
}

TEST(Generations, a_failure_keeps_the_newest) {
  const TempDir dir;
  const auto generations = Generations::open(dir / "copies", {});
  dir.write("scripts/backups/10", "one");
  EXPECT_EQ(make(*generations, dir)->generation, 1U);
  std::filesystem::rename(dir / "scripts", dir / "away");
  EXPECT_FALSE(generations->make(dir / "scripts", long_after).ok());
  std::filesystem::rename(dir / "away", dir / "scripts");
  EXPECT_EQ(make(*generations, dir)->generation, 1U);
}

TEST(Generations, a_script_that_may_not_be_read_is_known_at_first_and_keeps_a_good_set_later) {
  const TempDir dir;
  const auto first = Generations::open(dir / "first", {});
  const auto later = Generations::open(dir / "later", {});
  dir.write("scripts/backups/10", "one");
  dir.write("scripts/on_error/10", "alert");
  EXPECT_EQ(make(*later, dir)->generation, 1U);
  ASSERT_EQ(::chmod((dir / "scripts/backups/10").c_str(), 0), 0);
  const WithoutRoot unprivileged;
  const Made made = make(*first, dir);
  EXPECT_EQ(made->reading.hooks.scripts(Hook::backups)[0].interpreter.error().text,
            "it cannot be read: Permission denied");
  EXPECT_TRUE(made->reading.hooks.scripts(Hook::on_error)[0].interpreter.ok());
  EXPECT_EQ(made->reading.warnings.size(), 1U);
  const Made refused = later->make(dir / "scripts", long_after);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().text, "cannot read '" + (dir / "scripts/backups/10") + "': Permission denied");
}

// ---- the place
// -------------------------------------------------------------------------------------------------------

TEST(Generations, scripts_run_where_they_lie_until_something_has_changed) {
  const std::vector<std::pair<const char*, std::function<void(const TempDir&)>>> changes{
      {"the script", [](const TempDir& dir) { dir.write("scripts/backups/10", "two"); }},
      {"another script", [](const TempDir& dir) { dir.write("scripts/on_error/10", "two"); }},
      {"what may be executed", [](const TempDir& dir) { ::chmod((dir / "scripts/backups/10").c_str(), 0644); }},
      {"a library", [](const TempDir& dir) { dir.write("scripts/backups/.lib.sh", "two"); }},
      {"a library, which is gone",
       [](const TempDir& dir) { std::filesystem::remove(dir / "scripts/backups/.lib.sh"); }},
      {"a file below", [](const TempDir& dir) { dir.write("scripts/backups/sql/x", "two"); }},
      {"a link",
       [](const TempDir& dir) {
         std::filesystem::remove(dir / "scripts/backups/link");
         dir.link("elsewhere", "scripts/backups/link");
       }},
      {"all of it", [](const TempDir& dir) { remove_tree(dir / "scripts"); }},
  };
  for (const auto& [what, change] : changes) {
    SCOPED_TRACE(what);
    const TempDir dir;
    dir.write("scripts/backups/10", "one");
    dir.write("scripts/backups/.lib.sh", "one");
    dir.write("scripts/backups/sql/x", "one");
    dir.write("scripts/on_error/10", "one");
    dir.link("sql", "scripts/backups/link");
    const auto generations = Generations::open(dir / "copies", {});
    EXPECT_EQ(make(*generations, dir)->generation, 1U);
    copy(*generations, 1);
    EXPECT_EQ(place(*generations, dir, 1), dir / "scripts/backups/10");
    change(dir);
    EXPECT_EQ(place(*generations, dir, 1), dir / "copies/1/backups/10");
    EXPECT_EQ(content_of(dir / "copies/1/backups/10"), "one");
    EXPECT_EQ(content_of(dir / "copies/1/backups/.lib.sh"), "one");
    EXPECT_EQ(generations->take_notices(), Texts{});
  }
}

TEST(Generations, what_is_made_anew_with_the_same_content_is_no_change) {
  const TempDir dir;
  dir.write("scripts/backups/10", "one");
  const auto generations = Generations::open(dir / "copies", {});
  EXPECT_EQ(make(*generations, dir)->generation, 1U);
  std::filesystem::rename(dir / "scripts", dir / "old");
  dir.write("scripts/backups/10", "one");
  dir.write("scripts/backups/.new", "a name more");
  EXPECT_EQ(generations->place(1, script(dir), none).hooks, Generations::Place::Hooks::as_they_were);
  EXPECT_EQ(make(*generations, dir)->generation, 2U);
}

TEST(Generations, a_run_that_has_left_the_place_does_not_come_back_and_the_next_one_begins_there) {
  const TempDir dir;
  dir.write("scripts/backups/10", "one");
  const auto generations = Generations::open(dir / "copies", {});
  EXPECT_EQ(make(*generations, dir)->generation, 1U);
  copy(*generations, 1);
  dir.write("scripts/backups/10", "two");
  EXPECT_EQ(place(*generations, dir, 1), dir / "copies/1/backups/10");
  dir.write("scripts/backups/10", "one");
  EXPECT_EQ(place(*generations, dir, 1), dir / "copies/1/backups/10");
  generations->begin_run(1);
  EXPECT_EQ(place(*generations, dir, 1), dir / "scripts/backups/10");
}

TEST(Generations, what_a_kubelet_keeps_always_runs_from_its_copy) {
  const TempDir dir;
  KubeletVolume volume(dir / "scripts/backups");
  volume.become({{"10", "one"}});
  dir.write("scripts/on_error/10", "alert");
  const auto generations = Generations::open(dir / "copies", {});
  const Made made = make(*generations, dir);
  EXPECT_EQ(made->in_place, (std::array{true, true, false, true, true}));
  EXPECT_EQ(made->copy, dir / "copies/1");
  EXPECT_EQ(place(*generations, dir, 1), dir / "copies/1/backups/10");
  const core::Script alert = script(dir, "10", Hook::on_error);
  EXPECT_EQ(generations->place(1, alert, none).path, alert.path);
  EXPECT_EQ(generations->place(1, alert, none).hooks, Generations::Place::Hooks::as_they_were);
  EXPECT_EQ(generations->place(1, script(dir), none).hooks, Generations::Place::Hooks::not_looked_at);
  volume.become({{"10", "two"}});
  EXPECT_EQ(place(*generations, dir, 1), dir / "copies/1/backups/10");
  EXPECT_EQ(content_of(dir / "copies/1/backups/10"), "one");
  EXPECT_EQ(make(*generations, dir)->copy, dir / "copies/2");
}

// ---- what scripts write beside themselves
// ----------------------------------------------------------------------------

TEST(Generations, what_scripts_write_beside_themselves_is_theirs) {
  const TempDir dir;
  dir.write("scripts/backups/10", "one");
  dir.write("scripts/backups/.last", "first", 0644);
  dir.write("scripts/backups/.gone", "first", 0644);
  const auto generations = Generations::open(dir / "copies", {});
  const core::HookSet before = make(*generations, dir)->reading.hooks;
  copy(*generations, 1);
  for (const char* content : {"second", "third"}) {
    dir.write("scripts/backups/.last", content, 0644);
    dir.write("scripts/backups/.cache/x", content);
    std::filesystem::remove(dir / "scripts/backups/.gone");
    EXPECT_EQ(place(*generations, dir, 1, backups_ran), dir / "scripts/backups/10") << "the next script finds it";
    const Made made = make(*generations, dir, long_after, backups_ran);
    EXPECT_EQ(made->generation, 1U);
    EXPECT_EQ(made->reading.hooks, before) << "that is no change of the hooks";
    EXPECT_EQ(make(*generations, dir)->reading.hooks, before);
  }
  EXPECT_EQ(make(*generations, dir)->copy, "") << "the copy lacks it";
  copy(*generations, 1);
  EXPECT_EQ(content_of(make(*generations, dir)->copy + "/backups/.last"), "third");
  EXPECT_EQ(content_of(make(*generations, dir)->copy + "/backups/.cache/x"), "third");
}

TEST(Generations, what_is_theirs_is_that_of_an_earlier_version_too) {
  const TempDir dir;
  dir.write("scripts/backups/10", "one");
  dir.write("scripts/backups/.last", "first", 0644);
  const auto generations = Generations::open(dir / "copies", {});
  EXPECT_EQ(make(*generations, dir)->generation, 1U);
  copy(*generations, 1);
  dir.write("scripts/backups/.last", "second", 0644);
  dir.write("scripts/after_backups/10", "by somebody else");
  EXPECT_EQ(make(*generations, dir, long_after, backups_ran)->generation, 2U);
  generations->begin_run(1);
  EXPECT_EQ(place(*generations, dir, 1), dir / "scripts/backups/10") << "its next run finds what was written";
}

TEST(Generations, what_somebody_else_changes_is_not_theirs) {
  const TempDir dir;
  dir.write("scripts/backups/10", "one");
  dir.write("scripts/backups/.last", "first", 0644);
  dir.write("scripts/backups/.tool", "first", 0755);
  dir.write("scripts/on_error/.lib", "first");
  for (const char* path : {"scripts/backups/10", "scripts/backups/.tool", "scripts/on_error/.lib"}) {
    SCOPED_TRACE(path);
    const auto generations = Generations::open(dir / "copies", {});
    EXPECT_EQ(make(*generations, dir)->generation, 1U);
    copy(*generations, 1);
    const std::string was = content_of(dir / path);
    dir.write(path, "by somebody else");
    EXPECT_EQ(place(*generations, dir, 1, backups_ran), dir / "copies/1/backups/10");
    EXPECT_EQ(make(*generations, dir, long_after, backups_ran)->generation, 2U);
    dir.write(path, was);
  }
  const auto generations = Generations::open(dir / "copies", {});
  EXPECT_EQ(make(*generations, dir)->generation, 1U);
  dir.write("scripts/backups/.last", "theirs", 0644);
  EXPECT_EQ(make(*generations, dir, long_after, backups_ran)->generation, 1U);
  dir.write("scripts/backups/.last", "somebody's, while nothing runs", 0644);
  EXPECT_EQ(make(*generations, dir)->generation, 2U);
}

TEST(Generations, says_once_that_a_copy_lacks_what_scripts_wrote_beside_themselves) {
  const TempDir dir;
  dir.write("scripts/backups/10", "one");
  dir.write("scripts/backups/.last", "first", 0644);
  const auto generations = Generations::open(dir / "copies", {});
  EXPECT_EQ(make(*generations, dir)->generation, 1U);
  copy(*generations, 1);
  dir.write("scripts/backups/.last", "second", 0644);
  dir.write("scripts/backups/10", "changed");
  EXPECT_EQ(place(*generations, dir, 1, backups_ran), dir / "copies/1/backups/10");
  EXPECT_EQ(place(*generations, dir, 1, backups_ran), dir / "copies/1/backups/10");
  const Texts notices = generations->take_notices();
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_NE(notices[0].find("lacks what scripts wrote beside themselves"), std::string::npos) << notices[0];
}

TEST(Generations, say_within_the_run_that_a_script_wrote_into_the_copy) {
  const TempDir dir;
  KubeletVolume(dir / "scripts/backups").become({{"10", "one"}, {"20", "two"}});
  const auto generations = Generations::open(dir / "copies", {});
  EXPECT_EQ(make(*generations, dir)->generation, 1U);
  EXPECT_EQ(place(*generations, dir, 1), dir / "copies/1/backups/10");
  EXPECT_EQ(generations->take_notices(), Texts{});
  dir.write("copies/1/backups/.last", "lost");
  EXPECT_EQ(place(*generations, dir, 1), dir / "copies/1/backups/10");
  EXPECT_EQ(place(*generations, dir, 1), dir / "copies/1/backups/10");
  generations->end_run(1);
  const Texts notices = generations->take_notices();
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_TRUE(notices[0].starts_with("'" + (dir / "scripts/backups/.last") + "' was changed in the copy"))
      << notices[0];
  // The next run has one as it should be.
  const std::string copy = make(*generations, dir)->copy;
  EXPECT_EQ(copy, dir / "copies/2");
  EXPECT_EQ(listed(copy + "/backups"), (Texts{"10", "20"}));
  EXPECT_TRUE(std::filesystem::exists(dir / "copies/1")) << "a script may run there yet";
  generations->begin_run(1);
  EXPECT_EQ(listed(dir / "copies"), Texts{"2"});
}

// ---- copies
// ----------------------------------------------------------------------------------------------------------

TEST(Generations, a_copy_that_was_altered_is_made_again) {
  const TempDir dir;
  dir.write("scripts/backups/10", "one");
  dir.write("scripts/backups/lib/x", "one");
  dir.write("scripts/lib/x", "one");
  const std::vector<std::function<void(const std::string&)>> ways{
      [](const std::string& copy) { std::ofstream(copy + "/backups/10") << "two"; },
      [](const std::string& copy) { std::ofstream(copy + "/backups/state") << "new"; },
      [](const std::string& copy) { std::ofstream(copy + "/backups/lib/x") << "longer"; },
      [](const std::string& copy) { std::filesystem::remove(copy + "/backups/10"); },
      [](const std::string& copy) { std::filesystem::remove(copy + "/lib"); },
      [](const std::string& copy) { ::chmod((copy + "/backups/10").c_str(), 0); },
      [](const std::string& copy) {
        std::filesystem::rename(copy + "/backups/10", copy + "/other");
        std::filesystem::copy_file(copy + "/other", copy + "/backups/10");
      },
      [](const std::string& copy) { std::filesystem::remove_all(copy + "/backups"); },
      [](const std::string& copy) { std::filesystem::remove_all(copy); },
      [](const std::string& copy) { std::filesystem::remove_all(copy + "/.."); },
  };
  const auto generations = Generations::open(dir / "copies", {});
  EXPECT_EQ(make(*generations, dir)->generation, 1U);
  copy(*generations, 1);
  for (const auto& alter : ways) {
    const std::string before = generations->copy_of(1);
    copy(*generations, 1);
    EXPECT_EQ(generations->copy_of(1), before) << "an intact one is kept";
    alter(before);
    copy(*generations, 1);
    const std::string copy = generations->copy_of(1);
    EXPECT_NE(copy, before);
    EXPECT_EQ(content_of(copy + "/backups/10"), "one");
    EXPECT_EQ(content_of(copy + "/backups/lib/x"), "one");
    EXPECT_EQ(content_of(copy + "/lib/x"), "one");
    EXPECT_EQ(listed(copy), (Texts{"backups", "lib"}));
    EXPECT_EQ(listed(copy + "/backups"), (Texts{"10", "lib"}));
  }
}

TEST(Generations, of_what_has_changed_no_copy_is_made_and_scripts_run_in_place_which_is_said_once) {
  const TempDir dir;
  dir.write("scripts/backups/10", "one");
  const auto generations = Generations::open(dir / "copies", {});
  EXPECT_EQ(make(*generations, dir)->generation, 1U);
  dir.write("scripts/backups/10", "two");
  copy(*generations, 1);
  EXPECT_EQ(generations->copy_of(1), "");
  EXPECT_EQ(listed(dir / "copies"), Texts{});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(place(*generations, dir, 1), dir / "scripts/backups/10");
  EXPECT_EQ(generations->take_notices(), Texts{"there is no copy of the hooks: they run from where they are in '" +
                                               (dir / "scripts") + "', and a change during a run may mix versions"});
}

TEST(Generations, a_copy_that_vanished_in_a_run_is_done_without) {
  const TempDir dir;
  dir.write("scripts/backups/10", "one");
  const auto generations = Generations::open(dir / "copies", {});
  EXPECT_EQ(make(*generations, dir)->generation, 1U);
  copy(*generations, 1);
  dir.write("scripts/backups/10", "two");
  EXPECT_EQ(place(*generations, dir, 1), dir / "copies/1/backups/10");
  remove_tree(dir / "copies");
  EXPECT_EQ(place(*generations, dir, 1), dir / "scripts/backups/10");
}

TEST(Generations, a_kubelets_copy_that_vanished_in_a_run_is_made_again) {
  const TempDir dir;
  KubeletVolume(dir / "scripts/backups").become({{"10", "one"}});
  const auto generations = Generations::open(dir / "copies", {});
  EXPECT_EQ(make(*generations, dir)->generation, 1U);
  remove_tree(dir / "copies");
  EXPECT_EQ(place(*generations, dir, 1), dir / "copies/2/backups/10");
  EXPECT_EQ(content_of(dir / "copies/2/backups/10"), "one");
}

TEST(Generations, what_cannot_be_copied_runs_in_place_which_is_said_once) {
  const struct {
    unsigned long flags;
    const char* options;
    const char* why;
  } rows[] = {
      {MS_NOEXEC, "size=4m", "the state folder is mounted noexec"},
      {0, "size=64k", "they would take more than half of the room that is left in the state folder"},
      {MS_RDONLY, "size=4m", "cannot make the folder '"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.why);
    const TempDir dir;
    dir.make_folder("state");
    if (!mount_tmpfs(dir / "state", row.flags, row.options)) GTEST_SKIP() << "may not mount";
    KubeletVolume(dir / "scripts/backups").become({{"10", std::string(100'000, 'x')}});
    {
      const auto generations = Generations::open(dir / "state/copies", {});
      for (int run = 0; run < 3; ++run) {
        EXPECT_EQ(make(*generations, dir)->generation, 1U);
        copy(*generations, 1);
        EXPECT_EQ(place(*generations, dir, 1), dir / "scripts/backups/10");
      }
      const Texts notices = generations->take_notices();
      ASSERT_EQ(notices.size(), 1U);
      EXPECT_NE(notices[0].find(row.why), std::string::npos) << notices[0];
    }
    ASSERT_EQ(::umount((dir / "state").c_str()), 0);
  }
}

/// Limits how many descriptors may be open to those that are, and some more.
class FewDescriptors {
public:
  explicit FewDescriptors(rlim_t more) {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    const UniqueFd next(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const rlimit few{static_cast<rlim_t>(next.get()) + more, before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;
  ~FewDescriptors() { EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before_), 0); }

private:
  rlimit before_{};
};

TEST(Generations, a_moment_without_descriptors_leaves_nothing_behind) {
  const TempDir dir;
  dir.write("scripts/backups/10", "one");
  dir.write("scripts/backups/a/b/c", "one");
  for (rlim_t more = 0; more < 8; ++more) {
    SCOPED_TRACE(more);
    const auto generations = Generations::open(dir / "copies", {});
    EXPECT_EQ(make(*generations, dir)->generation, 1U);
    {
      const FewDescriptors few(more);
      copy(*generations, 1);
      static_cast<void>(generations->make(dir / "scripts", WallTime{}));
    }
    copy(*generations, 1);
    const std::string copied = generations->copy_of(1);
    ASSERT_NE(copied, "");
    EXPECT_EQ(content_of(copied + "/backups/a/b/c"), "one");
    EXPECT_EQ(listed(dir / "copies").size(), 1U);
  }
}

TEST(Generations, of_those_that_are_removed_nothing_is_left) {
  const TempDir dir;
  const auto generations = Generations::open(dir / "copies", {});
  for (const char* content : {"one", "two", "three"}) {
    dir.write("scripts/backups/10", content);
    copy(*generations, make(*generations, dir)->generation);
  }
  EXPECT_EQ(listed(dir / "copies"), (Texts{"1", "2", "3"}));
  generations->remove(std::vector<std::uint64_t>{1, 2});
  EXPECT_EQ(listed(dir / "copies"), Texts{"3"});
}

TEST(Generations, what_an_earlier_process_left_is_removed_and_others_may_pass_through_the_folder) {
  const TempDir dir;
  dir.write("copies/1/backups/bkp", "stray", 0500);
  dir.write("copies/7/half", "stray");
  dir.write("scripts/backups/10", "one");
  {
    const auto generations = Generations::open(dir / "copies", {});
    EXPECT_FALSE(std::filesystem::exists(dir / "copies"));
    EXPECT_EQ(make(*generations, dir)->generation, 1U);
    copy(*generations, 1);
    struct stat status {};
    ASSERT_EQ(::stat((dir / "copies").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0711U);
  }
  EXPECT_FALSE(std::filesystem::exists(dir / "copies")) << "it goes with them";
}

TEST(Generations, use_no_folder_that_is_somebody_elses) {
  if (::geteuid() != 0) GTEST_SKIP() << "may not give files away";
  const TempDir dir;
  dir.write("scripts/backups/10", "one");
  const auto generations = Generations::open(dir / "copies", {});
  EXPECT_EQ(make(*generations, dir)->generation, 1U);
  ASSERT_EQ(::chown(dir.make_folder("copies").c_str(), 65534, 65534), 0);
  copy(*generations, 1);
  EXPECT_EQ(generations->copy_of(1), "");
  EXPECT_EQ(listed(dir / "copies"), Texts{});
  EXPECT_EQ(generations->take_notices().size(), 1U);
}

}  // namespace
}  // namespace sidefridge::hooks
