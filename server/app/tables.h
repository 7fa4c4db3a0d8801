// The executor's own tables, in the same database as the application's: there is no second format
// to checkpoint, hash, transfer or back up (design.md section 5).
#pragma once

#include <cstdint>
#include <string>

namespace prytany::app {

/// Bumped when the tables below change.
inline constexpr int tables_format = 6;

/// Why a state of another format is not taken, and what whoever reads this can do.
inline std::string refused_format(std::int64_t format) {
  return "its tables are of format " + std::to_string(format) + " and this program's of format " +
         std::to_string(tables_format) +
         ": run the program that wrote it, or make a new cluster and put your own tables into it "
         "(a copy of state.db is a plain SQLite file)";
}

/// Genesis: run once on an empty database, one statement each, in this order. Equal everywhere.
inline constexpr const char* const create_tables[] = {
    // One row. `seq` and `agreed_us` are those of the last checkpoint.
    "CREATE TABLE prytany_state(id INTEGER PRIMARY KEY CHECK (id = 1), format INTEGER NOT NULL, "
    "cluster BLOB NOT NULL, seq INTEGER NOT NULL, agreed_us INTEGER NOT NULL, "
    "next_session INTEGER NOT NULL)",
    // Written when a session joins. Slots are dense and used again; session numbers never are.
    "CREATE TABLE prytany_session_rows(session INTEGER PRIMARY KEY, slot INTEGER NOT NULL, "
    "key BLOB NOT NULL, principal TEXT NOT NULL UNIQUE, role TEXT NOT NULL, "
    "joined_us INTEGER NOT NULL, join_expires_us INTEGER NOT NULL, join_reply BLOB NOT NULL)",
    // What each request changes: it lags behind until the next checkpoint, and nobody but the
    // executor reads it. Small rows, so that few pages hold the sessions that asked something.
    "CREATE TABLE prytany_session_activity(session INTEGER PRIMARY KEY, "
    "active_us INTEGER NOT NULL, highest INTEGER NOT NULL, executed INTEGER NOT NULL)",
    // Stored replies of all sessions in the order of execution, likewise as of the last checkpoint.
    // A reply begins with its session, its number and the digest of its request.
    "CREATE TABLE prytany_session_replies(position INTEGER PRIMARY KEY, reply BLOB NOT NULL)",
    // A join older than its principal's last one is a replay. Kept until its tokens have expired.
    "CREATE TABLE prytany_endings(principal TEXT PRIMARY KEY, join_expires_us INTEGER NOT NULL) "
    "WITHOUT ROWID",
    // What sessions keep for themselves. Applications see it through the view below, each session
    // its own rows; nothing else may write it. Whatever ends a session deletes its row, and so
    // them.
    "CREATE TABLE prytany_session_value_rows(session INTEGER NOT NULL, key TEXT NOT NULL, "
    "value ANY, PRIMARY KEY(session, key)) STRICT, WITHOUT ROWID",
    "CREATE TRIGGER prytany_session_end AFTER DELETE ON prytany_session_rows BEGIN "
    "DELETE FROM prytany_session_activity WHERE session = OLD.session; "
    "DELETE FROM prytany_session_value_rows WHERE session = OLD.session; "
    "INSERT OR REPLACE INTO prytany_endings(principal, join_expires_us) "
    "SELECT OLD.principal, OLD.join_expires_us WHERE OLD.join_expires_us > now(); END",
    // What applications see of the sessions, and how they end one. The memory of sessions follows
    // when the request commits (Executor::Impl::commit).
    "CREATE VIEW prytany_sessions(session, principal, role, joined_us, active_us) AS "
    "SELECT session, principal, role, joined_us, prytany_session_active_us(session) "
    "FROM prytany_session_rows",
    "CREATE TRIGGER prytany_sessions_delete INSTEAD OF DELETE ON prytany_sessions BEGIN "
    "SELECT prytany_end_session(OLD.session); "
    "DELETE FROM prytany_session_rows WHERE session = OLD.session; END",
    "CREATE VIEW prytany_session_values(key, value) AS SELECT key, value "
    "FROM prytany_session_value_rows WHERE session = session_id()",
    // An OR REPLACE or OR IGNORE of the statement outside holds for the one inside. At most 64 rows
    // are counted, and the first too many fails: each write costs a bounded number of steps.
    "CREATE TRIGGER prytany_session_values_insert INSTEAD OF INSERT ON prytany_session_values "
    "BEGIN "
    "SELECT ensure(session_id() IS NOT NULL, 'no_session', "
    "'only a request of a session keeps session values'); "
    "INSERT INTO prytany_session_value_rows(session, key, value) "
    "VALUES(session_id(), NEW.key, NEW.value); "
    "SELECT ensure(count(*) <= 64 AND total(octet_length(key) + "
    "coalesce(octet_length(value), 0)) <= 65536, 'session_values_full', "
    "'a session keeps at most 64 values, and 64 KiB of keys and values') "
    "FROM prytany_session_value_rows WHERE session = session_id(); END",
    "CREATE TRIGGER prytany_session_values_update INSTEAD OF UPDATE ON prytany_session_values "
    "BEGIN "
    "UPDATE prytany_session_value_rows SET key = NEW.key, value = NEW.value "
    "WHERE session = session_id() AND key = OLD.key; "
    "SELECT ensure(count(*) <= 64 AND total(octet_length(key) + "
    "coalesce(octet_length(value), 0)) <= 65536, 'session_values_full', "
    "'a session keeps at most 64 values, and 64 KiB of keys and values') "
    "FROM prytany_session_value_rows WHERE session = session_id(); END",
    "CREATE TRIGGER prytany_session_values_delete INSTEAD OF DELETE ON prytany_session_values "
    "BEGIN "
    "DELETE FROM prytany_session_value_rows WHERE session = session_id() AND key = OLD.key; END",
    "CREATE TABLE prytany_application(id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL, "
    "version TEXT NOT NULL, digest BLOB NOT NULL, installed_seq INTEGER NOT NULL, "
    "installed_us INTEGER NOT NULL)",
    "CREATE TABLE prytany_application_files(path TEXT PRIMARY KEY, content BLOB NOT NULL)",
    "CREATE TABLE prytany_application_migrations(path TEXT PRIMARY KEY, digest BLOB NOT NULL, "
    "applied_us INTEGER NOT NULL)",
    // The change log. Anybody who has SQL may read it, nobody but the executor write it.
    "CREATE TABLE prytany_changes(position INTEGER PRIMARY KEY, seq INTEGER NOT NULL, "
    "agreed_us INTEGER NOT NULL, topic TEXT NOT NULL, value ANY) STRICT",
    // Procedures that run by themselves, for anybody to read. Failures stay until the next one.
    "CREATE TABLE prytany_ticks(procedure TEXT PRIMARY KEY, schedule TEXT NOT NULL, next_us "
    "INTEGER NOT NULL, last_us INTEGER, runs INTEGER NOT NULL, failures INTEGER NOT NULL, "
    "failed_us "
    "INTEGER, last_error TEXT) WITHOUT ROWID",
    // What each RECONFIGURE changed, and since when it is in force.
    "CREATE TABLE prytany_configurations(configuration INTEGER PRIMARY KEY, since INTEGER NOT "
    "NULL, member INTEGER NOT NULL, key BLOB NOT NULL, ordered_seq INTEGER NOT NULL, ordered_us "
    "INTEGER NOT NULL)",
};

/// A row for each object that takes one of our names, or refers to one of our tables, and is not
/// ours.
inline constexpr const char* find_reserved_sql =
    "SELECT name FROM sqlite_schema WHERE "
    "(lower(substr(name, 1, 8)) = 'prytany_' OR lower(substr(tbl_name, 1, 8)) = 'prytany_') "
    "AND NOT (type = 'table' AND name IN ('prytany_state', 'prytany_session_rows', "
    "'prytany_session_activity', 'prytany_session_replies', 'prytany_endings', "
    "'prytany_session_value_rows', 'prytany_application', 'prytany_application_files', "
    "'prytany_application_migrations', 'prytany_changes', 'prytany_ticks', "
    "'prytany_configurations')) "
    "AND NOT (type = 'view' AND name IN ('prytany_sessions', 'prytany_session_values')) "
    "AND NOT (type = 'trigger' AND name IN ('prytany_session_end', 'prytany_sessions_delete', "
    "'prytany_session_values_insert', "
    "'prytany_session_values_update', 'prytany_session_values_delete')) "
    "AND NOT (type = 'trigger' AND substr(name, 1, 14) = 'prytany_watch_') "
    "AND NOT (type = 'index' AND substr(name, 1, 25) = 'sqlite_autoindex_prytany_') "
    "UNION ALL SELECT t.name FROM sqlite_schema t, pragma_foreign_key_list(t.name) k "
    "WHERE t.type = 'table' AND lower(substr(k.\"table\", 1, 8)) = 'prytany_' LIMIT 1";

}  // namespace prytany::app
