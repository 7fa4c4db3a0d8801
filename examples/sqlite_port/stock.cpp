// A storeroom's stock, replicated: what is there, and what was brought and taken when.
//
//   sqlite_port init --replicas 4 --faults 1 DIR
//   for i in 0 1 2 3; do sqlite_port replica DIR/replica-$i & done
//   sqlite_port call --cluster DIR/genesis.json --key DIR/admin.key bring item=bolts count=100
#include <sqlite3.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "server/app/answer.h"
#include "server/app/application.h"
#include "server/cli/command.h"

using namespace prytany;
using Rows = std::vector<std::vector<std::string>>;

Rows run(sqlite3* db, const char* sql, const std::vector<std::string>& values = {}) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(db, sql, -1, &statement, nullptr) != SQLITE_OK)
    throw std::runtime_error(sqlite3_errmsg(db));
  for (std::size_t i = 0; i < values.size(); ++i)
    sqlite3_bind_text(statement, static_cast<int>(i + 1), values[i].c_str(), -1, SQLITE_TRANSIENT);
  Rows rows;
  int rc = 0;
  while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
    auto& row = rows.emplace_back();
    for (int i = 0; i < sqlite3_column_count(statement); ++i)
      row.emplace_back(reinterpret_cast<const char*>(sqlite3_column_text(statement, i)));
  }
  const std::string problem = sqlite3_errmsg(db);
  sqlite3_finalize(statement);
  if (rc != SQLITE_DONE) throw std::runtime_error(problem);
  return rows;
}

void create_tables(sqlite3* db) {
  run(db, "CREATE TABLE IF NOT EXISTS item(name TEXT PRIMARY KEY, count INT CHECK(count >= 0))");
  run(db, "CREATE TABLE IF NOT EXISTS log(at TEXT, item TEXT REFERENCES item, change INT)");
}

Rows change(sqlite3* db, const std::string& item, const std::string& count, bool brought) {
  const std::string by = brought ? count : "-" + count;
  run(db, "INSERT INTO item VALUES(?1, 0) ON CONFLICT DO NOTHING", {item});
  run(db, "UPDATE item SET count = count + CAST(?2 AS INT) WHERE name = ?1", {item, by});
  run(db, "INSERT INTO log VALUES(datetime('now'), ?1, CAST(?2 AS INT))", {item, by});
  return run(db, "SELECT name, count FROM item WHERE name = ?1", {item});
}

Rows list(sqlite3* db) { return run(db, "SELECT name, count FROM item ORDER BY name"); }

Rows obey(sqlite3* db, const std::vector<std::string>& words) {
  if (words.size() == 3 && words[0] == "bring") return change(db, words[1], words[2], true);
  if (words.size() == 3 && words[0] == "take") return change(db, words[1], words[2], false);
  if (words.size() == 1 && words[0] == "list") return list(db);
  throw std::runtime_error("say bring ITEM COUNT, take ITEM COUNT, or list");
}

class Stock final : public app::Application {
 public:
  void opened(sqlite3* db) override { create_tables(db); }

  Result<app::Authorized, wire::ErrorReply> authorize(sqlite3*, const wire::Identification& who,
                                                      const app::Context&) override {
    return app::Authorized{who.credential.hex(), "member"};
  }

  wire::Outcome execute(sqlite3* db, const wire::Call& call, const app::Context&) override {
    std::vector<std::string> words = {call.procedure.text};
    for (const wire::Argument& argument : call.arguments)
      words.push_back(app::text(argument.value));
    try {
      return app::answer({"name", "count"}, obey(db, words));
    } catch (const std::runtime_error& problem) {
      return app::refusal("refused", problem.what());
    }
  }
};

int main(int argc, char** argv) {
  Stock stock;
  return cli::run_command_line(argc, argv, &stock);
}
