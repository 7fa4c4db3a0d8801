#include "server/node/nondeterminism.h"

#include <algorithm>
#include <limits>

namespace prytany::node {

ClockNonDeterminism::ClockNonDeterminism(const Clock& clock, app::Application* application,
                                         std::int64_t ahead_max_us, std::int64_t behind_max_us)
    : clock_(clock),
      application_(application),
      ahead_max_us_(ahead_max_us),
      behind_max_us_(behind_max_us) {}

wire::Agreed ClockNonDeterminism::propose(const wire::Batch& batch, Time, AgreedTime last) {
  wire::Agreed agreed;
  // `last` can be the largest time only if a liar's proposal was agreed on; execution's max() still
  // increases.
  const std::int64_t after =
      last.value == std::numeric_limits<std::int64_t>::max() ? last.value : last.value + 1;
  agreed.time = AgreedTime{std::max(clock_.wall().value, after)};
  if (application_ != nullptr) agreed.choice.bytes = application_->propose(batch, agreed.time);
  if (agreed.choice.bytes.size() > limits::nondeterminism_bytes_max) agreed.choice.bytes.clear();
  return agreed;
}

pbft::NonDeterminism::Verdict ClockNonDeterminism::judge(const wire::Batch& batch,
                                                         const wire::Agreed& agreed, Time now,
                                                         AgreedTime) {
  const std::int64_t wall = clock_.wall().value;
  // Unsigned differences: a liar may send any 64 bits.
  const bool ahead = agreed.time.value > wall;
  const std::uint64_t distance =
      ahead ? static_cast<std::uint64_t>(agreed.time.value) - static_cast<std::uint64_t>(wall)
            : static_cast<std::uint64_t>(wall) - static_cast<std::uint64_t>(agreed.time.value);
  if (ahead && distance > static_cast<std::uint64_t>(ahead_max_us_)) {
    // Held, not refused: if it is our clock that is slow, time heals it. Nobody waits for a
    // century.
    constexpr std::uint64_t hold_max_us = 60'000'000;
    const std::uint64_t wait = distance - static_cast<std::uint64_t>(ahead_max_us_);
    if (wait > hold_max_us) return Refused{};
    return Early{now + wait};
  }
  if (application_ != nullptr &&
      !application_->accept(batch, agreed.choice.view(), AgreedTime{wall}))
    return Refused{};
  if (!ahead && distance > static_cast<std::uint64_t>(behind_max_us_)) return Late{};
  return Accepted{};
}

}  // namespace prytany::node
