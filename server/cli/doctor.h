// What an SQLite application would have to change to be one of Prytany's: findings about its
// database and its sources.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/result.h"
#include "server/cli/doctor_gate.h"

namespace prytany::cli {

enum class Severity {
  must,  // refused here, or without meaning: it has to be written differently
  look,  // works, and may not do what was meant
  fine,  // works, and one should know how
};
std::string_view name_of(Severity severity);

struct Finding {
  Severity severity = Severity::fine;
  std::string code;      // stable
  std::string place;     // a file, or "app.db: table notes"
  std::size_t line = 0;  // in a file; 0: none
  std::string what;
  std::string instead;   // what to write, or to do; may be empty
  std::size_t more = 0;  // lines of the same file where the same was found again
};
/// A line, and a second one for what to do instead.
std::string text_of(const Finding& finding);
/// One line of JSON.
std::string json_of(const Finding& finding);

/// Looks at the database in `path`, which is opened to read only, and puts its schema through
/// `gate`, object by object; afterwards the gate has its tables. Refused if it is no database that
/// can be read.
Result<std::vector<Finding>> examine_database(const std::string& path, SqlGate& gate);

/// Looks at one file of sources, whose `path` tells the language. SQL in it goes through `gate`,
/// the rest is a search for words: it may find what never runs, and miss what is put together.
std::vector<Finding> examine_source(const std::string& path, std::string_view text, SqlGate& gate);
/// Whether examine_source() knows files called so.
bool is_source(std::string_view path);

}  // namespace prytany::cli
