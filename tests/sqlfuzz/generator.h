// Requests from a seed: a schema that grows and shrinks, and what people and enemies do with it.
#pragma once

#include <string>
#include <vector>

#include "tests/sqlfuzz/dice.h"
#include "tests/sqlfuzz/expressions.h"

namespace prytany::sqlfuzz {

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : dice_(seed), expressions_(dice_.fork()) {}

  /// The statements of the next request.
  std::vector<std::string> next();
  /// Whether they succeeded: what exists now. To be called after each next().
  void tell(bool succeeded);

 private:
  struct Table {
    std::string name;
    std::vector<std::string> columns;
    bool is_view = false;
  };
  struct Source {
    std::string text;                  // after FROM
    std::vector<std::string> columns;  // qualified
  };

  std::string statement();
  std::string change_schema();
  std::string create_table();
  std::string create_index();
  std::string create_view();
  std::string create_trigger();
  std::string constraint(const std::vector<std::string>& columns);
  std::string alter();
  std::string drop();
  std::string insert();
  std::string update();
  std::string remove();
  std::string select();
  std::string simple_select(std::size_t columns);
  std::string window(const std::vector<std::string>& columns);
  std::string aggregate(const std::vector<std::string>& columns);
  std::string hostile();
  Source source();
  const Table& table();
  std::string number(std::uint64_t n) { return std::to_string(dice_.below(n)); }

  Dice dice_;
  Expressions expressions_;
  std::vector<Table> tables_;   // as far as is known to exist
  std::vector<Table> pending_;  // if the request succeeds
};

}  // namespace prytany::sqlfuzz
