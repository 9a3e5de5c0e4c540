// generations.cc - looks at what a version was made of, and copies it while it still is that.
#include "sidefridge/hooks/generations.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <string_view>
#include <utility>

#include "sidefridge/hooks/interpreter.h"

namespace sidefridge::hooks {
namespace {

// Others may have to reach a copy, but need not know what there is.
constexpr mode_t to_pass_through = 0711;

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

/// A file of `now` that is not as it was, or that `now` lacks.
std::string first_difference(const TreeSnapshot& before, const TreeSnapshot& now) {
  const auto lacks = [](const TreeSnapshot& snapshot, const TreeEntry& entry) {
    return entry.kind != TreeEntry::Kind::folder &&
           std::find(snapshot.entries.begin(), snapshot.entries.end(), entry) == snapshot.entries.end();
  };
  for (const TreeEntry& entry : now.entries) {
    if (lacks(before, entry)) return entry.path;
  }
  for (const TreeEntry& entry : before.entries) {
    if (lacks(now, entry)) return entry.path;
  }
  return {};
}

std::size_t index_of(core::Hook hook) noexcept {
  return static_cast<std::size_t>(hook);
}

bool is_executable(const TreeEntry& entry) noexcept {
  return (entry.stamp.mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0;
}

/// Whether a script of that hook may have written this beside itself.
bool may_be_theirs(const std::string& path, const RanHooks& ran) noexcept {
  const std::optional<core::Hook> hook = hook_of(path);
  return hook && ran[index_of(*hook)] && !is_script_path(path);
}

}  // namespace

std::unique_ptr<Generations> Generations::open(std::string folder, CopySettings settings) {
  remove_tree(folder);
  return std::unique_ptr<Generations>(new Generations(std::move(folder), std::move(settings)));
}

Generations::~Generations() {
  remove_tree(folder_);
}

Generations::Version* Generations::find(std::uint64_t generation) {
  const auto found = versions_.find(generation);
  return found == versions_.end() ? nullptr : &found->second;
}

// ---- reading

Result<Generations::Made> Generations::make(const std::string& scripts_dir, WallTime now, const RanHooks& ran) {
  Version* const newest = find(newest_);
  if (newest != nullptr && newest->shows_changes && is_unchanged(*newest)) {
    Result<HookReading> reading = read_hook_tree(scripts_dir);
    if (!reading) return std::move(reading).error();
    if (reading->neighbours == newest->hooks.neighbours) {
      reading->hooks = newest->hooks.hooks;
      return made_of(*newest, *std::move(reading));
    }
  }

  Result<HookVersion> read = read_hooks(scripts_dir, settings_, newest != nullptr ? &newest->hooks : nullptr);
  if (!read) return std::move(read).error();
  read->looked_at = now;
  if (read->unreadable && newest != nullptr) return *read->unreadable;
  if (read->unreadable) read->warnings.push_back(read->unreadable->text + ": a run fails when its turn comes");
  if (!read->whole) {
    read->warnings.push_back("the hooks in '" + scripts_dir +
                             "' keep changing while they are read: they run from where they are, and versions may mix");
  }
  if (newest != nullptr) {
    note_theirs(newest->hooks, *read, ran);
    tell_new_scripts(newest->hooks.hooks, read->hooks, ran);
  }
  leave_theirs_out(*read);
  HookReading reading = *read;
  const bool shows_changes = read->whole && !read->any_left_out && shows_later_changes(read->source, scripts_dir, now);
  if (newest != nullptr && newest->hooks.hooks == read->hooks && newest->hooks.neighbours == read->neighbours) {
    newest->shows_changes = shows_changes;
    if (read->whole) {
      // What scripts wrote beside themselves is not in the copy.
      newest->outdated |= newest->hooks.digests != read->digests;
      newest->hooks = *std::move(read);
    }
    return made_of(*newest, std::move(reading));
  }
  Version& version = versions_[++newest_];
  version.scripts_dir = scripts_dir;
  version.hooks = *std::move(read);
  version.shows_changes = shows_changes;
  return made_of(version, std::move(reading));
}

bool Generations::is_unchanged(const Version& version) const {
  const TreeLimits limits{.bytes = settings_.limit_bytes};
  const Result<TreeSnapshot> now = take_snapshot(version.scripts_dir, limits, settings_.on_step);
  return now && *now == version.hooks.source;
}

Generations::Made Generations::made_of(Version& version, HookReading reading) {
  Made made;
  made.reading = std::move(reading);
  made.generation = newest_;
  for (const core::Hook hook : core::all_hooks) {
    for (const core::Script& script : made.reading.hooks.scripts(hook)) {
      if (script.interpreter && script.interpreter->after_blank_lines) {
        made.reading.warnings.push_back(late_shebang(script.path));
      }
    }
  }
  bool any_swapped = false;
  for (std::size_t i = 0; i < made.in_place.size(); ++i) {
    made.in_place[i] = !version.hooks.source.swapped[i];
    any_swapped |= !made.in_place[i] && !version.hooks.hooks.scripts(core::all_hooks[i]).empty();
  }
  // They run from nowhere else.
  if (any_swapped && !has_intact_copy(version)) make_copy(version, settings_);
  made.leads_out = version.hooks.source.leads_out;
  if (!version.outdated) made.copy = version.copy_path;
  return made;
}

/// What came, went or changed beside scripts while they ran is theirs.
void Generations::note_theirs(const HookVersion& before, const HookVersion& now, const RanHooks& ran) {
  struct Digests {
    std::optional<std::uint64_t> before;
    std::optional<std::uint64_t> now;
    bool executable = false;
  };
  std::map<std::string, Digests> files;
  const auto for_each_of = [&](const HookVersion& version, auto take) {
    for (std::size_t i = 0; i < version.source.entries.size(); ++i) {
      const TreeEntry& entry = version.source.entries[i];
      if (entry.kind != TreeEntry::Kind::data && may_be_theirs(entry.path, ran)) {
        take(files[entry.path], entry, version.digests[i]);
      }
    }
  };
  for_each_of(before, [](Digests& file, const TreeEntry& entry, std::uint64_t digest) {
    file.before = digest;
    file.executable = entry.kind == TreeEntry::Kind::file && is_executable(entry);
  });
  for_each_of(now, [](Digests& file, const TreeEntry&, std::uint64_t digest) { file.now = digest; });
  for (const auto& [path, digests] : files) {
    const bool a_helper = digests.executable && theirs_.find(path) == theirs_.end();
    if (digests.before == digests.now || a_helper) continue;
    theirs_.try_emplace(path, Theirs{digests.before, {}}).first->second.left_as = digests.now;
  }
}

/// What a script writes beside itself runs from the next run on, unless its name hides it.
void Generations::tell_new_scripts(const core::HookSet& before, const core::HookSet& now, const RanHooks& ran) {
  for (const core::Hook hook : core::all_hooks) {
    if (!ran[index_of(hook)]) continue;
    const std::vector<core::Script>& known = before.scripts(hook);
    for (const core::Script& script : now.scripts(hook)) {
      const bool is_known =
          std::any_of(known.begin(), known.end(), [&](const core::Script& one) { return one.name == script.name; });
      if (is_known) continue;
      notices_.push_back("'" + script.path +
                         "' has appeared while scripts beside it ran, and runs as a script from now "
                         "on: if one of them wrote it, write it elsewhere, or under a name that begins with '.'");
    }
  }
}

void Generations::leave_theirs_out(HookVersion& version) {
  if (theirs_.empty()) return;
  for (const core::Hook hook : core::all_hooks) {
    if (!version.source.too_large[index_of(hook)].empty()) continue;
    std::map<std::string, std::uint64_t> parts;
    for (TreePart& part : parts_of(version, hook)) parts[std::move(part.path)] = part.digest;
    std::erase_if(theirs_, [&](const auto& item) {
      const auto& [path, theirs] = item;
      if (hook_of(path) != hook) return false;
      const auto part = parts.find(path);
      const std::optional<std::uint64_t> is = part == parts.end() ? std::nullopt : std::optional(part->second);
      // Somebody else has changed it since.
      if (is != theirs.left_as) return true;
      if (theirs.counts_as) {
        parts[path] = *theirs.counts_as;
      } else {
        parts.erase(path);
      }
      return false;
    });
    std::vector<TreePart> counted;
    for (const auto& [path, digest] : parts) counted.push_back({path, digest});
    std::vector<core::Script> scripts = version.hooks.scripts(hook);
    version.hooks.assign(hook, std::move(scripts), digest_of_parts(std::move(counted)));
  }
}

// ---- the place

bool Generations::stands(Version& version, const RanHooks& ran) {
  if (!version.hooks.whole) return false;
  bool all = true;
  for (std::size_t i = 0; i < version.hooks.source.entries.size(); ++i) {
    const TreeEntry& entry = version.hooks.source.entries[i];
    if (entry.kind == TreeEntry::Kind::folder || entry.kind == TreeEntry::Kind::data) continue;
    if (version.hooks.source.swapped[index_of(*hook_of(entry.path))]) continue;
    // All are looked at, so that what is theirs is known for all.
    const bool a_helper = is_executable(entry) && theirs_.find(entry.path) == theirs_.end();
    all = still_is(version, i, may_be_theirs(entry.path, ran) && !a_helper) && all;
  }
  return all;
}

/// Whether something is in its place as it was, or is theirs.
bool Generations::still_is(Version& version, std::size_t index, bool may_be_theirs) {
  TreeEntry& entry = version.hooks.source.entries[index];
  const std::string path = version.scripts_dir + "/" + entry.path;
  const bool link = entry.kind == TreeEntry::Kind::link;
  struct stat status {};
  const bool there = (link ? ::lstat(path.c_str(), &status) : ::stat(path.c_str(), &status)) == 0;
  if (there && stamp_of(status) == entry.stamp) return true;
  if (link) return false;
  // Touched, or written again with the same content.
  const Result<std::uint64_t> digest =
      there ? digest_of_file(path, settings_.limit_bytes) : Error{ErrorCode::not_found, "it is gone"};
  if (digest && *digest == version.hooks.digests[index]) {
    entry.stamp = stamp_of(status);
    return true;
  }
  // A later version was read meanwhile, and it was found there.
  const auto known = theirs_.find(entry.path);
  const bool left_by_them =
      known != theirs_.end() && known->second.left_as == (digest ? std::optional(*digest) : std::nullopt);
  if (!may_be_theirs && !left_by_them) return false;
  if (!digest) return !there;
  Theirs& theirs = theirs_.try_emplace(entry.path, Theirs{version.hooks.digests[index], {}}).first->second;
  theirs.left_as = *digest;
  version.hooks.digests[index] = *digest;
  entry.stamp = stamp_of(status);
  version.outdated = true;
  return true;
}

void Generations::begin_run(std::uint64_t generation) {
  Version* const version = find(generation);
  if (version == nullptr) return;
  version->left_place = false;
  told_.erase(Matter::theirs_left_behind);
  discard_former_copies(*version);
}

Generations::Place Generations::place(std::uint64_t generation, const core::Script& script, const RanHooks& ran) {
  Version* const version = find(generation);
  if (version == nullptr) return {script.path, Place::Hooks::changed};
  Place::Hooks hooks = Place::Hooks::not_looked_at;
  if (version->hooks.source.swapped[index_of(script.hook)]) {
    look_after_copy(*version);
  } else {
    leave_place_if_changed(*version, ran);
    if (!version->left_place) return {script.path, Place::Hooks::as_they_were};
    hooks = Place::Hooks::changed;
  }
  const std::string copy = version->copy_path + "/" + script.tag();
  if (!version->copy_path.empty() && ::access(copy.c_str(), F_OK) == 0) return {copy, hooks};
  tell(Matter::no_copy, "there is no copy of the hooks: they run from where they are in '" + version->scripts_dir +
                            "', and a change during a run may mix versions");
  return {script.path, hooks};
}

void Generations::leave_place_if_changed(Version& version, const RanHooks& ran) {
  if (version.left_place || stands(version, ran)) return;
  version.left_place = true;
  if (version.copy_path.empty() || !version.outdated) return;
  tell(Matter::theirs_left_behind,
       "the hooks have changed since the run began, so it goes on with their copy: it lacks what scripts wrote beside "
       "themselves in '" +
           version.scripts_dir + "' meanwhile");
}

/// Where a kubelet keeps the hook there is nowhere else to run.
void Generations::look_after_copy(Version& version) {
  if (has_intact_copy(version)) return;
  if (version.copy_path.empty() || ::access(version.copy_path.c_str(), F_OK) != 0) {
    make_copy(version, settings_);
  } else {
    tell_writes(version);
  }
}

void Generations::end_run(std::uint64_t generation) {
  Version* const version = find(generation);
  if (version != nullptr && !version->copy_path.empty() && !has_intact_copy(*version)) tell_writes(*version);
}

// ---- copies

std::string Generations::copy_of(std::uint64_t generation) const {
  const auto found = versions_.find(generation);
  return found == versions_.end() ? std::string() : found->second.copy_path;
}

bool Generations::has_intact_copy(const Version& version) const {
  return !version.copy_path.empty() && !version.outdated && look_at_copy(version.copy_path) == version.copy;
}

void Generations::copy(std::uint64_t generation, const std::function<bool()>& give_up) {
  Version* const version = find(generation);
  if (version == nullptr || has_intact_copy(*version)) return;
  CopySettings settings = settings_;
  settings.give_up = give_up;
  make_copy(*version, settings);
}

/// Whatever tidied it up did not mean the next copy.
Result<void> Generations::make_folder() const {
  struct stat status {};
  const bool made = ::mkdir(folder_.c_str(), 0700) == 0 || errno == EEXIST;
  if (!made || ::lstat(folder_.c_str(), &status) != 0) {
    return system_error("cannot make the folder '" + folder_ + "'", errno);
  }
  if (!S_ISDIR(status.st_mode) || status.st_uid != ::geteuid()) {
    return Error{ErrorCode::unavailable, "'" + folder_ + "' is not a folder of ours"};
  }
  if (::chmod(folder_.c_str(), to_pass_through) != 0) return system_error("cannot open '" + folder_ + "'", errno);
  struct statvfs mount {};
  if (::statvfs(folder_.c_str(), &mount) == 0 && (mount.f_flag & ST_NOEXEC) != 0) {
    return Error{ErrorCode::unavailable, "the state folder is mounted noexec"};
  }
  return {};
}

/// A copy never takes the room that records and variables need.
Result<void> Generations::check_room_for(const Version& version) const {
  struct statvfs room {};
  if (::statvfs(folder_.c_str(), &room) != 0) return {};
  const std::uint64_t block = std::max<std::uint64_t>(room.f_frsize, 1);
  const std::uint64_t files = version.hooks.source.entries.size();
  const std::uint64_t needed = version.hooks.source.total_bytes / block + files;
  const bool inodes_short = room.f_files != 0 && files > room.f_favail / 2;
  if (needed <= room.f_bavail / 2 && !inodes_short) return {};
  return Error{ErrorCode::full, "they would take more than half of the room that is left in the state folder"};
}

void Generations::make_copy(Version& version, const CopySettings& settings) {
  if (!version.hooks.whole) return;
  std::erase_if(discarded_, [](const std::string& path) { return remove_tree(path); });
  // A number of its own each time: what could not be removed is in nobody's way.
  const std::string path = folder_ + "/" + std::to_string(++last_copy_);
  Result<void> folder = make_folder();
  if (folder) folder = check_room_for(version);
  Result<HookVersion> copied = folder ? copy_hook_tree(version.scripts_dir, path, settings) : folder.error();
  if (!copied) {
    discard(path);
    // What moved is read again soon, and copied then.
    if (copied.error().code == ErrorCode::busy) return;
    tell(Matter::no_copy, "the hooks are not copied: " + copied.error().text + "; they run from where they are in '" +
                              version.scripts_dir + "', and a change during a run may mix versions");
    return;
  }
  const auto same_thing = [](const TreeEntry& a, const TreeEntry& b) { return a.path == b.path && a.kind == b.kind; };
  if (copied->digests != version.hooks.digests ||
      !std::equal(copied->source.entries.begin(), copied->source.entries.end(), version.hooks.source.entries.begin(),
                  version.hooks.source.entries.end(), same_thing)) {
    discard(path);
    return;
  }
  if (!version.copy_path.empty()) version.former_copies.push_back(std::move(version.copy_path));
  version.copy_path = path;
  version.copy = look_at_copy(path);
  version.outdated = false;
  version.written_into = false;
  told_.erase(Matter::no_copy);
}

void Generations::tell_writes(Version& version) {
  // What is gone was tidied up.
  if (version.written_into || ::access(version.copy_path.c_str(), F_OK) != 0) return;
  const std::string changed = first_difference(version.copy, look_at_copy(version.copy_path));
  if (changed.empty()) return;
  version.written_into = true;
  notices_.push_back("'" + version.scripts_dir + "/" + changed +
                     "' was changed in the copy that the hooks run from: what scripts write beside themselves is lost "
                     "there; write to a volume");
}

void Generations::discard(std::string path) {
  if (!remove_tree(path)) discarded_.push_back(std::move(path));
}

void Generations::discard_former_copies(Version& version) {
  for (std::string& path : std::exchange(version.former_copies, {})) discard(std::move(path));
}

void Generations::remove(std::span<const std::uint64_t> generations) {
  for (const std::uint64_t generation : generations) {
    Version* const version = find(generation);
    if (version == nullptr) continue;
    discard_former_copies(*version);
    if (!version->copy_path.empty()) discard(version->copy_path);
    versions_.erase(generation);
  }
}

// ---- notices

void Generations::tell(Matter matter, std::string notice) {
  if (told_.insert(matter).second) notices_.push_back(std::move(notice));
}

std::vector<std::string> Generations::take_notices() noexcept {
  return std::exchange(notices_, {});
}

}  // namespace sidefridge::hooks
