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
  bool excused = false;
  std::uint64_t simulated_ms = 0;
  std::uint64_t batches = 0;
  std::uint64_t requests = 0;
  Coverage coverage;
  std::string json;  // {"seed", "ok", "trace_hash", "simulated_ms", "wall_ms", ...}
  std::string text;  // the same for people; how to replay it and why it failed, if it did
};
Line line_of(const Outcome& outcome, const Options& options);

/// All seeds of one call.
class Summary {
 public:
  void add(const Line& line, std::uint64_t processor_ms);
  /// Every seed held, and fewer than 2 % (of at least a hundred) were excused.
  [[nodiscard]] bool ok() const;
  [[nodiscard]] std::string json() const;
  [[nodiscard]] std::string text() const;
  [[nodiscard]] const Coverage& coverage() const { return coverage_; }

 private:
  [[nodiscard]] std::uint64_t rate(std::uint64_t count) const;

  std::uint64_t seeds_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t excused_ = 0;
  std::uint64_t simulated_ms_ = 0;
  std::uint64_t batches_ = 0;
  std::uint64_t requests_ = 0;
  std::uint64_t processor_ms_ = 0;
  Coverage coverage_;
};

}  // namespace prytany::sim
