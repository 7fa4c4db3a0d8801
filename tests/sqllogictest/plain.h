// Plain SQLite in memory: what a script does where nothing is refused.
#pragma once

#include <memory>
#include <string>

#include "tests/sqllogictest/outcome.h"

struct sqlite3;

namespace prytany::slt {

class PlainDatabase {
 public:
  PlainDatabase();
  /// All statements of `sql`, each a transaction of its own unless it says otherwise, up to the
  /// first that fails; the rows of the last.
  Outcome ask(const std::string& sql);

 private:
  struct Close {
    void operator()(sqlite3* db) const;
  };
  std::unique_ptr<sqlite3, Close> db_;
};

}  // namespace prytany::slt
