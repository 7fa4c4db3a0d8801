// A SQL application as files, understood: what prytany.json, schema/, procedures/ and web/ say
// (design.md section 8, docs/reference/procedures.md). Pure: nothing is executed here.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "server/app/request_state.h"
#include "server/app/schedule.h"
#include "server/app/topic.h"
#include "server/base/result.h"
#include "server/crypto/sign.h"
#include "server/wire/limits.h"
#include "server/wire/operations.h"

namespace prytany::app {

/// What a role may do with ad-hoc SQL.
enum class SqlRight : std::uint8_t { none, read, write };

struct Role {
  SqlRight sql = SqlRight::none;
  bool explains = false;                // it may see what the calls cost that it may make
  bool anyone = false;                  // who joins with any key has this role
  std::vector<crypto::PublicKey> keys;  // who joins with one of these has it
};

/// What one call may take, where it is less than the cluster allows; 0: nothing is said.
struct CallLimits {
  std::uint64_t steps = 0;
  std::uint64_t rows = 0;   // of the result
  std::uint64_t bytes = 0;  // of the result
};

struct Manifest {
  std::string name;
  std::string version;
  std::string description;
  std::map<std::string, Role> roles;
  CallLimits limits;
  Topics topics;
  std::int64_t session_idle_us = 0;  // sessions idle for longer end; 0: never
  std::size_t changes_kept =
      prytany::limits::changes_kept_default;  // for those who watch and are away
};

enum class ParameterType : std::uint8_t { integer, real, text, blob, any };

struct Parameter {
  std::string name;
  ParameterType type = ParameterType::any;
  bool optional = false;      // may be left out, or NULL
  std::size_t bytes_max = 0;  // of text and blob; 0: any
};

struct ProcedureSource {
  std::string name;
  std::string description;
  std::vector<Parameter> parameters;
  std::set<std::string> roles;
  bool any_role = false;  // every session
  bool read_only = false;
  bool is_public = false;            // without a session, too; read-only
  bool is_internal = false;          // by other procedures only
  CallLimits limits;                 // with the application's, where it says nothing itself
  std::optional<Schedule> schedule;  // runs by itself
  std::string body;
};

struct Migration {
  std::string path;
  std::string sql;
  Digest digest;
};

struct Bundle {
  Manifest manifest;
  std::map<std::string, ProcedureSource> procedures;
  std::vector<Migration> migrations;       // in order
  std::map<std::string, Migration> undos;  // schema/001_what.down.sql, by the path that it undoes
  std::map<std::string, Bytes> pages;      // by path below web/
};

/// The procedure that an application may have to say who may join. It takes kind text, name text,
/// credential blob, and perhaps issuer, subject and claims, optional texts of those who prove more
/// than a key; is read-only, and returns one row (principal, role).
inline constexpr std::string_view authorize_procedure = "authorize";
/// Whose certificates it believes: rows of one text in PEM.
inline constexpr std::string_view authorities_procedure = "certificate_authorities";
/// Takes issuer text: rows (audience, key), or (audience, key, claims), as TokenKey.
inline constexpr std::string_view token_keys_procedure = "token_keys";
/// Those three are called by the cluster alone.
constexpr bool is_for_joining(std::string_view procedure) {
  return procedure == authorize_procedure || procedure == authorities_procedure ||
         procedure == token_keys_procedure;
}

/// Refused with code "bad_application" and the file, the line and what is wrong there.
Result<Bundle, Failure> read_bundle(const wire::Install& install);

// The parts, for read_bundle and tests.
Result<Manifest, Failure> read_manifest(std::string_view json);
Result<ProcedureSource, Failure> read_procedure(const std::string& path, std::string_view text);

/// What undoes this migration: "schema/001_what.down.sql".
std::string undo_path(const std::string& migration_path);

/// sha256("prytany application", encode(install)).
Digest application_digest(const wire::Install& install);

/// What a browser is told about a page of this name.
std::string media_type(std::string_view path);

/// The refusal of an application: "path: what is wrong".
Failure bad_application(const std::string& path, const std::string& what);

}  // namespace prytany::app
