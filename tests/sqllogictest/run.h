// Runs a script's records against a database that answers later, and counts.
#pragma once

#include <functional>
#include <future>
#include <map>
#include <string>
#include <vector>

#include "tests/sqllogictest/outcome.h"
#include "tests/sqllogictest/script.h"

namespace prytany::slt {

/// One statement, as a request of its own. What is asked while another is under way runs after it,
/// or its outcome's `seq` tells.
using Ask = std::function<std::future<Outcome>(const std::string& sql)>;

struct Counts {
  std::size_t passed = 0;
  std::size_t failed = 0;
  std::size_t refused = 0;
  std::map<std::string, std::size_t> refused_by_code;  // and "in consequence"
  std::size_t as_sqlite = 0;         // of those passed: not as the script says, but as SQLite does
  std::vector<std::string> reports;  // one for each record that was not as its script says
  [[nodiscard]] std::size_t records() const { return passed + failed + refused; }
};

/// Records are asked in order, at most `depth` of them at once, and run in that order: a session's
/// signed requests are executed by their numbers as long as no primary fails. Where it was not so,
/// what came of the record and all behind it is failed. A statement waits for the queries before
/// it: one whose answer was lost may then be asked again, and finds what it would have found. Every
/// record is judged by itself. Strict: what SQLite itself does not do as the script says is failed,
/// and not passed.
Counts run_script(const std::vector<Record>& script, const Ask& ask, unsigned depth,
                  bool strict = false);
}  // namespace prytany::slt
