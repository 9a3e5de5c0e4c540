// generations.cc - one folder each, named by its number.
#include "sidefridge/hooks/generations.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdint>

namespace sidefridge::hooks {
namespace {

constexpr mode_t ours_alone = 0700;

/// How a copy stands; empty when it cannot be looked at.
TreeSnapshot look_at_copy(const std::string& path) {
  // No larger than what was copied, unless somebody has written into it.
  constexpr TreeLimits limits{.bytes = UINT64_MAX, .entries = 2 * most_tree_entries, .depth = 2 * most_tree_depth};
  TreeSnapshot snapshot;
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return snapshot;
  Result<TreeSnapshot> below = take_snapshot(path, limits, [] {});
  if (!below) return snapshot;
  snapshot = *std::move(below);
  // The links to the neighbours are in the copy's own folder, which tells when one comes or goes.
  snapshot.entries.push_back({"", TreeEntry::Kind::folder, stamp_of(status), {}});
  return snapshot;
}

}  // namespace

Result<std::unique_ptr<Generations>> Generations::open(std::string folder, CopySettings settings) {
  remove_tree(folder);
  if (::mkdir(folder.c_str(), ours_alone) != 0) {
    Error error = system_error("cannot make the folder '" + folder + "' for copies of the hooks", errno);
    if (error.code == ErrorCode::not_found) error.code = ErrorCode::io;
    return error;
  }
  return std::unique_ptr<Generations>(new Generations(std::move(folder), std::move(settings)));
}

Generations::~Generations() {
  remove_tree(folder_);
}

Result<Generations::Made> Generations::make(const std::string& scripts_dir, WallTime now) {
  if (newest_ && newest_->source && newest_is_intact() && source_is_unchanged(scripts_dir)) {
    Result<HookReading> reading = read_hook_tree(scripts_dir);
    if (!reading) return std::move(reading).error();
    if (reading->neighbours == newest_->neighbours) {
      reading->hooks = newest_->hooks;
      return Made{*std::move(reading), newest_->number};
    }
  }

  // Whatever tidied it up did not mean the next copy.
  ::mkdir(folder_.c_str(), ours_alone);
  const std::uint64_t number = last_number_ + 1;
  Result<HookCopy> copy = copy_hook_tree(scripts_dir, path_of(number), settings_);
  if (!copy) return std::move(copy).error();
  std::optional<TreeSnapshot> source = std::move(copy->source);
  if (source && !shows_later_changes(*source, scripts_dir, now)) source.reset();
  HookReading& reading = *copy;

  if (newest_ && newest_->hooks == reading.hooks && newest_->neighbours == reading.neighbours && newest_is_intact()) {
    remove_tree(path_of(number));
    newest_->source = std::move(source);
    reading.hooks = newest_->hooks;
    return Made{std::move(reading), newest_->number};
  }
  struct stat status {};
  const bool copied = ::stat(path_of(number).c_str(), &status) == 0;
  newest_ = Newest{copied ? number : 0, reading.hooks, reading.neighbours, std::move(source), {}};
  if (copied) {
    last_number_ = number;
    newest_->copy = look_at_copy(path_of(number));
  }
  return Made{std::move(reading), newest_->number};
}

bool Generations::is_intact(std::uint64_t generation) const {
  return !newest_ || newest_->number != generation || newest_is_intact();
}

void Generations::remove(std::span<const std::uint64_t> generations) const noexcept {
  for (const std::uint64_t generation : generations) remove_tree(path_of(generation));
}

bool Generations::newest_is_intact() const {
  return newest_->number == 0 || look_at_copy(path_of(newest_->number)) == newest_->copy;
}

bool Generations::source_is_unchanged(const std::string& scripts_dir) const {
  const TreeLimits limits{.bytes = settings_.limit_bytes};
  const Result<TreeSnapshot> now = take_snapshot(scripts_dir, limits, settings_.on_step);
  return now && *now == *newest_->source;
}

}  // namespace sidefridge::hooks
