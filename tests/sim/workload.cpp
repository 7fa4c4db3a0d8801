#include "tests/sim/workload.h"

#include <initializer_list>
#include <utility>

#include "tests/sim/account_book.h"
#include "tests/sim/passports.h"
#include "tests/sim/script.h"

namespace prytany::sim {

namespace {

wire::Value text(std::string value) { return wire::TextValue{std::move(value)}; }
wire::Value number(std::uint64_t value) { return static_cast<std::int64_t>(value); }

wire::Operation call_of(std::string_view procedure,
                        std::initializer_list<std::pair<const char*, wire::Value>> arguments) {
  wire::Call call;
  call.procedure = {std::string(procedure)};
  for (const auto& [name, value] : arguments) call.arguments.items.push_back({{name}, value});
  return call;
}

wire::Statement statement(std::string_view sql, std::vector<wire::Value> values = {}) {
  return {{std::string(sql)}, {std::move(values)}, {}};
}

wire::Operation execute(std::vector<wire::Statement> statements, bool read_only = false) {
  return wire::Execute{{std::move(statements)}, read_only};
}

/// The schema, a statement each. A trigger's body has semicolons of its own.
std::vector<wire::Statement> schema_statements() {
  std::vector<wire::Statement> statements;
  std::string_view rest = schema();
  while (rest.find("CREATE") != std::string_view::npos ||
         rest.find("INSERT") != std::string_view::npos) {
    const std::size_t first = rest.find_first_not_of(" \n");
    rest = rest.substr(first);
    const bool trigger = rest.starts_with("CREATE TRIGGER");
    const std::string_view last = trigger ? "END;" : ";";
    const std::size_t end = rest.find(last) + last.size();
    statements.push_back(statement(rest.substr(0, end)));
    rest = rest.substr(end);
  }
  return statements;
}

}  // namespace

wire::Operation Workload::preparation() const {
  if (parameters_.options.script != nullptr) return parameters_.options.script->application;
  switch (parameters_.application) {
    case ApplicationKind::native: return call_of("create", {});
    case ApplicationKind::installed: break;
    case ApplicationKind::none: return execute(schema_statements());
  }
  wire::Install book = installable(parameters_.timed);
  if (parameters_.passport_rate > 0) believe_passports(parameters_.options.seed, book);
  return book;
}

/// In the order of the test, which mostly succeeds, from wherever this client begins.
wire::Operation Workload::next_of(std::size_t client) {
  if (parameters_.options.script == nullptr) return explaining_.perhaps(next());
  const Script& script = *parameters_.options.script;
  const std::vector<wire::Operation>& asks = script.actors[client].asks;
  if (asks.empty()) return wire::Null{};
  while (said_.size() <= client) said_.push_back(rng_.below(1'000'000));
  return asks[said_[client]++ % asks.size()];
}

wire::Operation Workload::next() {
  ++made_;
  if (rng_.chance(parameters_.failing_rate)) return failing();
  const bool callable = parameters_.application != ApplicationKind::none;
  if (!callable || rng_.chance(parameters_.sql_rate)) return sql();
  return call();
}

std::optional<wire::Operation> Workload::fast_read() {
  if (parameters_.application == ApplicationKind::native) return std::nullopt;
  if (!rng_.chance(parameters_.fast_read_rate)) return std::nullopt;
  const bool callable = parameters_.application == ApplicationKind::installed;
  if (!callable || rng_.chance(parameters_.sql_rate)) return sql_read();
  return rng_.chance(700'000) ? call_of("balance", {{"account", text(account())}})
                              : call_of("statement", {});
}

wire::Operation Workload::sql_read() {
  return rng_.chance(500'000)
             ? execute({statement("SELECT name, balance FROM account ORDER BY name")}, true)
             : execute({statement("SELECT id, author, body, at FROM note ORDER BY id DESC LIMIT 5"),
                        statement("SELECT total(amount), count(DISTINCT account) FROM entry")},
                       true);
}

std::optional<wire::Call> Workload::public_read() {
  if (parameters_.application != ApplicationKind::installed) return std::nullopt;
  if (!rng_.chance(parameters_.public_read_rate)) return std::nullopt;
  if (const Script* script = parameters_.options.script) {
    const auto& reads = script->public_reads;
    return reads.empty() ? std::nullopt : std::optional(reads[rng_.below(reads.size())]);
  }
  const auto call = rng_.chance(700'000) ? call_of("balance", {{"account", text(account())}})
                                         : call_of("statement", {});
  return std::get<wire::Call>(call);
}

wire::Value Workload::some_value() {
  switch (rng_.below(5)) {
    case 0: return std::monostate{};
    case 1: return static_cast<std::int64_t>(rng_.next());
    case 2: return static_cast<double>(rng_.below(1'000'000)) / 64.0;
    case 3: {
      wire::BlobValue blob;
      blob.bytes.resize(rng_.below(6'000));
      rng_.fill(blob.bytes);
      return blob;
    }
    default: return text("note " + std::to_string(made_) + std::string(rng_.below(400), '.'));
  }
}

wire::Operation Workload::call() {
  if (rng_.chance(parameters_.read_rate)) {
    return rng_.chance(700'000) ? call_of("balance", {{"account", text(account())}})
                                : call_of("statement", {});
  }
  switch (rng_.below(5)) {
    case 0:
    case 1:
      return call_of("deposit",
                     {{"account", text(account())}, {"amount", number(rng_.below(1'000))}});
    case 2:
      return call_of("transfer", {{"source", text(account())},
                                  {"target", text(account())},
                                  {"amount", number(rng_.below(100))}});
    case 3: return call_of("write", {{"body", some_value()}});
    default: return call_of("throw", {});
  }
}

wire::Operation Workload::sql() {
  if (rng_.chance(parameters_.read_rate)) {
    return sql_read();
  }
  if (rng_.chance(parameters_.transaction_rate)) return transaction();
  // Rarer than the rest, as in life: every replica reads the whole schema again.
  if (rng_.chance(50'000)) {
    const std::string table = "extra_" + std::to_string(rng_.below(4));
    return execute({statement("DROP TABLE IF EXISTS " + table),
                    statement("CREATE TABLE " + table + "(a, b DEFAULT (now()), UNIQUE(a, b))"),
                    statement("INSERT INTO " + table + "(a) SELECT name FROM account")});
  }
  switch (rng_.below(6)) {
    case 0:
      return execute({statement("INSERT INTO note(author, body) VALUES(session_principal(), ?1)",
                                {some_value()})});
    case 1:
      return execute({statement("INSERT INTO account(name, balance) VALUES(?1, ?2) "
                                "ON CONFLICT(name) DO UPDATE SET balance = balance + ?2",
                                {text(account()), number(rng_.below(500))}),
                      statement("INSERT INTO entry(session, account, amount, at) "
                                "VALUES(session_id(), ?1, 0, now())",
                                {text(account())})});
    case 2:
      return execute({statement("DELETE FROM note WHERE id % 7 = ?1", {number(rng_.below(7))})});
    case 3:
      return execute({statement("UPDATE note SET body = NULL WHERE length(body) > ?1",
                                {number(rng_.below(3'000))})});
    case 4: return execute({statement("INSERT INTO dice(value) VALUES(random())")});
    default: return wire::Null{static_cast<std::uint32_t>(rng_.below(100)), {}};
  }
}

/// What one step does, others ask about; some fail, alone or with all that was done.
wire::Operation Workload::transaction() {
  using Kind = wire::Condition::Kind;
  const auto step = [](wire::Statement what, std::vector<wire::Condition> when = {},
                       bool may_fail = false) {
    return wire::Step{std::move(what), {std::move(when)}, may_fail};
  };
  const wire::Value from = text(account());
  const wire::Value to = text(account());
  const wire::Value amount = number(1 + rng_.below(400));
  const wire::Step take =
      step(statement("UPDATE account SET balance = balance - ?2 WHERE name = ?1 AND balance >= ?2",
                     {from, amount}));
  const wire::Step give = step(statement("INSERT INTO account(name, balance) VALUES(?1, ?2) ON "
                                         "CONFLICT(name) DO UPDATE SET balance = balance + ?2",
                                         {to, amount}),
                               {{Kind::changed, 0}});
  const auto note = [&](const char* words, std::vector<wire::Condition> when) {
    return step(
        statement("INSERT INTO note(author, body) VALUES(session_principal(), ?1)", {text(words)}),
        std::move(when));
  };
  const wire::Statement owe = statement("INSERT INTO account(name, balance) VALUES('debtor', -1)");
  switch (rng_.below(5)) {
    case 0:
      return wire::Transaction{
          {{take, give, note("poor", {{Kind::changed, 0}, {Kind::negate, 0}})}}, false};
    case 1:  // the step that fails is undone, and it alone
      return wire::Transaction{{{take, step(owe, {}, true), note("owes", {{Kind::error, 1}}),
                                 note("never", {{Kind::ok, 1}, {Kind::rows, 0}, {Kind::any, 2}})}},
                               false};
    case 2:  // nothing of it happens, where there was enough to take
      return wire::Transaction{{{take, give, step(owe, {{Kind::changed, 0}})}}, false};
    case 3:
      return wire::Transaction{
          {{step(statement("SELECT name FROM account WHERE name = ?1", {from})), take,
            note("known", {{Kind::rows, 0}, {Kind::changed, 1}, {Kind::all, 2}})}},
          false};
    default: break;
  }
  if (parameters_.application == ApplicationKind::none)
    return wire::Transaction{{{step(owe, {}, true), step(owe)}}, false};
  // What a step said that was undone is not told.
  return wire::Transaction{
      {{step(statement("INSERT INTO account(name, balance) SELECT 'debtor', -1 WHERE "
                       "notify('moves', ?1) IS NULL",
                       {amount}),
             {}, true),
        step(statement("INSERT INTO note(author, body) SELECT session_principal(), 'told' WHERE "
                       "notify('notes') IS NULL"),
             {{Kind::error, 0}})}},
      false};
}

wire::Operation Workload::failing() {
  switch (rng_.below(6)) {
    case 0:
      return call_of("transfer", {{"source", text(account())},
                                  {"target", text(account())},
                                  {"amount", number(1'000'000'000'000)}});
    case 1: return call_of("no-such-procedure", {});
    case 2:
      return execute({statement("UPDATE account SET balance = balance + 1"),
                      statement("INSERT INTO account(name, balance) VALUES('debtor', -1)")});
    case 3: return execute({statement("SELECT nothing FROM nowhere")});
    case 4: return execute({statement("ATTACH '/tmp/elsewhere.db' AS elsewhere")});
    default:
      return execute(
          {statement("DELETE FROM account"), statement("DELETE FROM turnover"),
           statement("INSERT INTO turnover(account, entries, amount) VALUES('x', 1, NULL)")});
  }
}

}  // namespace prytany::sim
