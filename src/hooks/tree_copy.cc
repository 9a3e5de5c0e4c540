// tree_copy.cc - look, copy, look again.
#include "sidefridge/hooks/tree_copy.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sidefridge/base/check.h"
#include "sidefridge/hooks/interpreter.h"
#include "sidefridge/hooks/tree_snapshot.h"
#include "sidefridge/os/file_system.h"
#include "sidefridge/os/read_up_to.h"
#include "sidefridge/os/unique_fd.h"
#include "sidefridge/os/write_all.h"
#include "sidefridge/text/digest.h"
#include "sidefridge/text/path.h"

namespace sidefridge::hooks {
namespace {

constexpr std::size_t buffer_bytes = 64 * std::size_t{1024};
constexpr mode_t all_rights = S_IRWXU | S_IRWXG | S_IRWXO;

bool is_executable(mode_t mode) noexcept {
  return (mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0;
}

/// What was learned of a file while it was read.
struct Content {
  std::uint64_t digest;
  Result<core::Interpreter> interpreter;
  std::uint64_t bytes;
};

/// Reads a file to its end, whatever size it says it has (in /proc that is 0), and writes it to `to`, unless that is
/// -1. Errors: what the system says of reading; io when there are more than `limit_bytes`. `write_errno` is not 0 when
/// it was the writing that failed.
Result<Content> read_content(int from, int to, mode_t mode, std::uint64_t limit_bytes, std::vector<char>& buffer,
                             const std::function<void()>& on_step, int& write_errno) {
  text::Digest digest;
  digest.add(is_executable(mode) ? "x" : "-");
  Content content{0, core::interpreter_of({}), 0};
  for (;;) {
    on_step();
    const ssize_t got = os::read_up_to(from, buffer);
    if (got < 0) return system_error("cannot be read", errno);
    if (got == 0) break;
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
    if (content.bytes == 0) content.interpreter = core::interpreter_of(bytes);
    content.bytes += bytes.size();
    if (content.bytes > limit_bytes) return Error{ErrorCode::io, "it has no end"};
    // All blocks but the last are full, so that the same content is cut the same way each time.
    digest.add(text::digest_of(bytes));
    if (to >= 0 && (write_errno = os::write_all(to, bytes)) != 0) return system_error("cannot be written", write_errno);
    if (bytes.size() < buffer.size()) break;
  }
  content.digest = digest.value();
  return content;
}

/// The rights that others than the owner have on the way to a folder, of those that go for `gid`: a copy must not open
/// what cannot be reached.
mode_t rights_on_the_way_to(const std::string& folder, gid_t gid) {
  std::error_code failure;
  std::filesystem::path path = std::filesystem::canonical(folder, failure);
  mode_t rights = failure ? mode_t{0} : mode_t{S_IRWXG | S_IRWXO};
  while (rights != 0 && path.has_relative_path()) {
    path = path.parent_path();
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return 0;
    if ((status.st_mode & S_IXOTH) != 0) continue;
    rights &= ~mode_t{S_IRWXO};
    if ((status.st_mode & S_IXGRP) == 0 || status.st_gid != gid) rights = 0;
  }
  return rights;
}

/// The files of an earlier reading that can be told from later ones by their stamps.
class KnownFiles {
public:
  explicit KnownFiles(const HookVersion& version) {
    for (std::size_t i = 0; i < version.source.entries.size(); ++i) {
      const TreeEntry& entry = version.source.entries[i];
      const bool sure = version.as_stamped[i] && shows_later_change(entry.stamp, version.looked_at);
      if (sure && entry.kind == TreeEntry::Kind::file) {
        files_.emplace(entry.path, File{entry, Content{version.digests[i], core::Interpreter{}, 0}});
      }
    }
    for (const core::Hook hook : core::all_hooks) {
      for (const core::Script& script : version.hooks.scripts(hook)) {
        const auto file = files_.find(script.tag());
        if (file != files_.end()) file->second.content.interpreter = script.interpreter;
      }
    }
  }

  /// What is in a file; null unless it is one of them, and as it was.
  const Content* find(const std::string& scripts_dir, const TreeEntry& entry) const {
    const auto file = files_.find(entry.path);
    if (file == files_.end() || !(file->second.entry == entry)) return nullptr;
    const auto [device, is_new] = tells_changes_.try_emplace(entry.stamp.device, false);
    if (is_new) device->second = os::tells_changes(scripts_dir + "/" + entry.path);
    return device->second ? &file->second.content : nullptr;
  }

private:
  struct File {
    TreeEntry entry;
    Content content;
  };
  std::unordered_map<std::string, File> files_;  // by path
  mutable std::map<dev_t, bool> tells_changes_;  // by file system, where that was asked for
};

/// Reads the tree once, and copies it where there is a destination. Owns: the destination, until it is whole.
class Attempt {
public:
  /// What to do when something has moved.
  enum class Moved { is_an_error, is_taken_as_it_is };

  Attempt(const std::string& scripts_dir, const std::string& destination, const CopySettings& settings, Moved moved,
          const KnownFiles* known)
      : scripts_dir_(scripts_dir),
        destination_(destination),
        settings_(settings),
        tolerant_(moved == Moved::is_taken_as_it_is),
        known_(known),
        buffer_(buffer_bytes) {}
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  ~Attempt() {
    if (half_made_) remove_tree(destination_);
  }

  /// Errors: busy when something moved meanwhile.
  Result<HookVersion> make() {
    Result<HookReading> reading = read_hook_tree(scripts_dir_);
    if (!reading) return std::move(reading).error();
    static_cast<HookReading&>(version_) = *std::move(reading);
    const TreeLimits limits{.bytes = settings_.limit_bytes};
    Result<TreeSnapshot> before = take_snapshot(scripts_dir_, limits, settings_.on_step);
    if (!before) return std::move(before).error();
    version_.source = *std::move(before);
    version_.digests.resize(version_.source.entries.size());
    version_.as_stamped.resize(version_.source.entries.size());

    root_.reset(::open(scripts_dir_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!root_) return system_error("cannot read the folder of scripts '" + scripts_dir_ + "'", errno);
    if (copies()) {
      if (Result<void> made = make_destination(); !made) return std::move(made).error();
    }
    for (const core::Hook hook : core::all_hooks) {
      Result<void> read = too_large(hook).empty() ? read_hook(hook) : read_scripts_alone(hook);
      if (!read) return std::move(read).error();
    }
    if (copies()) {
      if (Result<void> linked = link_neighbours(); !linked) return std::move(linked).error();
      for (const auto& [path, mode] : folders_) {
        if (::fchmodat(target_.get(), path.c_str(), mode, 0) != 0) return cannot_write("/" + path, errno);
      }
    }
    settings_.on_step();
    const Result<TreeSnapshot> after = take_snapshot(scripts_dir_, limits, settings_.on_step);
    if (!after) return after.error();
    if (version_.source != *after) {
      if (!tolerant_) return changed();
      version_.whole = false;
    }
    half_made_ = false;
    return std::move(version_);
  }

private:
  bool copies() const noexcept { return !destination_.empty(); }
  const std::string& too_large(core::Hook hook) const {
    return version_.source.too_large[static_cast<std::size_t>(hook)];
  }

  Result<void> make_destination() {
    if (::mkdir(destination_.c_str(), 0700) != 0) return cannot_write("", errno);
    half_made_ = true;
    target_.reset(::open(destination_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct stat status {};
    if (!target_ || ::fstat(root_.get(), &status) != 0) return cannot_write("", errno);
    const mode_t rights = S_IRWXU | rights_on_the_way_to(scripts_dir_, status.st_gid);
    folders_.emplace_back(".", give_away(".", status.st_uid, status.st_gid, status.st_mode, S_IRWXU) & rights);
    return {};
  }

  /// Gives something in the copy to the owner of the original.
  /// Returns: the rights it is to have: those of the original. `needed` are ours.
  mode_t give_away(const std::string& path, uid_t uid, gid_t gid, mode_t mode, mode_t needed) {
    mode &= all_rights;
    if (::fchownat(target_.get(), path.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) == 0) return mode | needed;
    // It stays ours, and our group is not the one that was meant.
    if (gid != ::getegid()) mode &= ~mode_t{S_IRWXG} | (mode & S_IRWXO) << 3;
    return mode | needed | (is_executable(mode) ? S_IXUSR : 0);
  }

  /// Reads one hook's folder, and fills in what the reading does not know yet of its scripts.
  Result<void> read_hook(core::Hook hook) {
    std::vector<core::Script> scripts = version_.hooks.scripts(hook);
    if (!scripts.empty() && stands_for_hook(scripts.front())) {
      version_.any_left_out = true;
      return {};
    }
    std::size_t scripts_read = 0;
    const std::vector<TreeEntry>& entries = version_.source.entries;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const TreeEntry& entry = entries[i];
      if (entry.kind == TreeEntry::Kind::data || hook_of(entry.path) != hook) continue;
      if (copies() && settings_.give_up()) return changed();
      switch (entry.kind) {
        case TreeEntry::Kind::data: continue;
        case TreeEntry::Kind::folder:
          if (Result<void> made = copies() ? make_folder(entry) : Result<void>(); !made) return made;
          continue;
        case TreeEntry::Kind::link:
          version_.digests[i] = digest_of_link(entry.target);
          if (Result<void> made = copies() ? make_link(entry) : Result<void>(); !made) return made;
          continue;
        case TreeEntry::Kind::file: break;
      }
      const Result<std::optional<Content>> read = content_of(i);
      if (!read) return read.error();
      const auto script = is_script_path(entry.path)
                              ? find(scripts, std::string_view(entry.path).substr(entry.path.find('/') + 1))
                              : scripts.end();
      if (is_script_path(entry.path) && script == scripts.end()) {
        // It was no script yet when the scripts were listed.
        if (!tolerant_) return changed();
        continue;
      }
      if (*read) version_.digests[i] = (*read)->digest;
      if (script != scripts.end()) {
        ++scripts_read;
        script->digest = version_.digests[i];
        if (*read) {
          script->interpreter = (*read)->interpreter;
        } else {
          note_unreadable(*script);
        }
      } else if (!*read) {
        version_.skipped.push_back("'" + scripts_dir_ + "/" + entry.path +
                                   "' may not be read: a copy does not have it");
        version_.any_left_out = true;
      }
    }
    if (scripts_read != scripts.size() && !tolerant_) return changed();
    version_.hooks.assign(hook, std::move(scripts), digest_of_parts(parts_of(version_, hook)));
    return {};
  }

  void note_unreadable(core::Script& script) {
    const Error why = system_error("it cannot be read", EACCES);
    script.interpreter = why;
    version_.any_left_out = true;
    if (!version_.unreadable) {
      version_.unreadable = system_error("cannot read '" + script.path + "'", EACCES);
    }
  }

  /// What lies beside the hook folders is found from a script as before: "$(dirname "$0")/../lib".
  Result<void> link_neighbours() {
    std::error_code failure;
    const std::filesystem::path root = std::filesystem::absolute(scripts_dir_, failure);
    if (failure) return system_error("cannot find the folder of scripts '" + scripts_dir_ + "'", failure.value());
    std::vector<std::string> names = version_.neighbours;
    for (const core::Hook hook : core::all_hooks) {
      if (!too_large(hook).empty()) names.emplace_back(core::name_of(hook));
    }
    for (const std::string& name : names) {
      if (::symlinkat((root / name).c_str(), target_.get(), name.c_str()) != 0) return cannot_write("/" + name, errno);
    }
    return {};
  }

  Result<void> make_folder(const TreeEntry& entry) {
    if (::mkdirat(target_.get(), entry.path.c_str(), 0700) != 0) return cannot_write("/" + entry.path, errno);
    struct stat status {};
    if (::fstatat(root_.get(), entry.path.c_str(), &status, 0) != 0) return changed();
    mode_t rights = all_rights;
    if (entry.path.find('/') == std::string::npos) {
      rights = S_IRWXU | rights_on_the_way_to(scripts_dir_ + "/" + entry.path, status.st_gid);
    }
    const mode_t mode = give_away(entry.path, status.st_uid, status.st_gid, status.st_mode, S_IRWXU);
    folders_.emplace_back(entry.path, mode & rights);
    return {};
  }

  Result<void> make_link(const TreeEntry& entry) {
    if (::symlinkat(entry.target.c_str(), target_.get(), entry.path.c_str()) == 0) return {};
    return cannot_write("/" + entry.path, errno);
  }

  static std::vector<core::Script>::iterator find(std::vector<core::Script>& scripts, std::string_view name) {
    const auto found =
        std::lower_bound(scripts.begin(), scripts.end(), name,
                         [](const core::Script& script, std::string_view wanted) { return script.name < wanted; });
    return found != scripts.end() && found->name == name ? found : scripts.end();
  }

  /// As read_file().
  Result<std::optional<Content>> content_of(std::size_t index) {
    const Content* const known =
        known_ != nullptr ? known_->find(scripts_dir_, version_.source.entries[index]) : nullptr;
    if (known == nullptr) return read_file(index);
    version_.as_stamped[index] = true;
    return std::optional(*known);
  }

  /// Returns: nothing when the file may not be read, or is gone and that is no matter.
  /// Errors: busy when it is not what it was.
  Result<std::optional<Content>> read_file(std::size_t index) {
    const TreeEntry& entry = version_.source.entries[index];
    settings_.on_step();
    // Not blocking, in case the file has just been replaced by a FIFO.
    const os::UniqueFd from(::openat(root_.get(), entry.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!from && errno == EACCES) return std::optional<Content>();
    if (!from && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == ENXIO)) {
      if (tolerant_) return std::optional<Content>();
      return changed();
    }
    if (!from) return cannot_read(entry.path, errno);
    struct stat status {};
    if (::fstat(from.get(), &status) != 0) return cannot_read(entry.path, errno);
    // What the same path leads to before and after may have been something else in between.
    version_.as_stamped[index] = stamp_of(status) == entry.stamp;
    if (!version_.as_stamped[index] && !tolerant_) return changed();

    os::UniqueFd to;
    const bool writes = copies() && entry.target.empty();
    if (writes) {
      to.reset(::openat(target_.get(), entry.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
      if (!to) return cannot_write("/" + entry.path, errno);
    } else if (copies()) {
      if (Result<void> linked = make_link(entry); !linked) return std::move(linked).error();
    }
    int write_errno = 0;
    Result<Content> content = read_content(from.get(), to.get(), status.st_mode, settings_.limit_bytes, buffer_,
                                           settings_.on_step, write_errno);
    if (write_errno != 0) return cannot_write("/" + entry.path, write_errno);
    if (!content)
      return Error{content.error().code, "'" + scripts_dir_ + "/" + entry.path + "': " + content.error().text};
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (size != 0 && content->bytes != size && !tolerant_) return changed();
    if (writes) {
      const mode_t mode = give_away(entry.path, status.st_uid, status.st_gid, status.st_mode, 0);
      if (::fchmod(to.get(), mode) != 0) return cannot_write("/" + entry.path, errno);
      // Some file systems tell only now that there was no room.
      if (::close(to.release()) != 0) return cannot_write("/" + entry.path, errno);
    }
    return std::optional(*std::move(content));
  }

  /// What counts of a hook that is too large.
  Result<void> read_scripts_alone(core::Hook hook) {
    std::vector<core::Script> scripts = version_.hooks.scripts(hook);
    std::vector<TreePart> parts;
    for (core::Script& script : scripts) {
      script.interpreter = read_interpreter(script.path);
      Result<std::uint64_t> digest = digest_of_file(script.path, largest_read_alone);
      struct stat status {};
      // What is gone already has the digest of nothing; running it will say so.
      if (!digest && ::stat(script.path.c_str(), &status) == 0) {
        const FileStamp stamp = stamp_of(status);
        digest = text::Digest()
                     .add(stamp.inode)
                     .add(static_cast<std::uint64_t>(stamp.size))
                     .add(static_cast<std::uint64_t>(stamp.modified_ns))
                     .value();
      }
      script.digest = digest ? *digest : 0;
      parts.push_back({script.tag(), script.digest});
    }
    version_.hooks.assign(hook, std::move(scripts), digest_of_parts(std::move(parts)));
    version_.warnings.push_back("hook '" + std::string(core::name_of(hook)) + "' is too large to copy (" +
                                too_large(hook) +
                                "): it runs from where it is, and a change during a run may mix versions");
    return {};
  }

  Error changed() const {
    return Error{ErrorCode::busy,
                 "the hooks in '" + scripts_dir_ + "' kept changing while they were " + (copies() ? "copied" : "read")};
  }
  Error cannot_read(const std::string& path, int errno_value) const {
    return system_error("cannot read '" + scripts_dir_ + "/" + path + "'", errno_value);
  }
  Error cannot_write(const std::string& below, int errno_value) const {
    Error error = system_error("cannot write the copy '" + destination_ + below + "'", errno_value);
    // It is the scripts that may be missing, and come; a copy's folder may not.
    if (error.code == ErrorCode::not_found) error.code = ErrorCode::io;
    return error;
  }

  static constexpr std::uint64_t largest_read_alone = std::uint64_t{1} << 20;

  const std::string& scripts_dir_;
  const std::string& destination_;  // empty: there is none
  const CopySettings& settings_;
  const bool tolerant_;
  const KnownFiles* const known_;  // null: there are none
  std::vector<char> buffer_;
  os::UniqueFd root_;
  os::UniqueFd target_;
  HookVersion version_;
  std::vector<std::pair<std::string, mode_t>> folders_;  // of the copy, and what rights each is to have
  bool half_made_ = false;
};

}  // namespace

std::vector<TreePart> parts_of(const HookVersion& version, core::Hook hook) {
  std::vector<TreePart> parts;
  for (std::size_t i = 0; i < version.source.entries.size(); ++i) {
    const TreeEntry& entry = version.source.entries[i];
    // Whether the hook has no folder or an empty one is no difference.
    const bool counts = entry.kind != TreeEntry::Kind::data && entry.path.find('/') != std::string::npos;
    if (counts && hook_of(entry.path) == hook) parts.push_back({entry.path, version.digests[i]});
  }
  return parts;
}

std::uint64_t digest_of_parts(std::vector<TreePart> parts) {
  std::sort(parts.begin(), parts.end(), [](const TreePart& a, const TreePart& b) { return a.path < b.path; });
  text::Digest digest;
  for (const TreePart& part : parts) digest.add(part.path).add(part.digest);
  return digest.value();
}

std::uint64_t digest_of_link(std::string_view target) noexcept {
  return text::Digest().add("l").add(target).value();
}

Result<std::uint64_t> digest_of_file(const std::string& path, std::uint64_t limit_bytes) {
  const os::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) return system_error("cannot read '" + path + "'", errno);
  if (!S_ISREG(status.st_mode)) return Error{ErrorCode::io, "'" + path + "' is not a regular file"};
  std::vector<char> buffer(buffer_bytes);
  int write_errno = 0;
  const Result<Content> content = read_content(
      file.get(), -1, status.st_mode, limit_bytes, buffer, [] {}, write_errno);
  if (!content) return content.error();
  return content->digest;
}

Result<HookVersion> read_hooks(const std::string& scripts_dir, const CopySettings& settings, const HookVersion* known) {
  check(settings.attempts > 0, "it is tried at least once");
  std::optional<KnownFiles> known_files;
  if (known != nullptr) known_files.emplace(*known);
  const std::string root = text::without_end_slashes(scripts_dir);
  const std::string nowhere;
  for (int attempt = 1;; ++attempt) {
    const auto moved = attempt > settings.attempts ? Attempt::Moved::is_taken_as_it_is : Attempt::Moved::is_an_error;
    Result<HookVersion> version = Attempt(root, nowhere, settings, moved, known_files ? &*known_files : nullptr).make();
    if (version || version.error().code != ErrorCode::busy) return version;
  }
}

Result<HookVersion> copy_hook_tree(const std::string& scripts_dir, const std::string& destination,
                                   const CopySettings& settings) {
  check(settings.attempts > 0, "a copy is tried at least once");
  const std::string root = text::without_end_slashes(scripts_dir);
  for (int attempt = 1;; ++attempt) {
    Result<HookVersion> version = Attempt(root, destination, settings, Attempt::Moved::is_an_error, nullptr).make();
    if (version || version.error().code != ErrorCode::busy || attempt == settings.attempts) return version;
    if (settings.give_up()) return version;
  }
}

bool remove_tree(const std::string& path) noexcept {
  std::error_code failure;
  std::filesystem::remove_all(path, failure);
  return !failure;
}

}  // namespace sidefridge::hooks
