// interpreter.cc - any bytes as the head of a script: what its first line names is what is executed.
#include "sidefridge/core/interpreter.h"

#include <algorithm>
#include <string>

#include "fuzz_target.h"

namespace sidefridge::fuzz {
namespace {

bool is_within_a_line(std::string_view text) {
  return text.find('\n') == std::string_view::npos && text.find('\0') == std::string_view::npos;
}

}  // namespace
}  // namespace sidefridge::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sidefridge;
  const std::string_view head = fuzz::text_of(data, size);
  const auto found = core::interpreter_of(head);
  const bool shebang = head.substr(std::min(head.find_first_not_of(" \t\r\n"), head.size())).starts_with("#!");
  if (!found) {
    fuzz::promise(fuzz::is_one_line(found.error().text), "a refusal is one line");
    return 0;
  }
  if (found->program.empty()) {
    fuzz::promise(head.starts_with("\x7f\x45\x4c\x46") && found->argument.empty(), "only a program executes itself");
    return 0;
  }
  if (!shebang) {
    fuzz::promise(*found == core::Interpreter{}, "a file without a first line of that kind is the shell's");
    return 0;
  }
  fuzz::promise(fuzz::is_within_a_line(found->program) && fuzz::is_within_a_line(found->argument),
                "what is executed was named in the first line");
  fuzz::promise(found->program.find_first_of(" \t") == std::string::npos, "a program's path ends at the first blank");
  const std::string line = "#!" + found->program + (found->argument.empty() ? "" : " " + found->argument);
  // What ends so is refused, but may stand before a blank.
  if (line.ends_with('\r')) return 0;
  const auto again = core::interpreter_of(line + "\n");
  fuzz::promise(again.ok() && again->program == found->program && again->argument == found->argument,
                "the same words in another line are the same interpreter");
  return 0;
}
