#include "sidefridge/os/boot_id.h"

#include <gtest/gtest.h>

#include <string>

namespace sidefridge::os {
namespace {

TEST(BootId, is_a_uuid_without_a_newline_and_stays_the_same) {
  const Result<std::string> id = read_boot_id();
  ASSERT_TRUE(id.ok()) << id.error().text;
  EXPECT_EQ(id->size(), 36U);
  EXPECT_EQ(id->find_first_not_of("0123456789abcdef-"), std::string::npos) << *id;
  EXPECT_EQ(*read_boot_id(), *id);
}

}  // namespace
}  // namespace sidefridge::os
