// hook_watch.cc - inotify in the loop, and when not to trust it.
#include "sidefridge/daemon/hook_watch.h"

#include <algorithm>
#include <utility>

#include "sidefridge/os/file_system.h"

namespace sidefridge::daemon {
namespace {

bool tells_changes(const std::string& folder) {
  return os::tells_changes(folder) &&
         std::all_of(core::all_hooks.begin(), core::all_hooks.end(), [&](const core::Hook hook) {
           return os::tells_changes(folder + "/" + std::string(core::name_of(hook)));
         });
}

}  // namespace

HookWatch::HookWatch(std::vector<std::string> folders, EventSink& sink, Console& console)
    : sink_(sink), console_(console) {
  for (std::string& path : folders) {
    hooks::TreeWatch tree(path);
    folders_.push_back(Folder{std::move(path), std::move(tree), std::nullopt});
  }
}

Result<std::unique_ptr<HookWatch>> HookWatch::open(loop::Loop& loop, std::vector<std::string> folders, EventSink& sink,
                                                   Console& console) {
  std::unique_ptr<HookWatch> self(new HookWatch(folders, sink, console));
  for (Folder& folder : self->folders_) {
    if (folder.tree.fd() < 0) continue;
    Result<loop::FdWatch> watch = loop::FdWatch::open(loop, folder.tree.fd(), *self);
    if (!watch) return std::move(watch).error();
    folder.watch = std::move(*watch);
    folder.watch->want(loop::Interest::input);
  }
  if (Result<void> watched = self->watch_mounts(loop, std::move(folders)); !watched) {
    console.log(core::LogLevel::warning, "cannot watch for mounts (" + watched.error().text +
                                             "): hooks that are mounted over are read again only after another change "
                                             "or SIGUSR1");
  }
  self->tell_state();
  return self;
}

Result<void> HookWatch::watch_mounts(loop::Loop& loop, std::vector<std::string> folders) {
  Result<hooks::MountWatch> table = hooks::MountWatch::open(std::move(folders));
  if (!table) return std::move(table).error();
  auto mounts = std::make_unique<Mounts>(*this, std::move(*table));
  Result<loop::FdWatch> watch = loop::FdWatch::open(loop, mounts->table.fd(), *mounts);
  if (!watch) return std::move(watch).error();
  mounts->watch = std::move(*watch);
  mounts->watch->want(loop::Interest::news);
  mounts_ = std::move(mounts);
  return {};
}

void HookWatch::rearm() {
  // Whatever it finds is about to be read.
  for (Folder& folder : folders_) static_cast<void>(folder.tree.rearm());
  if (mounts_) static_cast<void>(mounts_->table.look());
  tell_state();
}

void HookWatch::on_mounts_changed() noexcept {
  if (mounts_->table.look() == hooks::MountWatch::Seen::nothing) return;
  // At once, so that whoever still writes into what was mounted is heard.
  rearm();
  sink_.post(core::HooksTouched{});
}

void HookWatch::on_ready() noexcept {
  for (Folder& folder : folders_) {
    if (folder.watch && folder.tree.drain() == hooks::TreeWatch::Seen::changed) sink_.post(core::HooksTouched{});
  }
  tell_state();
}

void HookWatch::tell_state() {
  using By = core::HooksWatched::By;
  By by = By::events;
  for (Folder& folder : folders_) {
    for (const std::string& notice : folder.tree.take_notices()) console_.log(core::LogLevel::warning, notice);
    if (!folder.watch || !folder.tree.complete() || !tells_changes(folder.path)) by = By::polling;
  }
  if (by != std::exchange(told_, by)) sink_.post(core::HooksWatched{by});
}

}  // namespace sidefridge::daemon
