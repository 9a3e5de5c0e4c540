#include "sidefridge/hooks/script_text.h"

#include <gtest/gtest.h>

#include <optional>
#include <string_view>

namespace sidefridge::hooks {
namespace {

TEST(ScriptText, names_the_first_line_with_a_pipe) {
  EXPECT_EQ(line_of_unguarded_pipe("dump | gzip > x"), 1U);
  EXPECT_EQ(line_of_unguarded_pipe("#!/bin/sh\n# a | b\necho 'a | b' \"c | d\" e\\ \\| f\ndump |\n  gzip\n"), 4U);
  EXPECT_EQ(line_of_unguarded_pipe("dump |& tee log"), 1U);
  EXPECT_EQ(line_of_unguarded_pipe("n=$(dump | wc -c)"), 1U);
  EXPECT_EQ(line_of_unguarded_pipe("echo 'x\ny | z'\ndump |gzip"), 3U);
  EXPECT_EQ(line_of_unguarded_pipe("kubectlexec \"mysqldump app | gzip > /x\""), 1U);
}

TEST(ScriptText, what_only_looks_like_a_pipe_is_none) {
  for (const std::string_view script :
       {"", "dump || exit 1", "echo x >| file", "case $1 in\n  -h | --help) usage ;;\nesac", "-h|--help) usage ;;",
        "echo a|b", "echo \"it's a | b\"", "echo x # a | b", "grep 'a\\|b' file"}) {
    EXPECT_EQ(line_of_unguarded_pipe(script), std::nullopt) << script;
  }
}

TEST(ScriptText, a_script_that_speaks_of_pipefail_has_thought_of_it) {
  EXPECT_EQ(line_of_unguarded_pipe("set -euo pipefail\ndump | gzip"), std::nullopt);
}

}  // namespace
}  // namespace sidefridge::hooks
