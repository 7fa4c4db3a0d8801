// The SQL application that is installed in the replicated database, as it runs: procedures by name,
// roles, pages.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/app/application.h"
#include "server/app/bundle.h"
#include "server/app/engine.h"
#include "server/app/procedures.h"

namespace prytany::app {

/// Every application has this public procedure. It answers a row for each page with path,
/// media_type, bytes and sha256 (hex), in order of the paths: so a client can believe f+1 replicas
/// about what any one of them serves over plain HTTP.
inline constexpr std::string_view pages_procedure = "prytany_pages";

class SqlApplication {
 public:
  /// What the tables hold; null if nothing is installed.
  static std::unique_ptr<SqlApplication> load(Engine& engine);

  /// The handle was reopened: procedures are prepared anew when they are called. Call before the
  /// old one is closed.
  void forget_prepared() { procedures_.forget(); }

  /// Roles with listed keys first, then the application's own authorize procedure, then the role
  /// for anyone.
  Result<Authorized, wire::ErrorReply> authorize(Engine& engine, const wire::Identification& who);
  /// The same of somebody who proved more: no key that a role lists counts, and an authorize
  /// procedure only if it takes such proofs.
  Result<Authorized, wire::ErrorReply> authorize(Engine& engine, const wire::Identification& who,
                                                 const wire::Identity& identity);
  /// What it trusts of certificates and ID tokens; nothing if it has no such procedure.
  Result<std::vector<std::string>, wire::ErrorReply> certificate_authorities(Engine& engine);
  Result<std::vector<TokenKey>, wire::ErrorReply> token_keys(Engine& engine,
                                                             const std::string& issuer);
  /// Requires: a transaction is open.
  wire::Outcome call(Engine& engine, const wire::Call& call, std::string_view role);
  /// Why it would not even be tried: there is none, or the role may not.
  [[nodiscard]] std::optional<wire::ErrorReply> refuse_call(const std::string& procedure,
                                                            std::string_view role) const;
  /// The same of @read-only procedures; others are answered with "not_read_only".
  wire::Outcome read(Engine& engine, const wire::Call& call, std::string_view role);
  /// For nobody in particular: @public procedures only.
  wire::Outcome read(Engine& engine, const wire::Call& call);

  /// What runs by itself. Requires: it is in prytany_ticks, and a transaction is open.
  wire::Outcome run_tick(Engine& engine, const std::string& procedure);
  [[nodiscard]] const Schedule& schedule(const std::string& procedure) const;

  [[nodiscard]] SqlRight sql_right(const std::string& role) const;
  /// Whether prytany.json lets this role see what calls cost.
  [[nodiscard]] bool may_explain(const std::string& role) const;
  /// Steps per call; `cluster_max` if the application says nothing, or more.
  [[nodiscard]] std::uint64_t steps_max(std::uint64_t cluster_max) const;
  /// Sessions end that are idle for longer, in agreed time; 0: none does.
  [[nodiscard]] std::int64_t session_idle_us() const { return bundle_.manifest.session_idle_us; }
  [[nodiscard]] const Topics& topics() const { return bundle_.manifest.topics; }
  [[nodiscard]] std::size_t changes_kept() const { return bundle_.manifest.changes_kept; }
  [[nodiscard]] const Bytes* page(std::string_view path) const;

 private:
  /// Null: there is none of that name.
  [[nodiscard]] const ProcedureSource* find(const std::string& name) const;
  /// What somebody of this role may call.
  [[nodiscard]] Result<const ProcedureSource*, wire::ErrorReply> callable(
      const std::string& name, std::string_view role) const;
  explicit SqlApplication(Bundle bundle)
      : bundle_(std::move(bundle)), procedures_(bundle_.procedures) {}
  wire::Outcome run(Engine& engine, const ProcedureSource& source,
                    const std::vector<wire::Argument>& arguments);
  wire::ResultSets page_listing();
  std::optional<Result<Authorized, wire::ErrorReply>> ask_procedure(Engine& engine,
                                                                    const wire::Identification& who,
                                                                    const wire::Identity* identity);
  /// The rows of a procedure that is there for joins; none if there is no such procedure.
  Result<std::vector<wire::Row>, wire::ErrorReply> rows_of(
      Engine& engine, std::string_view procedure, const std::vector<wire::Argument>& arguments);

  Bundle bundle_;
  Procedures procedures_;
  std::optional<wire::ResultSets> page_listing_;  // made when first asked for
};

}  // namespace prytany::app
