#include "server/app/sql_application.h"

#include <algorithm>
#include <array>

#include "server/app/fault.h"
#include "server/app/install.h"
#include "server/app/runner.h"
#include "server/base/utf8.h"

namespace prytany::app {
namespace {

wire::Argument argument(const char* name, wire::Value value) { return {{name}, std::move(value)}; }

}  // namespace

std::unique_ptr<SqlApplication> SqlApplication::load(Engine& engine) {
  const wire::Install install = installed_files(engine);
  if (install.files.empty()) return nullptr;
  auto bundle = read_bundle(install);
  // It was read before it was stored, by this same program.
  if (!bundle) stop_on_fault("the installed application cannot be read: " + bundle.error().message);
  return std::unique_ptr<SqlApplication>(new SqlApplication(std::move(bundle).value()));
}

Result<Authorized, wire::ErrorReply> SqlApplication::authorize(Engine& engine,
                                                               const wire::Identification& who) {
  for (const auto& [name, role] : bundle_.manifest.roles)
    if (std::find(role.keys.begin(), role.keys.end(), who.credential) != role.keys.end())
      return Authorized{name + ":" + who.credential.hex().substr(0, 32), name};
  if (auto answer = ask_procedure(engine, who, nullptr)) return *answer;
  for (const auto& [name, role] : bundle_.manifest.roles)
    if (role.anyone) return Authorized{who.credential.hex(), name};
  return error_reply({"not_authorized", "the application does not know this credential"});
}

Result<Authorized, wire::ErrorReply> SqlApplication::authorize(Engine& engine,
                                                               const wire::Identification& who,
                                                               const wire::Identity& identity) {
  if (auto answer = ask_procedure(engine, who, &identity)) return *answer;
  return error_reply({"not_authorized", "the application does not know whom this " +
                                            identity.kind.text + " speaks of"});
}

Result<std::vector<std::string>, wire::ErrorReply> SqlApplication::certificate_authorities(
    Engine& engine) {
  const auto rows = rows_of(engine, authorities_procedure, {});
  if (!rows) return rows.error();
  std::vector<std::string> authorities;
  for (const wire::Row& row : *rows) {
    const auto* text = std::get_if<wire::TextValue>(&row.items[0]);
    if (row.size() != 1 || text == nullptr)
      return error_reply({"bad_authorization", "a row of certificate_authorities is one text"},
                         authorities_procedure);
    authorities.push_back(text->text);
  }
  return authorities;
}

Result<std::vector<TokenKey>, wire::ErrorReply> SqlApplication::token_keys(
    Engine& engine, const std::string& issuer) {
  const auto rows =
      rows_of(engine, token_keys_procedure, {argument("issuer", wire::TextValue{issuer})});
  if (!rows) return rows.error();
  std::vector<TokenKey> keys;
  for (const wire::Row& row : *rows) {
    TokenKey& key = keys.emplace_back();
    const std::array<std::string*, 3> columns = {&key.audience, &key.key, &key.claims};
    bool good = row.size() == 2 || row.size() == 3;
    for (std::size_t i = 0; good && i < row.size(); ++i) {
      const auto* text = std::get_if<wire::TextValue>(&row.items[i]);
      good = text != nullptr || (i == 2 && std::holds_alternative<std::monostate>(row.items[i]));
      if (text != nullptr) *columns[i] = text->text;
    }
    if (!good)
      return error_reply(
          {"bad_authorization", "a row of token_keys is audience, key, and perhaps claims: texts"},
          token_keys_procedure);
  }
  return keys;
}

Result<std::vector<wire::Row>, wire::ErrorReply> SqlApplication::rows_of(
    Engine& engine, std::string_view procedure, const std::vector<wire::Argument>& arguments) {
  constexpr std::size_t trusted_max = 64;
  const auto found = bundle_.procedures.find(std::string(procedure));
  if (found == bundle_.procedures.end()) return std::vector<wire::Row>{};
  wire::Outcome outcome = run(engine, found->second, arguments);
  if (const auto* error = std::get_if<wire::ErrorReply>(&outcome)) return *error;
  auto& rows = std::get<wire::ResultSets>(outcome).items.back().rows.items;
  if (rows.size() > trusted_max || (!rows.empty() && rows[0].size() == 0))
    return error_reply({"bad_authorization", "it has more rows than 64"}, procedure);
  return std::move(rows);
}

std::optional<Result<Authorized, wire::ErrorReply>> SqlApplication::ask_procedure(
    Engine& engine, const wire::Identification& who, const wire::Identity* identity) {
  const auto found = bundle_.procedures.find(std::string(authorize_procedure));
  if (found == bundle_.procedures.end()) return std::nullopt;
  using Answer = Result<Authorized, wire::ErrorReply>;
  std::vector<wire::Argument> arguments = {
      argument("kind", wire::TextValue{who.kind.text}),
      argument("name", wire::TextValue{who.name.text}),
      argument("credential", wire::BlobValue{to_bytes(who.credential.bytes)})};
  if (identity != nullptr) {
    // Who was written for keys must not take a stranger for one of them.
    constexpr std::size_t key_parameters = 3;
    if (found->second.parameters.size() == key_parameters) return std::nullopt;
    arguments.push_back(argument("issuer", wire::TextValue{identity->issuer.text}));
    arguments.push_back(argument("subject", wire::TextValue{identity->subject.text}));
    arguments.push_back(argument("claims", wire::TextValue{identity->claims.text}));
  }
  const wire::Outcome outcome = run(engine, found->second, arguments);
  if (const auto* error = std::get_if<wire::ErrorReply>(&outcome)) return Answer(*error);
  const auto& sets = std::get<wire::ResultSets>(outcome);
  if (sets.items.back().rows.empty()) return std::nullopt;
  const wire::Row& row = sets.items.back().rows.items[0];
  const auto* principal = row.size() == 2 ? std::get_if<wire::TextValue>(&row.items[0]) : nullptr;
  const auto* role = row.size() == 2 ? std::get_if<wire::TextValue>(&row.items[1]) : nullptr;
  if (principal == nullptr || role == nullptr || !bundle_.manifest.roles.contains(role->text))
    return Answer(error_reply({"bad_authorization",
                               "authorize must return one row: a principal, and a role that "
                               "prytany.json lists"},
                              authorize_procedure));
  return Answer(Authorized{principal->text, role->text});
}

const ProcedureSource* SqlApplication::find(const std::string& name) const {
  const auto found = bundle_.procedures.find(name);
  return found == bundle_.procedures.end() ? nullptr : &found->second;
}

Result<const ProcedureSource*, wire::ErrorReply> SqlApplication::callable(
    const std::string& name, std::string_view role) const {
  const ProcedureSource* source = find(name);
  if (source == nullptr || is_for_joining(name))
    return error_reply({"unknown_procedure", "there is no procedure '" + clipped(name, 100) + "'"},
                       name);
  const bool allowed =
      source->is_public || source->any_role || source->roles.contains(std::string(role));
  if (!allowed)
    return error_reply({"not_allowed", "the role '" + std::string(role) + "' may not call " + name},
                       name);
  return source;
}

wire::Outcome SqlApplication::call(Engine& engine, const wire::Call& call, std::string_view role) {
  const std::string& name = call.procedure.text;
  if (name == pages_procedure) return page_listing();
  const auto source = callable(name, role);
  if (!source) return source.error();
  return run(engine, **source, call.arguments.items);
}

std::optional<wire::ErrorReply> SqlApplication::refuse_call(const std::string& procedure,
                                                            std::string_view role) const {
  const auto source = callable(procedure, role);
  if (!source) return source.error();
  return std::nullopt;
}

wire::Outcome SqlApplication::read(Engine& engine, const wire::Call& call, std::string_view role) {
  const std::string& name = call.procedure.text;
  if (name == pages_procedure) return page_listing();
  const auto source = callable(name, role);
  if (!source) return source.error();
  if (!(*source)->read_only)
    return error_reply({"not_read_only", name + " is not marked @read-only"}, name);
  return run(engine, **source, call.arguments.items);
}

wire::Outcome SqlApplication::read(Engine& engine, const wire::Call& call) {
  const std::string& name = call.procedure.text;
  if (name == pages_procedure) return page_listing();
  const ProcedureSource* source = find(name);
  if (source == nullptr || !source->is_public)
    return error_reply(
        {"unknown_procedure", "there is no public procedure '" + clipped(name, 100) + "'"}, name);
  return run(engine, *source, call.arguments.items);
}

wire::Outcome SqlApplication::run_tick(Engine& engine, const std::string& procedure) {
  return run(engine, bundle_.procedures.at(procedure), {});
}

const Schedule& SqlApplication::schedule(const std::string& procedure) const {
  return bundle_.procedures.at(procedure).schedule.value();
}

wire::Outcome SqlApplication::run(Engine& engine, const ProcedureSource& source,
                                  const std::vector<wire::Argument>& arguments) {
  const auto procedure = procedures_.find(engine, source.name);
  if (!procedure) return procedure.error();
  return (*procedure)->run(engine, arguments);
}

SqlRight SqlApplication::sql_right(const std::string& role) const {
  const auto found = bundle_.manifest.roles.find(role);
  return found == bundle_.manifest.roles.end() ? SqlRight::none : found->second.sql;
}

bool SqlApplication::may_explain(const std::string& role) const {
  const auto found = bundle_.manifest.roles.find(role);
  return found != bundle_.manifest.roles.end() && found->second.explains;
}

std::uint64_t SqlApplication::steps_max(std::uint64_t cluster_max) const {
  const std::uint64_t own = bundle_.manifest.limits.steps;
  return own == 0 ? cluster_max : std::min(own, cluster_max);
}

const Bytes* SqlApplication::page(std::string_view path) const {
  std::string wanted(path.substr(0, path.find_first_of("?#")));
  while (wanted.starts_with("/")) wanted.erase(0, 1);
  if (wanted.empty() || wanted.ends_with("/")) wanted += "index.html";
  const auto found = bundle_.pages.find(wanted);
  return found == bundle_.pages.end() ? nullptr : &found->second;
}

wire::ResultSets SqlApplication::page_listing() {
  if (page_listing_) return *page_listing_;
  wire::ResultSet listing;
  listing.columns.items = {{"path"}, {"media_type"}, {"bytes"}, {"sha256"}};
  for (const auto& [path, content] : bundle_.pages) {
    listing.rows.items.push_back({{wire::TextValue{path}, wire::TextValue{media_type(path)},
                                   static_cast<std::int64_t>(content.size()),
                                   wire::TextValue{crypto::sha256(content).hex()}}});
  }
  return page_listing_.emplace(wire::ResultSets{{std::move(listing)}});
}

}  // namespace prytany::app
