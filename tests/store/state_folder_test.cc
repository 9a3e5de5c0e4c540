#include "sidefridge/store/state_folder.h"

#include "fixture.h"

namespace sidefridge::store {
namespace {

TEST(StateFolder, is_made_with_its_parents_and_for_its_owner_only) {
  const TempDir dir;
  const std::string state_dir = dir / "a/b/state";
  auto folder = StateFolder::open(state_dir);
  ASSERT_TRUE(folder.ok());
  EXPECT_EQ(folder->path(), state_dir + "/store");
  EXPECT_EQ(mode_of(folder->path()), 0700U);
}

TEST(StateFolder, a_mount_that_everybody_can_write_to_stays_as_it_is) {
  const TempDir dir;
  ASSERT_EQ(::chmod(dir.path().c_str(), 01777), 0);
  ASSERT_TRUE(StateFolder::open(dir.path()).ok());
  EXPECT_EQ(mode_of(dir.path()), 01777U);
  EXPECT_EQ(mode_of(dir / "store"), 0700U);
}

TEST(StateFolder, a_folder_that_others_can_enter_is_closed_to_them) {
  const TempDir dir;
  ASSERT_EQ(::mkdir((dir / "store").c_str(), 0777), 0);
  ASSERT_EQ(::chmod((dir / "store").c_str(), 0777), 0);
  ASSERT_TRUE(StateFolder::open(dir.path()).ok());
  EXPECT_EQ(mode_of(dir / "store"), 0700U);
}

TEST(StateFolder, a_folder_of_another_user_is_refused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a folder to another user";
  const TempDir dir;
  ASSERT_EQ(::mkdir((dir / "store").c_str(), 0700), 0);
  ASSERT_EQ(::chown((dir / "store").c_str(), 12345, 12345), 0);
  auto folder = StateFolder::open(dir.path());
  ASSERT_FALSE(folder.ok());
  EXPECT_EQ(folder.error().code, ErrorCode::unavailable);
  EXPECT_EQ(folder.error().text,
            "'" + (dir / "store") +
                "' belongs to user 12345 and sidefridge runs as user 0; set SIDEFRIDGE_STATE_DIR to "
                "another folder");
}

TEST(StateFolder, a_link_in_place_of_the_folder_is_refused) {
  const TempDir dir;
  std::filesystem::create_directory(dir / "elsewhere");
  std::filesystem::create_symlink(dir / "elsewhere", dir / "store");
  auto folder = StateFolder::open(dir.path());
  ASSERT_FALSE(folder.ok());
  EXPECT_EQ(folder.error().code, ErrorCode::unavailable);
  EXPECT_EQ(folder.error().text,
            "'" + (dir / "store") + "' is not a folder; set SIDEFRIDGE_STATE_DIR to another folder");
  EXPECT_TRUE(std::filesystem::is_empty(dir / "elsewhere"));
}

TEST(StateFolder, a_file_in_its_way_is_named) {
  const TempDir dir;
  std::ofstream(dir / "file") << "x";
  auto folder = StateFolder::open(dir / "file");
  ASSERT_FALSE(folder.ok());
  EXPECT_EQ(folder.error().text, "cannot make the folder '" + (dir / "file/store") +
                                     "': Not a directory; set SIDEFRIDGE_STATE_DIR to another folder");
}

TEST(StateFolder, slashes_at_the_end_change_nothing) {
  EXPECT_EQ(StateFolder::at("/run/sidefridge//").path(), "/run/sidefridge/store");
  EXPECT_EQ(StateFolder::at("/run/sidefridge").lock_path(), "/run/sidefridge/store/lock");
}

TEST(StateFolder, to_name_the_files_makes_none) {
  const TempDir dir;
  EXPECT_EQ(StateFolder::at(dir / "state").variables_path(), dir / "state/store/variables.mdb");
  EXPECT_FALSE(std::filesystem::exists(dir / "state"));
}

}  // namespace
}  // namespace sidefridge::store
