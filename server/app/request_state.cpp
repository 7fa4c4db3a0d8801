#include "server/app/request_state.h"

#include <algorithm>

namespace prytany::app {

void RandomStream::fill(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    if (used_ == bytes_.size()) {
      std::array<std::uint8_t, Digest::size + 8> input{};
      std::copy(seed_.bytes.begin(), seed_.bytes.end(), input.begin());
      for (std::size_t i = 0; i < 8; ++i)
        input[Digest::size + i] = static_cast<std::uint8_t>(block_ >> (56 - 8 * i));
      ++block_;
      bytes_ = crypto::sha256("prytany sql random", input).bytes;
      used_ = 0;
    }
    const std::size_t n = std::min(out.size(), bytes_.size() - used_);
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(used_), n, out.begin());
    used_ += n;
    out = out.subspan(n);
  }
}

void RequestState::start() {
  meter_start();
  settled_ = {};
  work = 0;
  work_from = 0;
  failure.reset();
  ensured = false;
  schema_touched = false;
  ended.clear();
  notices.clear();
  touched.clear();
}

void RequestState::take_back(std::size_t told) {
  if (notices.size() <= told) return;
  notices.resize(told);
  touched.clear();
  for (const Notice& notice : notices)
    if (std::holds_alternative<std::monostate>(notice.value)) touched.insert(notice.topic);
}

namespace {

/// Of what the meter counts as work: a step's worth takes about as long as a step.
constexpr std::uint64_t work_per_step = 32;

}  // namespace

bool RequestState::spend_planning(std::uint64_t planning) {
  constexpr std::uint64_t free_of_charge = 100'000;  // a tenth of a millisecond
  return planning <= free_of_charge || spend((planning - free_of_charge) / work_per_step);
}

bool RequestState::settle(std::uint64_t steps) {
  // Rates such that a step's worth of each takes about as long as a step: tens of nanoseconds.
  constexpr std::uint64_t bytes_per_step = 64;
  constexpr std::uint64_t steps_per_page = 4;
  // Any step may go through the largest value there is.
  constexpr std::uint64_t value_bytes_per_step = 4096;
  constexpr std::uint64_t page_bytes = 4096;
  const MeterReading& now = meter_reading();
  const std::uint64_t units = steps * (1 + now.largest / value_bytes_per_step) +
                              (now.allocated - settled_.allocated) / bytes_per_step +
                              (now.pages - settled_.pages) * steps_per_page +
                              (now.work - settled_.work) / work_per_step;
  settled_ = now;
  const std::uint64_t live = now.live > 0 ? static_cast<std::uint64_t>(now.live) : 0;
  const std::uint64_t grown = now.last_page > database_pages_before
                                  ? (now.last_page - database_pages_before) * page_bytes
                                  : 0;
  if (live + grown > request_memory_bytes_max) {
    fail("memory_exceeded", "the request needs more than " +
                                std::to_string(request_memory_bytes_max >> 20) +
                                " MiB of memory; split it");
    return false;
  }
  return spend(units);
}

bool RequestState::spend(std::uint64_t units) {
  work += units;
  if (work <= work_max) return true;
  fail("budget_exceeded", "the request took more than " + std::to_string(work_max - work_from) +
                              " steps; split it, or add an index");
  return false;
}

}  // namespace prytany::app
