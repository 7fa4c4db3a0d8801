// The two upcalls that let execution be deterministic in a world with clocks (docs/design.md
// section 6; papers/004 section 2.5). Validation gates voting, never execution.
#pragma once

#include <variant>

#include "server/wire/messages.h"

namespace prytany::pbft {

class NonDeterminism {
 public:
  virtual ~NonDeterminism() = default;

  /// The primary's choice for a batch: time is max(its clock, last + 1); `choice` is the
  /// application's.
  virtual wire::Agreed propose(const wire::Batch& batch, Time now, AgreedTime last) = 0;

  struct Accepted {};
  struct Early {
    Time due;
  };  // may be accepted at `due`: hold it until then
  struct Refused {};  // nonsense: accept only on weak_quorum() others' word
  /// Good but for its time, which is long past: accept on weak_quorum() others' word, or after
  /// Config::late_patience_us, since links that were down make a correct primary's proposals late.
  struct Late {};
  using Verdict = std::variant<Accepted, Early, Refused, Late>;
  /// A backup's opinion of a PRE-PREPARE that arrives first-hand in the current view.
  virtual Verdict judge(const wire::Batch& batch, const wire::Agreed& agreed, Time now,
                        AgreedTime last) = 0;
};

}  // namespace prytany::pbft
