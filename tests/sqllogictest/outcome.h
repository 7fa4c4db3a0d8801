// What a database said to one statement.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <prytany/value.h>

namespace prytany::slt {

struct Outcome {
  std::string code;  // empty: it succeeded
  std::string message;
  std::size_t columns = 0;
  std::vector<Row> rows;
  bool unanswered = false;  // nothing is known: the database is lost
  std::uint64_t seq = 0;    // where it ran in the order of all requests; 0: not known
  [[nodiscard]] bool ok() const { return code.empty(); }
};

}  // namespace prytany::slt
