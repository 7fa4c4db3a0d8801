// String functions that SQLite computes in quadratic time within one VM step: here in linear time,
// or counted against the request's budget. Same results as SQLite's.
#pragma once

#include <array>
#include <span>

struct sqlite3_context;
struct sqlite3_value;

namespace prytany::app {

struct TextFunction {
  const char* name;
  int arguments;
  void (*run)(sqlite3_context*, int, sqlite3_value**);  // user data: RequestState
};
extern const std::span<const TextFunction> text_functions;

}  // namespace prytany::app
