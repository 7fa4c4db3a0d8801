// CALL name(parameter => expression, ...) INTO :value, ...: the one statement of a procedure that
// SQLite does not know (docs/reference/procedures.md). Pure: taken apart here, run by Procedure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/app/request_state.h"
#include "server/base/result.h"

namespace prytany::app {

struct CallStatement {
  struct Argument {
    std::string name;
    std::string_view expression;  // of the text that was read
  };
  std::string procedure;
  std::vector<Argument> arguments;
  std::vector<std::string> into;  // names, without the colon
};

/// Reads the CALL that `sql` begins with (blanks and comments may come before it); `rest` becomes
/// what follows its semicolon. Refused with "malformed_call" and what is wrong. Whatever is inside
/// the expressions, their quotes, comments and parentheses are closed.
Result<CallStatement, Failure> read_call(std::string_view sql, std::string_view* rest);

/// A SELECT of all expressions, in their order. Requires: there is one.
std::string select_of(const CallStatement& call);

}  // namespace prytany::app
