// Some of what honest clients ask, they ask the cost of instead (decision 0029): by dice of their
// own, so that nothing else of a seed changes.
#pragma once

#include <optional>
#include <string>

#include "server/wire/operations.h"
#include "tests/sim/parameters.h"
#include "tests/sim/rng.h"

namespace prytany::sim {

class Explaining {
 public:
  explicit Explaining(const Parameters& parameters)
      : rate_(parameters.explain_rate), dice_(parameters.options.seed, 51) {}

  /// `asked`, or what explains it.
  wire::Operation perhaps(wire::Operation asked);

 private:
  Ppm rate_;
  Rng dice_;
};

/// What is wrong with `told`, the answer to `asked`; nothing if it is what it should be. `would`:
/// what plain SQLite answers to the call itself, nothing if that fails.
std::optional<std::string> wrong_explanation(const wire::Explain& asked, const wire::Outcome& told,
                                             const std::optional<wire::Outcome>& would);

}  // namespace prytany::sim
