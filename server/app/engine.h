// One sandboxed SQL handle on the replicated database: how it is opened, how statements are
// prepared and kept, and what a transaction is.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "server/app/application.h"
#include "server/app/expansion.h"
#include "server/app/request_state.h"
#include "server/app/sql.h"
#include "vfs/agreed_source.h"
#include "vfs/page_store.h"
#include "vfs/vfs.h"

namespace prytany::app {

/// Whose words are executed now; the authorizer and the budget look at it.
class AccessScope {
 public:
  AccessScope(RequestState& state, Access access)
      : state_(state), before_(state.access), meter_(access == Access::application) {
    state_.access = access;
  }
  ~AccessScope() { state_.access = before_; }
  AccessScope(const AccessScope&) = delete;
  AccessScope& operator=(const AccessScope&) = delete;

 private:
  RequestState& state_;
  Access before_;
  MeterScope meter_;
};

/// Looks texts up without making strings of them.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};

class Engine {
 public:
  /// `store` and `application` (may be null) outlive it. `application_pages_max`: the file's
  /// largest size for applications; nothing bounds our own few pages.
  Engine(vfs::PageStore& store, std::uint64_t application_pages_max, Application* application);
  ~Engine();

  /// (Re)opens the handle: hidden state in it lives exactly one checkpoint interval, on every
  /// replica.
  void open();
  void close();
  [[nodiscard]] bool is_open() const { return database_ != nullptr; }

  [[nodiscard]] sqlite3* handle() { return database_.get(); }
  [[nodiscard]] RequestState& state() { return state_; }

  /// Resets what a C++ application left running, so that the transaction can end.
  void quiet();

  /// Our own statement, for once.
  Statement prepare_ours(const char* sql);
  /// Our own statement, prepared once per handle. `sql` is a literal: its address is its name.
  Statement& ours(const char* sql);
  /// Runs ours to the end, without parameters. A failure is a bug or a fault, never an answer.
  void run_ours(const char* sql);
  /// Steps ours; true if there is a row.
  bool step_ours(Statement& statement);

  /// Prepares the first statement of `sql` for an application; `rest` becomes what follows it. An
  /// empty statement when `sql` holds only comments.
  Result<Statement, Failure> prepare(std::string_view sql, std::string_view* rest);
  /// As prepare(), for exactly one statement, kept for the next time.
  Result<Statement*, Failure> prepare_kept(std::string_view sql);
  /// Forgets kept statements: after a change of the schema, re-preparing would take two steps more
  /// than preparing.
  void forget_kept() { kept_.clear(); }

  Statement& begin() { return begin_ ? begin_ : begin_ = prepare_ours("BEGIN"); }
  Statement& commit() { return commit_ ? commit_ : commit_ = prepare_ours("COMMIT"); }

  [[nodiscard]] Failure failure(int rc) { return failure_of(handle(), rc, state_); }

  /// Lets the file grow as far as applications may (true), or as far as we need.
  void limit_pages(bool application);

 private:
  friend class Transaction;
  std::optional<Failure> check_schema();
  void preload_schema();

  vfs::PageStore& store_;
  std::uint64_t application_pages_max_;
  std::string limit_sql_;
  Application* application_;
  vfs::AgreedSource opening_source_;
  RequestState state_;
  SchemaNames names_;  // as of the last commit
  // Statements are finalized before their handle is closed: members go in reverse order.
  vfs::Database database_;
  std::unordered_map<const char*, Statement> ours_;
  Statement begin_;  // of every request, so not looked up
  Statement commit_;
  std::unordered_map<std::string, Statement, TextHash, std::equal_to<>> kept_;
};

/// Lifts the limit on the length of values, for rows of our own.
class LengthScope {
 public:
  explicit LengthScope(Engine& engine)
      : engine_(engine), before_(sqlite3_limit(engine.handle(), SQLITE_LIMIT_LENGTH, 1 << 30)) {}
  ~LengthScope() { sqlite3_limit(engine_.handle(), SQLITE_LIMIT_LENGTH, before_); }
  LengthScope(const LengthScope&) = delete;
  LengthScope& operator=(const LengthScope&) = delete;

 private:
  Engine& engine_;
  int before_;
};

/// One SQLite transaction: it commits, or leaves exactly the bytes of "never ran"
/// (docs/reference/sql.md).
class Transaction {
 public:
  explicit Transaction(Engine& engine);
  /// Rolls back what was not committed.
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  /// Nothing if it would have committed; else why not. Rolled back in any case.
  std::optional<Failure> rehearse();
  /// Nothing if it committed; else why not (a deferred constraint, a schema that cannot be kept),
  /// rolled back.
  std::optional<Failure> commit();

 private:
  std::optional<Failure> refuse_commit();
  void finish();
  Engine& engine_;
  bool open_ = true;
};

}  // namespace prytany::app
