#include "vfs/foreign_journal.h"

#include <sqlite3.h>

#include <filesystem>
#include <system_error>

#include "server/base/log.h"

namespace prytany::vfs {

Result<void> roll_back_foreign_journal(const std::string& folder) {
  const std::string journal = folder + "/state.db-journal";
  std::error_code ignored;
  if (!std::filesystem::exists(journal, ignored)) return {};
  log::warning("state.db-journal: another program wrote to state.db -> let SQLite roll it back");
  sqlite3* database = nullptr;
  int rc =
      sqlite3_open_v2((folder + "/state.db").c_str(), &database, SQLITE_OPEN_READWRITE, "unix");
  if (rc == SQLITE_OK) sqlite3_busy_timeout(database, 2000);
  if (rc == SQLITE_OK) {
    rc = sqlite3_exec(database, "SELECT 1 FROM sqlite_schema LIMIT 1", nullptr, nullptr, nullptr);
  }
  const std::string reason = sqlite3_errstr(rc);
  sqlite3_close(database);
  if (rc != SQLITE_OK && rc != SQLITE_NOTADB && rc != SQLITE_CORRUPT)
    return Error{"cannot roll back " + journal + ": " + reason};
  return {};
}

}  // namespace prytany::vfs
