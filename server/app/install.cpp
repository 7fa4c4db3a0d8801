// Installing: everything is understood, migrated and prepared inside one transaction, so that a bad
// application changes nothing and a good one changes at once.
#include "server/app/install.h"

#include <map>

#include "server/app/fault.h"
#include "server/app/migrations.h"
#include "server/app/procedures.h"
#include "server/app/runner.h"
#include "server/app/ticks.h"
#include "server/app/watched_tables.h"
#include "server/base/ensure.h"

namespace prytany::app {
namespace {

/// Of nothing, if nothing is installed.
Bundle installed_bundle(const wire::Install& files) {
  if (files.files.empty()) return {};
  auto bundle = read_bundle(files);
  // It was read before it was stored, by this same program.
  if (!bundle) stop_on_fault("the installed application cannot be read: " + bundle.error().message);
  return std::move(bundle).value();
}

std::optional<Failure> refuse_install(const Bundle& installed, const Bundle& next, bool is_first,
                                      bool back) {
  if (is_first && back)
    return Failure{"rollback_impossible", "nothing is installed that could be gone back on"};
  if (is_first || installed.manifest.name == next.manifest.name) return std::nullopt;
  return Failure{"another_application", "'" + installed.manifest.name +
                                            "' is installed in this cluster, and its data is here"};
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

// ---- the report ---------------------------------------------------------------------------------

// At most a row for each file of both versions, and two: that fits a result whatever they are
// called.
constexpr std::size_t row_bytes_max = limits::name_bytes_max + 192;
static_assert((2 * limits::application_files_max + 2) * row_bytes_max < limits::result_bytes_max);

void add_row(wire::ResultSet& report, const std::string& what, const std::string& name,
             const std::string& change, const std::string& detail = {}) {
  report.rows.items.push_back({{wire::TextValue{what}, wire::TextValue{name},
                                wire::TextValue{change}, wire::TextValue{detail}}});
}

/// A file by what people call it. Migrations are told apart: they run, or are undone.
void add_file(wire::ResultSet& report, const std::string& path, const std::string& change) {
  constexpr std::string_view procedures = "procedures/";
  constexpr std::string_view sql = ".sql";
  if (path.starts_with(procedures)) {
    add_row(report, "procedure",
            path.substr(procedures.size(), path.size() - procedures.size() - sql.size()), change);
  } else if (path.starts_with("web/")) {
    add_row(report, "page", path.substr(4), change);
  } else if (!path.starts_with("schema/")) {
    add_row(report, "manifest", path, change);
  }
}

void compare_files(wire::ResultSet& report, const wire::Install& before,
                   const wire::Install& after) {
  std::map<std::string_view, std::pair<const Bytes*, const Bytes*>> files;
  for (const wire::ApplicationFile& file : before.files)
    files[file.path.text].first = &file.content.bytes;
  for (const wire::ApplicationFile& file : after.files)
    files[file.path.text].second = &file.content.bytes;
  for (const auto& [path, versions] : files) {
    const auto& [was, is] = versions;
    if (is == nullptr) {
      add_file(report, std::string(path), "removed");
    } else if (was == nullptr) {
      add_file(report, std::string(path), "added");
    } else if (*was != *is) {
      add_file(report, std::string(path), "changed");
    }
  }
}

std::string counted(std::uint64_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string cost_of(const MigrationRun& run) {
  return counted(run.statements, "statement") + ", " +
         counted(static_cast<std::uint64_t>(run.changes), "row") + ", " +
         counted(run.steps, "step");
}

wire::ResultSet report_of(const Manifest& was, const Manifest& is, bool back,
                          const std::vector<MigrationRun>& runs) {
  wire::ResultSet report;
  report.columns.items = {{"what"}, {"name"}, {"change"}, {"detail"}};
  if (was.name.empty()) {
    add_row(report, "application", is.name, "installed", is.version);
  } else {
    add_row(report, "application", is.name, back ? "rolled back" : "upgraded",
            was.version + " -> " + is.version);
  }
  for (const MigrationRun& run : runs)
    add_row(report, "migration", run.path, run.undone ? "undone" : "applied", cost_of(run));
  return report;
}

}  // namespace

wire::Install installed_files(Engine& engine) {
  const LengthScope any_length(engine);
  wire::Install install;
  Statement& files =
      engine.ours("SELECT path, content FROM prytany_application_files ORDER BY path");
  const Rewind rewind(files);
  while (engine.step_ours(files))
    install.files.items.push_back({{std::string(files.text(0))}, {to_bytes(files.blob(1))}});
  return install;
}

Result<wire::ResultSet, wire::ErrorReply> install_application(Engine& engine,
                                                              const wire::Install& install,
                                                              bool back, Seq seq,
                                                              AgreedTime agreed) {
  const auto bundle = read_bundle(install);
  if (!bundle) return error_reply(bundle.error());
  const wire::Install before = installed_files(engine);
  const Bundle installed = installed_bundle(before);
  if (auto failure = refuse_install(installed, *bundle, before.files.empty(), back))
    return error_reply(*failure);
  unwatch_tables(engine);
  const auto runs = migrate(engine, *bundle, installed, back, agreed);
  if (!runs) return runs.error();
  // From here on what is written is ours, also where the application has filled the file.
  engine.limit_pages(false);
  if (auto failure = watch_tables(engine, bundle->manifest.topics)) return error_reply(*failure);
  const bool schema_touched = engine.state().schema_touched;
  Procedures procedures(bundle->procedures);
  for (const auto& [name, source] : bundle->procedures)
    if (const auto prepared = procedures.find(engine, name); !prepared) return prepared.error();
  // Preparing procedures says that they changed no schema; what came before may have.
  engine.state().schema_touched = schema_touched;
  store_application(engine, install, bundle->manifest, seq, agreed);
  Ticks(engine).install(bundle->procedures, agreed);
  wire::ResultSet report = report_of(installed.manifest, bundle->manifest, back, *runs);
  compare_files(report, before, install);
  add_row(report, "budget", "steps", "used",
          std::to_string(engine.state().work) + " of " + std::to_string(engine.state().work_max));
  return report;
}

}  // namespace prytany::app
