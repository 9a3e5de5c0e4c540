#include "sidefridge/hooks/mount_watch.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mount.h>

#include <cerrno>
#include <string>

#include "../os/fixture.h"
#include "../os/namespaces.h"

namespace sidefridge::hooks {
namespace {

using namespace os;

using Seen = MountWatch::Seen;

/// Whether the list of mounts has changed since somebody asked last.
bool has_news(const MountWatch& watch) {
  pollfd watched{watch.fd(), POLLPRI, 0};
  int ready = 0;
  do {
    ready = ::poll(&watched, 1, 0);
  } while (ready < 0 && errno == EINTR);
  return ready == 1 && (watched.revents & POLLPRI) != 0;
}

void mount_over(const std::string& folder) {
  ASSERT_EQ(::mount("none", folder.c_str(), "tmpfs", 0, nullptr), 0) << folder;
}

/// The watch of a folder, in a process with mounts of its own.
class Watched {
public:
  explicit Watched(const std::string& folder) : watch_(MountWatch::open({folder}).value()) {}

  /// Expects that the kernel tells of this change of the list, and that it counts, or does not.
  template <class Change>
  void expect(Seen seen, const std::string& what, Change change) {
    EXPECT_FALSE(has_news(watch_)) << "before it was " << what;
    change();
    EXPECT_TRUE(has_news(watch_)) << what;
    EXPECT_EQ(watch_.look(), seen) << what;
    EXPECT_EQ(watch_.look(), Seen::nothing) << "nothing more, " << what;
  }

  /// The same for a folder that is mounted over, and unmounted then.
  void expect_mount(Seen seen, const std::string& folder) {
    expect(seen, folder + " mounted over", [&] { mount_over(folder); });
    expect(seen, folder + " unmounted", [&] { ASSERT_EQ(::umount(folder.c_str()), 0); });
  }

private:
  MountWatch watch_;
};

TEST(MountWatch, tells_of_mounts_over_the_folder_and_over_what_holds_it) {
  const TempDir dir;
  dir.make_folder("a/scripts/backups");
  in_own_namespaces([&] {
    Watched watched(dir / "a/scripts");
    watched.expect_mount(Seen::changed, dir / "a/scripts");
    watched.expect_mount(Seen::changed, dir / "a");
  });
}

TEST(MountWatch, tells_of_mounts_over_and_within_the_folder_of_a_hook) {
  const TempDir dir;
  dir.make_folder("scripts/backups/lib/sql");
  const std::string source = dir.write("source", "");
  const std::string script = dir.write("scripts/on_error/tell me", "");
  in_own_namespaces([&] {
    Watched watched(dir / "scripts");
    watched.expect_mount(Seen::changed, dir / "scripts/backups");
    watched.expect_mount(Seen::changed, dir / "scripts/backups/lib/sql");
    watched.expect(Seen::changed, "a file mounted over",
                   [&] { ASSERT_EQ(::mount(source.c_str(), script.c_str(), nullptr, MS_BIND, nullptr), 0); });
  });
}

TEST(MountWatch, tells_of_a_mount_over_a_mount) {
  const TempDir dir;
  const std::string backups = dir.make_folder("scripts/backups");
  in_own_namespaces([&] {
    mount_over(backups);
    Watched watched(dir / "scripts");
    watched.expect_mount(Seen::changed, backups);
  });
}

TEST(MountWatch, says_nothing_of_mounts_elsewhere) {
  const TempDir dir;
  dir.make_folder("scripts/backups");
  const std::string beside = dir.make_folder("scripts/data");
  const std::string alike = dir.make_folder("scripts/backups-old");
  const std::string longer = dir.make_folder("scripts-old");
  in_own_namespaces([&] {
    Watched watched(dir / "scripts");
    for (const std::string& folder : {beside, alike, longer}) watched.expect_mount(Seen::nothing, folder);
  });
}

TEST(MountWatch, follows_links_to_where_the_hooks_are) {
  const TempDir dir;
  dir.make_folder("v1/scripts");
  dir.make_folder("v2");
  dir.make_folder("data/backups");
  dir.link("v1", "current");
  dir.link(dir / "data/backups", "v1/scripts/backups");
  in_own_namespaces([&] {
    Watched watched(dir / "current/scripts");
    watched.expect_mount(Seen::changed, dir / "data/backups");
    watched.expect_mount(Seen::changed, dir / "data");
    watched.expect_mount(Seen::changed, dir / "v1");
    watched.expect_mount(Seen::nothing, dir / "v2");
  });
}

TEST(MountWatch, tells_of_a_mount_over_a_link_on_the_way) {
  const TempDir dir;
  dir.make_folder("real/scripts/backups");
  dir.make_folder("config");
  dir.link(dir / "real", "config/current");
  in_own_namespaces([&] {
    Watched watched(dir / "config/current/scripts");
    watched.expect_mount(Seen::changed, dir / "config");
  });
}

TEST(MountWatch, waits_for_a_folder_that_is_not_there_yet) {
  const TempDir dir;
  const std::string late = dir.make_folder("late");
  in_own_namespaces([&] {
    Watched watched(late + "/scripts");
    watched.expect(Seen::changed, "mounted", [&] { mount_over(late); });
    watched.expect(Seen::changed, "mounted in it", [&] {
      dir.make_folder("late/scripts/backups");
      mount_over(dir / "late/scripts/backups");
    });
  });
}

TEST(MountWatch, says_which_list_is_not_there) {
  const TempDir dir;
  const auto watch = MountWatch::open({dir.path()}, dir / "missing");
  ASSERT_FALSE(watch.ok());
  EXPECT_EQ(watch.error().text, "cannot read '" + dir / "missing" + "': No such file or directory");
}

}  // namespace
}  // namespace sidefridge::hooks
