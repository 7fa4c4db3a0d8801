// The primary's clock proposes, the backups' clocks judge (design.md section 6; Practicality
// section 2.5).
#pragma once

#include "server/app/application.h"
#include "server/node/ports.h"
#include "server/pbft/nondeterminism.h"

namespace prytany::node {

class ClockNonDeterminism : public pbft::NonDeterminism {
 public:
  /// A proposed time further ahead of ours than `ahead_max_us` is held until it is due, one further
  /// behind than `behind_max_us` is late. `application` may be null.
  ClockNonDeterminism(const Clock& clock, app::Application* application, std::int64_t ahead_max_us,
                      std::int64_t behind_max_us);

  wire::Agreed propose(const wire::Batch& batch, Time now, AgreedTime last) override;
  Verdict judge(const wire::Batch& batch, const wire::Agreed& agreed, Time now,
                AgreedTime last) override;

 private:
  const Clock& clock_;
  app::Application* application_;
  std::int64_t ahead_max_us_;
  std::int64_t behind_max_us_;
};

}  // namespace prytany::node
