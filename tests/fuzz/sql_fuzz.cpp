// Any SQL, through the gate and the pinned SQLite: a result or an error, the same on two databases,
// within its budget. Each line of an input is one request; statements in it are divided by \x01.
// `application`: the same for applications, whose files are divided by form feeds, each with its
// path in the first line: manifests, migrations, procedures.
#include "server/app/bundle.h"
#include "tests/fuzz/database.h"
#include "tests/fuzz/target.h"

namespace prytany::fuzz {
namespace {

std::vector<std::string> divided(std::string_view text, char by) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t end = text.find(by);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::vector<wire::Value> some_values() {
  return {std::int64_t{7}, -0.5, wire::TextValue{"text\xff"}, wire::BlobValue{{0, 1, 2}},
          std::monostate{}};
}

wire::Execute execute_from(std::string_view line) {
  wire::Execute execute;
  if (line.starts_with('<')) {
    execute.read_only = true;
    line.remove_prefix(1);
  }
  for (const std::string& sql : divided(line, '\x01')) {
    if (execute.statements.size() == limits::statements_per_request_max) break;
    wire::Statement statement{{sql}, {}, {}};
    if (sql.find('?') != std::string::npos) statement.positional.items = some_values();
    if (sql.find(":a") != std::string::npos)
      statement.named.items.push_back({{"a"}, std::int64_t{3}});
    execute.statements.items.push_back(std::move(statement));
  }
  return execute;
}

void run_sql(ByteView bytes) {
  constexpr int requests_max = 24;
  Input input(bytes);
  TwoDatabases databases;
  for (int i = 0; i < requests_max && !input.empty(); ++i) {
    const std::string_view line = as_text(input.line());
    if (line.size() > limits::sql_bytes_max) continue;
    (void)databases.ask(execute_from(line));
  }
  databases.compare();
}

// ---- Applications -------------------------------------------------------------------------------

wire::Install install_from(std::string_view text) {
  wire::Install install;
  for (const std::string& file : divided(text, '\f')) {
    if (install.files.size() == limits::application_files_max) break;
    const std::size_t end = std::min(file.find('\n'), file.size());
    if (end > limits::name_bytes_max) continue;
    const std::string content = file.substr(std::min(end + 1, file.size()));
    if (content.size() > limits::application_bytes_max) continue;
    install.files.items.push_back({{file.substr(0, end)}, {to_bytes(as_bytes(content))}});
  }
  return install;
}

wire::Value value_for(const app::Parameter& parameter) {
  switch (parameter.type) {
    case app::ParameterType::integer: return std::int64_t{7};
    case app::ParameterType::real: return 0.25;
    case app::ParameterType::text: return wire::TextValue{"a text"};
    case app::ParameterType::blob: return wire::BlobValue{{9, 9}};
    case app::ParameterType::any: break;
  }
  return std::monostate{};
}

void run_application(ByteView bytes) {
  constexpr int calls_max = 12;
  const wire::Install install = install_from(as_text(bytes));
  const auto bundle = app::read_bundle(install);
  TwoDatabases databases;
  const wire::Outcome outcome = databases.ask(install);
  if (!bundle) {
    ENSURE(std::holds_alternative<wire::ErrorReply>(outcome));
    ENSURE(!bundle.error().message.empty());
    return databases.compare();
  }
  int calls = 0;
  for (const auto& [name, procedure] : bundle->procedures) {
    if (++calls > calls_max) break;
    wire::Call call{{name}, {}};
    for (const app::Parameter& parameter : procedure.parameters) {
      if (call.arguments.size() == limits::arguments_max) break;
      call.arguments.items.push_back({{parameter.name}, value_for(parameter)});
    }
    databases.read(call);
    (void)databases.ask(call);
    (void)databases.ask(wire::Call{{name}, {}});
  }
  (void)databases.ask(install);
  databases.compare();
}

// ---- Seeds --------------------------------------------------------------------------------------

std::vector<Bytes> seeds_of_sql() {
  std::vector<Bytes> out;
  for (const char* text : {
           "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT UNIQUE, c REAL CHECK(c > 0)) STRICT\n"
           "INSERT INTO t VALUES (1, 'x', 1.5), (2, 'y', 2.5) RETURNING a, b\n"
           "UPDATE t SET c = c * 1e300 WHERE a IN (SELECT a FROM t)\n<SELECT * FROM t ORDER BY b\n"
           "DELETE FROM t RETURNING *\nDROP TABLE t",
           "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40) "
           "SELECT i, sum(i) OVER (ORDER BY i), group_concat(i, '-') FROM n GROUP BY i % 3",
           "CREATE TABLE a(x, y)\nCREATE INDEX i ON a(x DESC) WHERE y IS NOT NULL\n"
           "CREATE TRIGGER r AFTER INSERT ON a BEGIN UPDATE a SET y = random() WHERE rowid = "
           "new.rowid; END\nINSERT INTO a VALUES (zeroblob(10), ?1)\nSELECT typeof(x), hex(y), "
           "quote(x) FROM a\nCREATE VIEW v AS SELECT x FROM a\nSELECT count(*) FROM v",
           "CREATE VIRTUAL TABLE f USING fts5(t)\nINSERT INTO f VALUES ('red green blue')\n"
           "SELECT highlight(f, 0, '<', '>') FROM f WHERE f MATCH 'green OR bl*'",
           "SELECT json_extract('{\"a\":[1,2]}', '$.a[1]'), json_group_array(value) FROM "
           "json_each('[1,2,3]')\nSELECT strftime('%Y-%m-%d %f', 'now'), unixepoch(), "
           "julianday('2026-01-01', '+1 month')",
           "SELECT printf('%.3f %s %05d %q', 1.5, 'x', 3, 'it''s'), round(2.5), abs(-3), "
           "instr('abc', 'c'), substr('abcdef', -3, 2), replace('aXbX', 'X', 'yy'), "
           "like('a%', 'abc'), glob('a*', 'abc'), trim('  x '), upper('ä'), unicode('€')",
           "SELECT session_id(), session_principal(), session_role(), random(), "
           "randomblob(4)\nSELECT * FROM prytany_sessions\nUPDATE prytany_sessions SET role = 'x'",
           "PRAGMA user_version\nPRAGMA foreign_keys = 0\nATTACH ':memory:' AS m\nVACUUM\nBEGIN\n"
           "SAVEPOINT s\nANALYZE\nREINDEX\nCREATE TEMP TABLE t(a)\nEXPLAIN SELECT 1\n"
           "SELECT load_extension('x')\nPRAGMA integrity_check",
           "SELECT ensure(1 > 2, 'CODE', 'message')\nSELECT :a, ?2 + 1\x01SELECT 2",
           "CREATE TABLE p(a PRIMARY KEY)\nCREATE TABLE c(a REFERENCES p ON DELETE CASCADE)\n"
           "INSERT INTO p VALUES (1)\nINSERT INTO c VALUES (1)\nDELETE FROM p\nALTER TABLE c ADD "
           "COLUMN b DEFAULT 'x'\nALTER TABLE c RENAME COLUMN b TO d\nINSERT OR REPLACE INTO p "
           "VALUES (2) ON CONFLICT DO NOTHING",
           "SELECT 9223372036854775807 + 1, -9223372036854775808, 1e999, 0x7fffffffffffffff, "
           "CAST('12abc' AS INTEGER), '1' || 2, 7 % 0, ~5 << 70, x'00ff' = 'a'",
       })
    out.push_back(seed_of(text));
  return out;
}

std::vector<Bytes> seeds_of_application() {
  const std::string manifest =
      "prytany.json\n{\"name\":\"vote\",\"version\":\"1\",\"roles\":{\"voter\":{\"sql\":\"read\","
      "\"authorize\":\"anyone\"},\"admin\":{\"sql\":\"write\"}},\"limits\":{\"steps\":10000}}";
  const std::string schema =
      "schema/001_votes.sql\nCREATE TABLE votes(id INTEGER PRIMARY KEY, choice TEXT NOT NULL);\n";
  return {
      seed_of(manifest),
      seed_of("procedures/cast.sql\n-- Casts a vote.\n-- @param choice text(20)\n-- @roles voter "
              "admin\nINSERT INTO votes(choice) VALUES (:choice);\nSELECT count(*) AS n FROM "
              "votes;\fprocedures/tally.sql\n-- @public\n-- @read-only\nSELECT choice, count(*) "
              "FROM votes GROUP BY choice;\f" +
              manifest + "\f" + schema + "\fweb/index.html\n<p>"),
      seed_of("procedures/authorize.sql\n-- @param kind text\n-- @param name text\n-- @param "
              "credential blob\n-- @read-only\nSELECT hex(:credential), 'voter';\f" +
              manifest + "\f" + schema),
      seed_of("procedures/p.sql\n-- @param a integer\n-- @param b real optional\n-- @roles *\n"
              "SELECT ensure(:a > 1, 'small', 'too small');\nINSERT INTO votes VALUES (:a, :b) "
              "RETURNING id;\f" +
              manifest + "\f" + schema + "\fschema/002_more.sql\nALTER TABLE votes ADD COLUMN b;"),
  };
}

}  // namespace

const Target sql{"sql", run_sql, seeds_of_sql};
const Target application{"application", run_application, seeds_of_application};

}  // namespace prytany::fuzz
