// The database of an application: its schema through the gate, its file by its header.
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <set>

#include "server/app/sql.h"
#include "server/cli/doctor.h"

namespace prytany::cli {
namespace {

constexpr std::uint64_t large_database_bytes = 1ULL << 30;

struct CloseDatabase {
  void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
};
using PlainDatabase = std::unique_ptr<sqlite3, CloseDatabase>;

struct SchemaObject {
  std::string type;
  std::string name;
  std::string table;
  std::string sql;
};

std::string in_small_letters(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool has_words(const std::string& sql, std::string_view words) {
  return in_small_letters(sql).find(words) != std::string::npos;
}

class DatabaseExamination {
 public:
  DatabaseExamination(std::string path, SqlGate& gate) : path_(std::move(path)), gate_(gate) {}

  Result<std::vector<Finding>> run() {
    sqlite3* handle = nullptr;
    const int rc = sqlite3_open_v2(path_.c_str(), &handle, SQLITE_OPEN_READONLY, "unix");
    database_.reset(handle);
    if (rc != SQLITE_OK) return unreadable();
    // A schema with texts in double quotes must be read before it can be refused.
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DDL, 1, nullptr);
    // Rows of sqlite_schema in the order in which they can be made again.
    const auto objects = rows_of(
        "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema ORDER BY "
        "type = 'trigger', type = 'view', type = 'index', rowid");
    if (!objects) return unreadable();
    for (const auto& row : *objects) objects_.push_back({row[0], row[1], row[2], row[3]});
    look_at_the_file();
    for (const SchemaObject& object : objects_) look_at(object);
    for (const SchemaObject& object : objects_) look_at_use(object);
    check_foreign_keys();
    return std::move(findings_);
  }

 private:
  using TextRows = std::vector<std::vector<std::string>>;

  Error unreadable() const {
    return Error{path_ + ": " + sqlite3_errmsg(database_.get()) +
                 " (it is opened to read only: close the program that writes it, or copy it)"};
  }

  std::optional<TextRows> rows_of(const std::string& sql) const {
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v2(database_.get(), sql.c_str(), -1, &raw, nullptr) != SQLITE_OK)
      return std::nullopt;
    app::Statement statement(raw);
    TextRows rows;
    int rc = 0;
    while ((rc = statement.step()) == SQLITE_ROW) {
      auto& row = rows.emplace_back();
      for (int i = 0; i < statement.column_count(); ++i)
        row.emplace_back(statement.is_null(i) ? std::string_view{} : statement.text(i));
    }
    if (rc != SQLITE_DONE) return std::nullopt;
    return rows;
  }
  std::string first_of(const std::string& sql) const {
    const auto rows = rows_of(sql);
    return rows && !rows->empty() ? rows->front().at(0) : "";
  }

  void add(Severity severity, std::string code, const std::string& of, std::string what,
           std::string instead = {}) {
    const std::string place = of.empty() ? path_ : path_ + ": " + of;
    findings_.push_back({severity, std::move(code), place, 0, std::move(what), std::move(instead)});
  }

  void look_at_the_file() {
    std::error_code error;
    const std::uint64_t bytes = std::filesystem::file_size(path_, error);
    add(bytes >= large_database_bytes ? Severity::look : Severity::fine, "size", "",
        std::to_string(bytes / 1024) + " KiB: every replica keeps, hashes and may fetch all of it",
        "genesis sets how large it may become; tables are filled by prytany import");
    const std::string page = first_of("PRAGMA page_size");
    if (page != "4096")
      add(Severity::fine, "page_size", "", "pages of " + page + " bytes: here they have 4096");
    const std::string encoding = first_of("PRAGMA encoding");
    if (encoding != "UTF-8")
      add(Severity::look, "encoding", "", "texts are " + encoding + ": here they are UTF-8",
          "read them as texts, not as bytes, when they are moved");
    if (first_of("PRAGMA journal_mode") == "wal")
      add(Severity::fine, "wal", "",
          "write-ahead logging: here the cluster's journal takes its place, readers never wait");
    if (first_of("PRAGMA auto_vacuum") != "0")
      add(Severity::fine, "auto_vacuum", "", "auto_vacuum: here freed pages are used again");
  }

  /// Tables in which a virtual table (FTS3 to 5, R-tree) keeps what it knows.
  [[nodiscard]] bool is_shadow(const SchemaObject& object) const {
    constexpr auto parts = std::to_array<std::string_view>({"_data", "_idx", "_content", "_docsize",
                                                            "_config", "_segments", "_segdir",
                                                            "_stat", "_node", "_parent", "_rowid"});
    return std::ranges::any_of(virtual_tables_, [&](const std::string& name) {
      return object.table.starts_with(name) &&
             std::ranges::find(parts, std::string_view(object.table).substr(name.size())) !=
                 parts.end();
    });
  }

  void look_at(const SchemaObject& object) {
    const std::string of = object.type + " " + object.name;
    if (object.name.starts_with("sqlite_stat"))
      return add(Severity::look, "statistics", of,
                 "statistics of ANALYZE are not kept here: plans may become others",
                 "INDEXED BY, likelihood(), CROSS JOIN; prytany explain shows plans");
    if (object.sql.empty() || object.name.starts_with("sqlite_") || is_shadow(object)) return;
    if (has_words(object.sql, "create virtual table")) virtual_tables_.push_back(object.name);
    if (const auto refused = gate_.make(object.sql)) {
      // What is on a table that could not be made falls with it, which was said.
      if (refused_.contains(object.table) && !is_certain(*refused)) return;
      refused_.insert(object.name);
      add(Severity::must, refused->code, of, refused->message, refused->instead);
      return;
    }
    look_at_words(object, of);
    if (object.type == "table") look_at_key(object, of);
  }

  void look_at_words(const SchemaObject& object, const std::string& of) {
    if (has_words(object.sql, "autoincrement"))
      add(Severity::fine, "autoincrement", of,
          "AUTOINCREMENT works: the counter is replicated, and numbers rise in the agreed order");
    if (has_words(object.sql, "localtime"))
      add(Severity::must, "localtime", of, "'localtime' fails: time is UTC and agreed",
          "keep UTC, and let the program that shows it convert it");
    for (const char* word : {"current_timestamp", "current_date", "current_time", "'now'"}) {
      if (!has_words(object.sql, word)) continue;
      add(Severity::fine, "agreed_time", of,
          std::string(word) +
              " is the time that the replicas agreed on, in UTC, the same for all requests of a "
              "batch");
      break;  // the others say the same
    }
    if (has_words(object.sql, "random"))
      add(Severity::look, "agreed_random", of,
          "random() is agreed: equal on all replicas, and known to whoever sees the batch",
          "draw what must stay secret in the client");
    if (has_words(object.sql, "last_insert_rowid"))
      add(Severity::look, "last_insert_rowid", of,
          "last_insert_rowid() knows the inserts of the same request, and is 0 before the first",
          "insert and ask in one request; `last_insert_rowid` of the answer, or RETURNING");
    if (object.type == "trigger")
      add(Severity::fine, "trigger", of,
          "triggers work, 16 deep, never recursively; their work counts for the request");
  }

  void look_at_key(const SchemaObject& object, const std::string& of) {
    const auto keys =
        rows_of("SELECT 1 FROM pragma_table_info('" + escaped(object.name) + "') WHERE pk > 0");
    if (!keys || !keys->empty()) return;
    add(Severity::look, "no_key", of,
        "there is no primary key: rows have only a rowid, which a dump does not keep",
        "give it an INTEGER PRIMARY KEY; keyset pagination needs one, too");
  }

  static std::string escaped(const std::string& text) {
    std::string out;
    for (const char c : text) {
      out += c;
      if (c == '\'' || c == '"') out += c;
    }
    return out;
  }
  static std::string name_in_quotes(const std::string& name) {
    std::string out = "\"";
    for (const char c : name) {
      out += c;
      if (c == '"') out += c;
    }
    return out + "\"";
  }

  /// SQLite looks into views, triggers, defaults and checks only when they are used.
  void look_at_use(const SchemaObject& object) {
    const bool table = object.type == "table" && !object.name.starts_with("sqlite_");
    if ((!table && object.type != "view") || refused_.contains(object.name) || is_shadow(object))
      return;
    const std::string name = name_in_quotes(object.name);
    const std::string column =
        first_of("SELECT name FROM pragma_table_info('" + escaped(object.name) + "')");
    std::vector<std::string> uses = {"SELECT * FROM " + name + " LIMIT 0"};
    if (table || has_trigger(object.name)) {
      uses.push_back("DELETE FROM " + name + " WHERE 0");
      uses.push_back("UPDATE " + name + " SET " + name_in_quotes(column) + " = NULL WHERE 0");
    }
    if (table) uses.push_back("INSERT INTO " + name + " DEFAULT VALUES");
    for (const std::string& use : uses) {
      const auto refused = gate_.pass(use);
      if (!refused || (!is_certain(*refused) && refused->code != "SQLITE_ERROR")) continue;
      // It has triggers for other uses only.
      if (refused->message.find("because it is a view") != std::string::npos) continue;
      add(Severity::must, refused->code, object.type + " " + object.name,
          refused->message + " (when it is used: " + use.substr(0, 6) + ")", refused->instead);
      return;
    }
  }
  [[nodiscard]] bool has_trigger(const std::string& name) const {
    return std::ranges::any_of(objects_, [&](const SchemaObject& object) {
      return object.type == "trigger" && object.table == name;
    });
  }

  void check_foreign_keys() {
    const auto broken = rows_of("PRAGMA foreign_key_check");
    if (!broken || broken->empty()) return;
    add(Severity::must, "foreign_keys", "",
        std::to_string(broken->size()) +
            " rows refer to rows that are not there: foreign keys are always enforced here",
        "PRAGMA foreign_key_check lists them; mend them before they are moved");
  }

  std::string path_;
  SqlGate& gate_;
  PlainDatabase database_;
  std::vector<SchemaObject> objects_;
  std::vector<std::string> virtual_tables_;
  std::set<std::string> refused_;
  std::vector<Finding> findings_;
};

}  // namespace

Result<std::vector<Finding>> examine_database(const std::string& path, SqlGate& gate) {
  return DatabaseExamination(path, gate).run();
}

}  // namespace prytany::cli
