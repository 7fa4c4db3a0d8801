#include "server/app/migrations.h"

#include <algorithm>
#include <map>

#include "server/app/foreign_keys.h"
#include "server/app/runner.h"
#include "server/app/sandbox.h"
#include "server/base/ensure.h"

namespace prytany::app {
namespace {

/// Path and digest of what was applied, in order.
using Applied = std::map<std::string, Bytes>;

Applied applied_migrations(Engine& engine) {
  Applied applied;
  Statement& statement =
      engine.ours("SELECT path, digest FROM prytany_application_migrations ORDER BY path");
  const Rewind rewind(statement);
  while (engine.step_ours(statement))
    applied.emplace(statement.text(0), to_bytes(statement.blob(1)));
  return applied;
}

const Migration* find_migration(const Bundle& bundle, const std::string& path) {
  const auto found = std::ranges::find(bundle.migrations, path, &Migration::path);
  return found == bundle.migrations.end() ? nullptr : &*found;
}

/// All that will run, decided before any of it does.
struct Plan {
  struct Undo {
    std::string path;  // of what it undoes
    const Migration* script;
  };
  std::vector<Undo> undone;               // newest first
  std::vector<const Migration*> applied;  // oldest first
};

/// What was applied must be there unchanged.
std::optional<Failure> refuse_kept(const std::string& path, const Bytes& digest,
                                   const Bundle& next) {
  const Migration* migration = find_migration(next, path);
  if (migration == nullptr)
    return Failure{"migration_missing", path +
                                            " was applied to this cluster's data, but is not there "
                                            "any more; to go back to a version without it, install "
                                            "that with --rollback"};
  if (to_bytes(migration->digest.view()) == digest) return std::nullopt;
  return Failure{"migration_changed",
                 path + " was applied already and must not change; add another migration"};
}

/// Those that `next` does not have: the last ones that were applied, and each has a script that
/// undoes it. They are taken out of `applied`.
std::optional<Failure> plan_undoing(Applied& applied, const Bundle& next, const Bundle& installed,
                                    Plan& plan) {
  while (!applied.empty() && find_migration(next, applied.rbegin()->first) == nullptr) {
    const std::string path = applied.rbegin()->first;
    const auto script = installed.undos.find(path);
    if (script == installed.undos.end())
      return Failure{"rollback_impossible",
                     path + " cannot be undone: the installed version has no " + undo_path(path) +
                         "; install the installed version again with that file, as a newer one"};
    plan.undone.push_back({path, &script->second});
    applied.erase(path);
  }
  for (const auto& [path, digest] : applied)
    if (find_migration(next, path) == nullptr)
      return Failure{"rollback_impossible",
                     path + " cannot be undone while " + applied.rbegin()->first +
                         " stays, which came after it: leave out the later ones, too"};
  return std::nullopt;
}

/// What is new must come after what was applied.
std::optional<Failure> plan_applying(const Applied& applied, const Bundle& next, Plan& plan) {
  for (const auto& [path, digest] : applied)
    if (auto failure = refuse_kept(path, digest, next)) return failure;
  for (const Migration& migration : next.migrations) {
    if (applied.contains(migration.path)) continue;
    if (!applied.empty() && migration.path < applied.rbegin()->first)
      return Failure{"migration_out_of_order", migration.path + " is new, but comes before " +
                                                   applied.rbegin()->first +
                                                   ", which was applied already"};
    plan.applied.push_back(&migration);
  }
  return std::nullopt;
}

/// The statement at the front of `rest`, which is cut off.
std::optional<Failure> run_next(Engine& engine, std::string_view& rest, bool enforced) {
  if (first_word(rest) == "PRAGMA")
    return Failure{"refused_pragma", "migrations may not use PRAGMA"};
  auto statement = engine.prepare(rest, &rest);
  if (!statement) return statement.error();
  if (!*statement) return std::nullopt;
  if (sqlite3_bind_parameter_count(statement->get()) > 0)
    return Failure{"wrong_parameters", "a migration has no parameters"};
  if (const std::string dropped = engine.state().drops; enforced && !dropped.empty())
    if (auto refused = refuse_drop(engine, dropped)) return refused;
  ResultRoom room;
  auto set = run(engine, *statement, room);
  return set ? std::nullopt : std::optional(set.error());
}

/// What one script leaves behind must hold by itself: so who is to blame is known.
std::optional<Failure> unkept_promises(Engine& engine, bool enforced) {
  if (!enforced || owes_foreign_keys(engine)) return check_foreign_keys(engine);
  return std::nullopt;
}

Result<MigrationRun, wire::ErrorReply> run_migration(Engine& engine, const Migration& migration) {
  MigrationRun done;
  done.path = migration.path;
  const auto blame = [&](const Failure& failure) {
    return error_reply({"migration_failed", failure.code + ": " + failure.message}, migration.path,
                       done.statements);
  };
  const auto at_end = wants_foreign_keys_at_end(migration.sql);
  if (!at_end) return blame(at_end.error());
  const std::int64_t changes_before = sqlite3_total_changes64(engine.handle());
  const std::uint64_t work_before = engine.state().work;
  std::optional<ForeignKeysOff> off;
  if (*at_end) off.emplace(engine);
  std::string_view rest = migration.sql;
  while (!is_blank(rest)) {
    ++done.statements;
    if (auto failure = run_next(engine, rest, !*at_end)) return blame(*failure);
  }
  if (auto failure = unkept_promises(engine, !*at_end)) return blame(*failure);
  done.changes = sqlite3_total_changes64(engine.handle()) - changes_before;
  done.steps = engine.state().work - work_before;
  return done;
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

void forget_migration(Engine& engine, const std::string& path) {
  Statement& drop = engine.ours("DELETE FROM prytany_application_migrations WHERE path = ?1");
  const Rewind rewind(drop);
  drop.bind(1, std::string_view(path));
  ENSURE(!engine.step_ours(drop));
}

}  // namespace

Result<std::vector<MigrationRun>, wire::ErrorReply> migrate(Engine& engine, const Bundle& next,
                                                            const Bundle& installed, bool back,
                                                            AgreedTime agreed) {
  Plan plan;
  Applied applied = applied_migrations(engine);
  if (back)
    if (auto failure = plan_undoing(applied, next, installed, plan)) return error_reply(*failure);
  if (auto failure = plan_applying(applied, next, plan)) return error_reply(*failure);
  std::vector<MigrationRun> runs;
  for (const Plan::Undo& undo : plan.undone) {
    auto done = run_migration(engine, *undo.script);
    if (!done) return done.error();
    done->undone = true;
    done->path = undo.path;
    forget_migration(engine, undo.path);
    runs.push_back(std::move(done).value());
  }
  for (const Migration* migration : plan.applied) {
    auto done = run_migration(engine, *migration);
    if (!done) return done.error();
    record_migration(engine, *migration, agreed);
    runs.push_back(std::move(done).value());
  }
  return runs;
}

}  // namespace prytany::app
