// environment.h - LMDB's environments and transactions with one owner each. LMDB is included here and nowhere else.
#pragma once

#include <lmdb.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sidefridge/core/result.h"

namespace sidefridge::store {

/// What LMDB or the system said, as an Error: "<what>: <text>". Returns: code full for a full map or disk, not_found,
/// invalid for a file that is no LMDB file of ours or is damaged, io for all others.
Error lmdb_error(std::string_view what, int code);

/// One transaction. It is undone unless commit() was called, and views into it end with it.
class Transaction {
public:
  Transaction(Transaction&&) noexcept = default;
  Transaction& operator=(Transaction&&) noexcept = default;

  MDB_txn* handle() const noexcept { return txn_.get(); }

  /// Makes it happen. Errors: then it did not happen.
  Result<void> commit();

private:
  friend class Environment;
  struct Abort {
    void operator()(MDB_txn* txn) const noexcept { mdb_txn_abort(txn); }
  };
  Transaction(MDB_txn* txn, const std::string* path) noexcept : txn_(txn), path_(path) {}

  std::unique_ptr<MDB_txn, Abort> txn_;
  const std::string* path_;
};

/// An open LMDB file `path` with its lock file `path`-lock, both 0600.
/// Owns:     descriptors, the map and its reader slots. Movable, not copyable.
/// Requires: never two of one file in a process, never used in a child.
class Environment {
public:
  enum class Sync { at_commit, never };
  enum class Access {
    create,     // made when missing
    join,       // existing only, read and written
    read_only,  // existing only
  };
  struct Settings {
    Access access = Access::join;
    Sync sync = Sync::at_commit;
    std::size_t map_bytes = 0;  // 0: what the file says. The file grows with use, so this is its limit
    unsigned databases = 1;     // named databases at most
  };

  /// Errors: as lmdb_error(); unavailable when a file that must exist does not.
  static Result<Environment> open(std::string path, Settings settings);

  Result<Transaction> begin_write();
  /// When all reader slots are taken, even after those of dead processes are freed, it waits for its turn as a writer.
  Result<Transaction> begin_read();

  void clear_stale_readers() noexcept;
  std::size_t map_bytes() const noexcept;
  const std::string& path() const noexcept { return *path_; }
  int fd() const noexcept;
  MDB_env* handle() const noexcept { return env_.get(); }

private:
  struct Close {
    void operator()(MDB_env* env) const noexcept { mdb_env_close(env); }
  };
  Environment(MDB_env* env, std::unique_ptr<std::string> path) noexcept : env_(env), path_(std::move(path)) {}

  std::unique_ptr<MDB_env, Close> env_;
  std::unique_ptr<std::string> path_;  // on the heap: transactions point to it
};

}  // namespace sidefridge::store
