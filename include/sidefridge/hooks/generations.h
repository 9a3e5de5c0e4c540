// generations.h - the versions of the hooks that are in use, and where a script of one is executed from.
//
// The rule, and this is its one place: a script runs where it lies as long as all that its version holds still is there
// as it was when the run began; once anything has changed, the rest of the run uses the copy that was taken. Of a
// folder that a kubelet keeps it always is the copy, because the kubelet deletes the old version under a script that
// runs. So it is of a folder to which a link leads, which may be moved under the script.
//
// What scripts write beside themselves is no change of the version: a file in the hook's own folder that comes, goes or
// changes while scripts of that hook run counts as theirs, unless it is a script, or was there and could be executed.
// It stays where it is, and is not told as a change of the hooks until somebody else changes it.
//
// A copy is a means, never a reason to fail: where there is none, scripts run where they lie, which is said once.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sidefridge/base/result.h"
#include "sidefridge/base/time.h"
#include "sidefridge/core/hook.h"
#include "sidefridge/hooks/hook_tree.h"
#include "sidefridge/hooks/tree_copy.h"
#include "sidefridge/hooks/tree_snapshot.h"

namespace sidefridge::hooks {

/// Of which hooks scripts have run where they lie, and may have written there.
using RanHooks = std::array<bool, core::all_hooks.size()>;

/// Numbered versions of the hooks ("generations"). Which of them are in use is for others to know (GenerationPins).
/// Owns:     `folder` and all copies in it, removed on destruction. Not movable.
/// Requires: nobody else uses `folder`. What runs in a copy may change it, and anybody may remove it: that is found
/// out. Thread:   one at a time: the lane of the hooks, between open() and destruction.
class Generations {
public:
  /// What make() found.
  struct Made {
    HookReading reading;
    std::uint64_t generation = 0;
    /// By hook: whether its scripts run where they lie for as long as nothing has changed.
    std::array<bool, core::all_hooks.size()> in_place{};
    bool leads_out = false;  // changes may come unheard: look before each script
    std::string copy;        // the folder of its copy; empty: there is none that lacks nothing
  };

  /// Where a script is to be executed from.
  struct Place {
    enum class Hooks {
      as_they_were,   // all but a kubelet's are in their place as they were when the run began
      changed,        // they are not, and the run does not go back there
      not_looked_at,  // the script is a kubelet's
    };
    std::string path;
    Hooks hooks;
  };

  /// `folder` is made when something is copied (its parent exists by then), and others may pass through it. Removes
  /// what an earlier process left in it. Blocks: for that.
  static std::unique_ptr<Generations> open(std::string folder, CopySettings settings);

  Generations(const Generations&) = delete;
  Generations& operator=(const Generations&) = delete;
  ~Generations();

  /// Reads the hooks: they become the newest version, unless the newest still is what they are. Copies only what a
  /// kubelet keeps. Removes no version that was returned before: the caller may still be about to use it.
  /// `now` was sampled before: hooks that were changed just before it are read in full the next time, too.
  /// `ran`: since the last reading.
  /// Errors: as read_hooks(), and, where an earlier version is known, io when a hook or a script cannot be read; the
  ///         newest stays what it is.
  /// Blocks: for a look at each file, and the reading of those that are not as they were.
  Result<Made> make(const std::string& scripts_dir, WallTime now, const RanHooks& ran = {});

  /// Sees to it that there is a copy of that version, as it was made. Gives up when `give_up()` says so, which is asked
  /// before each file. Blocks: for a look at each file of the copy, or as copy_hook_tree().
  void copy(std::uint64_t generation, const std::function<bool()>& give_up);

  /// A run of that version begins: its scripts run where they lie again. Requires: no other run is on.
  void begin_run(std::uint64_t generation);

  /// Where that script is to be executed from right now. `ran`: in this run, so far.
  /// Blocks: for a look at each file of the version, or of its copy.
  Place place(std::uint64_t generation, const core::Script& script, const RanHooks& ran);

  /// The run is over. What its scripts wrote into a copy is told. Blocks: for a look at each file of the copy.
  void end_run(std::uint64_t generation);

  /// The folder of a version's copy; empty where there is none. Blocks: never.
  std::string copy_of(std::uint64_t generation) const;

  /// What is to be told, one line for a person each, and each once as long as it stays so.
  std::vector<std::string> take_notices() noexcept;

  /// Forgets versions, and removes their copies. Requires: none is the one that make() returned last.
  /// Blocks: for the removing of their files.
  void remove(std::span<const std::uint64_t> generations);

private:
  struct Version {
    std::string scripts_dir;
    HookVersion hooks;
    bool shows_changes = false;              // a later change is sure to differ from hooks.source
    bool left_place = false;                 // in this run
    std::string copy_path;                   // empty: there is none
    std::vector<std::string> former_copies;  // a script may run there yet
    TreeSnapshot copy;                       // as it was made
    bool outdated = false;                   // the copy lacks what scripts have written beside themselves since
    bool written_into = false;               // that was told
  };

  /// A file that scripts write beside themselves.
  struct Theirs {
    std::optional<std::uint64_t> counts_as;  // for the hook's digest: what it was before; nothing: it was not there
    std::optional<std::uint64_t> left_as;    // by them; nothing: removed
  };

  Generations(std::string folder, CopySettings settings) : folder_(std::move(folder)), settings_(std::move(settings)) {}
  Version* find(std::uint64_t generation);
  void leave_place_if_changed(Version& version, const RanHooks& ran);
  void look_after_copy(Version& version);
  bool stands(Version& version, const RanHooks& ran);
  bool still_is(Version& version, std::size_t entry, bool may_be_theirs);
  bool is_unchanged(const Version& version) const;
  Made made_of(Version& version, HookReading reading);
  void note_theirs(const HookVersion& before, const HookVersion& now, const RanHooks& ran);
  void tell_new_scripts(const core::HookSet& before, const core::HookSet& now, const RanHooks& ran);
  void leave_theirs_out(HookVersion& version);
  bool has_intact_copy(const Version& version) const;
  Result<void> make_folder() const;
  Result<void> check_room_for(const Version& version) const;
  void make_copy(Version& version, const CopySettings& settings);
  void tell_writes(Version& version);
  void discard(std::string path);
  void discard_former_copies(Version& version);

  /// What is told once, until it is otherwise.
  enum class Matter { no_copy, theirs_left_behind };
  void tell(Matter matter, std::string notice);

  const std::string folder_;
  const CopySettings settings_;
  std::uint64_t newest_ = 0;  // 0: none yet
  std::uint64_t last_copy_ = 0;
  std::map<std::uint64_t, Version> versions_;
  std::map<std::string, Theirs> theirs_;  // by path
  std::vector<std::string> discarded_;    // could not be removed yet
  std::set<Matter> told_;
  std::vector<std::string> notices_;
};

}  // namespace sidefridge::hooks
