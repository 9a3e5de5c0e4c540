// loss_note.cc - see loss_note.h. A line: kind, script, command (two numbers), text, with blanks between.
#include "sidefridge/core/loss_note.h"

#include <array>
#include <charconv>

#include "sidefridge/text/digest.h"
#include "sidefridge/text/quote.h"

namespace sidefridge::core {
namespace {

constexpr std::string_view word_of_loss = "lost";
constexpr std::string_view word_of_success = "succeeded";
constexpr int exit_code_lost = 74;

/// The next word, and the blank behind it taken away.
std::string_view next_word(std::string_view& rest) {
  const std::size_t end = std::min(rest.find(' '), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return word;
}

std::optional<std::uint64_t> parse_number(std::string_view word) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return number;
}

}  // namespace

std::uint64_t script_digest(std::string_view run_id, std::string_view hook, std::string_view script_path) noexcept {
  return text::Digest().add(run_id).add(hook).add(script_path).value();
}

std::string format_loss_note(const LossNote& note) {
  const std::string_view word = note.kind == LossNote::Kind::lost ? word_of_loss : word_of_success;
  return std::string(word) + ' ' + std::to_string(note.script) + ' ' + std::to_string(note.command) + ' ' +
         text::in_quotes(note.text) + '\n';
}

std::optional<LossNote> parse_loss_note(std::string_view line) {
  LossNote note;
  const std::string_view word = next_word(line);
  if (word != word_of_loss && word != word_of_success) return std::nullopt;
  note.kind = word == word_of_loss ? LossNote::Kind::lost : LossNote::Kind::succeeded;
  const auto script = parse_number(next_word(line));
  const auto command = parse_number(next_word(line));
  if (!script || !command) return std::nullopt;
  note.script = *script;
  note.command = *command;
  note.text = text::one_line(line);
  return note;
}

void LossBook::begin(std::uint64_t script) {
  script_ = script;
  held_.clear();
  losses_.clear();
}

void LossBook::take(std::string_view bytes) {
  held_ += bytes;
  std::size_t begin = 0;
  for (std::size_t end = held_.find('\n'); end != held_.npos; end = held_.find('\n', begin)) {
    const auto note = parse_loss_note(std::string_view(held_).substr(begin, end - begin));
    begin = end + 1;
    if (!note || note->script != script_) continue;
    if (note->kind == LossNote::Kind::lost) {
      losses_.insert_or_assign(note->command, note->text);
    } else {
      losses_.erase(note->command);
    }
  }
  held_.erase(0, begin);
}

void LossBook::judge(ScriptResult& result) const {
  if (!result.succeeded() || losses_.empty()) return;
  result.code = exit_code_lost;
  result.detail = "kubectlexec " + losses_.begin()->second + " in it lost data (exit code '74')";
  if (losses_.size() > 1) result.detail += ", and so did " + std::to_string(losses_.size() - 1) + " more";
}

}  // namespace sidefridge::core
