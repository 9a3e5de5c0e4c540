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
                "' belongs to user 12345 and sidefridge runs as user 0; run as user 12345, give the folder to user 0, "
                "or set SIDEFRIDGE_STATE_DIR to another folder");
}

// What the call gives another user, in a child.
void as_user(uid_t user, const std::function<void()>& work) {
  EXPECT_EQ(in_child([&] {
              ASSERT_EQ(::setresgid(user, user, user), 0);
              ASSERT_EQ(::setresuid(user, user, user), 0);
              work();
            }),
            0);
}

TEST(StateFolder, whose_it_is_and_what_to_do_is_told_to_another_user) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  const TempDir dir;
  ASSERT_EQ(::chmod(dir.path().c_str(), 01777), 0);
  as_user(12345, [&] { must(StateFolder::open(dir.path()).ok() ? Result<void>() : Error{ErrorCode::io, "refused"}); });
  as_user(54321, [&] {
    EXPECT_EQ(StateFolder::open(dir.path()).error().text,
              "'" + (dir / "store") +
                  "' belongs to user 12345 and sidefridge runs as user 54321, which may not use it; run as user 12345, "
                  "give the folder to user 54321, or set SIDEFRIDGE_STATE_DIR to another folder");
  });
  const TempDir closed;
  as_user(54321, [&] {
    EXPECT_EQ(StateFolder::open(closed.path()).error().text,
              "'" + closed.path() +
                  "' belongs to user 0 and sidefridge runs as user 54321, which may not use it; run as user 0, "
                  "give the folder to user 54321, or set SIDEFRIDGE_STATE_DIR to another folder");
  });
}

TEST(StateFolder, one_in_which_others_may_rename_what_is_ours_is_refused) {
  const TempDir dir;
  ASSERT_EQ(::chmod(dir.path().c_str(), 0777), 0);
  const auto folder = StateFolder::open(dir.path());
  ASSERT_FALSE(folder.ok());
  EXPECT_EQ(folder.error().code, ErrorCode::unavailable);
  EXPECT_EQ(folder.error().text,
            "every user may write to '" + dir.path() +
                "' and rename what is in it, so that another one could have scripts run as user " +
                std::to_string(::geteuid()) +
                "; run chmod o-w or chmod +t on it, or set SIDEFRIDGE_STATE_DIR to another folder");
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(StateFolder, a_group_may_write_to_it) {
  const TempDir dir;
  ASSERT_EQ(::chmod(dir.path().c_str(), 0775), 0);
  EXPECT_TRUE(StateFolder::open(dir.path()).ok());
}

// As an emptyDir of Kubernetes is.
TEST(StateFolder, a_mount_that_is_open_to_all_is_used_and_closed_where_it_is_ours) {
  const TempDir dir;
  const int code = on_small_disk(dir.path(), "1m", [&] {
    ASSERT_EQ(::chmod(dir.path().c_str(), 0777), 0);
    EXPECT_TRUE(StateFolder::open(dir.path()).ok());
    EXPECT_EQ(mode_of(dir.path()), 01777U);
  });
  if (code == not_permitted) GTEST_SKIP() << "this machine does not let us mount a small disk";
  EXPECT_EQ(code, 0);
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
