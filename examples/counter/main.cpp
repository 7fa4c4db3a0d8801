// A replicated application in C++: counters that anybody adds to, and dice that no client chose.
//
//   counter init --replicas 4 --faults 1 DIR
//   for i in 0 1 2 3; do counter replica DIR/replica-$i & done
//   counter call --cluster DIR/genesis.json --key DIR/admin.key add name=visits by=2
//
// docs/how-to/write-a-cpp-application.md walks through it.
#include <random>

#include "server/app/answer.h"
#include "server/app/application.h"
#include "server/cli/command.h"

using namespace prytany;

class Counter final : public app::Application {
 public:
  std::string version() const override { return "counter 1"; }

  void opened(sqlite3* db) override {
    app::run_or_stop(db,
                     "CREATE TABLE IF NOT EXISTS counter("
                     "  name TEXT PRIMARY KEY, value INTEGER NOT NULL CHECK(value >= 0)) STRICT");
  }

  Result<app::Authorized, wire::ErrorReply> authorize(sqlite3*, const wire::Identification& who,
                                                      const app::Context&) override {
    return app::Authorized{"key:" + who.credential.hex(), "member"};
  }

  wire::Outcome execute(sqlite3* db, const wire::Call& call, const app::Context& context) override {
    const std::string& wanted = call.procedure.text;
    if (wanted == "add")
      return app::answer(db,
                         "INSERT INTO counter VALUES(:name, :by)"
                         " ON CONFLICT DO UPDATE SET value = value + :by RETURNING value",
                         call.arguments);
    if (wanted == "value")
      return app::answer(db, "SELECT value FROM counter WHERE name = :name", call.arguments);
    if (wanted == "dice" && context.choice.size() == 1)
      return app::answer(db, "SELECT " + std::to_string(1 + context.choice[0] % 6) + " AS eyes");
    return app::refusal("unknown_procedure", "there are add(name, by), value(name) and dice()");
  }

  // What replicas could not each look up alike, the primary chooses for a batch, and backups judge.
  Bytes propose(const wire::Batch&, AgreedTime) override {
    return {static_cast<std::uint8_t>(std::random_device{}())};
  }
  bool accept(const wire::Batch&, ByteView choice, AgreedTime) override {
    return choice.size() == 1;
  }
};

int main(int argc, char** argv) {
  Counter counter;
  return cli::run_command_line(argc, argv, &counter);
}
