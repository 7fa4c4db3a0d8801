// Which fault met which phase of the protocol: a cell that was never hit was never tried.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/sim/hostile/attacks.h"

namespace prytany::sim {

enum class Fault : std::uint8_t {
  loss,
  duplicate,
  late_replay,  // on a later connection
  stale,        // again, much later, on the same one
  reset,
  client_reset,
  split,    // a partition, in both directions
  one_way,  // in one
  partial,  // some pairs only: A hears B, B hears C, A does not hear C
  clog,     // what is sent waits
  type_lost,
  kill,
  kill_in_turn,  // between two effects
  kill_in_start,
  kill_all,
  power_failure,
  pause,
  write_error,
  sync_error,
  sync_gate,  // likewise, and what it lost can be read until power fails
  read_error,
  disk_full,
  damaged_record,
  missing_segment,
  damaged_tail,
  lost_write,
  misdirected,
  lying_sync,
  old_image,
  lost_disk,
  damaged_state,
  lost_state_write,
  misdirected_page,
  torn_page,
  damaged_slot,  // of what a state transfer put aside
  clock_step,
  clock_lie,
  missed,               // in a round: some of what was said
  lost_configurations,  // the file of them
  first_attack,         // from here on: those of hostile clients
};
inline constexpr std::size_t faults_count =
    static_cast<std::size_t>(Fault::first_attack) + attacks_count;
constexpr Fault fault_of(Attack attack) {
  return static_cast<Fault>(static_cast<std::size_t>(Fault::first_attack) +
                            static_cast<std::size_t>(attack));
}

/// What the victim was at; of the network, what somebody at one of its ends, or else anybody, was.
enum class During : std::uint8_t {
  start,        // its first tenth of a second
  normal,       // none of the others
  view_change,  // left a view, entered none
  transfer,     // fetches state
  checkpoint,   // state.db is being written
};
inline constexpr std::size_t phases_count = 5;

const char* name_of(Fault fault);
const char* name_of(During phase);

class Coverage {
 public:
  void hit(Fault fault, During phase, std::uint64_t times = 1) { at(fault, phase) += times; }
  void add(const Coverage& other);
  [[nodiscard]] std::uint64_t hits(Fault fault, During phase) const {
    return cells_[static_cast<std::size_t>(fault)][static_cast<std::size_t>(phase)];
  }
  /// All cells, row by row: what a seed's process tells its parent.
  [[nodiscard]] std::vector<std::uint64_t> flat() const;
  static Coverage from_flat(const std::vector<std::uint64_t>& cells);

  /// For people: a row for each fault, "-" where nothing was ever hit, and how many cells that are.
  [[nodiscard]] std::string table() const;

 private:
  std::uint64_t& at(Fault fault, During phase) {
    return cells_[static_cast<std::size_t>(fault)][static_cast<std::size_t>(phase)];
  }
  std::array<std::array<std::uint64_t, phases_count>, faults_count> cells_{};
};

}  // namespace prytany::sim
