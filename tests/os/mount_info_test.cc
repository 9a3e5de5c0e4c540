#include "sidefridge/os/mount_info.h"

#include <gtest/gtest.h>
#include <sys/mount.h>

#include <string>
#include <string_view>
#include <vector>

#include "fixture.h"
#include "namespaces.h"

namespace sidefridge::os {
namespace {

using Texts = std::vector<std::string>;

Texts points_in(std::string_view text) {
  Texts points;
  for (const Mount& mount : parse_mounts(text)) points.push_back(mount.point);
  return points;
}

TEST(MountInfo, a_mount_point_is_the_fifth_field) {
  EXPECT_EQ(points_in("22 27 0:21 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n"
                      "1234 1200 0:85 /..2026_01_02/bkp /scripts/backups/bkp ro - tmpfs tmpfs rw\n"
                      "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"),
            (Texts{"/sys", "/scripts/backups/bkp", "/"}));
}

TEST(MountInfo, a_mount_knows_its_whole_line) {
  const std::string text = "no mount\n22 27 0:21 / /a\\040b rw,nosuid shared:7 - sysfs sysfs rw\n";
  const std::vector<Mount> mounts = parse_mounts(text);
  ASSERT_EQ(mounts.size(), 1U);
  EXPECT_EQ(mounts[0].line, "22 27 0:21 / /a\\040b rw,nosuid shared:7 - sysfs sysfs rw");
}

TEST(MountInfo, the_escapes_of_the_kernel_are_undone) {
  EXPECT_EQ(points_in("1 2 0:3 /x\\040y /a\\040b\\011c\\012d\\134e\\043f rw - tmpfs t rw\n"),
            (Texts{"/a b\tc\nd\\e#f"}));
  EXPECT_EQ(points_in("1 2 0:3 / /a\\303\\244 rw - tmpfs t rw\n"), (Texts{"/a\xc3\xa4"}));
}

TEST(MountInfo, what_is_no_escape_stays) {
  EXPECT_EQ(points_in("1 2 0:3 / /a\\04 rw\n1 2 0:3 / /b\\ rw\n1 2 0:3 / /c\\089d rw\n"),
            (Texts{"/a\\04", "/b\\", "/c\\089d"}));
}

TEST(MountInfo, lines_of_another_form_are_left_out) {
  EXPECT_EQ(points_in(""), Texts{});
  EXPECT_EQ(points_in("\n\n"), Texts{});
  EXPECT_EQ(points_in("1 2 0:3 /\n"), Texts{});
  EXPECT_EQ(points_in("1 2 0:3 / net:[4026531840] rw\n1 2 0:3 / /last"), (Texts{"/last"}));
}

std::string line_of(const std::string& point) {
  return "1 2 0:3 / " + point + " rw - tmpfs tmpfs rw\n";
}

TEST(FileMounts, are_regular_files_below_the_folder) {
  const TempDir dir;
  const std::string bkp = dir.write("scripts/backups/bkp", "");
  const std::string library = dir.write("scripts/backups/lib/common", "");
  const std::string elsewhere = dir.write("scripts/backups-old/bkp", "");
  const std::string folder = dir.make_folder("scripts/backups/data");
  const std::string mounts =
      dir.write("mounts", line_of(library) + line_of(bkp) + line_of(bkp) + line_of(elsewhere) + line_of(folder) +
                              line_of(dir / "scripts/backups/gone") + line_of(dir / "scripts/backups"));
  EXPECT_EQ(file_mounts_below(dir / "scripts/backups", mounts), (Texts{bkp, library}));
  EXPECT_EQ(file_mounts_below(dir / "scripts/backups/", mounts), (Texts{bkp, library}));
  EXPECT_EQ(file_mounts_below(dir / "scripts/on_error", mounts), Texts{});
}

TEST(FileMounts, are_shown_below_the_folder_as_it_was_named) {
  const TempDir dir;
  const std::string bkp = dir.write("real/bkp", "");
  dir.link("real", "backups");
  const std::string mounts = dir.write("mounts", line_of(bkp));
  EXPECT_EQ(file_mounts_below(dir / "backups", mounts), (Texts{dir / "backups/bkp"}));
}

TEST(FileMounts, are_none_where_the_kernel_does_not_tell) {
  const TempDir dir;
  dir.write("backups/bkp", "");
  EXPECT_EQ(file_mounts_below(dir / "backups", dir / "missing"), Texts{});
}

TEST(FileMounts, are_found_in_the_kernels_own_list) {
  const TempDir dir;
  const std::string source = dir.write("source", "");
  const std::string target = dir.write("scripts/backups/a bkp", "");
  EXPECT_EQ(file_mounts_below(dir / "scripts/backups"), Texts{});
  in_own_namespaces([&] {
    ASSERT_EQ(::mount(source.c_str(), target.c_str(), nullptr, MS_BIND, nullptr), 0);
    EXPECT_EQ(file_mounts_below(dir / "scripts/backups"), (Texts{target}));
  });
}

}  // namespace
}  // namespace sidefridge::os
