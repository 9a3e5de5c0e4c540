// tree_copy.cc - look, copy, look again.
#include "sidefridge/hooks/tree_copy.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "sidefridge/base/check.h"
#include "sidefridge/hooks/interpreter.h"
#include "sidefridge/hooks/tree_snapshot.h"
#include "sidefridge/os/read_up_to.h"
#include "sidefridge/os/unique_fd.h"
#include "sidefridge/os/write_all.h"
#include "sidefridge/text/digest.h"

namespace sidefridge::hooks {
namespace {

constexpr std::size_t buffer_bytes = 64 * std::size_t{1024};

bool is_executable(const FileStamp& stamp) noexcept {
  return (stamp.mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0;
}

/// Copies the tree once. Owns: the destination, until it is whole.
class Attempt {
public:
  Attempt(const std::string& scripts_dir, const std::string& destination, const CopySettings& settings)
      : scripts_dir_(scripts_dir), destination_(destination), settings_(settings), buffer_(buffer_bytes) {}
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  ~Attempt() {
    if (half_made_) remove_tree(destination_);
  }

  /// Errors: busy when something moved meanwhile.
  Result<HookCopy> make() {
    Result<HookReading> reading = read_hook_tree(scripts_dir_);
    if (!reading) return std::move(reading).error();
    const TreeLimits limits{.bytes = settings_.limit_bytes};
    const Result<TreeSnapshot> before = take_snapshot(scripts_dir_, limits, settings_.on_step);
    if (!before) return before.error();
    if (!before->too_large.empty()) {
      return HookCopy{in_place(*std::move(reading), before->too_large), std::nullopt};
    }

    if (Result<void> opened = open_folders(); !opened) return std::move(opened).error();
    for (const core::Hook hook : core::all_hooks) {
      if (Result<void> copied = copy_hook(hook, *before, *reading); !copied) return std::move(copied).error();
    }
    if (Result<void> linked = link_neighbours(reading->neighbours); !linked) return std::move(linked).error();
    settings_.on_step();
    const Result<TreeSnapshot> after = take_snapshot(scripts_dir_, limits, settings_.on_step);
    if (!after) return after.error();
    if (*before != *after) return changed();
    half_made_ = false;
    HookCopy copy{*std::move(reading), std::nullopt};
    if (!any_left_out_) copy.source = *after;
    return copy;
  }

private:
  /// What was learned of a file while it was copied.
  struct Copied {
    std::uint64_t digest;
    Result<core::Interpreter> interpreter;
  };

  Result<void> open_folders() {
    root_.reset(::open(scripts_dir_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!root_) return system_error("cannot read the folder of scripts '" + scripts_dir_ + "'", errno);
    if (::mkdir(destination_.c_str(), 0700) != 0) return cannot_write("", errno);
    half_made_ = true;
    target_.reset(::open(destination_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct statvfs mount {};
    if (!target_ || ::fstatvfs(target_.get(), &mount) != 0) return cannot_write("", errno);
    may_execute_ = (mount.f_flag & ST_NOEXEC) == 0;
    return {};
  }

  /// Copies one hook's folder, and fills in what the reading does not know yet of its scripts.
  Result<void> copy_hook(core::Hook hook, const TreeSnapshot& snapshot, HookReading& reading) {
    const std::string folder(core::name_of(hook));
    const std::string prefix = folder + "/";
    std::vector<core::Script> scripts = reading.hooks.scripts(hook);
    std::size_t scripts_copied = 0;
    text::Digest of_all;
    for (const TreeEntry& entry : snapshot.entries) {
      if (entry.path != folder && !entry.path.starts_with(prefix)) continue;
      switch (entry.kind) {
        case TreeEntry::Kind::data: continue;
        case TreeEntry::Kind::folder:
          if (::mkdirat(target_.get(), entry.path.c_str(), 0700) != 0) return cannot_write("/" + entry.path, errno);
          // Whether the hook has no folder or an empty one is no difference.
          if (entry.path != folder) of_all.add(entry.path);
          continue;
        case TreeEntry::Kind::file: break;
      }
      const std::string name = entry.path.substr(prefix.size());
      const bool is_script = name.find('/') == std::string::npos && name.front() != '.';
      const Result<std::optional<Copied>> copied = copy_file(entry);
      if (!copied) return copied.error();
      if (!*copied && is_script) return cannot_read(entry.path, EACCES);
      if (!*copied) {
        reading.skipped.push_back("'" + scripts_dir_ + "/" + entry.path + "' is not copied: it may not be read");
        any_left_out_ = true;
        continue;
      }
      of_all.add(entry.path).add((*copied)->digest);
      if (!is_script) continue;
      const auto script = find(scripts, name);
      // It was no script yet when the scripts were listed.
      if (script == scripts.end()) return changed();
      ++scripts_copied;
      script->digest = (*copied)->digest;
      script->interpreter = (*copied)->interpreter;
      const bool is_program = script->interpreter && script->interpreter->program.empty();
      if (may_execute_ || !is_program) script->run_path = destination_ + "/" + entry.path;
    }
    if (scripts_copied != scripts.size()) return changed();
    reading.hooks.assign(hook, std::move(scripts), of_all.value());
    return {};
  }

  /// What lies beside the hook folders is found from a script as before: "$(dirname "$0")/../lib".
  Result<void> link_neighbours(const std::vector<std::string>& names) {
    std::error_code failure;
    const std::filesystem::path root = std::filesystem::absolute(scripts_dir_, failure);
    if (failure) return system_error("cannot find the folder of scripts '" + scripts_dir_ + "'", failure.value());
    for (const std::string& name : names) {
      if (::symlinkat((root / name).c_str(), target_.get(), name.c_str()) != 0) return cannot_write("/" + name, errno);
    }
    return {};
  }

  static std::vector<core::Script>::iterator find(std::vector<core::Script>& scripts, const std::string& name) {
    const auto found =
        std::lower_bound(scripts.begin(), scripts.end(), name,
                         [](const core::Script& script, const std::string& wanted) { return script.name < wanted; });
    return found != scripts.end() && found->name == name ? found : scripts.end();
  }

  /// Returns: nothing when the file may not be read.  Errors: busy when it is not what it was.
  Result<std::optional<Copied>> copy_file(const TreeEntry& entry) {
    settings_.on_step();
    // Not blocking, in case the file has just been replaced by a FIFO.
    const os::UniqueFd from(::openat(root_.get(), entry.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!from && errno == EACCES) return std::optional<Copied>();
    if (!from && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == ENXIO)) return changed();
    if (!from) return cannot_read(entry.path, errno);
    struct stat status {};
    if (::fstat(from.get(), &status) != 0) return cannot_read(entry.path, errno);
    // What the same path leads to before and after may have been something else in between.
    if (stamp_of(status) != entry.stamp) return changed();

    const mode_t mode = is_executable(entry.stamp) ? 0500 : 0400;
    os::UniqueFd to(::openat(target_.get(), entry.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (!to) return cannot_write("/" + entry.path, errno);
    Result<Copied> copied = copy_content(from.get(), to.get(), entry);
    if (!copied) return std::move(copied).error();
    // Some file systems tell only now that there was no room.
    if (::close(to.release()) != 0) return cannot_write("/" + entry.path, errno);
    return std::optional(*copied);
  }

  Result<Copied> copy_content(int from, int to, const TreeEntry& entry) {
    text::Digest digest;
    digest.add(is_executable(entry.stamp) ? "x" : "-");
    Result<core::Interpreter> interpreter = core::Interpreter{};
    for (off_t copied = 0; copied < entry.stamp.size;) {
      settings_.on_step();
      const ssize_t got = os::read_up_to(from, buffer_);
      if (got < 0) return cannot_read(entry.path, errno);
      if (got == 0) return changed();
      const std::string_view bytes(buffer_.data(), static_cast<std::size_t>(got));
      if (copied == 0) interpreter = core::interpreter_of(bytes);
      copied += got;
      // All blocks but the last are full, so that the same content is cut the same way each time.
      digest.add(text::digest_of(bytes));
      if (const int refusal = os::write_all(to, bytes); refusal != 0) {
        return cannot_write("/" + entry.path, refusal);
      }
    }
    return Copied{digest.value(), std::move(interpreter)};
  }

  /// The reading, with digests that need no content but for its beginning.
  HookReading in_place(HookReading reading, const std::string& why) const {
    for (const core::Hook hook : core::all_hooks) {
      std::vector<core::Script> scripts = reading.hooks.scripts(hook);
      text::Digest of_all;
      for (core::Script& script : scripts) {
        struct stat status {};
        // What is gone already has the digest of nothing; running it will say so.
        (void)::stat(script.path.c_str(), &status);
        const FileStamp stamp = stamp_of(status);
        script.digest = text::Digest()
                            .add(stamp.inode)
                            .add(static_cast<std::uint64_t>(stamp.size))
                            .add(static_cast<std::uint64_t>(stamp.modified_ns))
                            .add(static_cast<std::uint64_t>(stamp.changed_ns))
                            .value();
        of_all.add(script.name).add(script.digest);
        script.interpreter = read_interpreter(script.path);
      }
      reading.hooks.assign(hook, std::move(scripts), of_all.value());
    }
    reading.warnings.push_back("the hooks in '" + scripts_dir_ + "' are too large to copy (" + why +
                               "): they run from where they are, and a change during a run may mix versions");
    return reading;
  }

  Error changed() const {
    return Error{ErrorCode::busy, "the hooks in '" + scripts_dir_ + "' kept changing while they were copied"};
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

  const std::string& scripts_dir_;
  const std::string& destination_;
  const CopySettings& settings_;
  std::vector<char> buffer_;
  os::UniqueFd root_;
  os::UniqueFd target_;
  bool may_execute_ = true;
  bool half_made_ = false;
  bool any_left_out_ = false;
};

}  // namespace

Result<HookCopy> copy_hook_tree(const std::string& scripts_dir, const std::string& destination,
                                const CopySettings& settings) {
  check(settings.attempts > 0, "a copy is tried at least once");
  std::string root = scripts_dir;
  while (root.size() > 1 && root.ends_with('/')) root.pop_back();
  for (int attempt = 1;; ++attempt) {
    Result<HookCopy> reading = Attempt(root, destination, settings).make();
    if (reading || reading.error().code != ErrorCode::busy || attempt == settings.attempts) return reading;
  }
}

void remove_tree(const std::string& path) noexcept {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

}  // namespace sidefridge::hooks
