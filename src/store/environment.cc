// environment.cc - LMDB, wrapped.
#include "sidefridge/store/environment.h"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "sidefridge/store/file_check.h"
#include "sidefridge/store/page_file.h"

namespace sidefridge::store {
namespace {

constexpr mdb_mode_t file_mode = 0600;

// At most three databases are open in one transaction, and all of them are closed at its end.
constexpr MDB_dbi maximum_databases = 4;

// LMDB takes the number of reader slots from the size of the lock file, where that is larger than what it would make
// itself: its header and each slot have 64 bytes.
constexpr std::size_t lock_page_bytes = 4096;
constexpr std::size_t lock_pages_for_few = 2;  // 127 slots: LMDB's own number
constexpr std::size_t lock_pages_for_many = 16;

std::string lock_path_of(const std::string& path) {
  return path + "-lock";
}

MDB_val to_value(std::string_view text) {
  // LMDB reads through the pointer only, but has no type that says so.
  return MDB_val{text.size(), const_cast<char*>(text.data())};
}

std::string_view to_view(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

ErrorCode code_of(int code) {
  switch (code) {
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
    case ENOSPC:
    case EDQUOT: return ErrorCode::full;
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND: return ErrorCode::invalid;
    default: return ErrorCode::io;
  }
}

Error lmdb_error(const std::string& path, int code) {
  return Error{code_of(code), mdb_strerror(code)}.with_context(path);
}

std::int64_t nanoseconds_of(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

bool exists(const std::string& path) {
  struct stat found {};
  return ::lstat(path.c_str(), &found) == 0;
}

// LMDB would leave a hole, and a full disk would then be a SIGBUS for the process that writes to the map; so every byte
// is written beforehand, and a full disk is an error here.
Result<void> make_lock_file(const std::string& path, std::size_t pages) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, file_mode);
  if (fd < 0) {
    if (errno == EEXIST) return {};
    return system_error("cannot make " + path, errno);
  }
  static constexpr std::array<char, lock_page_bytes> zeroes{};
  std::size_t missing = pages * zeroes.size();
  ssize_t wrote = 0;
  while (missing > 0 && wrote >= 0) {
    wrote = ::write(fd, zeroes.data(), std::min(missing, zeroes.size()));
    if (wrote > 0) missing -= static_cast<std::size_t>(wrote);
  }
  const int error = errno;
  ::close(fd);
  if (wrote >= 0) return {};
  ::unlink(path.c_str());
  return system_error("cannot make " + path, error);
}

}  // namespace

void Environment::Close::operator()(MDB_env* env) const noexcept {
  mdb_env_close(env);
}

Result<Environment> Environment::open(std::string path, Settings settings) {
  auto file = std::make_unique<File>(File{std::move(path), settings, nullptr});
  if (auto opened = open_file(*file); !opened) return std::move(opened).error();
  return Environment(std::move(file));
}

Result<void> Environment::open_file(File& file) {
  if (file.settings.access == Access::create) {
    const std::size_t pages = file.settings.readers == Readers::many ? lock_pages_for_many : lock_pages_for_few;
    if (auto made = make_lock_file(lock_path_of(file.path), pages); !made) return made;
  } else if (!exists(file.path) || !exists(lock_path_of(file.path))) {
    // LMDB would make what is missing.
    if (errno != ENOENT) return system_error("cannot open " + file.path, errno);
    return Error{ErrorCode::unavailable, "there is no " + file.path};
  }

  for (const std::string& path : {file.path, lock_path_of(file.path)}) {
    if (auto regular = check_regular(path); !regular) return regular;
  }
  if (auto sound = check_meta_pages(file.path); !sound) return sound;

  MDB_env* created = nullptr;
  if (const int code = mdb_env_create(&created)) return lmdb_error(file.path, code);
  std::unique_ptr<MDB_env, Close> env(created);
  mdb_env_set_maxdbs(env.get(), maximum_databases);
  if (file.settings.map_bytes != 0) mdb_env_set_mapsize(env.get(), file.settings.map_bytes);

  unsigned flags = MDB_NOSUBDIR | MDB_NOTLS;
  if (file.settings.sync == Sync::never) flags |= MDB_NOSYNC;
  if (const int code = mdb_env_open(env.get(), file.path.c_str(), flags, file_mode)) {
    return lmdb_error(file.path, code);
  }
  file.env = std::move(env);
  file.lock = stamp_of(lock_path_of(file.path));
  file.sound.reset();
  // The one descriptor that LMDB leaves to be inherited.
  ::fcntl(file.fd(), F_SETFD, FD_CLOEXEC);
  return {};
}

int Environment::File::fd() const noexcept {
  int fd = -1;
  if (env) mdb_env_get_fd(env.get(), &fd);
  return fd;
}

std::optional<Environment::Stamp> Environment::stamp_of(int fd) noexcept {
  struct stat found {};
  if (::fstat(fd, &found) != 0) return std::nullopt;
  return Stamp{found.st_dev, found.st_ino, found.st_size, nanoseconds_of(found.st_mtim), nanoseconds_of(found.st_ctim)};
}

std::optional<Environment::Stamp> Environment::stamp_of(const std::string& path) noexcept {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) return std::nullopt;
  return Stamp{found.st_dev, found.st_ino, found.st_size, nanoseconds_of(found.st_mtim), nanoseconds_of(found.st_ctim)};
}

Result<Transaction> Environment::begin(unsigned flags) {
  MDB_txn* txn = nullptr;
  int code = file_->env ? mdb_txn_begin(file_->env.get(), nullptr, flags, &txn) : MDB_PANIC;
  if (code == MDB_PANIC || code == EINVAL || code == ENOTRECOVERABLE) {
    // LMDB gives an environment up once the disk refuses its meta page; and a lock file that was written over holds no
    // lock any more, but is made good by who opens it alone. What was committed before is sound.
    file_->env.reset();
    if (auto opened = open_file(*file_); !opened) return std::move(opened).error();
    code = mdb_txn_begin(file_->env.get(), nullptr, flags, &txn);
  }
  if (code == MDB_READERS_FULL) {
    clear_stale_readers();
    code = mdb_txn_begin(file_->env.get(), nullptr, flags, &txn);
  }
  if (code == MDB_READERS_FULL) code = mdb_txn_begin(file_->env.get(), nullptr, 0, &txn);
  if (code != 0) return lmdb_error(file_->path, code);
  return Transaction(txn, file_.get());
}

bool Environment::is_new() const noexcept {
  MDB_envinfo info{};
  return mdb_env_info(file_->env.get(), &info) == 0 && info.me_last_txnid == 0;
}

void Environment::set_sync(Sync sync) noexcept {
  mdb_env_set_flags(file_->env.get(), MDB_NOSYNC, sync == Sync::never ? 1 : 0);
}

Result<Transaction> Environment::begin_write() {
  const auto now = stamp_of(file_->fd());
  const bool trusted = file_->settings.pages == Pages::trusted || (now && now == file_->sound);
  file_->bytes_before = now ? now->bytes : 0;
  if (!trusted && file_->env) {
    // LMDB reads them in its map, where what is not in the file any more is a SIGBUS.
    if (auto there = check_meta_pages(file_->fd(), file_->path); !there) return std::move(there).error();
  }
  auto turn = begin(0);
  if (!turn || trusted) return turn;
  if (auto sound = check_pages(file_->fd(), file_->path); !sound) return std::move(sound).error();
  return turn;
}
Result<Transaction> Environment::begin_read() {
  return begin(MDB_RDONLY);
}

Result<void> Environment::move_to(std::string path) {
  // The data first: who meets the old lock file and the new data reads nothing wrong and finds nothing to write to,
  // but the new lock file and the old data would let a write there count as one here.
  if (::rename(file_->path.c_str(), path.c_str()) != 0 ||
      ::rename(lock_path_of(file_->path).c_str(), lock_path_of(path).c_str()) != 0) {
    return system_error("cannot move " + file_->path + " to " + path, errno);
  }
  file_->path = std::move(path);
  return {};
}

int Environment::clear_stale_readers() noexcept {
  int cleared = 0;
  if (file_->env) mdb_reader_check(file_->env.get(), &cleared);
  return cleared;
}

bool Environment::is_current() const noexcept {
  const auto is_at = [](const std::optional<Stamp>& open, const std::string& path) {
    const auto there = stamp_of(path);
    return open && there && open->is_same_file(*there);
  };
  return is_at(stamp_of(file_->fd()), file_->path) && is_at(file_->lock, lock_path_of(file_->path));
}

std::size_t Environment::map_bytes() const noexcept {
  MDB_envinfo info{};
  if (file_->env) mdb_env_info(file_->env.get(), &info);
  return info.me_mapsize;
}

void Transaction::Abort::operator()(MDB_txn* txn) const noexcept {
  mdb_txn_abort(txn);
}

Error Transaction::failed(int code) const {
  if (code == MDB_MAP_FULL) {
    std::string text = "its limit is reached";
    if (!file_->settings.limit_hint.empty()) text.append("; ").append(file_->settings.limit_hint);
    return Error{ErrorCode::full, std::move(text)}.with_context(file_->path);
  }
  if (code == EIO) {
    // LMDB says so, too, when the disk took only a part of a write.
    struct statvfs space {};
    if (::statvfs(file_->path.c_str(), &space) == 0 && space.f_bavail == 0) code = ENOSPC;
  }
  return lmdb_error(file_->path, code);
}

Result<std::optional<Database>> Transaction::find_database(const std::string& name) {
  MDB_dbi handle = 0;
  const int code = mdb_dbi_open(txn_.get(), name.c_str(), 0, &handle);
  if (code == MDB_NOTFOUND) return std::optional<Database>();
  if (code != 0) return failed(code);
  opened_.push_back(Database{handle});
  return std::optional(Database{handle});
}

Result<Database> Transaction::make_database(const std::string& name) {
  MDB_dbi handle = 0;
  if (const int code = mdb_dbi_open(txn_.get(), name.c_str(), MDB_CREATE, &handle)) return failed(code);
  opened_.push_back(Database{handle});
  return Database{handle};
}

Result<void> Transaction::drop(Database database) {
  if (const int code = mdb_drop(txn_.get(), database.handle, 1)) return failed(code);
  return {};
}

Result<std::optional<std::string_view>> Transaction::get(Database database, std::string_view key) const {
  MDB_val wanted = to_value(key);
  MDB_val found{};
  const int code = mdb_get(txn_.get(), database.handle, &wanted, &found);
  if (code == MDB_NOTFOUND) return std::optional<std::string_view>();
  if (code != 0) return failed(code);
  return std::optional(to_view(found));
}

Result<void> Transaction::put(Database database, std::string_view key, std::string_view value) {
  MDB_val to = to_value(key);
  MDB_val what = to_value(value);
  if (const int code = mdb_put(txn_.get(), database.handle, &to, &what, 0)) return failed(code);
  return {};
}

Result<void> Transaction::erase(Database database, std::string_view key) {
  MDB_val which = to_value(key);
  const int code = mdb_del(txn_.get(), database.handle, &which, nullptr);
  if (code != 0 && code != MDB_NOTFOUND) return failed(code);
  return {};
}

namespace {

struct CloseCursor {
  void operator()(MDB_cursor* cursor) const noexcept { mdb_cursor_close(cursor); }
};

// One step of a cursor of its own: every look begins at the root, where LMDB checks what it reads.
int look(MDB_txn* txn, Database database, MDB_cursor_op where, MDB_val& key, MDB_val& value) {
  MDB_cursor* opened = nullptr;
  if (const int code = mdb_cursor_open(txn, database.handle, &opened)) return code;
  const std::unique_ptr<MDB_cursor, CloseCursor> cursor(opened);
  return mdb_cursor_get(cursor.get(), &key, &value, where);
}

}  // namespace

Result<std::optional<Entry>> Transaction::at_or_after(Database database, std::string_view key) const {
  MDB_val found_key = to_value(key);
  MDB_val value{};
  const int code = look(txn_.get(), database, key.empty() ? MDB_FIRST : MDB_SET_RANGE, found_key, value);
  if (code == MDB_NOTFOUND) return std::optional<Entry>();
  if (code != 0) return failed(code);
  return std::optional(Entry{to_view(found_key), to_view(value)});
}

Result<std::optional<Entry>> Transaction::last(Database database) const {
  MDB_val key{};
  MDB_val value{};
  const int code = look(txn_.get(), database, MDB_LAST, key, value);
  if (code == MDB_NOTFOUND) return std::optional<Entry>();
  if (code != 0) return failed(code);
  return std::optional(Entry{to_view(key), to_view(value)});
}

Result<Usage> Transaction::usage(Database database) const {
  MDB_stat found{};
  if (const int code = mdb_stat(txn_.get(), database.handle, &found)) return failed(code);
  const std::size_t pages = found.ms_branch_pages + found.ms_leaf_pages + found.ms_overflow_pages;
  return Usage{found.ms_entries, pages * found.ms_psize};
}

Result<void> Transaction::commit() {
  if (const int code = mdb_txn_commit(txn_.release())) return failed(code);
  file_->sound = Environment::stamp_of(file_->fd());
  // A commit never makes it smaller: somebody else has, meanwhile.
  if (file_->sound && file_->sound->bytes < file_->bytes_before) file_->sound.reset();
  // A handle that outlives its transaction would not notice when another process drops its database.
  for (const Database database : opened_) mdb_dbi_close(file_->env.get(), database.handle);
  return {};
}

}  // namespace sidefridge::store
