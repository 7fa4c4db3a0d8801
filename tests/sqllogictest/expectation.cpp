#include "tests/sqllogictest/expectation.h"

#include <openssl/evp.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <limits>

#include "server/base/ensure.h"

namespace prytany::slt {
namespace {

/// How many lines of a result are shown.
constexpr std::size_t shown_max = 12;

/// Converts as SQLite's own column functions do, by asking it.
class Caster {
 public:
  Caster() {
    ENSURE(sqlite3_open(":memory:", &db_) == SQLITE_OK);
    prepare("SELECT CAST(?1 AS TEXT)", &as_text_);
    prepare("SELECT CAST(?1 AS INTEGER)", &as_integer_);
    prepare("SELECT CAST(?1 AS REAL)", &as_real_);
  }
  ~Caster() {
    for (sqlite3_stmt* statement : {as_text_, as_integer_, as_real_}) sqlite3_finalize(statement);
    sqlite3_close(db_);
  }
  Caster(const Caster&) = delete;
  Caster& operator=(const Caster&) = delete;

  std::string text(const Value& value) {
    step(as_text_, value);
    const auto* data = static_cast<const char*>(sqlite3_column_blob(as_text_, 0));
    const int size = sqlite3_column_bytes(as_text_, 0);
    return data == nullptr ? std::string{} : std::string(data, static_cast<std::size_t>(size));
  }
  std::int64_t integer(const Value& value) {
    step(as_integer_, value);
    return sqlite3_column_int64(as_integer_, 0);
  }
  double real(const Value& value) {
    step(as_real_, value);
    return sqlite3_column_double(as_real_, 0);
  }

 private:
  void prepare(const char* sql, sqlite3_stmt** statement) const {
    ENSURE(sqlite3_prepare_v2(db_, sql, -1, statement, nullptr) == SQLITE_OK);
  }
  static void step(sqlite3_stmt* statement, const Value& value) {
    struct Binder {
      sqlite3_stmt* statement;
      int operator()(std::monostate) const { return sqlite3_bind_null(statement, 1); }
      int operator()(std::int64_t v) const { return sqlite3_bind_int64(statement, 1, v); }
      int operator()(double v) const { return sqlite3_bind_double(statement, 1, v); }
      int operator()(const std::string& v) const {
        return sqlite3_bind_text(statement, 1, v.data(), static_cast<int>(v.size()),
                                 SQLITE_TRANSIENT);
      }
      int operator()(const Blob& v) const {
        return sqlite3_bind_blob(statement, 1, v.data(), static_cast<int>(v.size()),
                                 SQLITE_TRANSIENT);
      }
    };
    sqlite3_reset(statement);
    ENSURE(std::visit(Binder{statement}, value.storage()) == SQLITE_OK);
    ENSURE(sqlite3_step(statement) == SQLITE_ROW);
  }

  sqlite3* db_ = nullptr;
  sqlite3_stmt* as_text_ = nullptr;
  sqlite3_stmt* as_integer_ = nullptr;
  sqlite3_stmt* as_real_ = nullptr;
};

Caster& caster() {
  static Caster one;
  return one;
}

std::string as_text(const Value& value) {
  const auto* text = std::get_if<std::string>(&value.storage());
  std::string shown = text != nullptr ? *text : caster().text(value);
  // SQLite's own runner takes it for a text of C's.
  shown.resize(std::min(shown.find('\0'), shown.size()));
  if (shown.empty()) return "(empty)";
  for (char& c : shown)
    if (c < ' ' || c > '~') c = '@';
  return shown;
}
std::int64_t as_integer(const Value& value) {
  const auto* integer = std::get_if<std::int64_t>(&value.storage());
  return integer != nullptr ? *integer : caster().integer(value);
}
std::string as_real(const Value& value) {
  const auto* real = std::get_if<double>(&value.storage());
  std::array<char, 400> text{};
  sqlite3_snprintf(static_cast<int>(text.size()), text.data(), "%.3f",
                   real != nullptr ? *real : caster().real(value));
  return text.data();
}

bool is_beyond_int(std::int64_t number) {
  return number < std::numeric_limits<int>::min() || number > std::numeric_limits<int>::max();
}

/// `as_int`: integers as C's int holds them, which is how "%d" writes them.
std::vector<std::string> render(const Record& record, const std::vector<Row>& rows, bool as_int,
                                bool& beyond_int) {
  std::vector<std::vector<std::string>> lines;
  for (const Row& row : rows) {
    std::vector<std::string> line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (row[i].is_null()) {
        line.emplace_back("NULL");
      } else if (record.types[i] == 'I') {
        const std::int64_t number = as_integer(row[i]);
        beyond_int = beyond_int || is_beyond_int(number);
        line.push_back(as_int ? std::to_string(static_cast<std::int32_t>(number))
                              : std::to_string(number));
      } else {
        line.push_back(record.types[i] == 'R' ? as_real(row[i]) : as_text(row[i]));
      }
    }
    lines.push_back(std::move(line));
  }
  if (record.sort == Sort::rows) std::ranges::sort(lines);
  std::vector<std::string> values;
  for (auto& line : lines)
    for (std::string& value : line) values.push_back(std::move(value));
  if (record.sort == Sort::values) std::ranges::sort(values);
  return values;
}

bool is_hash(const std::vector<std::string>& expected) {
  return expected.size() == 1 && expected[0].find(" values hashing to ") != std::string::npos;
}

bool is_expected(const Record& record, const std::vector<std::string>& values) {
  return is_hash(record.expected) ? hashed(values) == record.expected[0]
                                  : values == record.expected;
}

std::string shown(const std::string& title, const std::vector<std::string>& lines) {
  std::string text = title + ":";
  for (std::size_t i = 0; i < std::min(lines.size(), shown_max); ++i) text += "\n    " + lines[i];
  if (lines.size() > shown_max) text += "\n    ... " + std::to_string(lines.size()) + " in all";
  return text;
}

std::optional<std::string> judge_query(const Record& record, const Outcome& outcome,
                                       Labels& labels) {
  if (outcome.columns != record.types.size())
    return "it gives " + std::to_string(outcome.columns) + " columns, not " +
           std::to_string(record.types.size());
  bool beyond_int = false;
  std::vector<std::string> values = render(record, outcome.rows, false, beyond_int);
  bool good = is_expected(record, values);
  if (!good && beyond_int) {
    auto narrow = render(record, outcome.rows, true, beyond_int);
    good = is_expected(record, narrow);
    if (good) values = std::move(narrow);
  }
  if (!good)
    return shown("expected", record.expected) + "\n  " + shown("got", values) +
           (is_hash(record.expected) ? "\n    (" + hashed(values) + ")" : "");
  return labels.check(record, values);
}

}  // namespace

std::vector<std::string> rendered(const Record& record, const std::vector<Row>& rows) {
  bool beyond_int = false;
  return render(record, rows, false, beyond_int);
}

std::string hashed(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& value : values) text.append(value).append("\n");
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  ENSURE(EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_md5(), nullptr) == 1);
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    constexpr const char* digits = "0123456789abcdef";
    hex.push_back(digits[digest[i] >> 4U]);
    hex.push_back(digits[digest[i] & 0xfU]);
  }
  return std::to_string(values.size()) + " values hashing to " + hex;
}

std::optional<std::string> Labels::check(const Record& record,
                                         const std::vector<std::string>& values) {
  if (record.label.empty()) return std::nullopt;
  const std::string hash = hashed(values);
  const auto [first, is_new] = first_.try_emplace(record.label, First{record.place, hash});
  if (is_new || first->second.hash == hash) return std::nullopt;
  return "it gives another result than " + first->second.place + ", which has the same label";
}

bool is_sql_error(const std::string& code) {
  if (code == "malformed_sql") return true;
  return code.starts_with("SQLITE_") && code != "SQLITE_FULL" && code != "SQLITE_INTERRUPT";
}

std::optional<std::string> judge(const Record& record, const Outcome& outcome, Labels& labels) {
  // Nobody refused it: a cluster that does not answer has not failed as a script wants.
  if (outcome.unanswered) return outcome.code + ": " + outcome.message;
  if (!record.is_query && record.fails) {
    if (outcome.ok()) return "it should fail, and did not";
    if (is_sql_error(outcome.code)) return std::nullopt;
    return "it should fail for what it says, and failed otherwise: " + outcome.code + ": " +
           outcome.message;
  }
  if (!outcome.ok()) return outcome.code + ": " + outcome.message;
  return record.is_query ? judge_query(record, outcome, labels) : std::nullopt;
}

}  // namespace prytany::slt
