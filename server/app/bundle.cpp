#include "server/app/bundle.h"

#include <algorithm>
#include <array>

#include "server/app/sql.h"
#include "server/base/utf8.h"
#include "server/wire/codec.h"
#include "server/wire/limits.h"

namespace prytany::app {
namespace {

bool is_good_path(std::string_view path) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  while (true) {
    const std::size_t end = std::min(path.size(), path.find('/'));
    const std::string_view part = path.substr(0, end);
    if (part.empty() || part[0] == '.' || !std::all_of(part.begin(), part.end(), good))
      return false;
    if (end == path.size()) return true;
    path.remove_prefix(end + 1);
  }
}

/// "schema/001_name.sql"
bool is_migration_path(std::string_view path) {
  constexpr std::string_view folder = "schema/";
  constexpr std::string_view ending = ".sql";
  if (!path.ends_with(ending) || path.size() <= folder.size() + ending.size() + 4) return false;
  const std::string_view name = path.substr(folder.size());
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return std::all_of(name.begin(), name.begin() + 3, digit) && name[3] == '_' &&
         name.find('/') == std::string_view::npos;
}

constexpr std::string_view undo_ending = ".down.sql";

std::optional<Failure> read_migration(const std::string& path, std::string_view text,
                                      Bundle& bundle) {
  if (!is_migration_path(path))
    return bad_application(path, "a migration is named like schema/001_what.sql");
  Migration migration{path, std::string(text), crypto::sha256("prytany migration", as_bytes(text))};
  if (path.ends_with(undo_ending)) {
    bundle.undos.emplace(path.substr(0, path.size() - undo_ending.size()) + ".sql",
                         std::move(migration));
    return std::nullopt;
  }
  // Three digits: paths in order are migrations in order.
  constexpr std::size_t number_bytes = std::string_view("schema/001").size();
  if (!bundle.migrations.empty() &&
      bundle.migrations.back().path.substr(0, number_bytes) == path.substr(0, number_bytes))
    return bad_application(path, "another migration has this number");
  bundle.migrations.push_back(std::move(migration));
  return std::nullopt;
}

std::optional<Failure> read_sql_file(const std::string& path, ByteView content, Bundle& bundle) {
  const std::string_view text = as_text(content);
  if (!is_utf8(text) || text.find('\0') != std::string_view::npos)
    return bad_application(path, "is not UTF-8 text");
  if (path.starts_with("schema/")) return read_migration(path, text, bundle);
  if (!path.ends_with(".sql") || std::count(path.begin(), path.end(), '/') != 1)
    return bad_application(path, "a procedure is named like procedures/what.sql");
  auto procedure = read_procedure(path, text);
  if (!procedure) return procedure.error();
  std::string name = procedure->name;
  bundle.procedures.emplace(std::move(name), std::move(procedure).value());
  return std::nullopt;
}

std::optional<Failure> check_roles(const Bundle& bundle) {
  for (const auto& [name, procedure] : bundle.procedures)
    for (const std::string& role : procedure.roles)
      if (role != "admin" && !bundle.manifest.roles.contains(role))
        return bad_application("procedures/" + name + ".sql",
                               "the role '" + role + "' is not in prytany.json");
  return std::nullopt;
}

std::optional<Failure> check_undos(const Bundle& bundle) {
  for (const auto& [path, undo] : bundle.undos)
    if (std::ranges::find(bundle.migrations, path, &Migration::path) == bundle.migrations.end())
      return bad_application(undo.path, "there is no " + path + " that it could undo");
  return std::nullopt;
}

/// A procedure's limits only tighten the application's.
std::optional<Failure> settle_limits(Bundle& bundle) {
  for (auto& [name, procedure] : bundle.procedures) {
    const auto settle = [&](const char* what, std::uint64_t application,
                            std::uint64_t& own) -> std::optional<Failure> {
      if (application != 0 && own > application)
        return bad_application("procedures/" + name + ".sql",
                               "@limits " + std::string(what) + "=" + std::to_string(own) +
                                   " is above the " + std::to_string(application) +
                                   " that prytany.json gives to every call");
      if (own == 0) own = application;
      return std::nullopt;
    };
    const CallLimits& all = bundle.manifest.limits;
    CallLimits& limits = procedure.limits;
    if (auto failure = settle("steps", all.steps, limits.steps)) return failure;
    if (auto failure = settle("rows", all.rows, limits.rows)) return failure;
    if (auto failure = settle("bytes", all.bytes, limits.bytes)) return failure;
  }
  return std::nullopt;
}

}  // namespace

Failure bad_application(const std::string& path, const std::string& what) {
  return {"bad_application", clipped(path + ": " + what, limits::error_bytes_max)};
}

Result<Bundle, Failure> read_bundle(const wire::Install& install) {
  Bundle bundle;
  bool has_manifest = false;
  const std::string* previous = nullptr;
  for (const wire::ApplicationFile& file : install.files) {
    const std::string& path = file.path.text;
    if (!is_good_path(path))
      return Failure{"bad_application", "a path in the application is not plain"};
    if (previous != nullptr && path <= *previous)
      return bad_application(path, "files are not in order, or there twice");
    previous = &path;
    std::optional<Failure> failure;
    if (path == "prytany.json") {
      auto manifest = read_manifest(as_text(file.content.view()));
      if (!manifest) return manifest.error();
      bundle.manifest = std::move(manifest).value();
      has_manifest = true;
    } else if (path.starts_with("schema/") || path.starts_with("procedures/")) {
      failure = read_sql_file(path, file.content.view(), bundle);
    } else if (path.starts_with("web/")) {
      bundle.pages.emplace(path.substr(4), file.content.bytes);
    } else {
      failure =
          bad_application(path, "only prytany.json, schema/, procedures/ and web/ belong here");
    }
    if (failure) return *failure;
  }
  if (!has_manifest) return Failure{"bad_application", "prytany.json is missing"};
  if (auto failure = check_roles(bundle)) return *failure;
  if (auto failure = check_undos(bundle)) return *failure;
  if (auto failure = settle_limits(bundle)) return *failure;
  return bundle;
}

std::string undo_path(const std::string& migration_path) {
  return migration_path.substr(0, migration_path.rfind('.')) + std::string(undo_ending);
}

Digest application_digest(const wire::Install& install) {
  return crypto::sha256("prytany application", wire::encode(install));
}

std::string media_type(std::string_view path) {
  struct Type {
    std::string_view ending;
    std::string_view name;
  };
  constexpr auto types = std::to_array<Type>({
      {".html", "text/html; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".mjs", "text/javascript; charset=utf-8"},
      {".json", "application/json"},
      {".map", "application/json"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".jpg", "image/jpeg"},
      {".webp", "image/webp"},
      {".ico", "image/x-icon"},
      {".woff2", "font/woff2"},
      {".wasm", "application/wasm"},
      {".txt", "text/plain; charset=utf-8"},
      {".csv", "text/csv; charset=utf-8"},
      {".md", "text/markdown; charset=utf-8"},
      {".webmanifest", "application/manifest+json"},
  });
  for (const Type& type : types)
    if (path.ends_with(type.ending)) return std::string(type.name);
  return "application/octet-stream";
}

}  // namespace prytany::app
