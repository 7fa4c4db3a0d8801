#include "tests/sim/account_book.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string>

#include "tests/sim/sqlite_run.h"

namespace prytany::sim {

namespace {

constexpr std::string_view schema_sql = R"sql(
CREATE TABLE account(name TEXT PRIMARY KEY, balance INTEGER NOT NULL CHECK(balance >= 0));
CREATE TABLE entry(id INTEGER PRIMARY KEY, session INTEGER, account TEXT NOT NULL,
                   amount INTEGER NOT NULL, at INTEGER NOT NULL);
CREATE INDEX entry_by_account ON entry(account, at);
CREATE TABLE turnover(account TEXT PRIMARY KEY, entries INTEGER NOT NULL, amount INTEGER NOT NULL);
CREATE TRIGGER entry_counts AFTER INSERT ON entry BEGIN
  INSERT INTO turnover(account, entries, amount) VALUES(new.account, 1, abs(new.amount))
    ON CONFLICT(account) DO UPDATE SET entries = entries + 1, amount = amount + excluded.amount;
END;
CREATE TABLE note(id INTEGER PRIMARY KEY, author TEXT, body, at TEXT DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE dice(id INTEGER PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE beat(id INTEGER PRIMARY KEY, who TEXT NOT NULL, at INTEGER NOT NULL);
CREATE TABLE seal(words TEXT);
INSERT INTO seal(words) VALUES('nothing ever changes these words, and nobody reads them');
)sql";

constexpr std::array<Procedure, 6> all{{
    {"deposit", "-- @param account text\n-- @param amount integer\n", R"sql(
INSERT INTO account(name, balance) VALUES(:account, :amount)
  ON CONFLICT(name) DO UPDATE SET balance = balance + excluded.balance;
INSERT INTO entry(session, account, amount, at) VALUES(session_id(), :account, :amount, now());
SELECT balance FROM account WHERE name = :account;
)sql"},
    {"transfer", "-- @param source text\n-- @param target text\n-- @param amount integer\n", R"sql(
SELECT ensure(coalesce((SELECT balance FROM account WHERE name = :source), 0) >= :amount,
              'INSUFFICIENT', 'the source does not hold that much');
UPDATE account SET balance = balance - :amount WHERE name = :source;
INSERT INTO account(name, balance) VALUES(:target, :amount)
  ON CONFLICT(name) DO UPDATE SET balance = balance + excluded.balance;
INSERT INTO entry(session, account, amount, at) VALUES(session_id(), :source, -:amount, now()),
                                                      (session_id(), :target, :amount, now());
SELECT notify('moves', :amount);
SELECT name, balance FROM account WHERE name IN (:source, :target) ORDER BY name;
)sql"},
    {"write", "-- @param body any optional\n", R"sql(
INSERT INTO note(author, body) VALUES(session_principal() || ' as ' || session_role(), :body);
SELECT notify('notes');
SELECT count(*) AS notes, max(at) AS latest FROM note;
)sql"},
    {"throw", "", R"sql(
INSERT INTO dice(value) VALUES(random());
SELECT count(*) FROM dice;
)sql"},
    {"balance", "-- @param account text\n-- @public\n-- @read-only\n", R"sql(
SELECT name, balance FROM account WHERE name = :account;
)sql"},
    {"statement", "-- @public\n-- @read-only\n", R"sql(
SELECT account, count(*) AS entries, sum(amount) AS total, avg(amount) AS mean FROM entry
 GROUP BY account ORDER BY account;
)sql"},
}};

constexpr std::array<Timed, 2> timed_all{{
    {"beat", 1'000'000, "-- @every 1s\n", R"sql(
INSERT INTO beat(who, at) VALUES('beat', now());
SELECT notify('beats', now());
)sql"},
    {"rest", 2'000'000, "-- @every 2s\n", R"sql(
INSERT INTO beat(who, at) VALUES('rest', now());
SELECT notify('beats', 'rest');
SELECT ensure(now() / 1000000 % 3 > 0, 'REST', 'every third second is of rest');
)sql"},
}};

class NativeBook final : public app::Application {
 public:
  NativeBook(Plant plant, const bool* astray) : plant_(plant), astray_(astray) {}

  void opened(sqlite3* db) override { kept_.emplace(db, KeptStatements(db)); }
  void closing(sqlite3* db) override { kept_.erase(db); }

  Result<app::Authorized, wire::ErrorReply> authorize(sqlite3*, const wire::Identification& who,
                                                      const app::Context&) override {
    return app::Authorized{"member:" + who.credential.hex().substr(0, 16), "member"};
  }

  app::Topics topics() override {
    app::Topics topics;
    for (const std::string_view name : topic_names()) topics[std::string(name)].any_role = true;
    return topics;
  }

  wire::Outcome execute(sqlite3* db, const wire::Call& call, const app::Context&) override {
    const Procedure* procedure = find_procedure(call.procedure.text);
    const bool creates = call.procedure.text == "create";
    if (procedure == nullptr && !creates) return failed("unknown_procedure", call);
    const std::string_view sql = creates ? schema() : procedure->body;
    KeptStatements& kept = kept_.at(db);
    if (plant_ == Plant::execute_twice && call.procedure.text == "deposit")
      (void)kept.run(sql, call.arguments.items);
    auto last = kept.run(sql, call.arguments.items);
    if (!last) return failed(last.error().message, call);
    if (plant_ == Plant::wrong_answer && call.procedure.text == "statement")
      last->rows.items.emplace_back();
    if (astray_ != nullptr && *astray_) go_astray(kept, call.procedure.text, *last);
    wire::ResultSets sets;
    sets.items.push_back(std::move(*last));
    return sets;
  }

 private:
  static wire::ErrorReply failed(const std::string& code, const wire::Call& call) {
    return {{code}, {"the call failed"}, call.procedure, 0};
  }
  /// As if this replica's SQLite were another one: rows in another order, floats rounded otherwise,
  /// and what a trigger adds up.
  static void go_astray(KeptStatements& kept, const std::string& procedure, wire::ResultSet& set) {
    std::ranges::reverse(set.rows.items);
    for (wire::Row& row : set.rows.items)
      for (wire::Value& value : row.items)
        if (auto* real = std::get_if<double>(&value)) *real = std::nextafter(*real, 1e300);
    if (procedure == "deposit") (void)kept.run("UPDATE turnover SET amount = amount + 1", {});
  }

  Plant plant_;
  const bool* astray_;
  std::map<sqlite3*, KeptStatements> kept_;  // one handle writes, others read
};

}  // namespace

std::span<const Procedure> procedures() { return all; }

const Procedure* find_procedure(std::string_view name) {
  for (const Procedure& procedure : all) {
    if (procedure.name == name) return &procedure;
  }
  return nullptr;
}

std::span<const Timed> timed_procedures() { return timed_all; }

std::span<const std::string_view> topic_names() {
  static constexpr std::array<std::string_view, 3> names{"beats", "moves", "notes"};
  return names;
}

wire::Install installable(bool with_timed) {
  wire::Install bundle;
  const auto add = [&](const std::string& path, const std::string& content) {
    bundle.files.items.push_back({{path}, {to_bytes(as_bytes(content))}});
  };
  for (const Procedure& procedure : all)
    add("procedures/" + std::string(procedure.name) + ".sql",
        std::string(procedure.header) + "-- @roles member, admin\n" + std::string(procedure.body));
  if (with_timed)
    for (const Timed& timed : timed_all)
      add("procedures/" + std::string(timed.name) + ".sql",
          std::string(timed.header) + std::string(timed.body));
  std::string topics;
  for (const std::string_view name : topic_names())
    topics += (topics.empty() ? "\"" : ", \"") + std::string(name) + R"(": {"roles": "any"})";
  add("prytany.json",
      R"({"name": "account_book", "version": "1", "roles": {"member": {"authorize": "anyone"}}, )"
      R"("topics": {)" +
          topics + "}}");
  add("schema/001_tables.sql", std::string(schema_sql));
  std::ranges::sort(bundle.files.items, {}, [](const auto& file) { return file.path.text; });
  return bundle;
}

std::string_view schema() { return schema_sql; }
std::string_view seal_text() { return "nothing ever changes these words"; }

std::unique_ptr<app::Application> native_application(Plant plant, const bool* astray) {
  return std::make_unique<NativeBook>(plant, astray);
}

}  // namespace prytany::sim
