#include "sidefridge/hooks/tree_watch.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <system_error>
#include <tuple>
#include <vector>

#include "../os/fixture.h"
#include "../os/namespaces.h"
#include "kubelet_volume.h"
#include "sidefridge/hooks/hook_tree.h"
#include "sidefridge/hooks/tree_snapshot.h"

namespace sidefridge::hooks {
namespace {

using namespace os;

namespace fs = std::filesystem;
using Seen = TreeWatch::Seen;
using Texts = std::vector<std::string>;

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void write_file(const std::string& path, const std::string& content) {
  ASSERT_TRUE(std::ofstream(path) << content) << path;
}

/// The content of each file in the folders of a hook's folder, links not followed.
std::string content_of_folders_in(const std::string& folder) {
  std::error_code ignored;
  std::map<std::string, std::string> files;
  for (fs::recursive_directory_iterator entry(folder, ignored), end; !ignored && entry != end;
       entry.increment(ignored)) {
    if (entry->path().filename().string().starts_with("..")) {
      entry.disable_recursion_pending();
    } else if (entry.depth() > 0 && entry->is_regular_file(ignored)) {
      files[entry->path().string()] = read_file(entry->path().string());
    }
  }
  std::string all;
  for (const auto& [path, content] : files) all.append(path).append("=").append(content).append("\n");
  return all;
}

/// What the daemon reads: each script's path and content, and that of the files in folders beside them.
std::string content_of(const std::string& scripts_dir) {
  const Result<HookReading> reading = read_hook_tree(scripts_dir);
  if (!reading) return "unreadable";
  std::string all;
  for (const core::Hook hook : core::all_hooks) {
    for (const core::Script& script : reading->hooks.scripts(hook))
      all += script.path + "=" + read_file(script.path) + "\n";
    const std::string folder = scripts_dir + "/" + std::string(core::name_of(hook));
    if (!fs::is_symlink(folder)) all += content_of_folders_in(folder);
  }
  return all;
}

/// Takes all that is pending. Others may be at work beside the tree, so that readiness alone means nothing.
Seen drain_all(TreeWatch& watch) {
  Seen seen = Seen::nothing;
  while (is_readable(watch.fd())) {
    if (watch.drain() == Seen::changed) seen = Seen::changed;
  }
  return seen;
}

/// How many watches the kernel holds for it.
std::size_t count_watches(const TreeWatch& watch) {
  const std::string text = read_file("/proc/self/fdinfo/" + std::to_string(watch.fd()));
  std::size_t count = 0;
  for (std::size_t at = text.find("inotify wd"); at != std::string::npos; at = text.find("inotify wd", at + 1)) ++count;
  return count;
}

std::ptrdiff_t count_descriptors() {
  return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
}

/// A place for what would keep a disk busy.
fs::path in_memory() {
  const char* const memory = "/dev/shm";
  return ::access(memory, W_OK) == 0 ? fs::path(memory) : fs::temp_directory_path();
}

void run_shell(const std::string& folder, const std::string& script) {
  const Child child = start_shell("cd '" + folder + "' && { " + script + "; }");
  EXPECT_EQ(read_to_end(child.output.read_end.get()), "") << script;
  wait_until_ended(child.pid);
  EXPECT_EQ(reap_one(), (Exited{child.pid, {ExitStatus::Kind::exited, 0}})) << script;
}

/// A watch and what the tree held when it was drained last.
class Listener {
public:
  explicit Listener(const std::string& scripts_dir)
      : scripts_dir_(scripts_dir), watch_(scripts_dir), known_(content_of(scripts_dir)) {}

  TreeWatch& watch() { return watch_; }

  /// Expects that what a reader gets differs only when the watch said so, and that reading is no change.
  void expect_heard(const std::string& what) {
    const Seen seen = drain_all(watch_);
    const std::string now = content_of(scripts_dir_);
    EXPECT_TRUE(now == known_ || seen == Seen::changed) << "not heard: " << what;
    known_ = now;
    EXPECT_EQ(drain_all(watch_), Seen::nothing) << "reading was heard, after " << what;
  }

  /// Expects that no event tells of it, and that rearm() finds it.
  void expect_found(const std::string& what) {
    EXPECT_EQ(drain_all(watch_), Seen::nothing) << what;
    EXPECT_EQ(watch_.rearm(), Seen::changed) << what;
    EXPECT_EQ(drain_all(watch_), Seen::nothing) << what;
    known_ = content_of(scripts_dir_);
  }

  /// Expects that this changes what a reader gets, and that it is heard.
  template <class Change>
  void expect_change(const std::string& what, Change change) {
    const std::string before = known_;
    change();
    expect_heard(what);
    EXPECT_NE(known_, before) << what;
  }

private:
  std::string scripts_dir_;
  TreeWatch watch_;
  std::string known_;
};

// ---- nothing -------------------------------------------------------------------------------------------------------

TEST(TreeWatch, a_tree_that_is_left_alone_gives_nothing) {
  const TempDir dir;
  dir.write("backups/bkp", "");
  TreeWatch watch(dir.path());
  EXPECT_EQ(drain_all(watch), Seen::nothing);
  EXPECT_EQ(watch.drain(), Seen::nothing);
  EXPECT_EQ(watch.rearm(), Seen::nothing);
  EXPECT_TRUE(watch.complete());
  EXPECT_EQ(watch.take_notices(), Texts{});
}

TEST(TreeWatch, reading_and_running_the_scripts_gives_nothing) {
  const TempDir dir;
  const std::string script = dir.write("backups/bkp", "#!/bin/sh\ncat \"$0\" \"$(dirname \"$0\")\"/* >/dev/null\n");
  TreeWatch watch(dir.path());
  EXPECT_NE(content_of(dir.path()), "");
  run_shell(dir.path(), "backups/bkp; ls -lR . >/dev/null; tar -cf /dev/null .");
  EXPECT_EQ(drain_all(watch), Seen::nothing);
}

TEST(TreeWatch, a_sync_of_the_kubelet_without_a_change_gives_nothing) {
  const TempDir dir;
  KubeletVolume root(dir / "scripts");
  root.become({{"backups/bkp", "1"}, {"on_error/tell", "1"}});
  KubeletVolume hook(dir / "scripts/before_backups");
  hook.become({{"prepare", "1"}});
  TreeWatch watch(dir / "scripts");
  root.sync();
  hook.sync();
  EXPECT_EQ(drain_all(watch), Seen::nothing);
}

TEST(TreeWatch, what_happens_beside_the_tree_gives_nothing) {
  const TempDir dir;
  dir.write("scripts/backups/bkp", "");
  TreeWatch watch(dir / "scripts");
  dir.write("beside", "");
  dir.write("scripts-old/backups/bkp", "");
  fs::rename(dir / "scripts-old", dir / "older");
  EXPECT_EQ(drain_all(watch), Seen::nothing);
}

// ---- swaps of a ConfigMap ------------------------------------------------------------------------------------------

struct Layout {
  const char* name;
  const char* volume;       // where the ConfigMap is mounted
  const char* scripts_dir;  // what is watched
  const char* prefix;       // of the keys' paths
};

// A ConfigMap for one hook, one for the whole tree (`items` with paths), and a tree that is a folder within one.
constexpr std::array layouts{Layout{"hook", "scripts/backups", "scripts", ""},
                             Layout{"root", "scripts", "scripts", "backups/"},
                             Layout{"within", "config", "config/scripts", "scripts/backups/"}};

Payload below(const std::string& prefix, const Payload& scripts) {
  Payload payload;
  for (const auto& [name, content] : scripts) payload[prefix + name] = content;
  return payload;
}

/// From nothing through all that may become of a key.
std::vector<Payload> history_of_a_config_map(const Layout& layout) {
  std::vector<Payload> versions{
      below(layout.prefix, {{"a", "1"}, {"b", "1"}}), below(layout.prefix, {{"a", "2"}, {"b", "1"}}),
      below(layout.prefix, {{"a", "2"}, {"b", "1"}, {"c", "1"}}), below(layout.prefix, {{"c", "2"}, {"d", "2"}})};
  if (std::string(layout.prefix).empty()) {
    versions.push_back({});
  } else {
    const std::string hooks = layout.prefix == std::string("backups/") ? "" : "scripts/";
    versions.push_back({{hooks + "before_backups/a", "1"}, {hooks + "backups/c", "2"}});
    versions.push_back({{hooks + "before_backups/a", "1"}, {hooks + "on_error/tell", "1"}});
  }
  versions.push_back(versions[0]);
  return versions;
}

class Swaps : public testing::TestWithParam<std::tuple<std::size_t, NewLinks>> {};

TEST_P(Swaps, are_heard_wherever_the_daemon_wakes_between_two_steps) {
  const Layout& layout = layouts[std::get<0>(GetParam())];
  constexpr std::size_t longest_nap = 40;  // steps of a swap, all of them and more
  for (std::size_t nap = 1; nap <= longest_nap; ++nap) {
    SCOPED_TRACE("a look at every " + std::to_string(nap) + "th step");
    const TempDir dir(in_memory());
    dir.make_folder("scripts");
    KubeletVolume volume(dir / layout.volume);
    Listener listener(dir / layout.scripts_dir);
    std::size_t steps_taken = 0;
    for (const Payload& payload : history_of_a_config_map(layout)) {
      for (const Step& step : volume.steps_to(payload, std::get<1>(GetParam()))) {
        step.run();
        if (++steps_taken % nap == 0) listener.expect_heard(step.name);
      }
    }
    listener.expect_heard("the last step");
    volume.sync();
    EXPECT_EQ(drain_all(listener.watch()), Seen::nothing);
    EXPECT_TRUE(listener.watch().complete());
  }
}

std::string name_of_swaps(const testing::TestParamInfo<Swaps::ParamType>& swaps) {
  const auto [layout, new_links] = swaps.param;
  return std::string(layouts[layout].name) +
         (new_links == NewLinks::before_the_swap ? "_links_before" : "_links_after");
}

INSTANTIATE_TEST_SUITE_P(TreeWatch, Swaps,
                         testing::Combine(testing::Range(std::size_t{0}, layouts.size()),
                                          testing::Values(NewLinks::before_the_swap, NewLinks::after_the_swap)),
                         name_of_swaps);

TEST(TreeWatch, two_thousand_swaps_leave_no_watch_and_no_descriptor_behind) {
  const TempDir dir(in_memory());
  KubeletVolume hook(dir / "config/backups");
  KubeletVolume within(dir / "config");
  hook.become({{"bkp", "0"}});
  within.become({{"scripts/on_error/tell", "0"}});
  TreeWatch one_hook(dir / "config");
  TreeWatch all_in_one(dir / "config/scripts");
  const std::size_t watches_of_one_hook = count_watches(one_hook);
  const std::size_t watches_of_all_in_one = count_watches(all_in_one);
  EXPECT_EQ(watches_of_one_hook, 3U);    // the folder, what holds it, and backups
  EXPECT_EQ(watches_of_all_in_one, 3U);  // the folder behind the link, what holds the link, and on_error
  const std::ptrdiff_t descriptors = count_descriptors();
  for (int i = 1; i <= 2'000; ++i) {
    hook.become({{"bkp", std::to_string(i)}});
    ASSERT_TRUE(becomes_readable(one_hook.fd()));
    ASSERT_EQ(drain_all(one_hook), Seen::changed) << i;
    within.become({{"scripts/on_error/tell", std::to_string(i)}});
    ASSERT_TRUE(becomes_readable(all_in_one.fd()));
    ASSERT_EQ(drain_all(all_in_one), Seen::changed) << i;
    ASSERT_EQ(drain_all(one_hook), Seen::changed) << i;
  }
  EXPECT_EQ(count_watches(one_hook), watches_of_one_hook);
  EXPECT_EQ(count_watches(all_in_one), watches_of_all_in_one);
  EXPECT_EQ(count_descriptors(), descriptors);
}

// ---- editors -------------------------------------------------------------------------------------------------------

struct Style {
  const char* name;
  const char* script;  // saves "new" as the script bkp, in the folder that holds it
};

constexpr std::array styles{
    Style{"written in place", "printf new >bkp"},
    Style{"appended to", "printf new >>bkp"},
    Style{"truncated", "truncate -s 1 bkp"},
    Style{"written without truncation", "printf new | dd of=bkp conv=notrunc 2>/dev/null"},
    Style{"vim, backup by renaming",
          ": >4913; rm 4913; printf swap >.bkp.swp; mv bkp bkp~; printf new >bkp; chmod 755 bkp; rm bkp~; rm .bkp.swp"},
    Style{"vim, backup by copying", "printf swap >.bkp.swp; cp bkp bkp~; printf new >bkp; rm bkp~ .bkp.swp"},
    Style{"emacs", "ln -s nobody@host .#bkp; mv bkp bkp~; printf new >bkp; rm .#bkp"},
    Style{"sed -i", "sed -i s/old/new/ bkp"},
    Style{"renamed over, from within", "printf new >.new; mv .new bkp"},
    Style{"renamed over, from elsewhere", "printf new >../../new; mv ../../new bkp"},
    Style{"copied over", "printf new >../../new; cp ../../new bkp"},
    Style{"linked over", "printf new >../../new; ln -sf ../../new bkp"},
    Style{"linked hard", "printf new >../../new; ln -f ../../new bkp"},
    Style{"kubectl cp", "mkdir ../../new; printf new >../../new/bkp; tar -C ../../new -cf - bkp | tar -xmf - -C ."},
    Style{"removed", "rm bkp"},
    Style{"renamed", "mv bkp other"},
    Style{"moved out", "mv bkp ../../other"},
    Style{"hidden", "mv bkp .bkp"},
    Style{"another added", "printf new >other"},
    Style{"another moved in", "printf new >../../new; mv ../../new other"},
};

TEST(TreeWatch, hears_every_style_of_saving) {
  for (const Style& style : styles) {
    SCOPED_TRACE(style.name);
    const TempDir dir;
    dir.write("scripts/backups/bkp", "old");
    Listener listener(dir / "scripts");
    listener.expect_change(style.name, [&] { run_shell(dir / "scripts/backups", style.script); });
    // The watch outlives it.
    listener.expect_change("a script more", [&] { dir.write("scripts/backups/later", "x"); });
  }
}

TEST(TreeWatch, hears_that_a_script_was_written_before_it_is_closed) {
  const TempDir dir;
  const std::string script = dir.write("backups/bkp", "old");
  Listener listener(dir.path());
  std::ofstream writer(script);
  listener.expect_change("opened", [] {});
  listener.expect_change("written", [&] { writer << "new" << std::flush; });
}

TEST(TreeWatch, hears_that_a_script_was_written_through_memory) {
  const TempDir dir;
  const std::string script = dir.write("backups/bkp", "old");
  Listener listener(dir.path());
  listener.expect_change("written", [&] {
    const os::UniqueFd fd(::open(script.c_str(), O_RDWR | O_CLOEXEC));
    void* const memory = ::mmap(nullptr, 3, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    ASSERT_NE(memory, MAP_FAILED);
    std::memcpy(memory, "new", 3);
    ASSERT_EQ(::munmap(memory, 3), 0);
  });
}

TEST(TreeWatch, hears_a_change_of_rights) {
  const TempDir dir;
  const std::string script = dir.write("backups/bkp", "");
  TreeWatch watch(dir.path());
  ASSERT_EQ(::chmod(script.c_str(), 0644), 0);
  EXPECT_EQ(drain_all(watch), Seen::changed);
}

// ---- hook folders that come and go ---------------------------------------------------------------------------------

TEST(TreeWatch, hears_of_each_hook) {
  const TempDir dir;
  for (const core::Hook hook : core::all_hooks) dir.make_folder(core::name_of(hook));
  Listener listener(dir.path());
  EXPECT_EQ(count_watches(listener.watch()), 7U);
  for (const core::Hook hook : core::all_hooks) {
    const std::string path = dir / core::name_of(hook) + "/script";
    listener.expect_change(path, [&] { write_file(path, "x"); });
  }
}

TEST(TreeWatch, hears_of_a_hook_folder_that_comes_late) {
  const TempDir dir;
  Listener listener(dir.path());
  listener.expect_heard("nothing");
  listener.expect_change("made with a script in it", [&] { dir.write("backups/bkp", "1"); });
  listener.expect_change("written in it", [&] { write_file(dir / "backups/bkp", "2"); });
}

TEST(TreeWatch, hears_of_a_hook_folder_that_is_removed_and_made_anew) {
  const TempDir dir;
  dir.write("backups/bkp", "0");
  Listener listener(dir.path());
  const std::size_t watches = count_watches(listener.watch());
  for (int i = 1; i <= 20; ++i) {
    listener.expect_change("removed", [&] { fs::remove_all(dir / "backups"); });
    listener.expect_change("made again", [&] { dir.write("backups/bkp", std::to_string(i)); });
    listener.expect_change("both", [&] {
      fs::remove_all(dir / "backups");
      dir.write("backups/bkp", "both " + std::to_string(i));
    });
    listener.expect_change("written in it", [&] { write_file(dir / "backups/bkp", "again " + std::to_string(i)); });
    ASSERT_EQ(count_watches(listener.watch()), watches);
  }
}

TEST(TreeWatch, hears_of_a_hook_folder_that_is_renamed_and_no_more_of_what_it_was) {
  const TempDir dir;
  dir.write("backups/bkp", "1");
  dir.write("next/bkp", "2");
  Listener listener(dir.path());
  listener.expect_change("renamed away", [&] { fs::rename(dir / "backups", dir / "before"); });
  write_file(dir / "before/bkp", "no longer a hook");
  EXPECT_EQ(drain_all(listener.watch()), Seen::nothing);
  listener.expect_change("another in its place", [&] { fs::rename(dir / "next", dir / "backups"); });
  listener.expect_change("written in it", [&] { write_file(dir / "backups/bkp", "3"); });
}

TEST(TreeWatch, hears_of_a_hook_folder_that_becomes_a_link_and_a_folder_again) {
  const TempDir dir;
  dir.write("scripts/backups/bkp", "folder");
  dir.write("elsewhere/bkp", "link");
  Listener listener(dir / "scripts");
  listener.expect_change("a link", [&] {
    fs::remove_all(dir / "scripts/backups");
    dir.link("../elsewhere", "scripts/backups");
  });
  EXPECT_EQ(count_watches(listener.watch()), 3U) << "the root, what the link leads to, and who holds the root's name";
  listener.expect_change("written behind it", [&] { write_file(dir / "elsewhere/bkp", "link again"); });
  listener.expect_change("a folder", [&] {
    fs::remove(dir / "scripts/backups");
    dir.write("scripts/backups/bkp", "folder again");
  });
  listener.expect_change("written in it", [&] { write_file(dir / "scripts/backups/bkp", "x"); });
  listener.expect_change("a file", [&] {
    fs::remove_all(dir / "scripts/backups");
    write_file(dir / "scripts/backups", "no folder");
  });
  EXPECT_TRUE(listener.watch().complete());
}

TEST(TreeWatch, hears_of_links_that_move_on_the_way_to_the_tree) {
  const TempDir dir;
  dir.write("git/a/scripts/backups/10", "one");
  dir.write("git/b/scripts/backups/10", "two");
  dir.write("git/c/scripts/backups/10", "three");
  dir.link("a", "git/current");
  dir.link("git/current", "link");
  Listener listener(dir / "link/scripts");
  const std::size_t watches = count_watches(listener.watch());
  const auto move_to = [&](const std::string& name) {
    dir.link(name, "git/new");
    fs::rename(dir / "git/new", dir / "git/current");
  };
  listener.expect_change("moved", [&] { move_to("b"); });
  listener.expect_change("moved again", [&] { move_to("c"); });
  listener.expect_change("written in it", [&] { write_file(dir / "git/c/scripts/backups/10", "four"); });
  listener.expect_change("removed where it led before, and moved back", [&] {
    fs::remove_all(dir / "git/b");
    move_to("a");
  });
  listener.expect_change("another link of the path moved", [&] {
    dir.link("git/c", "new");
    fs::rename(dir / "new", dir / "link");
  });
  EXPECT_TRUE(listener.watch().complete());
  EXPECT_LE(count_watches(listener.watch()), watches);
}

TEST(TreeWatch, hears_of_links_that_move_on_the_way_to_a_hook) {
  const TempDir dir;
  dir.write("git/a/backups/10", "one");
  dir.write("git/b/backups/10", "two");
  dir.link("a", "git/current");
  dir.make_folder("scripts");
  dir.link("../git/current/backups", "scripts/backups");
  Listener listener(dir / "scripts");
  listener.expect_change("moved", [&] {
    dir.link("b", "git/new");
    fs::rename(dir / "git/new", dir / "git/current");
  });
  listener.expect_change("written in it", [&] { write_file(dir / "git/b/backups/10", "three"); });
}

// ---- folders in a hook's folder -----------------------------------------------------------------------------------

std::string folders_deep(std::size_t count) {
  std::string path;
  for (std::size_t i = 0; i < count; ++i) path += "/d";
  return path;
}

TEST(TreeWatch, hears_of_files_in_the_folders_of_a_hook) {
  const TempDir dir;
  const std::string sql = dir.write("backups/lib/sql/tables.sql", "1");
  const std::string deepest = dir.write("on_error" + folders_deep(most_tree_depth - 1) + "/file", "1");
  const std::string hidden = dir.write("backups/.lib/file", "1");
  Listener listener(dir.path());
  EXPECT_TRUE(listener.watch().complete());
  for (const std::string& path : {sql, deepest, hidden}) {
    listener.expect_change("written: " + path, [&] { write_file(path, "2"); });
  }
  listener.expect_change("removed", [&] { fs::remove(sql); });
}

TEST(TreeWatch, hears_of_the_folders_of_a_hook_as_they_come_and_go) {
  const TempDir dir;
  dir.write("scripts/backups/bkp", "1");
  Listener listener(dir / "scripts");
  const std::size_t watches = count_watches(listener.watch());
  for (int i = 1; i <= 20; ++i) {
    const std::string tag = std::to_string(i);
    listener.expect_change("made", [&] { dir.write("scripts/backups/lib/sql/a", tag); });
    EXPECT_EQ(count_watches(listener.watch()), watches + 2);
    listener.expect_change("written in it", [&] { write_file(dir / "scripts/backups/lib/sql/a", tag + " again"); });
    listener.expect_change("renamed", [&] { fs::rename(dir / "scripts/backups/lib", dir / "scripts/backups/lib2"); });
    listener.expect_change("written in what was renamed",
                           [&] { write_file(dir / "scripts/backups/lib2/sql/a", tag + " once more"); });
    listener.expect_change("moved out", [&] { fs::rename(dir / "scripts/backups/lib2", dir / "out"); });
    EXPECT_EQ(count_watches(listener.watch()), watches);
    write_file(dir / "out/sql/a", "no longer the tree");
    EXPECT_EQ(drain_all(listener.watch()), Seen::nothing);
    listener.expect_change("moved in", [&] { fs::rename(dir / "out", dir / "scripts/backups/lib"); });
    listener.expect_change("written in what came", [&] { write_file(dir / "scripts/backups/lib/sql/a", tag + "!"); });
    listener.expect_change("removed", [&] { fs::remove_all(dir / "scripts/backups/lib"); });
    ASSERT_EQ(count_watches(listener.watch()), watches);
  }
}

TEST(TreeWatch, hears_of_what_is_made_while_it_catches_up) {
  const TempDir dir;
  dir.make_folder("backups");
  Listener listener(dir.path());
  std::string path = "backups";
  for (std::size_t depth = 1; depth < most_tree_depth; ++depth) {
    path += "/d";
    dir.make_folder(path);
    listener.expect_heard("a folder more");
    listener.expect_change("a file in it", [&] { dir.write(path + "/file", std::to_string(depth)); });
  }
  EXPECT_TRUE(listener.watch().complete());
}

TEST(TreeWatch, does_not_look_behind_links_in_the_folder_of_a_hook) {
  const TempDir dir;
  dir.write("scripts/backups/bkp", "1");
  dir.write("elsewhere/file", "1");
  dir.link(dir / "elsewhere", "scripts/backups/lib");
  TreeWatch watch(dir / "scripts");
  EXPECT_EQ(count_watches(watch), 3U);
  write_file(dir / "elsewhere/file", "2");
  EXPECT_EQ(drain_all(watch), Seen::nothing);
}

TEST(TreeWatch, has_no_watch_in_the_versions_of_a_config_map) {
  const TempDir dir(in_memory());
  KubeletVolume volume(dir / "scripts/backups");
  volume.become({{"bkp", "1"}, {"lib/common", "1"}});
  Listener listener(dir / "scripts");
  EXPECT_EQ(count_watches(listener.watch()), 3U);
  listener.expect_change("swapped", [&] { volume.become({{"bkp", "2"}, {"lib/common", "2"}}); });
  EXPECT_EQ(count_watches(listener.watch()), 3U);
}

TEST(TreeWatch, passes_over_a_folder_that_may_not_be_read_until_it_may) {
  const TempDir dir;
  dir.write("backups/lost+found/file", "1");
  ASSERT_EQ(::chmod((dir / "backups/lost+found").c_str(), 0), 0);
  TreeWatch watch = [&] {
    const WithoutRoot unprivileged;
    return TreeWatch(dir.path());
  }();
  EXPECT_EQ(watch.take_notices(), Texts{});
  EXPECT_TRUE(watch.complete());
  ASSERT_EQ(::chmod((dir / "backups/lost+found").c_str(), 0755), 0);
  EXPECT_EQ(drain_all(watch), Seen::changed);
  write_file(dir / "backups/lost+found/file", "2");
  EXPECT_EQ(drain_all(watch), Seen::changed);
}

TEST(TreeWatch, says_that_folders_lie_too_deep_to_be_watched) {
  const TempDir dir;
  const std::string deep = dir.make_folder("backups" + folders_deep(most_tree_depth));
  TreeWatch watch(dir.path());
  EXPECT_FALSE(watch.complete());
  EXPECT_EQ(watch.take_notices(), (Texts{"cannot watch all of '" + dir.path() + "': folder '" + deep +
                                         "' lies deeper than 8 folders; changes are found by polling instead"}));
  fs::remove(deep);
  EXPECT_EQ(drain_all(watch), Seen::changed);
  EXPECT_TRUE(watch.complete());
}

TEST(TreeWatch, says_that_there_is_too_much_to_be_watched) {
  const TempDir dir(in_memory());
  const std::string lib = dir.make_folder("backups/lib");
  const auto file = [&](std::size_t number) { return lib + "/" + std::to_string(number); };
  for (std::size_t i = 0; i < most_tree_entries; ++i) write_file(file(i), "");
  TreeWatch watch(dir.path());
  EXPECT_FALSE(watch.complete());
  EXPECT_EQ(watch.take_notices(), (Texts{"cannot watch all of '" + dir.path() +
                                         "': its hooks hold more than 20000 files; changes are found by polling "
                                         "instead"}));
  fs::remove(file(0));
  EXPECT_EQ(watch.rearm(), Seen::nothing) << "lib is one of the ten thousand";
  EXPECT_TRUE(watch.complete());
}

// ---- a root that comes and goes ------------------------------------------------------------------------------------

TEST(TreeWatch, waits_for_a_tree_that_is_not_there_yet) {
  const TempDir dir;
  Listener listener(dir / "a/b/scripts");
  EXPECT_TRUE(listener.watch().complete());
  EXPECT_EQ(count_watches(listener.watch()), 1U);
  for (const char* folder : {"a", "a/b"}) {
    dir.make_folder(folder);
    EXPECT_EQ(drain_all(listener.watch()), Seen::nothing) << folder;
    EXPECT_EQ(count_watches(listener.watch()), 1U) << folder;
  }
  listener.expect_change("made", [&] { dir.make_folder("a/b/scripts"); });
  listener.expect_change("with a hook", [&] { dir.write("a/b/scripts/backups/bkp", "1"); });
  listener.expect_change("written in it", [&] { write_file(dir / "a/b/scripts/backups/bkp", "2"); });
}

TEST(TreeWatch, hears_of_a_tree_that_appears_as_a_whole) {
  const TempDir dir;
  Listener listener(dir / "a/scripts");
  listener.expect_change("made at once", [&] { dir.write("a/scripts/backups/bkp", "1"); });
  listener.expect_change("written in it", [&] { write_file(dir / "a/scripts/backups/bkp", "2"); });
}

TEST(TreeWatch, hears_of_a_tree_that_is_removed_and_made_anew) {
  const TempDir dir;
  dir.write("a/scripts/backups/bkp", "0");
  Listener listener(dir / "a/scripts");
  const std::size_t watches = count_watches(listener.watch());
  for (int i = 1; i <= 20; ++i) {
    listener.expect_change("removed", [&] { fs::remove_all(dir / (i % 2 == 0 ? "a" : "a/scripts")); });
    listener.expect_change("made again", [&] { dir.write("a/scripts/backups/bkp", std::to_string(i)); });
    listener.expect_change("both", [&] {
      fs::remove_all(dir / (i % 2 == 0 ? "a" : "a/scripts"));
      dir.write("a/scripts/backups/bkp", "both " + std::to_string(i));
    });
    listener.expect_change("written in it",
                           [&] { write_file(dir / "a/scripts/backups/bkp", "x" + std::to_string(i)); });
    ASSERT_EQ(count_watches(listener.watch()), watches);
  }
}

TEST(TreeWatch, hears_of_a_new_tree_while_somebody_holds_the_old_one) {
  const TempDir dir;
  dir.make_folder("scripts");
  Listener listener(dir / "scripts");
  const os::UniqueFd working_folder(::open((dir / "scripts").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  listener.expect_change("removed", [&] { fs::remove(dir / "scripts"); });
  listener.expect_change("made again", [&] { dir.write("scripts/backups/bkp", "1"); });
  listener.expect_change("written in it", [&] { write_file(dir / "scripts/backups/bkp", "2"); });
}

TEST(TreeWatch, hears_of_a_tree_that_is_renamed_over) {
  const TempDir dir;
  dir.write("scripts/backups/bkp", "1");
  dir.write("next/backups/bkp", "2");
  Listener listener(dir / "scripts");
  listener.expect_change("renamed away and another in its place", [&] {
    fs::rename(dir / "scripts", dir / "before");
    fs::rename(dir / "next", dir / "scripts");
  });
  write_file(dir / "before/backups/bkp", "no longer the tree");
  EXPECT_EQ(drain_all(listener.watch()), Seen::nothing);
  listener.expect_change("written in it", [&] { write_file(dir / "scripts/backups/bkp", "3"); });
}

TEST(TreeWatch, hears_of_a_tree_whose_folder_is_a_link_to_another) {
  const TempDir dir;
  dir.write("v1/backups/bkp", "1");
  dir.write("v2/backups/bkp", "2");
  dir.link("v1", "scripts");
  for (const char* scripts_dir : {"scripts", "scripts/", "scripts//"}) {
    Listener listener(dir / scripts_dir);
    listener.expect_change("written behind the link", [&] { write_file(dir / "v1/backups/bkp", scripts_dir); });
    listener.expect_change("led elsewhere", [&] {
      dir.link("v2", "next");
      fs::rename(dir / "next", dir / "scripts");
    });
    listener.expect_change("written in the other", [&] { write_file(dir / "v2/backups/bkp", scripts_dir); });
    write_file(dir / "v1/backups/bkp", "no longer the tree");
    EXPECT_EQ(drain_all(listener.watch()), Seen::nothing);
    listener.expect_change("dangling", [&] { fs::remove(dir / "scripts"), dir.link("missing", "scripts"); });
    listener.expect_change("led back", [&] { fs::remove(dir / "scripts"), dir.link("v1", "scripts"); });
  }
}

TEST(TreeWatch, hears_of_a_tree_whose_holder_is_renamed) {
  const TempDir dir;
  dir.write("a/scripts/backups/bkp", "1");
  dir.write("next/scripts/backups/bkp", "2");
  Listener listener(dir / "a/scripts");
  listener.expect_change("renamed away", [&] { fs::rename(dir / "a", dir / "before"); });
  listener.expect_change("another in its place", [&] { fs::rename(dir / "next", dir / "a"); });
  listener.expect_change("both", [&] {
    fs::rename(dir / "a", dir / "next");
    fs::rename(dir / "before", dir / "a");
  });
  listener.expect_change("written in it", [&] { write_file(dir / "a/scripts/backups/bkp", "3"); });
}

TEST(TreeWatch, hears_all_of_a_folder_that_holds_its_own_name) {
  const TempDir dir;
  dir.write("schedule", "1");
  dir.link(".", "scripts");
  TreeWatch watch(dir / "scripts");
  write_file(dir / "schedule", "2");
  EXPECT_EQ(drain_all(watch), Seen::changed);
}

// ---- storms --------------------------------------------------------------------------------------------------------

/// Gives `count` events. Requires: two files or more, since the kernel merges an event with its like before it.
void storm(const std::vector<std::string>& files, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(::chmod(files[i % files.size()].c_str(), 0755), 0);
}

std::size_t longest_queue() {
  return std::stoul(read_file("/proc/sys/fs/inotify/max_queued_events"));
}

TEST(TreeWatch, a_queue_that_overflows_is_a_change_and_all_is_watched_again) {
  const TempDir dir;
  const std::vector<std::string> files{dir.write("scripts/before_backups/a", ""),
                                       dir.write("scripts/before_backups/b", "")};
  dir.write("scripts/backups/bkp", "1");
  Listener listener(dir / "scripts");
  storm(files, std::max(std::size_t{100'000}, longest_queue()));
  // Of this the kernel has no room to tell.
  fs::remove_all(dir / "scripts/backups");
  dir.write("scripts/backups/bkp", "2");
  listener.expect_change("lost", [] {});
  listener.expect_change("written", [&] { write_file(dir / "scripts/backups/bkp", "3"); });
  listener.expect_heard("nothing");
}

TEST(TreeWatch, a_queue_that_overflows_with_what_happens_beside_the_tree_is_a_change_too) {
  const TempDir dir(in_memory());
  for (const core::Hook hook : core::all_hooks) dir.write("scripts/" + std::string(core::name_of(hook)) + "/bkp", "1");
  Listener listener(dir / "scripts");
  const std::string beside = dir / "beside";
  for (std::size_t i = 0; i < longest_queue(); i += 2) {
    ASSERT_EQ(::mkdir(beside.c_str(), 0755), 0);
    ASSERT_EQ(::rmdir(beside.c_str()), 0);
  }
  listener.expect_change("lost", [&] { write_file(dir / "scripts/backups/bkp", "2"); });
}

TEST(TreeWatch, a_hundred_thousand_events_are_taken_as_they_come) {
  const TempDir dir;
  const std::vector<std::string> files{dir.write("backups/a", ""), dir.write("backups/b", "")};
  TreeWatch watch(dir.path());
  for (int i = 0; i < 100; ++i) {
    storm(files, 1'000);
    ASSERT_EQ(drain_all(watch), Seen::changed);
  }
  EXPECT_EQ(watch.drain(), Seen::nothing);
}

TEST(TreeWatch, one_call_takes_no_more_than_a_full_queue) {
  const TempDir dir;
  const std::string long_name(250, 'x');
  const std::vector<std::string> files{dir.write("backups/a" + long_name, ""), dir.write("backups/b" + long_name, "")};
  TreeWatch watch(dir.path());
  // 15 of these long events fit into one read.
  const std::size_t events = 256 * 15 + 1;
  if (longest_queue() < events) GTEST_SKIP() << "queues are too short here";
  storm(files, events);
  EXPECT_EQ(watch.drain(), Seen::changed);
  EXPECT_TRUE(is_readable(watch.fd()));
  EXPECT_EQ(watch.drain(), Seen::changed);
  EXPECT_EQ(drain_all(watch), Seen::nothing);
}

// ---- what cannot be watched ----------------------------------------------------------------------------------------

/// Sets a limit of the user namespace we are in. Returns: whether the system let us.
bool limit(const std::string& name, int value) {
  return static_cast<bool>(std::ofstream("/proc/sys/user/" + name) << value << std::flush);
}

TEST(TreeWatch, says_once_that_the_watches_of_the_machine_are_taken) {
  const TempDir dir;
  dir.write("before_backups/a", "");
  dir.write("backups/bkp", "");
  in_own_namespaces([&] {
    ASSERT_TRUE(limit("max_inotify_watches", 2));
    TreeWatch watch(dir.path());
    EXPECT_FALSE(watch.complete());
    EXPECT_EQ(watch.take_notices(),
              (Texts{"cannot watch all of '" + dir.path() +
                     "': all inotify watches of this user are taken (raise the sysctl fs.inotify.max_user_watches); "
                     "changes are found by polling instead"}));
    write_file(dir / "file", "");
    EXPECT_EQ(drain_all(watch), Seen::changed) << "what is watched is heard";
    EXPECT_EQ(watch.rearm(), Seen::nothing);
    EXPECT_FALSE(watch.complete());
    EXPECT_EQ(watch.take_notices(), Texts{});

    ASSERT_TRUE(limit("max_inotify_watches", 100));
    EXPECT_EQ(watch.rearm(), Seen::changed);
    EXPECT_TRUE(watch.complete());
    EXPECT_EQ(watch.take_notices(), Texts{});
    write_file(dir / "backups/bkp", "x");
    EXPECT_EQ(drain_all(watch), Seen::changed);
  });
}

TEST(TreeWatch, needs_no_more_watches_for_a_tree_that_is_replaced) {
  const TempDir dir;
  dir.write("scripts/backups/bkp", "1");
  dir.write("next/backups/bkp", "2");
  in_own_namespaces([&] {
    ASSERT_TRUE(limit("max_inotify_watches", 3));
    Listener listener(dir / "scripts");
    listener.expect_change("replaced", [&] {
      fs::rename(dir / "scripts", dir / "before");
      fs::rename(dir / "next", dir / "scripts");
    });
    EXPECT_TRUE(listener.watch().complete());
    EXPECT_EQ(listener.watch().take_notices(), Texts{});
    listener.expect_change("written in it", [&] { write_file(dir / "scripts/backups/bkp", "3"); });
  });
}

TEST(TreeWatch, does_without_when_the_instances_of_the_machine_are_taken) {
  const TempDir dir;
  dir.write("backups/bkp", "");
  in_own_namespaces([&] {
    ASSERT_TRUE(limit("max_inotify_instances", 0));
    TreeWatch watch(dir.path());
    EXPECT_EQ(watch.fd(), -1);
    EXPECT_FALSE(watch.complete());
    EXPECT_EQ(watch.drain(), Seen::nothing);
    EXPECT_EQ(watch.rearm(), Seen::nothing);
    EXPECT_FALSE(watch.complete());
    EXPECT_EQ(watch.take_notices(),
              (Texts{"cannot watch '" + dir.path() + "': " + std::strerror(EMFILE) +
                     " (all inotify instances of this user are taken: raise the sysctl "
                     "fs.inotify.max_user_instances; or this process may open no more files); changes are found by "
                     "polling instead"}));
    EXPECT_EQ(watch.take_notices(), Texts{});
  });
}

TEST(TreeWatch, says_which_folder_it_may_not_watch) {
  const TempDir dir;
  dir.write("backups/bkp", "");
  ASSERT_EQ(::chmod((dir / "backups").c_str(), 0), 0);
  TreeWatch watch = [&] {
    const WithoutRoot unprivileged;
    return TreeWatch(dir.path());
  }();
  EXPECT_FALSE(watch.complete());
  EXPECT_EQ(watch.take_notices(),
            (Texts{"cannot watch '" + dir / "backups" + "': Permission denied; changes are found by polling instead"}));
  ASSERT_EQ(::chmod((dir / "backups").c_str(), 0755), 0);
  EXPECT_EQ(watch.rearm(), Seen::changed);
  EXPECT_TRUE(watch.complete());
}

// ---- mounts --------------------------------------------------------------------------------------------------------

TEST(TreeWatch, finds_a_hook_folder_that_was_mounted_over_when_asked_to) {
  const TempDir dir;
  const std::string backups = dir.make_folder("scripts/backups");
  in_own_namespaces([&] {
    Listener listener(dir / "scripts");
    ASSERT_EQ(::mount("none", backups.c_str(), "tmpfs", 0, nullptr), 0);
    listener.expect_found("mounted");
    listener.expect_change("written in the mount", [&] { write_file(backups + "/bkp", "1"); });
    // The file system is gone with its mount, and that is heard.
    listener.expect_change("unmounted", [&] { ASSERT_EQ(::umount(backups.c_str()), 0); });
    listener.expect_change("written below it", [&] { write_file(backups + "/bkp", "2"); });
  });
}

TEST(TreeWatch, hears_of_a_folder_that_is_two_hooks_until_it_is_none) {
  const TempDir dir;
  const std::string backups = dir.make_folder("scripts/backups");
  const std::string before = dir.make_folder("scripts/before_backups");
  in_own_namespaces([&] {
    Listener listener(dir / "scripts");
    ASSERT_EQ(::mount(backups.c_str(), before.c_str(), nullptr, MS_BIND, nullptr), 0);
    listener.expect_found("mounted");
    EXPECT_EQ(count_watches(listener.watch()), 3U);
    listener.expect_change("written in both", [&] { write_file(backups + "/bkp", "1"); });
    ASSERT_EQ(::umount(before.c_str()), 0);
    listener.expect_found("unmounted");
    listener.expect_change("written in the one", [&] { write_file(backups + "/bkp", "2"); });
    listener.expect_change("written in the other", [&] { write_file(before + "/bkp", "2"); });
  });
}

}  // namespace
}  // namespace sidefridge::hooks
