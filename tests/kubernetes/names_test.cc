// names_test.cc - names that the API server takes and refuses.
#include "sidefridge/kubernetes/names.h"

#include <gtest/gtest.h>

namespace sidefridge::kubernetes {
namespace {

std::string said(const Result<void>& result) {
  if (result) return "";
  EXPECT_EQ(result.error().code, ErrorCode::invalid);
  return result.error().text;
}

TEST(Names, takes_labels) {
  for (const std::string& name : {std::string("a"), std::string("0"), std::string("my-app-2"), std::string(63, 'a')}) {
    EXPECT_EQ(said(check_label("NAMESPACE", name)), "");
  }
}

TEST(Names, says_what_is_wrong_with_a_label) {
  EXPECT_EQ(said(check_label("NAMESPACE", "")), "NAMESPACE is empty");
  EXPECT_EQ(said(check_label("NAMESPACE", "My")), "NAMESPACE 'My' must not hold 'M'; allowed are a-z, 0-9 and '-'");
  EXPECT_EQ(said(check_label("NAMESPACE", "a.b")), "NAMESPACE 'a.b' must not hold '.'; allowed are a-z, 0-9 and '-'");
  EXPECT_EQ(said(check_label("NAMESPACE", "a\n")),
            "NAMESPACE 'a\\x0a' must not hold '\\x0a'; allowed are a-z, 0-9 and '-'");
  EXPECT_EQ(said(check_label("NAMESPACE", "-a")), "NAMESPACE '-a' has to begin and end with a letter or digit");
  EXPECT_EQ(said(check_label("NAMESPACE", "a-")), "NAMESPACE 'a-' has to begin and end with a letter or digit");
  EXPECT_EQ(said(check_label("X", std::string(64, 'a'))),
            "X '" + std::string(64, 'a') + "' has 64 characters; 63 are allowed");
}

TEST(Names, takes_dots_in_a_project_name) {
  EXPECT_EQ(said(check_project_name("PROJECT_NAME", "my.app-1.x")), "");
  for (const char* name : {".a", "a.", "a..b", "a.-b", "a-.b", "a/b", "..", "a_b", "\xc3\xbc"}) {
    EXPECT_NE(said(check_project_name("PROJECT_NAME", name)), "") << name;
  }
  EXPECT_EQ(said(check_project_name("P", "a..b")),
            "P 'a..b' has to begin and end with a letter or digit, and so has each part between dots");
  EXPECT_EQ(said(check_project_name("P", "A.b")), "P 'A.b' must not hold 'A'; allowed are a-z, 0-9, '-' and '.'");
  EXPECT_NE(said(check_project_name("P", std::string(64, 'a'))), "");
}

TEST(Names, takes_keys) {
  for (const std::string& name : {std::string("10-dump.sh"), std::string(".hidden"), std::string("A_b"),
                                  std::string("-"), std::string("a..b"), std::string(253, 'k')}) {
    EXPECT_EQ(said(check_key("file", name)), "") << name;
  }
}

TEST(Names, says_what_is_wrong_with_a_key) {
  for (const char* name : {"10 dump", "10-dump~", "#a#", "a+b", "a:b", "\xc3\xbc"}) {
    EXPECT_NE(said(check_key("file", name)).find("a key of a ConfigMap is made of"), std::string::npos) << name;
  }
  for (const char* name : {".", "..", "..data", "..a"}) {
    EXPECT_NE(said(check_key("file", name)).find("must not begin with '..'"), std::string::npos) << name;
  }
  EXPECT_NE(said(check_key("file", std::string(254, 'k'))).find("254 characters; 253"), std::string::npos);
}

TEST(Names, takes_absolute_mount_paths) {
  EXPECT_EQ(said(check_mount_path("path", "/scripts")), "");
  EXPECT_EQ(said(check_mount_path("path", "/opt/my scripts/")), "");
  for (const char* path : {"", "scripts", "/", "//", "/a:b", "/a\n"}) {
    EXPECT_NE(said(check_mount_path("path", path)), "") << path;
  }
}

TEST(Names, dashes_the_hooks) {
  EXPECT_EQ(dashed_name_of(core::Hook::install_dependencies), "install-dependencies");
  for (const core::Hook hook : core::all_hooks) EXPECT_EQ(said(check_label("hook", dashed_name_of(hook))), "");
}

TEST(Names, can_be_those_that_Kubernetes_takes) {
  for (const char* name : {"a", "app-0", "my.app.example", "0", "a--b"}) EXPECT_TRUE(is_name(name)) << name;
  for (const char* name : {"", "-n", "a-", ".a", "App", "a b", "a/b", "a\"]", "a\n", "\xc3\xa4"}) {
    EXPECT_FALSE(is_name(name)) << name;
  }
  EXPECT_FALSE(is_name(std::string(254, 'a')));
}

}  // namespace
}  // namespace sidefridge::kubernetes
