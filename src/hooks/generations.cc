// generations.cc - one folder each, named by its number.
#include "sidefridge/hooks/generations.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

namespace sidefridge::hooks {

Result<std::unique_ptr<Generations>> Generations::open(std::string folder, CopySettings settings) {
  remove_tree(folder);
  if (::mkdir(folder.c_str(), 0700) != 0) {
    Error error = system_error("cannot make the folder '" + folder + "' for copies of the hooks", errno);
    if (error.code == ErrorCode::not_found) error.code = ErrorCode::io;
    return error;
  }
  return std::unique_ptr<Generations>(new Generations(std::move(folder), std::move(settings)));
}

Generations::~Generations() {
  remove_tree(folder_);
}

Result<HookReading> Generations::make(const std::string& scripts_dir) {
  const std::uint64_t number = last_number_ + 1;
  Result<HookReading> reading = copy_hook_tree(scripts_dir, path_of(number), settings_);
  if (!reading) return reading;
  if (newest_hooks_ == reading->hooks) {
    remove_tree(path_of(number));
    reading->hooks = *newest_hooks_;
    return reading;
  }
  newest_hooks_ = reading->hooks;
  struct stat status {};
  const bool copied = ::stat(path_of(number).c_str(), &status) == 0;
  newest_ = copied ? number : 0;
  if (copied) present_.push_back(last_number_ = number);
  return reading;
}

void Generations::pin(std::uint64_t generation) {
  if (generation != 0) pinned_.push_back(generation);
}

void Generations::unpin(std::uint64_t generation) noexcept {
  const auto pin = std::find(pinned_.begin(), pinned_.end(), generation);
  if (pin != pinned_.end()) pinned_.erase(pin);
}

void Generations::remove_unused() noexcept {
  std::erase_if(present_, [this](std::uint64_t generation) {
    const bool used = generation == newest_ || std::find(pinned_.begin(), pinned_.end(), generation) != pinned_.end();
    if (!used) remove_tree(path_of(generation));
    return !used;
  });
}

}  // namespace sidefridge::hooks
