// loss_note.h - what kubectlexec tells of a script that calls it, so that a pipe behind it cannot hide a loss.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sidefridge/core/run.h"

namespace sidefridge::core {

/// How one call of kubectlexec ended, in as much as it matters to its script.
struct LossNote {
  enum class Kind {
    lost,       // with 74
    succeeded,  // with 0: what the same command lost before is made good
  };
  Kind kind = Kind::lost;
  std::uint64_t script = 0;   // script_digest()
  std::uint64_t command = 0;  // the same number for the same command with the same target
  std::string text;           // the command, for people

  friend bool operator==(const LossNote&, const LossNote&) = default;
};

/// Which script of which run, in one number.
std::uint64_t script_digest(std::string_view run_id, std::string_view hook, std::string_view script_path) noexcept;

/// One line with its newline, under 1000 bytes; a text that is too long is cut.
std::string format_loss_note(const LossNote& note);

/// Reads a line without its newline. Returns: nothing when it is none of format_loss_note()'s.
std::optional<LossNote> parse_loss_note(std::string_view line);

/// What the script that runs has lost so far. A value.
class LossBook {
public:
  /// A script begins; what was noted of others is forgotten.
  void begin(std::uint64_t script);

  /// Takes lines of format_loss_note(), cut anywhere. Notes of other scripts are passed over.
  void take(std::string_view bytes);

  /// The script has ended: if that looks like a success, and something it lost was not made good, it is a failure.
  void judge(ScriptResult& result) const;

private:
  std::uint64_t script_ = 0;
  std::string held_;                             // a line that has begun
  std::map<std::uint64_t, std::string> losses_;  // the text by the command
};

}  // namespace sidefridge::core
