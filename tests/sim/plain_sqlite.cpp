// The reference that shares no line of the executor: SQLite as it is, the clients' statements in
// committed order, and a model of sessions in a page of code.
#include <sqlite3.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "server/wire/operations.h"
#include "tests/sim/account_book.h"
#include "tests/sim/reference.h"
#include "tests/sim/sqlite_run.h"
#include "tests/sim/words.h"

namespace prytany::sim {

namespace {

struct CloseHandle {
  void operator()(sqlite3* db) const { sqlite3_close(db); }
};
using Handle = std::unique_ptr<sqlite3, CloseHandle>;

Handle open_memory() {
  sqlite3* db = nullptr;
  ENSURE(sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "unix") ==
         SQLITE_OK);
  return Handle(db);
}

/// What the words of SQL that reach outside the database mean for one request.
struct Around {
  SessionId session;
  std::string principal;
  std::string role;
  AgreedTime agreed;
};

void result_text(sqlite3_context* context, const std::string& text) {
  sqlite3_result_text(context, text.c_str(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
}
const Around& around(sqlite3_context* context) {
  return *static_cast<const Around*>(sqlite3_user_data(context));
}

void install_functions(sqlite3* db, Around& what) {
  using Function = void (*)(sqlite3_context*, int, sqlite3_value**);
  const auto add = [&](const char* name, int arguments, Function function) {
    ENSURE(sqlite3_create_function_v2(db, name, arguments, SQLITE_UTF8 | SQLITE_INNOCUOUS, &what,
                                      function, nullptr, nullptr, nullptr) == SQLITE_OK);
  };
  add("now", 0, [](sqlite3_context* c, int, sqlite3_value**) {
    sqlite3_result_int64(c, around(c).agreed.value);
  });
  add("session_id", 0, [](sqlite3_context* c, int, sqlite3_value**) {
    sqlite3_result_int64(c, static_cast<std::int64_t>(around(c).session.value));
  });
  add("session_principal", 0,
      [](sqlite3_context* c, int, sqlite3_value**) { result_text(c, around(c).principal); });
  add("session_role", 0,
      [](sqlite3_context* c, int, sqlite3_value**) { result_text(c, around(c).role); });
  add("ensure", 3, [](sqlite3_context* c, int, sqlite3_value** arguments) {
    if (sqlite3_value_int(arguments[0]) == 0) return sqlite3_result_error(c, "ensure", -1);
    sqlite3_result_int(c, 1);
  });
  add("current_timestamp", 0, [](sqlite3_context* c, int, sqlite3_value**) {
    const std::string sql =
        "SELECT datetime(" + std::to_string(around(c).agreed.value / 1'000'000) + ", 'unixepoch')";
    const auto set = run_statement(sqlite3_context_db_handle(c), sql, {}, {});
    result_text(c, std::get<wire::TextValue>(set->rows.items[0].items[0]).text);
  });
}

/// Words that the sandbox refuses (docs/reference/sql.md) and plain SQLite would not.
bool is_refused(const std::string& sql) {
  return sql.starts_with("ATTACH") || sql.starts_with("PRAGMA") || sql.starts_with("VACUUM");
}

class PlainRun {
 public:
  PlainRun(const app::ExecutorConfig& config, Checks& checks, const Replies& replies)
      : config_(config),
        checks_(checks),
        replies_(replies),
        keys_(config.replica_keys.begin(), config.replica_keys.end()),
        replica_keys_(config.replica_keys) {
    install_functions(db_.get(), around_);
  }

  void run() {
    AgreedTime last;
    for (const auto& [seq, committed] : checks_.agreement.log()) {
      if (seq > checks_.agreement.contiguous()) break;
      last = std::max(committed.agreed.time, last + 1);
      around_.agreed = last;
      seq_ = seq;
      for (const wire::ClientRequest& request : committed.batch.requests) apply(request.body);
    }
  }

  [[nodiscard]] sqlite3* handle() const { return db_.get(); }

 private:
  struct Member {
    crypto::PublicKey key;
    std::string principal;
    std::string role;
    std::set<RequestNumber> executed;

    /// Its numbers of which one may be executed next: 64 in all.
    [[nodiscard]] bool may_use(RequestNumber number) const {
      const std::uint64_t highest = executed.empty() ? 0 : executed.rbegin()->value;
      return number.value > 0 && number.value + limits::session_window > highest &&
             (number.value <= highest || number.value - highest <= limits::session_window) &&
             !executed.contains(number);
    }
  };

  void complain(const wire::RequestBody& body, const std::string& text) {
    checks_.violations.add("reference", "request " + std::to_string(body.number.value) +
                                            " of session " + std::to_string(body.session.value) +
                                            " " + text);
  }

  void apply(const wire::RequestBody& body) {
    const Digest digest = wire::request_digest(body);
    const auto found = replies_.find({digest, seq_});
    if (found == replies_.end()) return complain(body, "has no reply");
    const wire::Reply& reply = found->second;
    if (const auto before = applied_.find(digest); before != applied_.end()) {
      // Ordered again: answered as it was then, or told that this is forgotten.
      if (reply.seq != before->second && !is_refusal(reply))
        complain(body, "was executed again at n" + std::to_string(reply.seq.value));
      return;
    }
    if (reply.seq != seq_) return complain(body, "is answered as executed before, and was not");
    const auto operation = wire::decode<wire::Operation>(body.operation.view());
    if (body.session == SessionId{0}) return join(body, reply, operation.ok());
    const auto member = members_.find(body.session);
    if (member == members_.end() || member->second.key != body.signer)
      return expect_error(body, reply, "from nobody who has joined");
    if (!member->second.may_use(body.number))
      return expect_error(body, reply, "though its number was used before, or is far from others");
    member->second.executed.insert(body.number);
    applied_.emplace(digest, seq_);
    if (!operation) return expect_error(body, reply, "though nobody can read it");
    around_.session = body.session;
    around_.principal = member->second.principal;
    around_.role = member->second.role;
    const std::optional<wire::Outcome> outcome = perform(*operation);
    if (std::holds_alternative<wire::Leave>(*operation)) members_.erase(member);
    if (!outcome) return expect_error(body, reply, "which plain SQLite fails");
    if (reply.outcome != *outcome)
      complain(body, "(" + words_of(*operation) + ") at n" + std::to_string(reply.seq.value) +
                         " gave " + words_of(reply.outcome) + ", plain SQLite gives " +
                         words_of(*outcome));
  }

  /// Of a join, any.
  static bool is_refusal(const wire::Reply& reply) {
    return reply.session == SessionId{0} ? std::holds_alternative<wire::ErrorReply>(reply.outcome)
                                         : judged_not_executed(reply.outcome);
  }

  void expect_error(const wire::RequestBody& body, const wire::Reply& reply,
                    const std::string& why) {
    if (!std::holds_alternative<wire::ErrorReply>(reply.outcome))
      complain(body, "was answered, " + why);
  }

  /// One session for each principal, under a number that was never used.
  void join(const wire::RequestBody& body, const wire::Reply& reply, bool readable) {
    const auto* joined = std::get_if<wire::JoinedReply>(&reply.outcome);
    if (joined == nullptr) return expect_error(body, reply, "without a session");
    if (!readable) return complain(body, "made a session, though nobody can read it");
    applied_.emplace(wire::request_digest(body), seq_);
    SessionId replaced;
    std::erase_if(members_, [&](const auto& each) {
      if (each.second.principal != joined->principal.text) return false;
      replaced = each.first;
      return true;
    });
    if (replaced != joined->replaced) complain(body, "replaced another session than it says");
    if (!used_.insert(joined->session).second) complain(body, "was given a session twice");
    members_.emplace(joined->session,
                     Member{body.signer, joined->principal.text, joined->role.text, {}});
  }

  /// Nothing: it fails, and leaves nothing behind.
  std::optional<wire::Outcome> perform(const wire::Operation& operation) {
    if (std::holds_alternative<wire::Join>(operation)) return std::nullopt;
    if (std::holds_alternative<wire::Leave>(operation)) return wire::DoneReply{};
    if (const auto* null = std::get_if<wire::Null>(&operation))
      return wire::NullReply{{Bytes(null->reply_bytes, 0)}};
    if (const auto* change = std::get_if<wire::Reconfigure>(&operation)) return perform(*change);
    if (std::holds_alternative<wire::Install>(operation)) {
      installed_ = true;
      return kept_.run(schema(), {}) ? std::optional<wire::Outcome>(wire::DoneReply{})
                                     : std::nullopt;
    }
    sqlite3_set_last_insert_rowid(db_.get(), 0);
    plain("BEGIN");
    std::optional<wire::ResultSets> sets;
    if (const auto* call = std::get_if<wire::Call>(&operation)) sets = perform(*call);
    if (const auto* sql = std::get_if<wire::Execute>(&operation)) sets = perform(*sql);
    plain(sets ? "COMMIT" : "ROLLBACK");
    if (!sets) return std::nullopt;
    return *sets;
  }

  [[nodiscard]] std::size_t approvals_of(const wire::Reconfigure& change) const {
    const Bytes said = wire::reconfigure_signed_bytes(config_.cluster, change);
    std::set<ReplicaId> by;
    for (const wire::ReconfigureApproval& each : change.approvals)
      if (crypto::verify(replica_keys_.at(each.member.value), said, each.signature))
        by.insert(each.member);
    return by.size();
  }

  /// One at a time, of the newest, to a key that was never anybody's.
  std::optional<wire::Outcome> perform(const wire::Reconfigure& change) {
    const bool may = around_.role == "admin" && change.number == configuration_ &&
                     seq_ > configuration_since_ && !keys_.contains(change.key) &&
                     (config_.development || approvals_of(change) >= config_.approvals);
    if (!may) return std::nullopt;
    keys_.insert(change.key);
    replica_keys_[change.member.value] = change.key;
    ++configuration_;
    configuration_since_ = seq_ + config_.window;
    while (configuration_since_.value % config_.checkpoint_interval != 0) ++configuration_since_;
    return wire::DoneReply{};
  }

  std::optional<wire::ResultSets> perform(const wire::Call& call) {
    const Procedure* procedure = find_procedure(call.procedure.text);
    const bool creates = call.procedure.text == "create";
    if (procedure == nullptr && !creates) return std::nullopt;
    auto last = kept_.run(creates ? schema() : procedure->body, call.arguments.items);
    if (!last) return std::nullopt;
    return wire::ResultSets{{std::move(*last)}};
  }

  std::optional<wire::ResultSets> perform(const wire::Execute& execute) {
    if (around_.role != "admin" || !config_.development) return std::nullopt;
    wire::ResultSets sets;
    for (const wire::Statement& statement : execute.statements) {
      if (is_refused(statement.sql.text)) return std::nullopt;
      if (execute.read_only && !statement.sql.text.starts_with("SELECT")) return std::nullopt;
      auto set = run_statement(db_.get(), statement.sql.text, statement.positional.items,
                               statement.named.items);
      if (!set) return std::nullopt;
      sets.items.push_back(std::move(*set));
    }
    return sets;
  }

  void plain(const char* sql) {
    ENSURE(sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK);
  }

  const app::ExecutorConfig& config_;
  Checks& checks_;
  const Replies& replies_;
  std::set<crypto::PublicKey> keys_;  // of all incarnations
  std::vector<crypto::PublicKey> replica_keys_;
  ConfigNumber configuration_;
  Seq configuration_since_;
  Seq seq_;
  Around around_;
  Handle db_ = open_memory();
  KeptStatements kept_{db_.get()};
  std::map<SessionId, Member> members_;
  std::set<SessionId> used_;
  std::map<Digest, Seq> applied_;  // those that were executed
  bool installed_ = false;
};

/// Every table that is not ours or SQLite's, its definition and its rows. What dice showed is drawn
/// from a stream that plain SQLite does not have: only their number counts.
std::map<std::string, Bytes> tables_of(sqlite3* db) {
  std::map<std::string, Bytes> tables;
  const auto schema = run_statement(
      db,
      "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'sqlite_*' "
      "AND name NOT GLOB 'prytany_*' ORDER BY name",
      {}, {});
  if (!schema) return tables;
  for (const wire::Row& row : schema->rows) {
    const std::string name = std::get<wire::TextValue>(row.items[0]).text;
    const std::string columns = name == "dice" ? "count(*), max(id)" : "rowid, *";
    auto content =
        run_statement(db, "SELECT " + columns + " FROM \"" + name + "\" ORDER BY 1", {}, {});
    if (content) content->last_insert_rowid = 0;  // the handle's history
    Bytes bytes = wire::encode(row);
    const Bytes rows = content ? wire::encode(*content) : Bytes{};
    bytes.insert(bytes.end(), rows.begin(), rows.end());
    tables.emplace(name, std::move(bytes));
  }
  return tables;
}

/// The image as the database file that anybody's SQLite would open.
Handle open_image(const Image& image) {
  Handle db = open_memory();
  const std::size_t size = image.pages.size() * vfs::page_bytes;
  auto* bytes = static_cast<unsigned char*>(sqlite3_malloc64(size));
  ENSURE(bytes != nullptr);
  for (std::size_t i = 0; i < image.pages.size(); ++i)
    std::copy(image.pages[i].bytes.begin(), image.pages[i].bytes.end(),
              bytes + i * vfs::page_bytes);
  const auto length = static_cast<sqlite3_int64>(size);
  ENSURE(sqlite3_deserialize(db.get(), "main", bytes, length, length,
                             SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_READONLY) ==
         SQLITE_OK);
  return db;
}

}  // namespace

void replay_by_sqlite(const app::ExecutorConfig& config, Checks& checks, const Replies& replies,
                      const std::map<ReplicaId, Image>& images) {
  PlainRun plain(config, checks, replies);
  plain.run();
  const std::map<std::string, Bytes> expected = tables_of(plain.handle());
  for (const auto& [replica, stored] : images) {
    const std::string who = replica_name(replica);
    if (stored.pages.empty()) {
      checks.violations.add("reference", who + "'s state.db is empty");
      continue;
    }
    const Handle image = open_image(stored);
    const auto whole = run_statement(image.get(), "PRAGMA integrity_check", {}, {});
    const wire::Value ok = wire::TextValue{"ok"};
    if (!whole || whole->rows.size() != 1 || whole->rows.items[0].items[0] != ok)
      checks.violations.add("reference", who + "'s state.db is not a sound database");
    const std::map<std::string, Bytes> found = tables_of(image.get());
    for (const auto& [name, content] : expected) {
      const auto table = found.find(name);
      if (table == found.end() || table->second != content)
        checks.violations.add("reference", "table " + name + " in " + who +
                                               "'s state.db is not what the committed log makes");
    }
    if (found.size() != expected.size())
      checks.violations.add("reference", who + "'s state.db has other tables than the log makes");
  }
}

}  // namespace prytany::sim
