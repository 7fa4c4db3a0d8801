// Expressions from dice: literals at their edges, columns, operators, and the functions of
// docs/reference/sql.md.
#pragma once

#include <string>
#include <vector>

#include "tests/sqlfuzz/dice.h"

namespace prytany::sqlfuzz {

class Expressions {
 public:
  explicit Expressions(Dice dice) : dice_(dice) {}

  /// Of these columns; literals alone if there are none.
  std::string any(const std::vector<std::string>& columns, unsigned depth);
  std::string literal();
  /// What decides between rows.
  std::string condition(const std::vector<std::string>& columns);

 private:
  std::string call(const std::vector<std::string>& columns, unsigned depth);
  std::string json(const std::vector<std::string>& columns, unsigned depth);
  std::string text();
  Dice dice_;
};

}  // namespace prytany::sqlfuzz
