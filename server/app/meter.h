// What a request costs that VM steps do not see: memory, pages and large values. One step of
// SQLite's may copy a megabyte, and a sort may keep gigabytes; both are counted below SQLite, where
// an allocator and a page cache of ours stand in front of its own, and charged to the request's
// budget. What a step computes is counted within SQLite (cmake/sqlite/count_work.cmake).
//
// The counts are equal on every replica: they do not depend on what happens to be cached. Pages of
// the database are counted when they are asked for, not when they are loaded, and their memory is
// not counted at all.
#pragma once

#include <cstddef>
#include <cstdint>

namespace prytany::app {

/// Since the last meter_start(), in spans where counting was on.
struct MeterReading {
  std::uint64_t allocated = 0;  // bytes, in all
  std::int64_t live = 0;        // bytes not freed yet
  std::uint64_t pages = 0;      // asked for, of the database and of temporary tables
  std::uint64_t largest = 0;    // bytes of the largest value seen
  std::uint64_t work = 0;       // within steps, in units of about a nanosecond
  std::uint32_t last_page = 0;  // the highest page number of the database asked for, from 1
};

/// Starts from zero, with counting off.
void meter_start();
[[nodiscard]] const MeterReading& meter_reading();
/// The machine has refused memory since meter_start(). SQLite says SQLITE_NOMEM for other causes,
/// too: for a statement whose program is longer than SQLITE_LIMIT_VDBE_OP, which is no machine's
/// fault.
[[nodiscard]] bool memory_was_refused();
/// A value of this size is in play that SQLite did not allocate.
void meter_value(std::size_t bytes);

/// What the choice of a plan took for the statement that was prepared last, in the units of `work`.
/// It follows from the statement and the schema.
[[nodiscard]] std::uint64_t planning();
/// More than SQLite may spend on it: preparing failed for that.
[[nodiscard]] bool too_much_to_plan();

/// Turns counting on or off for a scope.
class MeterScope {
 public:
  explicit MeterScope(bool on);
  ~MeterScope();
  MeterScope(const MeterScope&) = delete;
  MeterScope& operator=(const MeterScope&) = delete;

 private:
  bool before_;
};

/// Requires: nothing in this process used SQLite before main(). Aborts if the meter is not in
/// place.
void ensure_metered();

}  // namespace prytany::app
