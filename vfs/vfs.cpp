#include "vfs/vfs.h"

#include <sqlite3.h>

#include <cstring>
#include <map>
#include <string>

#include "server/base/ensure.h"
#include "vfs/agreed_source.h"

namespace prytany::vfs {
namespace {

// Stores that have a handle or are about to, by the name given to sqlite3_open.
std::map<std::string, PageStore*, std::less<>>& stores() {
  static std::map<std::string, PageStore*, std::less<>> by_name;
  return by_name;
}

// ---- one open file. SQLite allocates it as bytes and knows only its first member. ----

struct StoreFile {
  sqlite3_file base;
  PageStore* store;
  const char* name;  // SQLite keeps it until xClose
};

PageStore& store_of(sqlite3_file* file) { return *reinterpret_cast<StoreFile*>(file)->store; }

int file_close(sqlite3_file* file) {
  stores().erase(reinterpret_cast<StoreFile*>(file)->name);
  return SQLITE_OK;
}

int file_read(sqlite3_file* file, void* out, int count, sqlite3_int64 offset) {
  const std::span bytes(static_cast<std::uint8_t*>(out), static_cast<std::size_t>(count));
  const bool whole = store_of(file).read(static_cast<std::uint64_t>(offset), bytes);
  return whole ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

// "About to modify": SQL cannot change a page except through here.
int file_write(sqlite3_file* file, const void* data, int count, sqlite3_int64 offset) {
  const ByteView bytes(static_cast<const std::uint8_t*>(data), static_cast<std::size_t>(count));
  // Not SQLITE_FULL, which is an answer: the capacity is this replica's alone.
  return store_of(file).write(static_cast<std::uint64_t>(offset), bytes) ? SQLITE_OK
                                                                         : SQLITE_IOERR_WRITE;
}

int file_truncate(sqlite3_file* file, sqlite3_int64 size) {
  store_of(file).truncate(static_cast<std::uint64_t>(size));
  return SQLITE_OK;
}

// The protocol's journal and the checkpoints are what is durable.
int file_sync(sqlite3_file*, int) { return SQLITE_OK; }

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  *size = static_cast<sqlite3_int64>(store_of(file).size());
  return SQLITE_OK;
}

// One thread, and no transaction of one handle is open while another runs: nobody to lock out.
int file_lock(sqlite3_file*, int) { return SQLITE_OK; }

int file_check_reserved_lock(sqlite3_file*, int* reserved) {
  *reserved = 0;
  return SQLITE_OK;
}

int file_control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }

int file_sector_size(sqlite3_file*) { return static_cast<int>(page_bytes); }

int file_characteristics(sqlite3_file*) {
  return SQLITE_IOCAP_ATOMIC4K | SQLITE_IOCAP_SAFE_APPEND | SQLITE_IOCAP_SEQUENTIAL |
         SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

int file_fetch(sqlite3_file* file, sqlite3_int64 offset, int count, void** page) {
  const PageStore& store = store_of(file);
  const auto end = static_cast<std::uint64_t>(offset) + static_cast<std::uint64_t>(count);
  // SQLite reads through this pointer and never writes; its type has no const.
  *page = end <= store.size() ? const_cast<std::uint8_t*>(store.data()) + offset : nullptr;
  return SQLITE_OK;
}

int file_unfetch(sqlite3_file*, sqlite3_int64, void*) { return SQLITE_OK; }

// No shared memory: a write-ahead log would put replicas' histories into the file.
const sqlite3_io_methods methods = {3,
                                    file_close,
                                    file_read,
                                    file_write,
                                    file_truncate,
                                    file_sync,
                                    file_size,
                                    file_lock,
                                    file_lock,
                                    file_check_reserved_lock,
                                    file_control,
                                    file_sector_size,
                                    file_characteristics,
                                    nullptr,
                                    nullptr,
                                    nullptr,
                                    nullptr,
                                    file_fetch,
                                    file_unfetch};

// ---- the VFS ----

int vfs_open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  file->pMethods = nullptr;
  if (name == nullptr || (flags & SQLITE_OPEN_MAIN_DB) == 0) return SQLITE_CANTOPEN;
  const auto found = stores().find(std::string_view(name));
  if (found == stores().end()) return SQLITE_CANTOPEN;
  auto* const opened = reinterpret_cast<StoreFile*>(file);
  opened->store = found->second;
  opened->name = name;
  opened->base.pMethods = &methods;
  if (out_flags != nullptr) *out_flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_MAIN_DB;
  return SQLITE_OK;
}

// No file exists beside a database: no journal to delete, none to find hot.
int vfs_delete(sqlite3_vfs*, const char*, int) { return SQLITE_OK; }

int vfs_access(sqlite3_vfs*, const char*, int, int* exists) {
  *exists = 0;
  return SQLITE_OK;
}

int vfs_full_pathname(sqlite3_vfs*, const char* name, int size, char* out) {
  sqlite3_snprintf(size, out, "%s", name);
  return SQLITE_OK;
}

int vfs_randomness(sqlite3_vfs*, int count, char* out) {
  current_source().fill({reinterpret_cast<std::uint8_t*>(out), static_cast<std::size_t>(count)});
  return count;
}

int vfs_sleep(sqlite3_vfs*, int microseconds) { return microseconds; }

int vfs_current_time_ms(sqlite3_vfs*, sqlite3_int64* time) {
  *time = current_source().julian_ms();
  return SQLITE_OK;
}

int vfs_current_time(sqlite3_vfs*, double* days) {
  *days = static_cast<double>(current_source().julian_ms()) / 86'400'000.0;
  return SQLITE_OK;
}

int vfs_last_error(sqlite3_vfs*, int, char*) { return 0; }

sqlite3_vfs make_vfs() {
  sqlite3_vfs vfs{};
  vfs.iVersion = 2;
  vfs.szOsFile = sizeof(StoreFile);
  vfs.mxPathname = 255;
  vfs.zName = "prytany";
  vfs.xOpen = vfs_open;
  vfs.xDelete = vfs_delete;
  vfs.xAccess = vfs_access;
  vfs.xFullPathname = vfs_full_pathname;
  vfs.xRandomness = vfs_randomness;
  vfs.xSleep = vfs_sleep;
  vfs.xCurrentTime = vfs_current_time;
  vfs.xGetLastError = vfs_last_error;
  vfs.xCurrentTimeInt64 = vfs_current_time_ms;
  return vfs;
}

Error failed(sqlite3* database, int rc) {
  std::string reason = database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(rc);
  return Error{"cannot open SQLite on the page store: " + reason};
}

}  // namespace

void register_vfs() {
  static sqlite3_vfs vfs = make_vfs();
  static const bool registered = sqlite3_vfs_register(&vfs, 1) == SQLITE_OK;
  ENSURE(registered);
}

void CloseDatabase::operator()(sqlite3* database) const {
  ENSURE(sqlite3_close(database) == SQLITE_OK);
}

Result<Database> open_database(PageStore& store) {
  register_vfs();
  // The name is in no page; it only has to be this store's alone.
  static std::uint64_t count = 0;
  const std::string name = "/prytany/" + std::to_string(++count);
  stores().emplace(name, &store);
  sqlite3* handle = nullptr;
  constexpr int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
  int rc = sqlite3_open_v2(name.c_str(), &handle, flags, "prytany");
  Database database(handle);
  if (rc != SQLITE_OK) {
    Error error = failed(handle, rc);
    database.reset();
    stores().erase(name);
    return error;
  }
  // journal_mode first: on a new file the others would otherwise begin with a journal in the file
  // system.
  constexpr const char* pragmas =
      "PRAGMA journal_mode=MEMORY; PRAGMA temp_store=MEMORY; PRAGMA page_size=4096;"
      "PRAGMA auto_vacuum=NONE; PRAGMA locking_mode=NORMAL; PRAGMA cache_spill=OFF;"
      "PRAGMA secure_delete=ON; PRAGMA synchronous=OFF; PRAGMA mmap_size=0;";
  rc = sqlite3_exec(handle, pragmas, nullptr, nullptr, nullptr);
  if (rc != SQLITE_OK) return failed(handle, rc);
  return database;
}

}  // namespace prytany::vfs
