// The tests of an application as files: tests/*.sql, SQL with directives in comments. The grammar
// is docs/reference/cli.md.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/base/result.h"

namespace prytany::cli {

/// A row that is expected: SQL expressions between commas.
struct ExpectedRow {
  std::size_t line = 0;
  std::string expressions;
};

/// What is done, and what must come of it. Without an expectation it must only not fail.
struct TestStep {
  enum class Kind { as, at, call, identity, sql };
  Kind kind = Kind::sql;
  std::size_t line = 0;
  std::string name;  // as, identity: the client's; call: the procedure's
  std::string role;  // as: the role that the client is given; empty: what the application says.
                     // identity: what it is proven by, "certificate" or "id_token"
  std::string text;  // sql: statements; call: a SELECT whose columns are the arguments, or empty;
                     // at: the time as it is written; identity: as call

  std::size_t expect_line = 0;  // of the first expectation; 0: none
  std::vector<ExpectedRow> rows;
  std::string error;  // a code; empty: rows are expected
};

struct TestCase {
  std::string name;
  std::size_t line = 0;
  std::vector<TestStep> steps;  // those before the file's first test come first
};

/// Who asks for public procedures without joining.
inline constexpr std::string_view test_nobody = "nobody";

/// Refused with "PATH:LINE: what is wrong, and what to write".
Result<std::vector<TestCase>> read_test_file(const std::string& path, std::string_view text);

}  // namespace prytany::cli
