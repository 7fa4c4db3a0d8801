// Installing: everything is understood, migrated and prepared inside one transaction, so that a bad
// application changes nothing and a good one changes at once.
#include <map>

#include "server/app/runner.h"
#include "server/app/sandbox.h"
#include "server/app/sql_application.h"
#include "server/app/ticks.h"
#include "server/app/watched_tables.h"
#include "server/base/ensure.h"

namespace prytany::app {
namespace {

/// Path and digest of what was applied, in order.
std::map<std::string, Bytes> applied_migrations(Engine& engine) {
  std::map<std::string, Bytes> applied;
  Statement& statement =
      engine.ours("SELECT path, digest FROM prytany_application_migrations ORDER BY path");
  const Rewind rewind(statement);
  while (engine.step_ours(statement))
    applied.emplace(statement.text(0), to_bytes(statement.blob(1)));
  return applied;
}

std::optional<Failure> check_same_application(Engine& engine, const Manifest& manifest) {
  Statement& statement = engine.ours("SELECT name FROM prytany_application WHERE id = 1");
  const Rewind rewind(statement);
  if (!engine.step_ours(statement) || statement.text(0) == manifest.name) return std::nullopt;
  return Failure{"another_application", "'" + std::string(statement.text(0)) +
                                            "' is installed in this cluster, and its data is here"};
}

/// What was applied must be there unchanged, and what is new must come after it.
std::optional<Failure> check_migrations(const std::map<std::string, Bytes>& applied,
                                        const std::vector<Migration>& migrations) {
  std::map<std::string, const Migration*> by_path;
  for (const Migration& migration : migrations) by_path.emplace(migration.path, &migration);
  for (const auto& [path, digest] : applied) {
    const auto found = by_path.find(path);
    if (found == by_path.end())
      return Failure{"migration_missing",
                     path + " was applied to this cluster's data, but is not there any more"};
    if (to_bytes(found->second->digest.view()) != digest)
      return Failure{"migration_changed",
                     path + " was applied already and must not change; add another migration"};
  }
  for (const Migration& migration : migrations)
    if (!applied.contains(migration.path) && !applied.empty() &&
        migration.path < applied.rbegin()->first)
      return Failure{"migration_out_of_order", migration.path + " is new, but comes before " +
                                                   applied.rbegin()->first +
                                                   ", which was applied already"};
  return std::nullopt;
}

std::optional<wire::ErrorReply> run_migration(Engine& engine, const Migration& migration) {
  std::string_view rest = migration.sql;
  std::size_t number = 0;
  while (!is_blank(rest)) {
    ++number;
    const auto blame = [&](const Failure& failure) {
      return error_reply({"migration_failed", failure.code + ": " + failure.message},
                         migration.path, number);
    };
    if (first_word(rest) == "PRAGMA")
      return blame({"refused_pragma", "migrations may not use PRAGMA"});
    auto statement = engine.prepare(rest, &rest);
    if (!statement) return blame(statement.error());
    if (!*statement) continue;
    if (sqlite3_bind_parameter_count(statement->get()) > 0)
      return blame({"wrong_parameters", "a migration has no parameters"});
    ResultRoom room;
    auto done = run(engine, *statement, room);
    if (!done) return blame(done.error());
  }
  return std::nullopt;
}

void record_migration(Engine& engine, const Migration& migration, AgreedTime agreed) {
  Statement& insert = engine.ours(
      "INSERT INTO prytany_application_migrations(path, digest, applied_us) VALUES(?1, ?2, ?3)");
  const Rewind rewind(insert);
  insert.bind(1, std::string_view(migration.path));
  insert.bind(2, migration.digest.view());
  insert.bind(3, agreed.value);
  ENSURE(!engine.step_ours(insert));
}

void store_application(Engine& engine, const wire::Install& install, const Manifest& manifest,
                       Seq seq, AgreedTime agreed) {
  const LengthScope any_length(engine);
  engine.run_ours("DELETE FROM prytany_application_files");
  for (const wire::ApplicationFile& file : install.files) {
    Statement& insert =
        engine.ours("INSERT INTO prytany_application_files(path, content) VALUES(?1, ?2)");
    const Rewind rewind(insert);
    insert.bind(1, std::string_view(file.path.text));
    insert.bind(2, file.content.view());
    ENSURE(!engine.step_ours(insert));
  }
  const Digest digest = application_digest(install);
  Statement& replace = engine.ours(
      "INSERT OR REPLACE INTO prytany_application(id, name, version, digest, installed_seq, "
      "installed_us) VALUES(1, ?1, ?2, ?3, ?4, ?5)");
  const Rewind rewind(replace);
  replace.bind(1, std::string_view(manifest.name));
  replace.bind(2, std::string_view(manifest.version));
  replace.bind(3, digest.view());
  replace.bind(4, static_cast<std::int64_t>(seq.value));
  replace.bind(5, agreed.value);
  ENSURE(!engine.step_ours(replace));
}

}  // namespace

std::optional<wire::ErrorReply> install_application(Engine& engine, const wire::Install& install,
                                                    Seq seq, AgreedTime agreed) {
  const auto bundle = read_bundle(install);
  if (!bundle) return error_reply(bundle.error());
  if (auto failure = check_same_application(engine, bundle->manifest)) return error_reply(*failure);
  const auto applied = applied_migrations(engine);
  if (auto failure = check_migrations(applied, bundle->migrations)) return error_reply(*failure);

  engine.state().schema_touched = false;
  unwatch_tables(engine);
  bool migrated = engine.state().schema_touched;
  for (const Migration& migration : bundle->migrations) {
    if (applied.contains(migration.path)) continue;
    if (auto error = run_migration(engine, migration)) return error;
    record_migration(engine, migration, agreed);
    migrated = true;
  }
  engine.state().schema_touched = false;
  if (auto failure = watch_tables(engine, bundle->manifest.topics)) return error_reply(*failure);
  migrated = migrated || engine.state().schema_touched;
  Procedures procedures(bundle->procedures);
  for (const auto& [name, source] : bundle->procedures)
    if (const auto prepared = procedures.find(engine, name); !prepared) return prepared.error();
  // Preparing procedures says that they changed no schema; what came before may have.
  engine.state().schema_touched = migrated;
  engine.limit_pages(false);
  store_application(engine, install, bundle->manifest, seq, agreed);
  Ticks(engine).install(bundle->procedures, agreed);
  return std::nullopt;
}

}  // namespace prytany::app
