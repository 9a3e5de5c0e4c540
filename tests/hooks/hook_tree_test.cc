#include "sidefridge/hooks/hook_tree.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "../os/fixture.h"

namespace sidefridge::hooks {
namespace {

using namespace os;

using core::Hook;

using Texts = std::vector<std::string>;

Texts names(const HookReading& reading, Hook hook) {
  Texts all;
  for (const core::Script& script : reading.hooks.scripts(hook)) all.push_back(script.name);
  return all;
}

HookReading read(const std::string& scripts_dir) {
  Result<HookReading> reading = read_hook_tree(scripts_dir);
  EXPECT_TRUE(reading.ok()) << (reading ? "" : reading.error().text);
  return reading ? *std::move(reading) : HookReading{};
}

TEST(HookTree, finds_the_scripts_of_each_hook_sorted_bytewise) {
  const TempDir dir;
  for (const char* name : {"b", "a", "10", "9", "A", "_", "\xc3\xa4", "a b", "z.sh"})
    dir.write(std::string("backups/") + name, "");
  for (const Hook hook : core::all_hooks) dir.write(std::string(core::name_of(hook)) + "/only", "");
  const HookReading reading = read(dir.path());
  EXPECT_EQ(names(reading, Hook::backups), (Texts{"10", "9", "A", "_", "a", "a b", "b", "only", "z.sh", "\xc3\xa4"}));
  for (const Hook hook : core::all_hooks) {
    EXPECT_EQ(names(reading, hook).size(), hook == Hook::backups ? 10U : 1U) << core::name_of(hook);
  }
  EXPECT_EQ(reading.warnings, Texts{});
  EXPECT_EQ(reading.skipped, Texts{});
}

TEST(HookTree, a_script_has_the_path_a_user_would_type) {
  const TempDir dir;
  dir.write("backups/bkp", "");
  for (const std::string& scripts_dir : {dir.path(), dir.path() + "/", dir.path() + "//"}) {
    const HookReading reading = read(scripts_dir);
    ASSERT_EQ(reading.hooks.scripts(Hook::backups).size(), 1U);
    EXPECT_EQ(reading.hooks.scripts(Hook::backups)[0], (core::Script{Hook::backups, "bkp", dir / "backups/bkp"}));
  }
}

TEST(HookTree, permissions_and_content_do_not_matter) {
  const TempDir dir;
  dir.write("backups/plain", "", 0644);
  dir.write("backups/secret", "", 0);
  const WithoutRoot unprivileged;
  EXPECT_EQ(names(read(dir.path()), Hook::backups), (Texts{"plain", "secret"}));
}

TEST(HookTree, follows_links_to_scripts) {
  const TempDir dir;
  dir.write("real", "");
  dir.make_folder("backups");
  dir.link("../real", "backups/link");
  dir.link("link", "backups/link-to-link");
  const HookReading reading = read(dir.path());
  EXPECT_EQ(names(reading, Hook::backups), (Texts{"link", "link-to-link"}));
  EXPECT_EQ(reading.hooks.scripts(Hook::backups)[0].path, dir / "backups/link");
}

TEST(HookTree, reads_what_the_kubelet_mounts) {
  const TempDir dir;
  dir.write("backups/..2026_01_02_03_04_05.678/bkp", "");
  dir.link("..2026_01_02_03_04_05.678", "backups/..data");
  dir.link("..data/bkp", "backups/bkp");
  dir.link("..data/next", "backups/next");  // the link of a new key comes before the swap
  const HookReading reading = read(dir.path());
  EXPECT_EQ(names(reading, Hook::backups), Texts{"bkp"});
  EXPECT_EQ(reading.warnings, Texts{});
  EXPECT_EQ(reading.hidden,
            (Texts{"'" + (dir / "backups/..2026_01_02_03_04_05.678") + "' is skipped: its name starts with '.'",
                   "'" + (dir / "backups/..data") + "' is skipped: its name starts with '.'"}));
  EXPECT_EQ(reading.skipped, (Texts{"'" + (dir / "backups/next") + "' is skipped: it is a dangling link"}));
}

TEST(HookTree, hook_folders_may_be_links_to_folders) {
  const TempDir dir;
  dir.write("..data/somewhere/bkp", "");
  dir.link("..data/somewhere", "backups");
  const HookReading reading = read(dir.path());
  EXPECT_EQ(names(reading, Hook::backups), Texts{"bkp"});
  EXPECT_EQ(reading.hooks.scripts(Hook::backups)[0].path, dir / "backups/bkp");
  EXPECT_EQ(reading.warnings, Texts{});
}

TEST(HookTree, says_why_it_skips_a_file) {
  const TempDir dir;
  const std::string backups = dir.make_folder("backups");
  dir.write("backups/bkp", "");
  const auto expect_skipped = [&](const std::string& name, const std::string& why) {
    const HookReading reading = read(dir.path());
    EXPECT_EQ(names(reading, Hook::backups), Texts{"bkp"}) << name;
    EXPECT_EQ(reading.skipped, Texts{"'" + backups + "/" + name + "' is skipped: " + why});
    EXPECT_EQ(reading.warnings, Texts{});
    std::filesystem::remove_all(backups + "/" + name);
  };

  dir.write("backups/.bkp.swp", "");
  EXPECT_EQ(read(dir.path()).hidden, Texts{"'" + backups + "/.bkp.swp' is skipped: its name starts with '.'"});
  dir.make_folder("backups/lib");
  expect_skipped("lib", "it is a folder");
  dir.link("nowhere", "backups/dangling");
  expect_skipped("dangling", "it is a dangling link");
  dir.link("bkp/below", "backups/through-file");
  expect_skipped("through-file", "it is a dangling link");
  dir.link("loop", "backups/loop");
  expect_skipped("loop", "it is a dangling link");
  dir.link("..", "backups/up");
  expect_skipped("up", "it is a folder");
  ASSERT_EQ(::mkfifo((backups + "/fifo").c_str(), 0644), 0);
  expect_skipped("fifo", "it is a FIFO");
  dir.link("/dev/null", "backups/null");
  expect_skipped("null", "it is a device");

  const os::UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string socket_path = backups + "/socket";
  ASSERT_LT(socket_path.size(), sizeof address.sun_path);
  std::memcpy(address.sun_path, socket_path.c_str(), socket_path.size());
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  expect_skipped("socket", "it is a socket");
}

TEST(HookTree, missing_and_empty_folders_have_no_scripts) {
  const TempDir dir;
  dir.make_folder("before_backups");
  dir.write("backups/bkp", "");
  const HookReading reading = read(dir.path());
  EXPECT_EQ(names(reading, Hook::before_backups), Texts{});
  EXPECT_EQ(names(reading, Hook::after_backups), Texts{});
  EXPECT_EQ(reading.warnings, Texts{});
}

TEST(HookTree, warns_when_there_is_nothing_to_back_up) {
  const TempDir dir;
  dir.write("before_backups/first", "");
  const Texts expected = {"no script in '" + (dir / "backups") + "': nothing will be backed up"};
  EXPECT_EQ(read(dir.path()).warnings, expected);
  dir.write("backups/.hidden", "");
  EXPECT_EQ(read(dir.path() + "/").warnings, expected);
}

TEST(HookTree, warns_of_folders_that_are_no_hooks) {
  const struct {
    std::string name;
    std::string advice;
  } rows[] = {
      {"before_backup", "did you mean 'before_backups'?"},
      {"before-backups", "did you mean 'before_backups'?"},
      {"Before_Backups", "did you mean 'before_backups'?"},
      {"backup", "did you mean 'backups'?"},
      {"after_bakcups", "did you mean 'after_backups'?"},
      {"onerror", "did you mean 'on_error'?"},
      {"install_dependency", "did you mean 'install_dependencies'?"},
      {"sql", "the hooks are install_dependencies, before_backups, backups, after_backups, on_error"},
  };
  for (const auto& row : rows) {
    const TempDir dir;
    dir.write("backups/bkp", "");
    dir.make_folder(row.name);
    EXPECT_EQ(read(dir.path()).warnings, Texts{"folder '" + (dir / row.name) + "' is not a hook; " + row.advice});
  }
}

TEST(HookTree, warns_of_links_to_folders_too_and_of_nothing_else_in_the_root) {
  const TempDir dir;
  dir.write("backups/bkp", "");
  dir.write("README.md", "");
  dir.write("..2026_01_02/file", "");
  dir.link("..2026_01_02", "..data");
  dir.link("nowhere", "dangling");
  dir.link("README.md", "link");
  EXPECT_EQ(read(dir.path()).warnings, Texts{});
  dir.link("backups", "backup");
  EXPECT_EQ(read(dir.path()).warnings,
            Texts{"folder '" + (dir / "backup") + "' is not a hook; did you mean 'backups'?"});
}

TEST(HookTree, takes_lib_for_what_it_is) {
  const TempDir dir;
  dir.write("backups/bkp", "");
  dir.make_folder("lib");
  const HookReading reading = read(dir.path());
  EXPECT_EQ(reading.warnings, Texts{});
  EXPECT_EQ(reading.hidden, Texts{"'" + (dir / "lib") + "' is no hook, but a place for what scripts share"});
  EXPECT_EQ(reading.neighbours, Texts{"lib"});
}

TEST(HookTree, warns_of_hooks_that_are_no_folders) {
  const TempDir dir;
  dir.write("backups/bkp", "");
  dir.write("before_backups", "");
  dir.link("nowhere", "after_backups");
  dir.link("on_error", "on_error");
  const HookReading reading = read(dir.path());
  EXPECT_EQ(names(reading, Hook::backups), Texts{"bkp"});
  EXPECT_EQ(reading.warnings,
            (Texts{"'" + (dir / "after_backups") + "' is a dangling link, not a folder: the hook has no scripts",
                   "'" + (dir / "before_backups") + "' is not a folder: the hook has no scripts",
                   "'" + (dir / "on_error") + "' is a dangling link, not a folder: the hook has no scripts"}));
}

TEST(HookTree, a_missing_folder_of_scripts_is_not_found) {
  const TempDir dir;
  const Result<HookReading> reading = read_hook_tree(dir / "scripts/");
  ASSERT_FALSE(reading.ok());
  EXPECT_EQ(reading.error().code, ErrorCode::not_found);
  EXPECT_EQ(reading.error().text, "the folder of scripts '" + (dir / "scripts") + "' does not exist");
}

TEST(HookTree, a_folder_of_scripts_that_is_a_file_is_an_error) {
  const TempDir dir;
  const Result<HookReading> reading = read_hook_tree(dir.write("scripts", ""));
  ASSERT_FALSE(reading.ok());
  EXPECT_EQ(reading.error().text, "cannot read the folder of scripts '" + (dir / "scripts") + "': Not a directory");
}

/// One script stands for all of a hook, and cannot be started for that reason.
void expect_stand_in(const HookReading& reading, Hook hook, const std::string& path, const std::string& why) {
  const std::vector<core::Script>& scripts = reading.hooks.scripts(hook);
  ASSERT_EQ(scripts.size(), 1U);
  EXPECT_TRUE(stands_for_hook(scripts[0]));
  EXPECT_EQ(scripts[0].path, path);
  ASSERT_FALSE(scripts[0].interpreter.ok());
  EXPECT_EQ(scripts[0].interpreter.error().text, why);
  ASSERT_TRUE(reading.unreadable);
  EXPECT_EQ(reading.unreadable->text, why);
}

TEST(HookTree, an_unreadable_folder_of_scripts_is_an_error) {
  const TempDir dir;
  dir.write("backups/bkp", "");
  ASSERT_EQ(::chmod(dir.path().c_str(), 0), 0);
  {
    const WithoutRoot unprivileged;
    const Result<HookReading> reading = read_hook_tree(dir.path());
    ASSERT_FALSE(reading.ok());
    EXPECT_EQ(reading.error().code, ErrorCode::io);
    EXPECT_NE(reading.error().text.find("Permission denied"), std::string::npos) << reading.error().text;
  }
  ASSERT_EQ(::chmod(dir.path().c_str(), 0755), 0);
}

TEST(HookTree, of_an_unreadable_hook_one_script_stands_for_all_and_the_others_are_there) {
  const TempDir dir;
  dir.write("backups/bkp", "");
  dir.write("on_error/mail", "");
  ASSERT_EQ(::chmod((dir / "backups").c_str(), 0), 0);
  {
    const WithoutRoot unprivileged;
    const HookReading reading = read(dir.path());
    expect_stand_in(reading, Hook::backups, dir / "backups",
                    "cannot read folder '" + (dir / "backups") + "': Permission denied");
    EXPECT_EQ(names(reading, Hook::on_error), Texts{"mail"});
    EXPECT_FALSE(stands_for_hook(reading.hooks.scripts(Hook::on_error)[0]));
    EXPECT_EQ(reading.warnings, Texts{});
  }
  ASSERT_EQ(::chmod((dir / "backups").c_str(), 0755), 0);
}

TEST(HookTree, of_a_hook_with_a_link_that_may_not_be_followed_too) {
  const TempDir dir;
  dir.write("secret/bkp", "");
  dir.make_folder("backups");
  dir.link("../secret/bkp", "backups/bkp");
  ASSERT_EQ(::chmod((dir / "secret").c_str(), 0), 0);
  {
    const WithoutRoot unprivileged;
    expect_stand_in(read(dir.path()), Hook::backups, dir / "backups",
                    "cannot follow '" + (dir / "backups/bkp") + "': Permission denied");
  }
  ASSERT_EQ(::chmod((dir / "secret").c_str(), 0755), 0);
}

TEST(HookTree, reads_the_root_folder_too) {
  const Result<HookReading> reading = read_hook_tree("/");
  ASSERT_TRUE(reading.ok());
  EXPECT_NE(std::find(reading->warnings.begin(), reading->warnings.end(),
                      "no script in '/backups': nothing will be backed up"),
            reading->warnings.end());
}

}  // namespace
}  // namespace sidefridge::hooks
