// Scripts in the format of SQLite's sqllogictest, read into records (its documentation:
// https://www.sqlite.org/sqllogictest/doc/trunk/about.wiki).
#pragma once

#include <string>
#include <vector>

#include "server/base/result.h"

namespace prytany::slt {

enum class Sort { none, rows, values };

/// One statement or query, for this engine.
struct Record {
  std::string place;  // "select1.test:12"
  std::string sql;
  bool is_query = false;
  bool fails = false;                 // a statement that must fail
  std::string types;                  // of a query: T, I or R for each column
  Sort sort = Sort::none;             // of a query
  std::string label;                  // of a query; those of one label give the same result
  std::vector<std::string> expected;  // of a query: one value a line, or "N values hashing to MD5"
};

/// Those records of `path`, and of files that it includes, that `engine` is to run: conditions and
/// halts are obeyed here. The Error says in which line what cannot be read.
Result<std::vector<Record>> read_script(const std::string& path, const std::string& engine);
/// The same of a text; included files are looked for beside `path`.
Result<std::vector<Record>> parse_script(const std::string& path, const std::string& text,
                                         const std::string& engine);

}  // namespace prytany::slt
