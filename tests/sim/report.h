// What a seed's process tells its parent, and what people and scripts read.
#pragma once

#include <string>

#include "tests/sim/runner.h"
#include "tests/sim/world.h"

namespace prytany::sim {

/// One seed, as a line of JSON without its wall time (which is the parent's to add), then lines of
/// the trace's tail if something did not hold.
std::string to_message(const RunResult& result);

/// A seed's outcome, read back.
struct Line {
  bool ok = false;
  std::string json;  // {"seed", "ok", "trace_hash", "simulated_ms", "wall_ms", ...}
  std::string text;  // the same for people; how to replay it and why it failed, if it did
};
Line line_of(const Outcome& outcome, const Options& options);

std::string summary_json(std::uint64_t seeds, std::uint64_t failed);

}  // namespace prytany::sim
