// Sources of an application: SQL in them through the gate, and words that mean SQLite's own API.
#include <algorithm>
#include <array>
#include <map>
#include <regex>
#include <tuple>

#include "server/app/sandbox.h"
#include "server/app/sql.h"
#include "server/cli/doctor.h"
#include "server/cli/sql.h"

namespace prytany::cli {
namespace {

// ---- Texts in a program -------------------------------------------------------------------------

enum class SourceLanguage { sql, python, c_like };

struct SourceLiteral {
  std::string text;
  std::size_t line = 0;
};

constexpr auto c_like_endings = std::to_array<std::string_view>(
    {".c", ".h", ".cc", ".cpp", ".cxx", ".hpp", ".js", ".mjs", ".cjs", ".ts", ".java", ".go"});

std::optional<SourceLanguage> language_of(std::string_view path) {
  if (path.ends_with(".sql")) return SourceLanguage::sql;
  if (path.ends_with(".py")) return SourceLanguage::python;
  if (std::ranges::any_of(c_like_endings, [&](auto ending) { return path.ends_with(ending); }))
    return SourceLanguage::c_like;
  return std::nullopt;
}

/// Texts in quotes, roughly: literals that stand beside each other are one, as in C and Python.
class LiteralFinder {
 public:
  LiteralFinder(std::string_view text, SourceLanguage language)
      : text_(text), language_(language) {}

  std::vector<SourceLiteral> run() {
    while (at_ < text_.size()) {
      if (skip_comment()) continue;
      const char c = text_[at_];
      if (c == '"' || c == '\'' || c == '`') {
        read_literal(c);
        continue;
      }
      if (std::string_view(" \t\r\n\\").find(c) == std::string_view::npos) adjacent_ = false;
      step();
    }
    return std::move(found_);
  }

 private:
  void step() {
    if (text_[at_] == '\n') ++line_;
    ++at_;
  }
  bool sees(std::string_view what) const { return text_.substr(at_).starts_with(what); }
  void skip_until(std::string_view end) {
    while (at_ < text_.size() && !sees(end)) step();
    for (std::size_t i = 0; i < end.size() && at_ < text_.size(); ++i) step();
  }
  bool skip_comment() {
    const bool python = language_ == SourceLanguage::python;
    if (python ? sees("#") : sees("//")) {
      skip_until("\n");
    } else if (!python && sees("/*")) {
      skip_until("*/");
    } else {
      return false;
    }
    return true;
  }

  void read_literal(char quote) {
    SourceLiteral literal{{}, line_};
    const std::string three(3, quote);
    const bool raw = !python() && quote == '"' && at_ > 0 && text_[at_ - 1] == 'R';
    if (raw) {
      const std::size_t open = std::min(text_.find('(', at_), text_.size());
      take(literal, ")" + std::string(text_.substr(at_ + 1, open - at_ - 1)) + "\"", open + 1);
    } else if (python() && sees(three)) {
      take(literal, three, at_ + 3);
    } else {
      take_quoted(literal, quote);
    }
    if (adjacent_ && !found_.empty()) {
      found_.back().text += literal.text;
    } else {
      found_.push_back(std::move(literal));
    }
    adjacent_ = true;
  }
  bool python() const { return language_ == SourceLanguage::python; }
  void take(SourceLiteral& literal, const std::string& end, std::size_t begin) {
    while (at_ < std::min(begin, text_.size())) step();
    while (at_ < text_.size() && !sees(end)) {
      literal.text += text_[at_];
      step();
    }
    for (std::size_t i = 0; i < end.size() && at_ < text_.size(); ++i) step();
  }
  void take_quoted(SourceLiteral& literal, char quote) {
    step();
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] == '\n' && quote != '`') return;  // it was an apostrophe
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
        step();
        const bool blank = text_[at_] == 'n' || text_[at_] == 't' || text_[at_] == '\n';
        literal.text += blank ? '\n' : text_[at_];
      } else {
        literal.text += text_[at_];
      }
      step();
    }
    if (at_ < text_.size()) step();
  }

  std::string_view text_;
  SourceLanguage language_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  bool adjacent_ = false;
  std::vector<SourceLiteral> found_;
};

// ---- Words of SQLite's API ----------------------------------------------------------------------

struct ApiRule {
  const char* pattern;
  Severity severity;
  const char* code;
  const char* what;
  const char* instead;
};
const auto api_rules = std::to_array<ApiRule>({
    {R"(\bsqlite3_open\w*\s*\(|\bsqlite3?\.connect\s*\(|\bnew (sqlite3\.)?Database(Sync)?\s*\()",
     Severity::must, "open", "a database file of its own is opened",
     "a client of the cluster: prytany::Client, prytany-client, prytany gateway"},
    {R"(\bsqlite3_(exec|prepare\w*)\s*\()", Severity::must, "exec",
     "SQL is run on a handle of this process",
     "client.execute(), client.query() or, better, a procedure; a class of its own that runs on "
     "the replicas keeps SQLite's C API (server/app/application.h)"},
    {R"(\bsqlite3_create_(window_)?function\w*\s*\(|\.create_(function|aggregate)\s*\()",
     Severity::must, "function", "a function of the application's own in SQL",
     "compute it in the client and send the value, or in SQL; a C++ application may register "
     "deterministic ones when its handle is opened"},
    {R"(\bsqlite3_create_collation\w*\s*\(|\.create_collation\s*\()", Severity::must, "collation",
     "a collation of the application's own", "a column with a key to sort by, kept beside"},
    {R"(\bsqlite3_create_module\w*\s*\(|\b(sqlite3_)?(enable_)?load_extension\s*\()",
     Severity::must, "extension", "virtual tables or extensions", "ordinary tables"},
    {R"(\bsqlite3_(update|commit|rollback|preupdate|wal)_hook\s*\()", Severity::must, "hook",
     "a hook on changes", "a trigger that writes what was changed to a table, read by number"},
    {R"(\bsqlite3_blob_\w+\s*\(|\.blobopen\s*\()", Severity::must, "blob",
     "blobs opened like files", "values of up to 1 MiB, and pieces: docs/how-to/large-values.md"},
    {R"(\bsqlite3_(set_authorizer|progress_handler|interrupt|limit)\s*\()", Severity::must,
     "bounds", "bounds of its own for SQL", "the cluster's: roles and budgets in prytany.json"},
    {R"(\bsqlite3_total_changes\w*\s*\(|\.total_changes\b)", Severity::must, "total_changes",
     "a count of the connection, which here nobody has", "`changes` of each answer"},
    {R"(\.(commit|rollback)\s*\(\s*\)|\bisolation_level\b|\.transaction\s*\()", Severity::look,
     "transaction", "transactions are made by the program",
     "each request is one: put what belongs together into a procedure or client.transaction()"},
    {R"(\bsqlite3_last_insert_rowid\s*\(|\.lastrowid\b|\blastInsertRowid\b)", Severity::look,
     "last_insert_rowid", "the last rowid is asked of the connection",
     "`last_insert_rowid` of the answer, or RETURNING"},
    {R"(\bsqlite3_(busy_timeout|busy_handler)\s*\(|\bSQLITE_BUSY\b|database is locked)",
     Severity::fine, "busy", "waiting for locks: here nobody holds one, requests have an order",
     ""},
    {R"(\bsqlite3_backup_\w+\s*\(|\.backup\s*\()", Severity::fine, "backup",
     "copies of the database", "copy a replica's state.db: docs/how-to/operate.md"},
});

const std::vector<std::pair<std::regex, const ApiRule*>>& api_patterns() {
  static const auto patterns = [] {
    std::vector<std::pair<std::regex, const ApiRule*>> all;
    for (const ApiRule& rule : api_rules)
      all.emplace_back(std::regex(rule.pattern, std::regex::optimize), &rule);
    return all;
  }();
  return patterns;
}

// ---- SQL ----------------------------------------------------------------------------------------

/// Whether a text is meant as SQL, by how it begins. What people say, too, needs company, capitals
/// or a semicolon.
bool looks_like_sql(const std::string& text) {
  static const std::regex statement(
      R"(\s*((SELECT|WITH|VALUES|PRAGMA)\s|INSERT\s+(OR|INTO)\s|REPLACE\s+INTO\s|)"
      R"(UPDATE\s+(OR\s+\w+\s+)?\S+\s+SET\s|DELETE\s+FROM\s|)"
      R"((CREATE|DROP|ALTER)\s+(TEMP\w*\s+)?(TABLE|VIEW|INDEX|UNIQUE|TRIGGER|VIRTUAL)\s|)"
      R"(ATTACH\s+(DATABASE\s+)?\S+\s+AS\s|DETACH\s+DATABASE\s|)"
      R"(EXPLAIN\s+(QUERY|SELECT|INSERT|UPDATE|DELETE)\s|)"
      R"((BEGIN|COMMIT|END|ROLLBACK)\s+(DEFERRED|IMMEDIATE|EXCLUSIVE|TRANSACTION|TO)\b|)"
      R"((BEGIN|COMMIT|END|ROLLBACK|VACUUM|ANALYZE|REINDEX)\s*;|(SAVEPOINT|RELEASE)\s+\w+\s*;))",
      std::regex::icase | std::regex::optimize);
  static const std::regex alone(
      R"(\s*(BEGIN|COMMIT|ROLLBACK|VACUUM|ANALYZE|REINDEX|(SAVEPOINT|RELEASE)\s+\w+)\s*$)",
      std::regex::optimize);
  constexpr std::size_t begin_bytes = 300;  // std::regex recurses with the length
  const std::string begin = text.substr(0, begin_bytes);
  const auto here = std::regex_constants::match_continuous;
  return std::regex_search(begin, statement, here) || std::regex_search(begin, alone, here);
}

/// As much of a text as is searched for words.
std::string searched(std::string_view text) {
  constexpr std::size_t bytes = 2000;
  return std::string(text.substr(0, bytes));
}

class SourceExamination {
 public:
  SourceExamination(std::string path, SqlGate& gate) : path_(std::move(path)), gate_(gate) {}

  std::vector<Finding> run(std::string_view text, SourceLanguage language) {
    if (language == SourceLanguage::sql) {
      look_at_statements(text, 1);
    } else {
      look_at_lines(text);
      for (const SourceLiteral& literal : LiteralFinder(text, language).run())
        if (looks_like_sql(literal.text)) look_at_statements(literal.text, literal.line);
    }
    std::ranges::sort(findings_, [](const Finding& a, const Finding& b) {
      return std::tie(a.line, a.code) < std::tie(b.line, b.code);
    });
    return std::move(findings_);
  }

 private:
  /// The same again, in one file, is counted instead of told.
  void add(Finding finding) {
    const auto [known, is_new] =
        known_.emplace(finding.code + "\n" + finding.what, findings_.size());
    if (!is_new) {
      ++findings_[known->second].more;
      return;
    }
    finding.place = path_;
    findings_.push_back(std::move(finding));
  }

  void look_at_lines(std::string_view text) {
    constexpr std::size_t line_bytes_max = 1000;
    for (std::size_t line = 1; !text.empty(); ++line) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      const std::string one(text.substr(0, std::min(end, line_bytes_max)));
      for (const auto& [pattern, rule] : api_patterns())
        if (std::regex_search(one, pattern))
          add({rule->severity, rule->code, {}, line, rule->what, rule->instead});
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }

  /// A script's, or those of one text in a program, which begins on line `first`. They build on
  /// each other, so those that make something stay.
  void look_at_statements(std::string_view text, std::size_t first) {
    std::size_t at = 0;
    for (const std::string& sql : split_statements(text)) {
      at = std::min(text.find(sql, at), text.size());
      const auto lines = static_cast<std::size_t>(std::ranges::count(text.substr(0, at), '\n'));
      look_at_sql(sql, first + lines);
      at += sql.size();
    }
  }

  void look_at_sql(const std::string& sql, std::size_t line) {
    const std::string word = app::first_word(sql);
    const bool makes = word == "CREATE" || word == "ALTER";
    const auto refused = makes ? gate_.make(sql) : gate_.pass(sql);
    if (refused && is_certain(*refused))
      return add({Severity::must, refused->code, {}, line, refused->message, refused->instead});
    static const std::regex local(R"('(localtime|utc)')", std::regex::icase);
    if (std::regex_search(searched(sql), local))
      add({Severity::must,
           "localtime",
           {},
           line,
           "'localtime' and 'utc' fail: time is UTC and agreed",
           "keep UTC, and let the program that shows it convert it"});
    look_at_words(searched(sql), line);
  }

  void look_at_words(const std::string& sql, std::size_t line) {
    static const std::regex now(R"(\bcurrent_(date|time|timestamp)\b|'now')", std::regex::icase);
    if (std::regex_search(sql, now))
      add({Severity::fine,
           "agreed",
           {},
           line,
           "time is agreed: equal on all replicas, in UTC",
           {}});
    static const std::regex chance(R"(\brandom(blob)?\s*\()", std::regex::icase);
    if (std::regex_search(sql, chance))
      add({Severity::look,
           "agreed_random",
           {},
           line,
           "random() is agreed: equal on all replicas, and known to whoever sees the batch",
           "draw what must stay secret in the client"});
    static const std::regex connection(R"(\b(last_insert_rowid|changes)\s*\()", std::regex::icase);
    std::smatch found;
    if (!std::regex_search(sql, found, connection)) return;
    const bool changes = found.str(1).size() == std::string_view("changes").size();
    add({Severity::look,
         changes ? "changes" : "last_insert_rowid",
         {},
         line,
         std::string(changes ? "changes()" : "last_insert_rowid()") +
             " knows what the same request did, and nothing of requests before",
         changes
             ? "ask in the same request; or `changes` of the answer"
             : "insert and ask in one request; `last_insert_rowid` of the answer, or RETURNING"});
  }

  std::string path_;
  SqlGate& gate_;
  std::vector<Finding> findings_;
  std::map<std::string, std::size_t> known_;
};

}  // namespace

bool is_source(std::string_view path) { return language_of(path).has_value(); }

std::vector<Finding> examine_source(const std::string& path, std::string_view text, SqlGate& gate) {
  const auto language = language_of(path);
  if (!language) return {};
  return SourceExamination(path, gate).run(text, *language);
}

}  // namespace prytany::cli
