#include "tests/sim/coverage.h"

#include <algorithm>

namespace prytany::sim {

namespace {

constexpr std::array<const char*, static_cast<std::size_t>(Fault::first_attack)> fault_names{
    "loss",
    "duplicate",
    "late replay",
    "stale copy",
    "reset",
    "client reset",
    "split",
    "one-way",
    "partial",
    "clog",
    "type lost",
    "kill",
    "kill in a turn",
    "kill in start-up",
    "kill all",
    "power failure",
    "pause",
    "write error",
    "sync error",
    "fsyncgate",
    "read error",
    "disk full",
    "damaged record",
    "missing segment",
    "damaged tail",
    "lost write",
    "misdirected",
    "lying sync",
    "old image",
    "lost disk",
    "damaged state",
    "lost state write",
    "misdirected page",
    "torn page",
    "damaged slot",
    "clock step",
    "clock lie",
    "missed",
    "lost chain"};
constexpr std::array<const char*, phases_count> phase_names{"start", "normal", "view change",
                                                            "transfer", "checkpoint"};

std::string padded(std::string text, std::size_t width, bool right) {
  const std::string space(text.size() < width ? width - text.size() : 0, ' ');
  return right ? space + text : text + space;
}

}  // namespace

const char* name_of(Fault fault) {
  const auto at = static_cast<std::size_t>(fault);
  return at < fault_names.size() ? fault_names[at]
                                 : name_of(static_cast<Attack>(at - fault_names.size()));
}
const char* name_of(During phase) { return phase_names[static_cast<std::size_t>(phase)]; }

void Coverage::add(const Coverage& other) {
  for (std::size_t f = 0; f < faults_count; ++f)
    for (std::size_t p = 0; p < phases_count; ++p) cells_[f][p] += other.cells_[f][p];
}

std::vector<std::uint64_t> Coverage::flat() const {
  std::vector<std::uint64_t> cells;
  for (const auto& row : cells_) cells.insert(cells.end(), row.begin(), row.end());
  return cells;
}

Coverage Coverage::from_flat(const std::vector<std::uint64_t>& cells) {
  Coverage coverage;
  for (std::size_t i = 0; i < std::min(cells.size(), faults_count * phases_count); ++i)
    coverage.cells_[i / phases_count][i % phases_count] = cells[i];
  return coverage;
}

std::string Coverage::table() const {
  std::string text = padded("", 18, false);
  for (const char* phase : phase_names) text += padded(phase, 13, true);
  std::size_t never = 0;
  for (std::size_t f = 0; f < faults_count; ++f) {
    text += "\n" + padded(name_of(static_cast<Fault>(f)), 18, false);
    for (const std::uint64_t hits : cells_[f]) {
      text += padded(hits == 0 ? "-" : std::to_string(hits), 13, true);
      never += hits == 0;
    }
  }
  return text + "\n" + std::to_string(never) + " of " +
         std::to_string(faults_count * phases_count) + " cells were never hit";
}

}  // namespace prytany::sim
