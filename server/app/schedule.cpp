#include "server/app/schedule.h"

#include <charconv>
#include <limits>

#include "server/base/ensure.h"

namespace prytany::app {
namespace {

constexpr std::int64_t second_us = 1'000'000;
constexpr std::int64_t day_us = 24 * 3600 * second_us;
constexpr std::int64_t period_us_max = 366 * day_us;

/// All of `text`, as a number without a sign.
std::optional<std::int64_t> number_of(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::int64_t> period_of(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const char unit = text.back();
  const std::int64_t unit_us = unit == 's'   ? second_us
                               : unit == 'm' ? 60 * second_us
                               : unit == 'h' ? 3600 * second_us
                               : unit == 'd' ? day_us
                                             : 0;
  const auto count = number_of(text.substr(0, text.size() - 1));
  if (unit_us == 0 || !count || *count == 0 || *count > period_us_max / unit_us)
    return std::nullopt;
  return *count * unit_us;
}

std::optional<std::int64_t> time_of_day(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const auto hour = number_of(text.substr(0, 2));
  const auto minute = number_of(text.substr(3));
  if (!hour || !minute || *hour > 23 || *minute > 59) return std::nullopt;
  return (*hour * 60 + *minute) * 60 * second_us;
}

/// A liar's time may be the last one there is.
AgreedTime plus(AgreedTime time, std::int64_t us) {
  constexpr std::int64_t last = std::numeric_limits<std::int64_t>::max();
  return AgreedTime{time.value > last - us ? last : time.value + us};
}

}  // namespace

std::optional<Schedule> read_schedule(std::string_view word, std::string_view when) {
  Schedule schedule;
  if (word == "@every") {
    const auto period = period_of(when);
    if (!period) return std::nullopt;
    schedule.period_us = *period;
  } else {
    schedule.of_day_us = time_of_day(when);
    if (!schedule.of_day_us) return std::nullopt;
    schedule.period_us = day_us;
  }
  schedule.text = std::string(word.substr(1)) + " " + std::string(when);
  return schedule;
}

AgreedTime first_after(const Schedule& schedule, AgreedTime now) {
  if (!schedule.of_day_us) return plus(now, schedule.period_us);
  const std::int64_t since_midnight = now.value % day_us;
  std::int64_t wait = *schedule.of_day_us - since_midnight;
  if (wait <= 0) wait += day_us;
  return plus(now, wait);
}

AgreedTime next_after(const Schedule& schedule, AgreedTime due, AgreedTime now) {
  ENSURE(due <= now);
  const std::int64_t since = (now.value - due.value) % schedule.period_us;
  return plus(now, schedule.period_us - since);
}

}  // namespace prytany::app
