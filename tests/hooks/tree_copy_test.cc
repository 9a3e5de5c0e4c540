#include "sidefridge/hooks/tree_copy.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "../os/fixture.h"
#include "kubelet_volume.h"
#include "sidefridge/hooks/tree_snapshot.h"

namespace sidefridge::hooks {
namespace {

using namespace os;

namespace fs = std::filesystem;
using core::Hook;
using Files = Payload;
using Texts = std::vector<std::string>;

/// All files below a folder, and what is in them.
Files files_below(const std::string& folder) {
  Files files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_symlink() || !entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    files[entry.path().lexically_relative(folder)] = std::string(std::istreambuf_iterator<char>(file), {});
  }
  return files;
}

HookReading copy(const std::string& scripts_dir, const std::string& destination, const CopySettings& settings = {}) {
  Result<HookVersion> reading = copy_hook_tree(scripts_dir, destination, settings);
  EXPECT_TRUE(reading.ok()) << (reading ? "" : reading.error().text);
  return reading ? *std::move(reading) : HookReading{};
}

/// What executes the copy of a script.
std::vector<std::string> argv_in(const std::string& copy, core::Script script) {
  script.run_path = copy + "/" + script.tag();
  return script.argv();
}

Texts scripts_of(const HookReading& reading, Hook hook) {
  Texts names;
  for (const core::Script& script : reading.hooks.scripts(hook)) names.push_back(script.name);
  return names;
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777;
}

std::size_t open_descriptors() {
  const fs::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

/// Where files are quickly made and gone.
std::string memory_folder() {
  return fs::is_directory("/dev/shm") ? "/dev/shm" : fs::temp_directory_path().string();
}

/// A tmpfs over `folder`, for this process alone. Returns: false when we may not mount.
bool mount_tmpfs(const std::string& folder, unsigned long flags, const std::string& options) {
  return ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("tmpfs", folder.c_str(), "tmpfs", flags, options.c_str()) == 0;
}

TEST(TreeCopy, has_the_layout_of_the_hook_folders) {
  const TempDir dir;
  dir.write("scripts/backups/10-db", "#!/bin/sh\n");
  dir.write("scripts/backups/.hidden", "dot");
  dir.write("scripts/backups/lib/deep/tables.sql", "select 1", 0644);
  dir.write("scripts/backups/..kubelet", "");
  dir.write("scripts/backups/lib/..data/x", "");
  dir.write("scripts/on_error/alert", "alert");
  dir.write("scripts/lib/beside", "");
  dir.write("scripts/readme", "");
  dir.write("elsewhere/tool", "tool");
  dir.write("elsewhere/folder/part", "part");
  dir.link("../../elsewhere/tool", "scripts/backups/20-link");
  dir.link("../../elsewhere/folder", "scripts/backups/linked");
  dir.link("nowhere", "scripts/backups/dangling");
  ASSERT_EQ(::mkfifo((dir / "scripts/backups/fifo").c_str(), 0644), 0);
  dir.link("/dev/null", "scripts/backups/device");
  dir.make_folder("scripts/after_backups");

  const HookReading reading = copy(dir / "scripts", dir / "copy");
  EXPECT_EQ(files_below(dir / "copy"), (Files{{"backups/10-db", "#!/bin/sh\n"},
                                              {"backups/.hidden", "dot"},
                                              {"backups/20-link", "tool"},
                                              {"backups/lib/deep/tables.sql", "select 1"},
                                              {"on_error/alert", "alert"}}));
  EXPECT_TRUE(fs::is_directory(dir / "copy/after_backups"));
  EXPECT_FALSE(fs::exists(dir / "copy/before_backups"));
  EXPECT_EQ(std::distance(fs::directory_iterator(dir / "copy/backups"), {}), 6);
  EXPECT_EQ(fs::read_symlink(dir / "copy/backups/linked"), dir / "scripts/backups/../../elsewhere/folder");
  EXPECT_EQ(fs::read_symlink(dir / "copy/backups/device"), "/dev/null");
  ASSERT_EQ(scripts_of(reading, Hook::backups), (Texts{"10-db", "20-link"}));
  EXPECT_EQ(reading.hooks.scripts(Hook::backups)[0].path, dir / "scripts/backups/10-db");
  EXPECT_EQ(reading.hooks.scripts(Hook::backups)[0].run_path, dir / "scripts/backups/10-db");
}

TEST(TreeCopy, links_lead_where_they_lead_by_hand) {
  const TempDir dir;
  dir.write("scripts/backups/10-db", "of the version");
  dir.write("scripts/backups/lib/x", "of the version");
  dir.write("scripts/lib/common", "common");
  dir.write("git/part", "elsewhere");
  dir.write("git/tool", "tool");
  dir.link("10-db", "scripts/backups/20-same");
  dir.link("lib/x", "scripts/backups/.x");
  dir.link("../10-db", "scripts/backups/lib/up");
  dir.link(".", "scripts/backups/.here");
  dir.link("../lib", "scripts/backups/lib-beside");
  dir.link("../../../git/part", "scripts/backups/lib/part");
  dir.link(dir / "git/part", "scripts/backups/.part");
  dir.link(dir / "scripts/backups/lib", "scripts/backups/.absolute");
  dir.link("../../git/tool", "scripts/backups/30-tool");
  // Where the folder of a hook is a link, a link in it begins where that leads to.
  dir.write("git/hooks/on_error/10", "alert");
  dir.link("../../tool", "git/hooks/on_error/.tool");
  dir.link("../git/hooks/on_error", "scripts/on_error");
  const HookReading reading = copy(dir / "scripts", dir / "copy");
  EXPECT_EQ(scripts_of(reading, Hook::backups), (Texts{"10-db", "20-same", "30-tool"}));
  const std::string backups = dir / "copy/backups/";
  EXPECT_EQ(fs::read_symlink(backups + "20-same"), "10-db");
  EXPECT_EQ(fs::read_symlink(backups + ".x"), "lib/x");
  EXPECT_EQ(fs::read_symlink(backups + "lib/up"), "../10-db");
  EXPECT_EQ(fs::read_symlink(backups + ".here"), ".");
  EXPECT_EQ(fs::read_symlink(backups + ".part"), dir / "git/part");
  EXPECT_TRUE(fs::equivalent(backups + "lib-beside", dir / "scripts/lib"));
  EXPECT_TRUE(fs::is_symlink(backups + "lib/part"));
  EXPECT_TRUE(fs::equivalent(backups + "lib/part", dir / "git/part"));
  EXPECT_TRUE(fs::equivalent(dir / "copy/on_error/.tool", dir / "git/tool"));
  EXPECT_FALSE(fs::is_symlink(backups + ".absolute")) << "it would lead back to what is no copy";
  EXPECT_EQ(files_below(backups + ".absolute").at("x"), "of the version");
  EXPECT_FALSE(fs::is_symlink(backups + "30-tool")) << "a script is of the version, wherever it lies";
}

TEST(TreeCopy, a_file_that_has_no_size_is_read_to_its_end) {
  const TempDir dir;
  dir.write("scripts/backups/10", "#!/bin/sh\n");
  dir.link("/proc/self/status", "scripts/backups/20");
  const HookReading reading = copy(dir / "scripts", dir / "copy");
  EXPECT_NE(files_below(dir / "copy").at("backups/20").find("Threads:"), std::string::npos);
}

TEST(TreeCopy, reads_as_one_reads_in_place) {
  const TempDir dir;
  dir.write("scripts/backups/10-db", "");
  dir.write("scripts/backups/.swp", "");
  dir.write("scripts/on_error", "");
  dir.make_folder("scripts/backup");
  for (const std::string& scripts_dir : {dir / "scripts", dir / "scripts//"}) {
    const HookReading copied = copy(scripts_dir, dir / "copy");
    const Result<HookReading> in_place = read_hook_tree(scripts_dir);
    EXPECT_EQ(copied.warnings, in_place->warnings);
    EXPECT_EQ(copied.skipped, in_place->skipped);
    EXPECT_EQ(copied.hidden, in_place->hidden);
    EXPECT_EQ(copied.hooks.scripts(Hook::backups)[0].path, in_place->hooks.scripts(Hook::backups)[0].path);
    remove_tree(dir / "copy");
  }
  const Result<HookVersion> missing = copy_hook_tree(dir / "missing", dir / "copy", {});
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
  EXPECT_EQ(missing.error().text, read_hook_tree(dir / "missing").error().text);
}

TEST(TreeCopy, scripts_find_what_lies_beside_them) {
  const TempDir dir;
  dir.write("scripts/backups/10-db", ". \"$(dirname \"$0\")/lib.sh\"\n", 0644);
  dir.write("scripts/backups/lib.sh", "echo found by $0\n");
  const HookReading reading = copy(dir / "scripts", dir / "copy");
  const core::Script& script = reading.hooks.scripts(Hook::backups)[0];
  remove_tree(dir / "scripts");
  EXPECT_EQ(output_of(argv_in(dir / "copy", script)), "found by " + (dir / "copy/backups/10-db\n"));
}

TEST(TreeCopy, scripts_find_what_lies_beside_the_hooks) {
  const TempDir dir;
  dir.write("scripts/backups/10-db", ". \"$(dirname \"$0\")/../lib/common.sh\"\n", 0644);
  dir.write("scripts/lib/common.sh", "echo common\n");
  dir.write("scripts/.hidden/x", "");
  dir.write("scripts/..kubelets/x", "");
  const HookReading reading = copy(dir / "scripts", dir / "copy");
  const core::Script& script = reading.hooks.scripts(Hook::backups)[0];
  EXPECT_EQ(output_of(argv_in(dir / "copy", script)), "common\n");
  EXPECT_TRUE(fs::exists(dir / "copy/.hidden/x"));
  EXPECT_FALSE(fs::exists(dir / "copy/..kubelets"));
  EXPECT_EQ(reading.neighbours, (Texts{".hidden", "lib"}));
  remove_tree(dir / "copy");
  EXPECT_TRUE(fs::exists(dir / "scripts/lib/common.sh")) << "the links go, not what they lead to";
}

TEST(TreeCopy, may_be_read_entered_and_executed_by_whoever_may_do_so_in_the_original) {
  const TempDir dir;
  dir.write("scripts/backups/everybody", "", 0777);
  dir.write("scripts/backups/owner", "", 0500);
  dir.write("scripts/backups/group", "", 0450);
  dir.write("scripts/backups/plain", "", 0640);
  dir.write("scripts/backups/lib/plain", "", 0444);
  dir.write("scripts/on_error/10", "");
  ASSERT_EQ(::chmod((dir / "scripts").c_str(), 0755), 0);
  ASSERT_EQ(::chmod((dir / "scripts/backups").c_str(), 0751), 0);
  ASSERT_EQ(::chmod((dir / "scripts/backups/lib").c_str(), 0555), 0);
  ASSERT_EQ(::chmod((dir / "scripts/on_error").c_str(), 0700), 0);
  copy(dir / "scripts", dir / "copy");
  for (const char* file : {"everybody", "owner", "group", "plain", "lib/plain"}) {
    EXPECT_EQ(mode_of(dir / "copy/backups/" + file), mode_of(dir / "scripts/backups/" + file)) << file;
  }
  EXPECT_EQ(mode_of(dir / "copy"), 0755U);
  EXPECT_EQ(mode_of(dir / "copy/backups"), 0751U);
  EXPECT_EQ(mode_of(dir / "copy/backups/lib"), 0755U) << "that we can remove it";
  EXPECT_EQ(mode_of(dir / "copy/on_error"), 0700U);
}

TEST(TreeCopy, opens_nothing_that_cannot_be_reached) {
  const TempDir dir;
  dir.write("closed/scripts/backups/10", "");
  dir.write("closed/hooks/10", "");
  dir.write("open/scripts/backups/10", "");
  dir.link("../../closed/hooks", "open/scripts/on_error");
  ASSERT_EQ(::chmod((dir / "closed").c_str(), 0700), 0);
  copy(dir / "closed/scripts", dir / "copy");
  EXPECT_EQ(mode_of(dir / "copy"), 0700U);
  copy(dir / "open/scripts", dir / "other");
  EXPECT_EQ(mode_of(dir / "other"), mode_of(dir / "open/scripts"));
  EXPECT_EQ(mode_of(dir / "other/on_error"), 0700U);
}

TEST(TreeCopy, keeps_owners) {
  if (::geteuid() != 0) GTEST_SKIP() << "may not give files away";
  const TempDir dir;
  ASSERT_EQ(::chown(dir.write("scripts/backups/10", "", 0700).c_str(), 65534, 65534), 0);
  ASSERT_EQ(::chown((dir / "scripts/backups").c_str(), 65534, 65534), 0);
  copy(dir / "scripts", dir / "copy");
  for (const char* path : {"copy/backups", "copy/backups/10"}) {
    struct stat status {};
    ASSERT_EQ(::stat((dir / path).c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, 65534U) << path;
    EXPECT_EQ(status.st_gid, 65534U) << path;
  }
}

TEST(TreeCopy, long_files_come_whole) {
  const TempDir dir;
  for (const std::size_t size : {0U, 1U, 65535U, 65536U, 65537U, 200'000U}) {
    std::string content(size, '\0');
    for (std::size_t i = 0; i < size; ++i) content[i] = static_cast<char>(i * 31 >> 3);
    dir.write("scripts/backups/bytes", content);
    copy(dir / "scripts", dir / "copy");
    EXPECT_TRUE(files_below(dir / "copy") == (Files{{"backups/bytes", content}})) << size;
    remove_tree(dir / "copy");
  }
}

TEST(TreeCopy, digests_tell_every_change_and_nothing_else) {
  const TempDir dir;
  dir.write("scripts/backups/10-db", "one", 0644);
  dir.write("scripts/backups/lib/x", "x", 0644);
  dir.write("scripts/on_error/alert", "alert", 0644);
  const core::HookSet first = copy(dir / "scripts", dir / "1").hooks;
  int copies = 1;
  const auto next = [&] { return copy(dir / "scripts", dir / std::to_string(++copies)).hooks; };
  EXPECT_EQ(next(), first);
  EXPECT_NE(first.scripts(Hook::backups)[0].digest, first.scripts(Hook::on_error)[0].digest);

  const auto expect_changed = [&](const std::string& what, bool script_too) {
    const core::HookSet changed = next();
    EXPECT_NE(changed.digest(Hook::backups), first.digest(Hook::backups)) << what;
    EXPECT_EQ(changed.digest(Hook::on_error), first.digest(Hook::on_error)) << what;
    EXPECT_EQ(changed.scripts(Hook::backups)[0] != first.scripts(Hook::backups)[0], script_too) << what;
  };
  dir.write("scripts/backups/10-db", "two", 0644);
  expect_changed("content", true);
  dir.write("scripts/backups/10-db", "one", 0755);
  expect_changed("x permission", true);
  dir.write("scripts/backups/10-db", "one", 0600);
  dir.write("scripts/backups/lib/x", "y", 0644);
  expect_changed("a file deep below", false);
  dir.write("scripts/backups/lib/x", "x", 0444);
  EXPECT_EQ(next(), first);
  fs::rename(dir / "scripts/backups/lib/x", dir / "scripts/backups/lib/y");
  expect_changed("another name", false);
  fs::rename(dir / "scripts/backups/lib/y", dir / "scripts/backups/lib/x");
  dir.make_folder("scripts/backups/empty");
  expect_changed("an empty folder", false);
  fs::remove(dir / "scripts/backups/empty");
  dir.make_folder("scripts/before_backups");
  EXPECT_EQ(next(), first) << "a hook without scripts, with and without a folder";
}

TEST(TreeCopy, never_touches_what_is_at_its_destination) {
  const TempDir dir;
  dir.write("scripts/backups/10-db", "");
  dir.write("copy/precious", "kept");
  const Result<HookVersion> onto = copy_hook_tree(dir / "scripts", dir / "copy", {});
  ASSERT_FALSE(onto.ok());
  EXPECT_EQ(onto.error().code, ErrorCode::io);
  EXPECT_EQ(files_below(dir / "copy"), (Files{{"precious", "kept"}}));

  const Result<HookVersion> nowhere = copy_hook_tree(dir / "scripts", dir / "no/copy", {});
  ASSERT_FALSE(nowhere.ok());
  EXPECT_EQ(nowhere.error().code, ErrorCode::io);
}

TEST(TreeCopy, a_script_that_may_not_be_read_says_so_and_what_lies_beside_is_left_out) {
  const TempDir dir;
  dir.write("scripts/backups/10-db", "db");
  dir.write("scripts/backups/.secret", "", 0);
  dir.write("scripts/backups/lib/x", "");
  ASSERT_EQ(::chmod((dir / "scripts/backups/lib").c_str(), 0), 0);
  ASSERT_EQ(::chmod(dir.path().c_str(), 0777), 0);
  {
    const WithoutRoot unprivileged;
    const HookReading reading = copy(dir / "scripts", dir / "copy");
    EXPECT_EQ(files_below(dir / "copy"), (Files{{"backups/10-db", "db"}}));
    EXPECT_EQ(reading.skipped.back(),
              "'" + (dir / "scripts/backups/.secret") + "' may not be read: a copy does not have it");
    remove_tree(dir / "copy");
  }
  dir.write("scripts/backups/20-secret", "", 0);
  {
    const WithoutRoot unprivileged;
    const Result<HookVersion> reading = read_hooks(dir / "scripts", {});
    ASSERT_TRUE(reading.ok()) << reading.error().text;
    EXPECT_EQ(reading->unreadable->text,
              "cannot read '" + (dir / "scripts/backups/20-secret") + "': Permission denied");
    const std::vector<core::Script>& scripts = reading->hooks.scripts(Hook::backups);
    EXPECT_TRUE(scripts[0].interpreter.ok());
    ASSERT_FALSE(scripts[1].interpreter.ok());
    EXPECT_EQ(scripts[1].interpreter.error().text, "it cannot be read: Permission denied");
  }
  ASSERT_EQ(::chmod((dir / "scripts/backups/lib").c_str(), 0700), 0);
}

// ---- too large ------------------------------------------------------------------------------------------------------

TEST(TreeCopy, a_hook_that_is_too_large_is_not_copied_and_the_others_are) {
  const TempDir dir;
  dir.write("scripts/install_dependencies/10", "install");
  dir.write("scripts/backups/10-db", std::string(600, 'x'));
  dir.write("scripts/backups/lib/x", std::string(400, 'x'));
  dir.write("scripts/on_error/10", "alert");
  CopySettings settings;
  settings.limit_bytes = 1012;
  const core::HookSet whole = copy(dir / "scripts", dir / "copy", settings).hooks;
  EXPECT_TRUE(fs::exists(dir / "copy/backups/10-db"));
  remove_tree(dir / "copy");

  settings.limit_bytes = 1006;
  const HookReading reading = copy(dir / "scripts", dir / "copy", settings);
  EXPECT_EQ(fs::read_symlink(dir / "copy/backups"), dir / "scripts/backups");
  EXPECT_EQ(files_below(dir / "copy"), (Files{{"install_dependencies/10", "install"}, {"on_error/10", "alert"}}));
  EXPECT_EQ(reading.warnings, Texts{"hook 'backups' is too large to copy (it holds more than 1006 bytes): it runs from "
                                    "where it is, and a change during a run may mix versions"});
  EXPECT_EQ(reading.hooks.digest(Hook::install_dependencies), whole.digest(Hook::install_dependencies));
  EXPECT_EQ(reading.hooks.scripts(Hook::backups), whole.scripts(Hook::backups)) << "digests are of the content";
  remove_tree(dir / "copy");
  dir.write("scripts/backups/10-db", std::string(601, 'x'));
  const HookReading changed = copy(dir / "scripts", dir / "copy", settings);
  EXPECT_NE(changed.hooks.scripts(Hook::backups)[0], reading.hooks.scripts(Hook::backups)[0]);
  EXPECT_NE(changed.hooks.digest(Hook::backups), reading.hooks.digest(Hook::backups));
}

TEST(TreeCopy, folders_are_copied_eight_deep) {
  const TempDir dir;
  dir.write("scripts/backups/2/3/4/5/6/7/8/deep", "deep");
  EXPECT_EQ(copy(dir / "scripts", dir / "copy").warnings.size(), 1U);
  EXPECT_EQ(files_below(dir / "copy"), (Files{{"backups/2/3/4/5/6/7/8/deep", "deep"}}));

  dir.make_folder("scripts/backups/2/3/4/5/6/7/8/9");
  const HookReading reading = copy(dir / "scripts", dir / "deeper");
  ASSERT_EQ(reading.warnings.size(), 2U);
  EXPECT_NE(reading.warnings[1].find("folder 'backups/2/3/4/5/6/7/8/9' lies deeper than 8 folders"), std::string::npos)
      << reading.warnings[1];
}

TEST(TreeCopy, links_in_a_circle_are_copied_as_links) {
  const TempDir dir;
  dir.write("scripts/backups/10-db", "db");
  for (const char* name : {"a", "b", "c", "d"}) dir.link(".", std::string("scripts/backups/") + name);
  dir.link("..", "scripts/backups/.up");
  EXPECT_EQ(copy(dir / "scripts", dir / "copy").warnings, Texts{});
  EXPECT_EQ(files_below(dir / "copy"), (Files{{"backups/10-db", "db"}}));
  EXPECT_TRUE(fs::exists(dir / "copy/backups/a/b/c/d/10-db"));
}

TEST(TreeSnapshot, gives_up_at_a_number_of_files) {
  const TempDir dir;
  for (const char* name : {"a", "b", "c"}) dir.write(std::string("backups/") + name, "");
  const TreeLimits enough{.bytes = 10, .entries = 4};
  EXPECT_EQ(take_snapshot(dir.path(), enough, [] {})->entries.size(), 4U);
  const TreeLimits too_few{.bytes = 10, .entries = 3};
  const Result<TreeSnapshot> given_up = take_snapshot(dir.path(), too_few, [] {});
  EXPECT_EQ(given_up->too_large[static_cast<std::size_t>(Hook::backups)], "it holds more than 3 files");
  EXPECT_TRUE(given_up->entries.empty());
}

TEST(TreeSnapshot, knows_what_a_kubelet_keeps) {
  const TempDir dir;
  KubeletVolume(dir / "scripts/backups").become({{"10", "1"}});
  KubeletVolume(dir / "scripts/after_backups/sql").become({{"tables", "1"}});
  KubeletVolume(dir / "elsewhere").become({{"hook/10", "1"}});
  dir.link(dir / "elsewhere/hook", "scripts/on_error");
  dir.write("scripts/before_backups/10", "");
  const Result<TreeSnapshot> snapshot = take_snapshot(dir / "scripts", {.bytes = 100}, [] {});
  EXPECT_EQ(snapshot->swapped, (std::array{false, false, true, true, true}));
  const Result<TreeSnapshot> of_all = take_snapshot(dir / "elsewhere", {.bytes = 100}, [] {});
  EXPECT_EQ(of_all->swapped, (std::array{true, true, true, true, true}));
}

// ---- disks ----------------------------------------------------------------------------------------------------------

TEST(TreeCopy, leaves_nothing_on_a_full_disk) {
  const TempDir dir;
  dir.make_folder("state");
  if (!mount_tmpfs(dir / "state", 0, "size=64k")) GTEST_SKIP() << "may not mount";
  dir.write("scripts/backups/10-small", "small");
  dir.write("scripts/backups/20-large", std::string(100'000, 'x'));
  const Result<HookVersion> reading = copy_hook_tree(dir / "scripts", dir / "state/copy", {});
  ASSERT_FALSE(reading.ok());
  EXPECT_EQ(reading.error().code, ErrorCode::full);
  EXPECT_EQ(reading.error().text,
            "cannot write the copy '" + (dir / "state/copy/backups/20-large") + "': No space left on device");
  EXPECT_TRUE(fs::is_empty(dir / "state"));
  ASSERT_EQ(::umount((dir / "state").c_str()), 0);
}

TEST(TreeCopy, knows_what_executes_a_script_copied_or_not) {
  const TempDir dir;
  dir.write("scripts/backups/10-bash", "#!/bin/bash -e\n" + std::string(1000, '#'));
  dir.write("scripts/backups/20-windows", "#!/bin/sh\r\n");
  for (const std::uint64_t limit_bytes : {std::uint64_t{100'000}, std::uint64_t{100}}) {
    const Result<HookVersion> reading =
        copy_hook_tree(dir / "scripts", dir / "copy", CopySettings{.limit_bytes = limit_bytes});
    ASSERT_TRUE(reading.ok()) << reading.error().text;
    const std::vector<core::Script>& scripts = reading->hooks.scripts(Hook::backups);
    EXPECT_EQ(*scripts[0].interpreter, (core::Interpreter{"/bin/bash", "-e"}));
    ASSERT_FALSE(scripts[1].interpreter.ok());
    EXPECT_EQ(scripts[1].interpreter.error().text, "its first line ends with CRLF: save it with Unix line endings");
    EXPECT_EQ(scripts[0].run_path, scripts[0].path);
    remove_tree(dir / "copy");
  }
}

// ---- changes while it copies ----------------------------------------------------------------------------------------

/// The content of each script names its version, and its length does not.
std::string content_of(const std::string& version, const std::string& name) {
  return "#!/bin/sh\n# " + version + " " + name + "\n";
}

Files version_of(const std::string& version, const Texts& names) {
  Files files;
  for (const std::string& name : names) files[name] = content_of(version, name);
  return files;
}

const Texts keys_of_a = {"10-db", "20-files", "30-old", "lib.sh"};
const Texts keys_of_b = {"10-db", "15-new", "20-files", "lib.sh"};

/// Expects `copied` to be the files of one of the versions, and the reading to be of just these.
void expect_one_of(const std::vector<Files>& versions, const Files& copied, const HookReading& reading,
                   const std::string& prefix) {
  Files without_prefix;
  for (const auto& [name, content] : copied) without_prefix[name.substr(prefix.size())] = content;
  bool whole = false;
  for (const Files& version : versions) whole = whole || without_prefix == version;
  EXPECT_TRUE(whole) << testing::PrintToString(copied);
  std::size_t scripts = 0;
  for (const Hook hook : core::all_hooks) scripts += reading.hooks.scripts(hook).size();
  EXPECT_EQ(scripts, copied.size());
}

/// Copies again and again, with `change` at the first step, at the second, … until a copy has no more steps.
/// `prepare` makes the tree; `examine` looks at what was copied; `change_back` comes a step after `change`.
void at_each_step(
    const TempDir& dir, const std::function<void()>& prepare, const std::function<void()>& change,
    const std::function<void(const HookReading&)>& examine, const std::function<void()>& change_back = [] {}) {
  for (int at = 1;; ++at) {
    remove_tree(dir / "scripts");
    remove_tree(dir / "copy");
    prepare();
    int steps = 0;
    CopySettings settings;
    settings.on_step = [&] {
      ++steps;
      if (steps == at) change();
      if (steps == at + 1) change_back();
    };
    const std::size_t descriptors = open_descriptors();
    const Result<HookVersion> reading = copy_hook_tree(dir / "scripts", dir / "copy", settings);
    ASSERT_TRUE(reading.ok()) << reading.error().text << " at step " << at;
    ASSERT_EQ(open_descriptors(), descriptors);
    examine(*reading);
    if (testing::Test::HasFailure()) FAIL() << "at step " << at;
    if (steps < at) {
      EXPECT_GT(at, 20) << "there were no steps to speak of";
      return;
    }
  }
}

TEST(TreeCopy, a_swap_between_any_two_steps_mixes_nothing) {
  const TempDir dir;
  const Files a = version_of("A", keys_of_a);
  const Files b = version_of("B", keys_of_b);
  std::unique_ptr<KubeletVolume> writer;
  at_each_step(
      dir,
      [&] {
        writer = std::make_unique<KubeletVolume>(dir / "scripts/backups");
        writer->become(a);
      },
      [&] { writer->become(b); },
      [&](const HookReading& reading) {
        expect_one_of({a, b}, files_below(dir / "copy"), reading, "backups/");
      });
}

TEST(TreeCopy, two_swaps_between_any_two_steps_mix_nothing) {
  const TempDir dir;
  const Files a = version_of("A", keys_of_a);
  const Files b = version_of("B", keys_of_b);
  const Files c = version_of("C", keys_of_a);
  std::unique_ptr<KubeletVolume> writer;
  at_each_step(
      dir,
      [&] {
        writer = std::make_unique<KubeletVolume>(dir / "scripts/backups");
        writer->become(a);
      },
      [&] {
        writer->become(b);
        writer->become(c);
      },
      [&](const HookReading& reading) {
        expect_one_of({a, c}, files_below(dir / "copy"), reading, "backups/");
      });
}

TEST(TreeCopy, a_swap_of_all_hooks_at_once_mixes_nothing_between_hooks) {
  const TempDir dir;
  const Files a = version_of("A", {"backups/10-db", "backups/20-files", "before_backups/old", "on_error/alert"});
  const Files b = version_of("B", {"after_backups/new", "backups/10-db", "backups/30-more", "on_error/alert"});
  std::unique_ptr<KubeletVolume> writer;
  at_each_step(
      dir,
      [&] {
        // Its keys are folders: "backups -> ..data/backups".
        writer = std::make_unique<KubeletVolume>(dir / "scripts");
        writer->become(a);
      },
      [&] { writer->become(b); },
      [&](const HookReading& reading) {
        expect_one_of({a, b}, files_below(dir / "copy"), reading, "");
      });
}

TEST(TreeCopy, a_swap_there_and_back_mixes_nothing) {
  const TempDir dir;
  for (const auto& [name, content] : version_of("A", keys_of_a)) dir.write("a/" + name, content);
  for (const auto& [name, content] : version_of("B", keys_of_a)) dir.write("b/" + name, content);
  const auto lead_to = [&](const char* target) {
    dir.link(target, "scripts/new");
    fs::rename(dir / "scripts/new", dir / "scripts/backups");
  };
  at_each_step(
      dir,
      [&] {
        dir.make_folder("scripts");
        lead_to("../a");
      },
      [&] { lead_to("../b"); },
      [&](const HookReading& reading) {
        expect_one_of({version_of("A", keys_of_a)}, files_below(dir / "copy"), reading, "backups/");
      },
      [&] { lead_to("../a"); });
}

TEST(TreeCopy, a_copy_between_any_two_steps_of_the_kubelet_is_whole) {
  const TempDir dir;
  const Files a = version_of("A", keys_of_a);
  const Files b = version_of("B", keys_of_b);
  KubeletVolume writer(dir / "scripts/backups");
  writer.become(a);
  int copies = 0;
  writer.become(b, [&] {
    const HookReading reading = copy(dir / "scripts", dir / "copy");
    expect_one_of({a, b}, files_below(dir / "copy"), reading, "backups/");
    remove_tree(dir / "copy");
    ++copies;
  });
  EXPECT_GT(copies, 8);
}

TEST(TreeCopy, an_edit_between_any_two_steps_is_there_wholly_or_not_at_all) {
  const struct {
    const char* what;
    std::function<void(const TempDir&)> edit;
    Files after;
  } rows[] = {
      {"written over",
       [](const TempDir& dir) { dir.write("scripts/backups/20-files", "edited longer"); },
       {{"10-db", "db"}, {"20-files", "edited longer"}, {"lib/x", "x"}}},
      {"renamed over",
       [](const TempDir& dir) {
         dir.write("new", "edited");
         fs::rename(dir / "new", dir / "scripts/backups/20-files");
       },
       {{"10-db", "db"}, {"20-files", "edited"}, {"lib/x", "x"}}},
      {"added",
       [](const TempDir& dir) { dir.write("scripts/backups/15-new", "new"); },
       {{"10-db", "db"}, {"15-new", "new"}, {"20-files", "files"}, {"lib/x", "x"}}},
      {"one added, one written over",
       [](const TempDir& dir) {
         dir.write("scripts/backups/15-new", "new");
         dir.write("scripts/backups/20-files", "edited longer");
       },
       {{"10-db", "db"}, {"15-new", "new"}, {"20-files", "edited longer"}, {"lib/x", "x"}}},
      {"removed",
       [](const TempDir& dir) { fs::remove(dir / "scripts/backups/20-files"); },
       {{"10-db", "db"}, {"lib/x", "x"}}},
      {"a folder deep below",
       [](const TempDir& dir) { dir.write("scripts/backups/lib/y/z", "z"); },
       {{"10-db", "db"}, {"20-files", "files"}, {"lib/x", "x"}, {"lib/y/z", "z"}}},
      {"a FIFO in its place",
       [](const TempDir& dir) {
         fs::remove(dir / "scripts/backups/20-files");
         EXPECT_EQ(::mkfifo((dir / "scripts/backups/20-files").c_str(), 0644), 0);
       },
       {{"10-db", "db"}, {"lib/x", "x"}}},
      {"the hook is gone", [](const TempDir& dir) { remove_tree(dir / "scripts/backups"); }, {}},
  };
  const Files before = {{"10-db", "db"}, {"20-files", "files"}, {"lib/x", "x"}};
  for (const auto& row : rows) {
    SCOPED_TRACE(row.what);
    const TempDir dir;
    at_each_step(
        dir,
        [&] {
          for (const auto& [name, content] : before) dir.write("scripts/backups/" + name, content);
        },
        [&] { row.edit(dir); },
        [&](const HookReading& reading) {
          Files copied;
          Texts scripts;
          for (const auto& [name, content] : files_below(dir / "copy")) {
            copied[name.substr(8)] = content;
            if (!name.starts_with("backups/lib/")) scripts.push_back(name.substr(8));
          }
          EXPECT_EQ(scripts_of(reading, Hook::backups), scripts);
          EXPECT_TRUE(copied == before || copied == row.after) << testing::PrintToString(copied);
        });
  }
}

TEST(TreeCopy, gives_up_on_a_tree_that_keeps_changing) {
  const TempDir dir;
  dir.write("scripts/backups/10-db", "");
  dir.write("scripts/backups/20-files", "");
  std::string content;
  CopySettings settings;
  settings.on_step = [&] { dir.write("scripts/backups/20-files", content += "x"); };
  const std::size_t descriptors = open_descriptors();
  const Result<HookVersion> reading = copy_hook_tree(dir / "scripts", dir / "copy", settings);
  ASSERT_FALSE(reading.ok());
  EXPECT_EQ(reading.error().code, ErrorCode::busy);
  EXPECT_EQ(reading.error().text, "the hooks in '" + (dir / "scripts") + "' kept changing while they were copied");
  EXPECT_FALSE(fs::exists(dir / "copy"));
  EXPECT_EQ(open_descriptors(), descriptors);
}

TEST(TreeRead, takes_a_tree_that_keeps_changing_as_it_is_found) {
  const TempDir dir;
  dir.write("scripts/backups/10-db", "#!/bin/sh\n");
  dir.write("scripts/backups/.log", "");
  std::string content;
  int steps = 0;
  CopySettings settings;
  settings.on_step = [&] {
    ++steps;
    dir.write("scripts/backups/.log", content += "x");
  };
  const Result<HookVersion> reading = read_hooks(dir / "scripts", settings);
  ASSERT_TRUE(reading.ok()) << reading.error().text;
  EXPECT_FALSE(reading->whole);
  EXPECT_EQ(scripts_of(*reading, Hook::backups), Texts{"10-db"});
  EXPECT_TRUE(reading->hooks.scripts(Hook::backups)[0].interpreter.ok());
  EXPECT_LT(steps, 100) << "it does not go on for ever";
}

TEST(TreeRead, has_the_digests_of_a_copy) {
  const TempDir dir;
  dir.write("scripts/install_dependencies/10", "#!/bin/sh\n", 0644);
  dir.write("scripts/install_dependencies/.packages", "curl");
  dir.write("scripts/install_dependencies/lib/x", std::string(200'000, 'x'));
  dir.link("../lib", "scripts/install_dependencies/lib/y");
  const Result<HookVersion> read = read_hooks(dir / "scripts", {});
  const Result<HookVersion> copied = copy_hook_tree(dir / "scripts", dir / "copy", {});
  ASSERT_TRUE(read.ok() && copied.ok());
  EXPECT_TRUE(read->whole);
  EXPECT_EQ(read->hooks, copied->hooks);
  EXPECT_EQ(read->digests, copied->digests);
  EXPECT_NE(read->hooks.digest(Hook::install_dependencies), 0U);
}

TEST(TreeRead, reads_again_only_what_may_have_changed) {
  const TempDir dir;
  dir.write("scripts/backups/10-db", "#!/bin/bash\n");
  dir.write("scripts/backups/20-files", "#!/bin/sh\n");
  dir.write("scripts/backups/.log", "");
  int steps = 0;
  CopySettings settings;
  settings.on_step = [&] { ++steps; };
  const auto read = [&](const HookVersion* known) {
    steps = 0;
    Result<HookVersion> version = read_hooks(dir / "scripts", settings, known);
    EXPECT_TRUE(version.ok());
    return *std::move(version);
  };
  HookVersion known = read(nullptr);
  const int steps_of_all = steps;
  // It was written just before it was looked at, as far as this says.
  EXPECT_EQ(read(&known).digests, known.digests);
  EXPECT_EQ(steps, steps_of_all);

  known.looked_at = WallTime{std::chrono::hours(24 * 47'482)};
  HookVersion again = read(&known);
  EXPECT_LT(steps, steps_of_all - 2);
  EXPECT_EQ(again.hooks, known.hooks);
  EXPECT_EQ(again.digests, known.digests);

  dir.write("scripts/backups/.log", "a line\n");
  again = read(&known);
  EXPECT_NE(again.hooks.digest(Hook::backups), known.hooks.digest(Hook::backups));
  EXPECT_EQ(again.hooks, read(nullptr).hooks);
  EXPECT_EQ(again.hooks.scripts(Hook::backups), known.hooks.scripts(Hook::backups));

  // Who replaces a file keeps no stamp, whatever the time says.
  dir.write("scripts/backups/new", "#!/bin/ash\n");
  fs::last_write_time(dir / "scripts/backups/new", fs::last_write_time(dir / "scripts/backups/10-db"));
  fs::rename(dir / "scripts/backups/new", dir / "scripts/backups/10-db");
  EXPECT_EQ(read(&known).hooks, read(nullptr).hooks);
}

TEST(TreeRead, does_not_take_a_file_that_changed_while_it_was_read_for_what_it_was_before) {
  const TempDir dir;
  dir.write("scripts/backups/10-db", "#!/bin/sh\n");
  std::string content = "#!/bin/sh\n";
  CopySettings settings;
  settings.on_step = [&] { dir.write("scripts/backups/10-db", content += "x"); };
  Result<HookVersion> moving = read_hooks(dir / "scripts", settings);
  ASSERT_TRUE(moving.ok());
  ASSERT_FALSE(moving->whole);
  moving->looked_at = WallTime{std::chrono::hours(24 * 47'482)};
  const Result<HookVersion> now = read_hooks(dir / "scripts", {}, &*moving);
  const Result<HookVersion> all = read_hooks(dir / "scripts", {});
  ASSERT_TRUE(now.ok() && all.ok());
  EXPECT_EQ(now->hooks, all->hooks);
}

TEST(TreeRead, refuses_a_script_of_no_bytes) {
  const TempDir dir;
  dir.write("scripts/backups/10-db", "");
  const Result<HookVersion> read = read_hooks(dir / "scripts", {});
  ASSERT_TRUE(read.ok());
  const core::Script& script = read->hooks.scripts(Hook::backups)[0];
  ASSERT_FALSE(script.interpreter.ok());
  EXPECT_EQ(script.interpreter.error().text, core::interpreter_of("").error().text);
}

TEST(TreeCopy, is_given_up_when_it_is_told_to) {
  const TempDir dir;
  for (int i = 10; i < 20; ++i) dir.write("scripts/backups/" + std::to_string(i), "");
  int files = 0;
  CopySettings settings;
  settings.give_up = [&] { return ++files > 5; };
  const Result<HookVersion> given_up = copy_hook_tree(dir / "scripts", dir / "copy", settings);
  ASSERT_FALSE(given_up.ok());
  EXPECT_EQ(given_up.error().code, ErrorCode::busy);
  EXPECT_LT(files, 10);
  EXPECT_FALSE(fs::exists(dir / "copy"));
}

TEST(TreeCopy, tries_as_often_as_it_is_told) {
  const TempDir dir;
  dir.write("scripts/backups/10-db", "");
  int looks = 0;
  std::string content;
  CopySettings settings;
  settings.attempts = 3;
  settings.on_step = [&] {
    // Two attempts in vain: one change after each first look at the tree.
    if (++looks % 4 == 0 && content.size() < 2) dir.write("scripts/backups/10-db", content += "x");
  };
  EXPECT_EQ(scripts_of(copy(dir / "scripts", dir / "copy", settings), Hook::backups), Texts{"10-db"});
  remove_tree(dir / "copy");
  content.clear();
  settings.attempts = 1;
  EXPECT_FALSE(copy_hook_tree(dir / "scripts", dir / "copy", settings).ok());
}

TEST(TreeCopy, two_thousand_swaps_meanwhile_mix_nothing_and_leak_nothing) {
  const TempDir dir(memory_folder());
  constexpr int swaps = 2000;
  const Texts keys[] = {keys_of_a, keys_of_b};
  const auto version = [&](int number) {
    return version_of("version-" + std::to_string(10'000 + number), keys[number % 2]);
  };
  KubeletVolume writer(dir / "scripts/backups");
  writer.become(version(0));
  const std::size_t descriptors = open_descriptors();

  // The kubelet swaps whenever the copying has come a random number of steps further: sometimes several times within
  // one copy, sometimes not at all.
  std::atomic<int> steps{0};
  std::atomic<int> swapped{0};
  std::thread kubelet([&] {
    std::mt19937 random(1);
    std::uniform_int_distribution<int> gap(0, 120);
    int next = 0;
    for (int number = 1; number <= swaps; ++number) {
      next += gap(random);
      for (int now = steps; now < next; now = steps) steps.wait(now);
      writer.become(version(number));
      swapped = number;
    }
  });
  CopySettings settings;
  settings.on_step = [&] {
    ++steps;
    steps.notify_one();
  };
  int whole = 0;
  int crossed = 0;  // copies that a swap came into
  for (bool over = false; !over;) {
    const int first = swapped;
    over = first == swaps;
    const Result<HookVersion> reading = copy_hook_tree(dir / "scripts", dir / "copy", settings);
    const int last = swapped;
    if (last != first) ++crossed;
    if (!reading) {
      EXPECT_EQ(reading.error().code, ErrorCode::busy) << reading.error().text;
      EXPECT_FALSE(fs::exists(dir / "copy"));
      continue;
    }
    ++whole;
    std::vector<Files> versions;
    for (int number = first; number <= last + 1; ++number) versions.push_back(version(number));
    expect_one_of(versions, files_below(dir / "copy"), *reading, "backups/");
    remove_tree(dir / "copy");
    if (HasFailure()) steps = 1'000'000'000;  // lets the kubelet end
    if (HasFailure()) break;
  }
  steps.notify_one();
  kubelet.join();
  EXPECT_EQ(open_descriptors(), descriptors);
  EXPECT_GT(whole, swaps / 20);
  EXPECT_GT(crossed, swaps / 20);
  RecordProperty("whole", whole);
  RecordProperty("crossed", crossed);
}

}  // namespace
}  // namespace sidefridge::hooks
