#include "sidefridge/hooks/interpreter.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "../os/fixture.h"

namespace sidefridge::hooks {
namespace {

using namespace os;

using core::Interpreter;

using Words = std::vector<std::string>;

/// How a run would start this file.
Words argv_of(const std::string& path) {
  core::Script script{core::Hook::backups, "script", path, path};
  script.interpreter = read_interpreter(path);
  EXPECT_TRUE(script.interpreter.ok()) << script.interpreter.error().text;
  return script.argv();
}

TEST(Interpreter, of_a_script_does_as_the_kernel_does) {
  const TempDir dir;
  // The interpreter prints what it was given; the kernel starts the script by itself to compare.
  const std::string show = dir.write("show", "#!/bin/sh\nfor a; do echo \"[$a]\"; done\n");
  for (const std::string& line :
       {"#!" + show, "#! " + show + " \t", "#!" + show + " -e  -u \t ", "#!\t" + show + "\tx"}) {
    const std::string script = dir.write("script", line + "\n");
    Words argv = argv_of(script);
    argv.insert(argv.end(), {"a b", "", "c"});
    EXPECT_EQ(output_of(argv), output_of({script, "a b", "", "c"})) << line;
  }
}

TEST(Interpreter, a_program_starts_itself) {
  EXPECT_EQ(argv_of("/bin/true"), Words{"/bin/true"});
}

TEST(Interpreter, a_script_needs_no_x_permission) {
  const TempDir dir;
  const std::string script = dir.write("script", "#!/bin/sh -e\necho ran\n", 0644);
  EXPECT_EQ(output_of(argv_of(script)), "ran\n");
}

TEST(Interpreter, a_shebang_after_blank_lines_is_the_one_that_counts) {
  const TempDir dir;
  EXPECT_EQ(output_of(argv_of(dir.write("script", "\n\n#!/bin/bash\n[[ a == a ]] && echo ran\n"))), "ran\n");
}

TEST(Interpreter, reads_no_more_than_the_first_line_of_a_long_file) {
  const TempDir dir;
  EXPECT_EQ(*read_interpreter(dir.write("script", "#!/bin/bash -e\n" + std::string(100'000, '#'))),
            (Interpreter{"/bin/bash", "-e"}));
}

TEST(Interpreter, a_first_line_that_is_no_use_is_told_with_its_mend) {
  const TempDir dir;
  const std::string script = dir.write("script", "#!/bin/sh\r\n");
  EXPECT_EQ(read_interpreter(script).error().text, "its first line ends with CRLF: save it with Unix line endings");
}

TEST(Interpreter, a_script_that_has_vanished_is_not_found) {
  const TempDir dir;
  const Result<Interpreter> interpreter = read_interpreter(dir / "gone");
  ASSERT_FALSE(interpreter.ok());
  EXPECT_EQ(interpreter.error().code, ErrorCode::not_found);
  EXPECT_EQ(interpreter.error().text, "it does not exist");
}

TEST(Interpreter, a_script_that_has_become_something_else_is_refused_without_waiting) {
  const TempDir dir;
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0644), 0);
  for (const std::string& path : {dir / "fifo", dir.make_folder("folder")}) {
    const Result<Interpreter> interpreter = read_interpreter(path);
    ASSERT_FALSE(interpreter.ok());
    EXPECT_EQ(interpreter.error().text, "it is not a regular file");
  }
}

TEST(Interpreter, an_unreadable_script_is_told_with_the_reason) {
  const TempDir dir;
  const std::string script = dir.write("script", "", 0111);
  const WithoutRoot unprivileged;
  const Result<Interpreter> interpreter = read_interpreter(script);
  ASSERT_FALSE(interpreter.ok());
  EXPECT_EQ(interpreter.error().text, "it cannot be read: Permission denied");
}

TEST(CheckInterpreter, finds_nothing_wrong_with_what_can_be_executed) {
  EXPECT_TRUE(check_interpreter(Interpreter{"/bin/sh"}, "/scripts/backups/bkp").ok());
  EXPECT_TRUE(check_interpreter(Interpreter{""}, "/bin/true").ok());
}

TEST(CheckInterpreter, a_program_that_may_not_be_executed_is_none) {
  const TempDir dir;
  const std::string program = dir.write("dump", "\x7f\x45\x4c\x46", 0644);
  EXPECT_EQ(check_interpreter(Interpreter{""}, program).error().text,
            "'" + program + "' is a program, but may not be executed: give it the x permission");
}

TEST(CheckInterpreter, says_what_keeps_one_from_being_executed) {
  const TempDir dir;
  const std::string plain = dir.write("plain", "", 0644);
  const std::string folder = dir.make_folder("folder");
  const struct {
    std::string program;
    ErrorCode code;
    std::string problem;
  } rows[] = {
      {"/bin/nope", ErrorCode::not_found, "does not exist"},
      {plain + "/below", ErrorCode::not_found, "does not exist"},
      {plain, ErrorCode::io, "may not be executed (no x permission, or a noexec mount)"},
      {folder, ErrorCode::io, "is not a program"},
  };
  for (const auto& row : rows) {
    const Result<void> usable = check_interpreter(Interpreter{row.program, "-x"}, "/scripts/backups/bkp");
    ASSERT_FALSE(usable.ok()) << row.program;
    EXPECT_EQ(usable.error().code, row.code);
    EXPECT_EQ(usable.error().text, "interpreter '" + row.program + "' of '/scripts/backups/bkp' " + row.problem);
  }
}

TEST(ShellOf, asks_for_the_file_behind_the_name_where_the_name_does_not_tell) {
  const TempDir dir;
  const auto link = [&](const std::string& name, const std::string& to) {
    const std::filesystem::path path = std::filesystem::path(dir.path()) / name;
    std::filesystem::create_directories(path.parent_path());
    std::filesystem::create_symlink(to, path);
    return path.string();
  };
  const std::string busybox = dir.write("busybox", "", 0755);
  const std::string dash = dir.write("dash", "", 0755);
  const std::string bash = dir.write("bash", "", 0755);
  const struct {
    Interpreter interpreter;
    Shell shell;
  } rows[] = {
      {{"/bin/bash"}, Shell::bash},
      {{"/usr/local/bin/bash", "-e"}, Shell::bash},
      {{link("fedora/sh", bash)}, Shell::bash},
      {{link("alpine/sh", busybox)}, Shell::busybox},
      {{link("alpine/ash", busybox)}, Shell::busybox},
      {{link("debian/sh", dash)}, Shell::plain},
      {{dash}, Shell::plain},
      {{busybox, "sh"}, Shell::busybox},
      {{busybox, "ash"}, Shell::busybox},
      {{busybox, "awk"}, Shell::none},
      {{busybox}, Shell::none},
      {{"/usr/bin/env", "bash"}, Shell::bash},
      {{"/usr/bin/env", "-S bash -e"}, Shell::bash},
      {{"/usr/bin/env", "-S LC_ALL=C " + busybox + " sh"}, Shell::busybox},
      {{"/usr/bin/env", "python3"}, Shell::none},
      {{"/usr/bin/env"}, Shell::none},
      {{"/usr/bin/python3"}, Shell::none},
      {{""}, Shell::none},
      {{dir.path() + "/none/sh"}, Shell::plain},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(shell_of(row.interpreter), row.shell) << row.interpreter.program << " " << row.interpreter.argument;
  }
}

TEST(KnowsPipefail, is_true_of_bash_and_busybox) {
  EXPECT_TRUE(knows_pipefail(Shell::bash));
  EXPECT_TRUE(knows_pipefail(Shell::busybox));
  EXPECT_FALSE(knows_pipefail(Shell::plain));
  EXPECT_FALSE(knows_pipefail(Shell::none));
}

}  // namespace
}  // namespace sidefridge::hooks
