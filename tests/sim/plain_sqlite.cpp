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
#include "tests/sim/explaining.h"
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
  std::vector<std::pair<std::string, wire::Value>> notices;  // what it tells, if it succeeds
};

void result_text(sqlite3_context* context, const std::string& text) {
  sqlite3_result_text(context, text.c_str(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
}
const Around& around(sqlite3_context* context) {
  return *static_cast<const Around*>(sqlite3_user_data(context));
}

/// A change with a value, or one without, which is told once.
void notify_of_plain(sqlite3_context* context, int count, sqlite3_value** arguments) {
  Around& what = *static_cast<Around*>(sqlite3_user_data(context));
  const auto* topic = reinterpret_cast<const char*>(sqlite3_value_text(arguments[0]));
  std::pair<std::string, wire::Value> notice{topic, std::monostate{}};
  if (count == 2 && sqlite3_value_type(arguments[1]) == SQLITE_INTEGER)
    notice.second = std::int64_t{sqlite3_value_int64(arguments[1])};
  if (count == 2 && sqlite3_value_type(arguments[1]) == SQLITE_TEXT)
    notice.second =
        wire::TextValue{reinterpret_cast<const char*>(sqlite3_value_text(arguments[1]))};
  const bool touches = std::holds_alternative<std::monostate>(notice.second);
  if (touches && std::ranges::find(what.notices, notice) != what.notices.end()) return;
  what.notices.push_back(std::move(notice));
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
  for (const int arguments : {1, 2}) add("notify", arguments, notify_of_plain);
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

/// Which step failed, and not in which words.
wire::Outcome without_words(wire::Outcome outcome) {
  if (auto* steps = std::get_if<wire::StepResults>(&outcome))
    for (wire::StepResult& step : steps->items)
      if (auto* error = std::get_if<wire::ErrorReply>(&step)) *error = {};
  return outcome;
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
      run_what_is_due();
      for (const wire::ClientRequest& request : committed.batch.requests) apply(request.body);
    }
  }

  [[nodiscard]] sqlite3* handle() const { return db_.get(); }
  [[nodiscard]] const std::vector<wire::Change>& told() const { return told_; }

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
    if (body.session == SessionId{0}) return join(body, reply, operation ? &*operation : nullptr);
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
    if (const auto* asked = std::get_if<wire::Explain>(&*operation))
      return judge_explanation(body, reply, *asked);
    const std::optional<wire::Outcome> outcome = perform(*operation);
    if (std::holds_alternative<wire::Leave>(*operation)) members_.erase(member);
    if (!outcome) return expect_error(body, reply, "which plain SQLite fails");
    if (without_words(reply.outcome) != without_words(*outcome))
      complain(body, "(" + words_of(*operation) + ") at n" + std::to_string(reply.seq.value) +
                         " gave " + words_of(reply.outcome) + ", plain SQLite gives " +
                         words_of(*outcome));
  }

  /// It leaves nothing, so it leaves nothing here.
  void judge_explanation(const wire::RequestBody& body, const wire::Reply& reply,
                         const wire::Explain& asked) {
    const auto* call = std::get_if<wire::Call>(&asked.of);
    const bool may = call != nullptr ? installed_ && find_procedure(call->procedure.text) != nullptr
                                     : around_.role == "admin" && config_.development;
    if (!may) return expect_error(body, reply, "though it is not to be explained to who asks");
    sqlite3_set_last_insert_rowid(db_.get(), 0);
    plain("BEGIN");
    const std::optional<wire::Outcome> would =
        std::visit([&](const auto& of) { return perform(of); }, asked.of);
    plain("ROLLBACK");
    if (const auto wrong = wrong_explanation(asked, reply.outcome, would))
      complain(body, "(" + words_of(wire::Operation(asked)) + ") at n" +
                         std::to_string(reply.seq.value) + " " + *wrong + ": " +
                         words_of(reply.outcome));
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

  static const wire::JoinBegin* begin_of(const wire::Operation& asked) {
    if (const auto* join = std::get_if<wire::Join>(&asked)) return &join->begin;
    const auto* join = std::get_if<wire::IdentifiedJoin>(&asked);
    return join == nullptr ? nullptr : &join->begin;
  }

  /// One session for each principal, under a number that was never used.
  void join(const wire::RequestBody& body, const wire::Reply& reply, const wire::Operation* asked) {
    const auto* joined = std::get_if<wire::JoinedReply>(&reply.outcome);
    if (joined == nullptr) return expect_error(body, reply, "without a session");
    if (asked == nullptr) return complain(body, "made a session, though nobody can read it");
    const wire::JoinBegin* begin = begin_of(*asked);
    if (begin == nullptr || begin->session_key != body.signer)
      complain(body, "made a session, whose key did not sign it");
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
    if (const auto* install = std::get_if<wire::Install>(&operation)) {
      if (around_.role != "admin") return std::nullopt;
      installed_ = true;
      schedule(*install);
      return kept_.run(schema(), {}) ? std::optional<wire::Outcome>(wire::DoneReply{})
                                     : std::nullopt;
    }
    return in_transaction([&]() -> std::optional<wire::Outcome> {
      if (const auto* call = std::get_if<wire::Call>(&operation)) return perform(*call);
      if (const auto* sql = std::get_if<wire::Execute>(&operation)) return perform(*sql);
      if (const auto* steps = std::get_if<wire::Transaction>(&operation)) return perform(*steps);
      return std::nullopt;
    });
  }

  /// All of it, and what it tells; or nothing.
  template <class Do>
  std::optional<wire::Outcome> in_transaction(Do&& what) {
    sqlite3_set_last_insert_rowid(db_.get(), 0);
    around_.notices.clear();
    plain("BEGIN");
    std::optional<wire::Outcome> outcome = what();
    plain(outcome ? "COMMIT" : "ROLLBACK");
    if (!outcome) return outcome;
    for (auto& [topic, value] : around_.notices)
      told_.push_back({told_.size() + 1, seq_, around_.agreed, {topic}, std::move(value)});
    return outcome;
  }

  void schedule(const wire::Install& install) {
    for (const Timed& timed : timed_procedures())
      for (const wire::ApplicationFile& file : install.files)
        if (file.path.text == "procedures/" + std::string(timed.name) + ".sql")
          due_.emplace(timed.name, around_.agreed + timed.period_us);
  }

  /// Before the requests of a batch one of those whose time has come, the one that was due first.
  /// Times that were missed are one.
  void run_what_is_due() {
    auto first = due_.begin();
    for (auto each = due_.begin(); each != due_.end(); ++each)
      if (each->second < first->second) first = each;
    if (first == due_.end() || first->second > around_.agreed) return;
    const auto timed = std::ranges::find(timed_procedures(), first->first, &Timed::name);
    (void)in_transaction([&]() -> std::optional<wire::Outcome> {
      if (!kept_.run(timed->body, {})) return std::nullopt;
      return wire::DoneReply{};
    });
    while (first->second <= around_.agreed) first->second = first->second + timed->period_us;
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

  std::optional<wire::Outcome> perform(const wire::Call& call) {
    const Procedure* procedure = find_procedure(call.procedure.text);
    const bool creates = call.procedure.text == "create";
    if (procedure == nullptr && !creates) return std::nullopt;
    auto last = kept_.run(creates ? schema() : procedure->body, call.arguments.items);
    if (!last) return std::nullopt;
    return wire::ResultSets{{std::move(*last)}};
  }

  static bool holds(const wire::Condition& about, const wire::StepResult& result) {
    const auto* set = std::get_if<wire::ResultSet>(&result);
    switch (about.kind) {
      case wire::Condition::Kind::ok: return set != nullptr;
      case wire::Condition::Kind::error: return std::holds_alternative<wire::ErrorReply>(result);
      case wire::Condition::Kind::changed: return set != nullptr && set->changes > 0;
      default: return set != nullptr && !set->rows.items.empty();
    }
  }

  /// From the right: a condition of others takes them from what stands to its left.
  static bool holds(std::vector<wire::Condition>& when, const wire::StepResults& results) {
    const wire::Condition last = when.back();
    when.pop_back();
    if (last.kind == wire::Condition::Kind::negate) return !holds(when, results);
    if (last.kind < wire::Condition::Kind::negate) return holds(last, results.items[last.of]);
    std::size_t held = 0;
    for (std::size_t i = 0; i < last.of; ++i) held += holds(when, results) ? 1U : 0U;
    return last.kind == wire::Condition::Kind::all ? held == last.of : held > 0;
  }

  std::optional<wire::Outcome> perform(const wire::Transaction& transaction) {
    if (around_.role != "admin" || !config_.development) return std::nullopt;
    wire::StepResults results;
    for (const wire::Step& step : transaction.steps) {
      std::vector<wire::Condition> when = step.when.items;
      const bool runs = when.empty() || holds(when, results);
      wire::StepResult& result = results.items.emplace_back(wire::SkippedReply{});
      if (!runs) continue;
      const std::size_t told = around_.notices.size();
      auto set = run_statement(db_.get(), step.statement.sql.text, step.statement.positional.items,
                               step.statement.named.items);
      if (!set && !step.may_fail) return std::nullopt;
      if (set) {
        result = std::move(*set);
      } else {
        around_.notices.resize(told);
        result = wire::ErrorReply{};
      }
    }
    return results;
  }

  std::optional<wire::Outcome> perform(const wire::Execute& execute) {
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
  std::map<Digest, Seq> applied_;                       // those that were executed
  std::map<std::string, AgreedTime, std::less<>> due_;  // of those that run by themselves
  std::vector<wire::Change> told_;
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
  // Of a run that is excused there are no images.
  checks.watching.compare(plain.told(), !images.empty());
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
