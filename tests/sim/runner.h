// Many seeds, each in a process of its own: a seed that aborts or hangs fails alone, and nothing
// that one leaves behind (SQLite has globals) can change another's run.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace prytany::sim {

/// What came out of one seed's process.
struct Outcome {
  std::uint64_t seed = 0;
  std::string output;  // what `work` returned; empty if the process died
  std::string death;   // how it died; empty if it did not
  std::uint64_t wall_ms = 0;
  std::uint64_t processor_ms = 0;
  bool hung = false;   // it was killed because it took too long
  std::string errors;  // what it wrote to stderr, if that is kept
};

struct RunnerOptions {
  unsigned jobs = 1;
  /// After so much of a processor's time a seed's process is killed: nothing needs more that does
  /// not hang. A machine that is busy, or stood still, is not the seed's fault, so by the clock it
  /// has ten times as long.
  unsigned processor_seconds_max = 120;
  /// What the processes write to stderr becomes part of the outcomes, instead of being seen.
  bool keeps_errors = false;
};

/// The wall's clock: how long things take.
std::uint64_t wall_ms();

/// Runs `work(seed)` for every seed of [first, last] in forked processes, `jobs` at a time, and
/// hands over each outcome in the order of seeds, until `done` returns false: what is still running
/// then is ended.
void run_seeds(std::uint64_t first, std::uint64_t last, const RunnerOptions& options,
               const std::function<std::string(std::uint64_t seed)>& work,
               const std::function<bool(const Outcome&)>& done);

}  // namespace prytany::sim
