// The application of the simulated clients: an account book. Its SQL is written once, here; it
// becomes a C++ class for the executor and plain statements for the reference.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "server/app/application.h"
#include "tests/sim/plant.h"

namespace prytany::sim {

struct Procedure {
  std::string_view name;
  std::string_view header;  // what the file of an installed application says first
  std::string_view body;    // statements, with :parameters; the last rows are the answer
};

std::span<const Procedure> procedures();
/// Null: there is none of that name.
const Procedure* find_procedure(std::string_view name);

/// One that runs by itself, so often, in agreed time.
struct Timed {
  std::string_view name;
  std::int64_t period_us;
  std::string_view header;
  std::string_view body;
};
std::span<const Timed> timed_procedures();
/// What may be watched, by everybody.
std::span<const std::string_view> topic_names();

/// Statements that create the tables.
std::string_view schema();
/// A text in a row that nothing ever changes: where a planted fault flips a byte.
std::string_view seal_text();

/// The account book as the folder that `prytany install` would send. `with_timed`: and with the
/// procedures that run by themselves.
wire::Install installable(bool with_timed = false);

/// The account book as a C++ class. Calling "create" makes the tables; every other call is a
/// procedure. While `*astray` (null: never) it stores other values and gives other rows.
std::unique_ptr<app::Application> native_application(Plant plant, const bool* astray = nullptr);

}  // namespace prytany::sim
