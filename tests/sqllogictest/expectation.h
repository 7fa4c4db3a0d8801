// Whether an outcome is what a record expects.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/sqllogictest/outcome.h"
#include "tests/sqllogictest/script.h"

namespace prytany::slt {

/// The values of a result as scripts write them, in the order that the record asks for. Requires:
/// as many columns as `record.types` has letters.
std::vector<std::string> rendered(const Record& record, const std::vector<Row>& rows);

/// "30 values hashing to 3c13dee48d9356ae19af2515e05e6b54"
std::string hashed(const std::vector<std::string>& values);

/// The results of labels so far: those of one label must be the same.
class Labels {
 public:
  /// What is wrong; nothing if it is the first, or the same.
  std::optional<std::string> check(const Record& record, const std::vector<std::string>& values);

 private:
  struct First {
    std::string place;
    std::string hash;
  };
  std::map<std::string, First> first_;
};

/// Whether this code says that SQL was wrong or a constraint failed: what a script means by an
/// error. A budget, the size of a file or of a result, and whatever befalls a session are not.
bool is_sql_error(const std::string& code);

/// Nothing if `outcome` is what `record` expects; else why not, in a line or several.
std::optional<std::string> judge(const Record& record, const Outcome& outcome, Labels& labels);

}  // namespace prytany::slt
