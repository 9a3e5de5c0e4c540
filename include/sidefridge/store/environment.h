// environment.h - LMDB's environments and transactions with one owner each. Only environment.cc sees LMDB itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sidefridge/base/result.h"

struct MDB_env;
struct MDB_txn;

namespace sidefridge::store {

/// A named database, within the transaction that opened it.
struct Database {
  unsigned handle;
};

/// One key and its value: views that live until the transaction ends or writes.
struct Entry {
  std::string_view key;
  std::string_view value;
};

struct Usage {
  std::size_t entries;
  std::size_t bytes;  // whole pages
};

/// An open LMDB file `path` with its lock file `path`-lock, both 0600.
/// Owns:     descriptors (close-on-exec), the map and its reader slots. Movable, not copyable.
/// Requires: never two of one file in a process, never used in a child, one transaction at a time.
/// Thread:   one thread at a time, not always the same one; a transaction begins and ends in one thread.
/// Errors:   code full for a limit or disk that is full, invalid for a file that is damaged or none of LMDB's, io else.
class Environment {
public:
  enum class Sync { at_commit, never };
  enum class Access {
    create,  // made when missing
    join,    // existing only
  };
  enum class Pages {
    trusted,  // a damaged one may end the process
    checked,  // all of them before each write, unless the file is as our last commit left it
  };
  enum class Readers {
    few,   // a hundred at once
    many,  // a thousand
  };
  struct Settings {
    Access access = Access::join;
    Sync sync = Sync::at_commit;
    Pages pages = Pages::trusted;
    Readers readers = Readers::few;  // of a file that is made
    std::size_t map_bytes = 0;       // 0: what the file says. The file grows with use, so this is only its limit
    std::string_view limit_hint{};   // static text: what to do when that limit is reached
  };

  class Transaction;

  /// Errors: unavailable when a file that must exist does not; io, with the mend, when one is not a regular file.
  static Result<Environment> open(std::string path, Settings settings);

  /// Waits for writers of other processes to end. After an error of the disk the file is opened again first.
  /// Errors: also invalid, of pages that are to be checked.
  Result<Transaction> begin_write();

  /// Never waits, except when all reader slots are taken and not by the dead: then it reads in a writer's turn.
  Result<Transaction> begin_read();

  /// Takes the place of another file. Who has that one open keeps it, and cannot touch this one.
  Result<void> move_to(std::string path);

  /// Whether nothing was ever committed to it.
  bool is_new() const noexcept;
  /// From the next commit on.
  void set_sync(Sync sync) noexcept;

  /// Frees what readers that were killed still hold. Returns: how many.
  int clear_stale_readers() noexcept;

  /// Whether the files that are open, the data and the lock, are still those at their paths.
  bool is_current() const noexcept;

  std::size_t map_bytes() const noexcept;
  const std::string& path() const noexcept { return file_->path; }

private:
  struct Close {
    void operator()(MDB_env* env) const noexcept;
  };
  /// What tells one state of a file from another, and one file from another.
  struct Stamp {
    std::uint64_t device;
    std::uint64_t inode;
    std::int64_t bytes;
    std::int64_t modified_ns;
    std::int64_t changed_ns;

    bool is_same_file(const Stamp& other) const noexcept { return device == other.device && inode == other.inode; }
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  struct File {
    std::string path;
    Settings settings;
    std::unique_ptr<MDB_env, Close> env{};
    std::optional<Stamp> lock{};   // as it was opened
    std::optional<Stamp> sound{};  // as our last commit left it, its pages checked
    std::int64_t bytes_before{};   // when the last write transaction began

    int fd() const noexcept;  // -1: not open
  };

  explicit Environment(std::unique_ptr<File> file) noexcept : file_(std::move(file)) {}
  static Result<void> open_file(File& file);
  static std::optional<Stamp> stamp_of(int fd) noexcept;
  static std::optional<Stamp> stamp_of(const std::string& path) noexcept;
  Result<Transaction> begin(unsigned flags);

  std::unique_ptr<File> file_;  // on the heap: transactions point to it
};

/// One transaction. It is undone unless commit() was called, and views into it end with it.
class Environment::Transaction {
public:
  /// Nothing when there is none of that name.
  Result<std::optional<Database>> find_database(const std::string& name);
  /// Makes it when missing.
  Result<Database> make_database(const std::string& name);
  /// Forgets it with all it holds.
  Result<void> drop(Database database);

  Result<std::optional<std::string_view>> get(Database database, std::string_view key) const;
  Result<void> put(Database database, std::string_view key, std::string_view value);
  /// A key that is not there is no error.
  Result<void> erase(Database database, std::string_view key);

  /// The entry of the smallest key that is not less than `key`.
  Result<std::optional<Entry>> at_or_after(Database database, std::string_view key) const;
  /// The entry of the greatest key.
  Result<std::optional<Entry>> last(Database database) const;

  Result<Usage> usage(Database database) const;

  /// Makes it happen. Errors: then it did not happen.
  Result<void> commit();

private:
  friend class Environment;
  struct Abort {
    void operator()(MDB_txn* txn) const noexcept;
  };
  Transaction(MDB_txn* txn, File* file) noexcept : txn_(txn), file_(file) {}
  Error failed(int code) const;

  std::unique_ptr<MDB_txn, Abort> txn_;
  File* file_;
  std::vector<Database> opened_;
};

using Transaction = Environment::Transaction;

}  // namespace sidefridge::store
