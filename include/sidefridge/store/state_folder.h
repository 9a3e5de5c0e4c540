// state_folder.h - where the files of a state folder lie, and that they are ours alone.
#pragma once

#include <string>
#include <string_view>

#include "sidefridge/base/result.h"

namespace sidefridge::store {

/// The folder `store` inside the state folder. The state folder may be a mount that everybody can write to, so all
/// files lie one level down, in a folder of mode 0700.
class StateFolder {
public:
  /// Names the files only: nothing is made, nothing is looked at.
  static StateFolder at(std::string_view state_dir);

  /// Makes what is missing, parents too, and makes sure that `store` is a folder of ours with mode 0700.
  /// Errors: what the system says; unavailable when `store` belongs to another user or is no folder.
  static Result<StateFolder> open(std::string_view state_dir);

  const std::string& path() const noexcept { return path_; }
  std::string lock_path() const { return path_ + "/lock"; }
  std::string history_path() const { return path_ + "/history.mdb"; }
  std::string variables_path() const { return path_ + "/variables.mdb"; }
  std::string losses_path() const { return path_ + "/losses"; }

private:
  explicit StateFolder(std::string path) : path_(std::move(path)) {}

  std::string path_;  // ends in "/store"
};

/// The locked bytes of StateFolder::lock_path().
inline constexpr unsigned daemon_lock_byte = 0;  // held by a daemon for its life
inline constexpr unsigned run_lock_byte = 1;     // held while a run goes on

}  // namespace sidefridge::store
