#include "tests/sqlfuzz/expressions.h"

namespace prytany::sqlfuzz {
namespace {

constexpr auto edges = std::to_array<const char*>({"NULL",
                                                   "0",
                                                   "-1",
                                                   "1",
                                                   "7",
                                                   "9223372036854775807",
                                                   "-9223372036854775808",
                                                   "4294967296",
                                                   "0.1",
                                                   "-2.5e-7",
                                                   "1e23",
                                                   "9007199254740993.0",
                                                   "1e308",
                                                   "x''",
                                                   "x'00ff'",
                                                   "''",
                                                   "'ä'",
                                                   "'1e3'",
                                                   "' 12abc'",
                                                   "'%_'",
                                                   "'2024-02-29'",
                                                   "CURRENT_TIMESTAMP",
                                                   "now()",
                                                   "zeroblob(700)"});
constexpr auto binary = std::to_array<const char*>(
    {"+",  "-", "*", "/",  "%",  "||",     "&",   "|",  "<<",   ">>",   "<",
     "<=", ">", "=", "<>", "IS", "IS NOT", "AND", "OR", "LIKE", "GLOB", "IS DISTINCT FROM"});
constexpr auto unary = std::to_array<const char*>(
    {"abs",        "hex",      "length",    "lower",     "upper",        "quote",     "typeof",
     "trim",       "round",    "unicode",   "char",      "octet_length", "sign",      "likely",
     "randomblob", "datetime", "julianday", "unixepoch", "json_valid",   "json_type", "json_quote",
     "-",          "~",        "NOT ",      "+"});
constexpr auto collations = std::to_array<const char*>({"BINARY", "NOCASE", "RTRIM"});
constexpr auto types = std::to_array<const char*>({"INTEGER", "REAL", "TEXT", "BLOB", "NUMERIC"});
constexpr auto formats = std::to_array<const char*>(
    {"%.17g", "%d", "%x", "%,d", "%!.20f", "%e", "%Q", "%05.2f", "%s|%p"});

}  // namespace

std::string Expressions::text() {
  static constexpr auto letters = std::to_array<const char*>(
      {"a", "b", "A", "z", " ", "ß", "漢", "0", "9", "''", "\"", "[", "{", ".", "-"});
  std::string out = "'";
  for (std::uint64_t i = dice_.below(12); i > 0; --i) out += dice_.pick(letters);
  return out + "'";
}

std::string Expressions::literal() {
  switch (dice_.below(5)) {
    case 0: return std::to_string(dice_.below(40));
    case 1: return text();
    case 2: return std::to_string(dice_.below(1000)) + "." + std::to_string(dice_.below(1000));
    default: return dice_.pick(edges);
  }
}

std::string Expressions::json(const std::vector<std::string>& columns, unsigned depth) {
  const std::string value = any(columns, depth);
  switch (dice_.below(8)) {
    case 0: return "json_array(" + value + ", " + literal() + ")";
    case 1: return "json_object('a', " + value + ", 'b', 2.50)";
    case 2: return "json_extract(json_array(" + value + ", 1.5), '$[0]')";
    case 3: return "json_patch('{\"a\":1,\"b\":{\"c\":2}}', json_object('b', " + value + "))";
    case 4: return "json_set('{}', '$.x', " + value + ")";
    case 5: return "json_array(" + value + ") ->> 0";
    case 6: return "json_remove(json_array(1, " + value + "), '$[0]')";
    default: return "json_object('k', " + value + ") -> '$.k'";
  }
}

std::string Expressions::call(const std::vector<std::string>& columns, unsigned depth) {
  const std::string one = any(columns, depth);
  const std::string two = any(columns, depth);
  switch (dice_.below(14)) {
    case 0: return "coalesce(" + one + ", " + two + ")";
    case 1: return "replace(" + one + ", " + literal() + ", " + two + ")";
    case 2: return "instr(" + one + ", " + two + ")";
    case 3: return "substr(" + one + ", " + std::to_string(dice_.below(4)) + ", 5)";
    case 4: return std::string("printf('") + dice_.pick(formats) + "', " + one + ", " + two + ")";
    case 5: return "max(" + one + ", " + two + ")";
    case 6: return "strftime('%Y %j %f', " + one + ")";
    case 7: return "datetime('now', " + two + ")";
    case 8: return "random()";
    case 9: return "round(" + one + ", " + std::to_string(dice_.below(9)) + ")";
    case 10: return "iif(" + one + ", " + two + ", " + literal() + ")";
    case 11: return "concat_ws(" + literal() + ", " + one + ", " + two + ")";
    default: return json(columns, depth);
  }
}

std::string Expressions::any(const std::vector<std::string>& columns, unsigned depth) {
  if (depth == 0 || dice_.one_in(4)) {
    if (columns.empty() || dice_.one_in(4)) return literal();
    return columns[dice_.below(columns.size())];
  }
  const unsigned less = depth - 1;
  switch (dice_.below(9)) {
    case 0:
    case 1:
      return "(" + any(columns, less) + " " + dice_.pick(binary) + " " + any(columns, less) + ")";
    case 2: return std::string(dice_.pick(unary)) + "(" + any(columns, less) + ")";
    case 3: return std::string("CAST(") + any(columns, less) + " AS " + dice_.pick(types) + ")";
    case 4:
      return "CASE WHEN " + any(columns, less) + " THEN " + any(columns, less) + " ELSE " +
             any(columns, less) + " END";
    case 5: return "(" + any(columns, less) + " IN (" + literal() + ", " + literal() + "))";
    case 6:
      return "(" + any(columns, less) + " BETWEEN " + literal() + " AND " + any(columns, less) +
             ")";
    case 7:
      return "(" + any(columns, less) + " COLLATE " + dice_.pick(collations) + " = " + literal() +
             ")";
    default: return call(columns, less);
  }
}

std::string Expressions::condition(const std::vector<std::string>& columns) {
  if (columns.empty() || dice_.one_in(3)) return any(columns, 2);
  const std::string& column = columns[dice_.below(columns.size())];
  switch (dice_.below(5)) {
    case 0: return column + " > " + literal();
    case 1: return column + " IS NOT NULL";
    case 2: return "abs(random()) % 3 = 0";
    case 3: return column + " % " + std::to_string(dice_.below(5) + 2) + " = 1";
    default: return column + " = " + literal() + " OR " + column + " < " + literal();
  }
}

}  // namespace prytany::sqlfuzz
