// When a procedure runs by itself, in agreed time: "@every 60s", or "@at 03:00" of each day, UTC.
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/wire/ids.h"

namespace prytany::app {

struct Schedule {
  std::int64_t period_us = 0;
  std::optional<std::int64_t> of_day_us;  // daily, so long after midnight UTC
  std::string text;                       // as it was written, with one blank

  bool operator==(const Schedule&) const = default;
};

/// `word` is "@every" or "@at". Nothing if `when` is not "60s", "5m", "1h", "7d" (from a second to
/// 366 days), or "03:00".
std::optional<Schedule> read_schedule(std::string_view word, std::string_view when);

/// The first time, for what is installed at `now`.
AgreedTime first_after(const Schedule& schedule, AgreedTime now);
/// The next one when that of `due` has come at `now`: in step with it, and after `now`. What was
/// missed between is one. Requires: due <= now.
AgreedTime next_after(const Schedule& schedule, AgreedTime due, AgreedTime now);

}  // namespace prytany::app
