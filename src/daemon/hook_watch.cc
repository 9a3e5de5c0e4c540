// hook_watch.cc - inotify in the loop, and when not to trust it.
#include "sidefridge/daemon/hook_watch.h"

#include <poll.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "sidefridge/os/file_system.h"
#include "sidefridge/os/mount_info.h"

namespace sidefridge::daemon {
namespace {

bool tells_changes(const std::string& folder) {
  return os::tells_changes(folder) &&
         std::all_of(core::all_hooks.begin(), core::all_hooks.end(), [&](const core::Hook hook) {
           return os::tells_changes(folder + "/" + std::string(core::name_of(hook)));
         });
}

std::string cannot_watch_mounts(const Error& why) {
  return "cannot watch for mounts (" + why.text +
         "): hooks that are mounted over are read again only after another change or SIGUSR1";
}

}  // namespace

HookWatch::HookWatch(loop::Loop& loop, loop::Lane& lane, std::vector<std::string> folders, EventSink& sink,
                     Console& console)
    : loop_(loop), lane_(lane), sink_(sink), console_(console), folders_(std::move(folders)) {}

void HookWatch::rearm() {
  if (lane_.full()) return;  // nor are the hooks read now
  // Whatever it finds is about to be read.
  lane_.post(
      [this] {
        if (trees_.empty()) {
          open();
        } else {
          rearm_trees();
          if (mounts_) static_cast<void>(mounts_->look());
        }
        return found(false);
      },
      [this](const Found& found) {
        if (!std::exchange(listening_, true)) listen();
        tell(found);
      });
}

void HookWatch::open() {
  for (const std::string& file : os::file_mounts_below(folders_.front())) {
    notices_.push_back("'" + file +
                       "' is a mount of its own (subPath) and will never change; mount the whole ConfigMap "
                       "as a folder to change it while the pod runs");
  }
  for (const std::string& folder : folders_) trees_.emplace_back(folder);
  Result<hooks::MountWatch> mounts = hooks::MountWatch::open(folders_);
  if (mounts) {
    mounts_ = std::move(*mounts);
  } else {
    notices_.push_back(cannot_watch_mounts(mounts.error()));
  }
}

HookWatch::Found HookWatch::look() {
  bool changed = false;
  for (hooks::TreeWatch& tree : trees_) changed |= tree.drain() == hooks::TreeWatch::Seen::changed;
  if (mounts_ && mounts_->look() == hooks::MountWatch::Seen::changed) {
    // At once, so that what is still written into the folder that was mounted is heard.
    rearm_trees();
    changed = true;
  }
  return found(changed);
}

void HookWatch::rearm_trees() {
  for (hooks::TreeWatch& tree : trees_) static_cast<void>(tree.rearm());
}

HookWatch::Found HookWatch::found(bool changed) {
  using By = core::HooksWatched::By;
  Found found{changed, By::events, std::exchange(notices_, {})};
  for (std::size_t i = 0; i < trees_.size(); ++i) {
    std::vector<std::string> notices = trees_[i].take_notices();
    std::move(notices.begin(), notices.end(), std::back_inserter(found.notices));
    if (!trees_[i].complete() || !tells_changes(folders_[i])) found.by = By::polling;
  }
  return found;
}

void HookWatch::listen() {
  for (const hooks::TreeWatch& tree : trees_) {
    if (tree.fd() < 0) continue;
    if (const Result<void> heard = listen_to(tree.fd(), loop::Interest::input); !heard) {
      deaf_ = true;
      console_.log(core::LogLevel::warning,
                   "cannot watch the hooks: " + heard.error().text + "; changes are found by polling instead");
    } else {
      queues_.push_back(tree.fd());
    }
  }
  if (!mounts_) return;
  if (const Result<void> heard = listen_to(mounts_->fd(), loop::Interest::news); !heard) {
    console_.log(core::LogLevel::warning, cannot_watch_mounts(heard.error()));
  }
}

Result<void> HookWatch::listen_to(int fd, loop::Interest interest) {
  Result<loop::FdWatch> watch = loop::FdWatch::open(loop_, fd, *this);
  if (!watch) return std::move(watch).error();
  watch->want(interest);
  watches_.push_back(Watched{std::move(*watch), interest});
  return {};
}

void HookWatch::on_ready() noexcept {
  if (std::exchange(looking_, true)) return;
  // What is ready stays so until the lane has drained it.
  for (Watched& watched : watches_) watched.watch.want(loop::Interest::nothing);
  lane_.post([this] { return look(); },
             [this](const Found& found) {
               looking_ = false;
               for (Watched& watched : watches_) watched.watch.want(watched.interest);
               if (found.changed) {
                 ++touches_;
                 sink_.post(core::HooksTouched{});
               }
               tell(found);
             });
}

bool HookWatch::quiet_since(std::uint64_t touches) const noexcept {
  if (told_ == core::HooksWatched::By::polling || looking_ || touches != touches_) return false;
  // What was written is in the queue by the time it can be read. The list of mounts is not polled here: that would take
  // its news.
  std::vector<pollfd> queues;
  for (const int queue : queues_) queues.push_back({queue, POLLIN, 0});
  return ::poll(queues.data(), queues.size(), 0) == 0;
}

void HookWatch::tell(const Found& found) {
  for (const std::string& notice : found.notices) console_.log(core::LogLevel::warning, notice);
  const core::HooksWatched::By by = deaf_ ? core::HooksWatched::By::polling : found.by;
  if (by != std::exchange(told_, by)) sink_.post(core::HooksWatched{by});
}

}  // namespace sidefridge::daemon
