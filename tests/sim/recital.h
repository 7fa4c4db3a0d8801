// A test of somebody's own application as it is written, before all its clients ask at once: each
// step when the one before it was answered, each answer compared with the one that the test is
// right with.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "clientlib/session_effects.h"
#include "tests/sim/process.h"
#include "tests/sim/script.h"

namespace prytany::sim {

class Recital {
 public:
  /// Null: there is no session, or it ended before the answer came.
  using Heard = std::function<void(const client::Completion*)>;
  /// Who does what; each calls `heard` once.
  struct Stage {
    std::function<void(std::size_t actor, const std::optional<wire::Identity>& identity,
                       Heard heard)>
        join;
    std::function<void(std::size_t actor, const wire::Operation& asked, Heard heard)> ask;
    std::function<void(const wire::Call& call, Heard heard)> read;
    std::function<void(AgreedTime time)> set_clocks;  // to this, at least
    std::function<void()> over;
  };
  Recital(Run run, const Script& script, Stage stage, Rng rng)
      : run_(run), script_(script), stage_(std::move(stage)), rng_(rng), agreed_(script.begin) {}

  void start() { next_later(); }
  [[nodiscard]] bool over() const { return at_ > script_.steps.size(); }
  /// Where it stands, for people.
  [[nodiscard]] std::string place() const;

 private:
  void next_later();
  void next();
  void do_now(const ScriptStep& step);
  void wait_for_the_time();
  void judge(const client::Completion* answer);

  Run run_;
  const Script& script_;
  Stage stage_;
  Rng rng_;
  std::size_t at_ = 0;  // the step that is next, or under way; one more than all: it is over
  unsigned tries_ = 0;  // at this step
  bool judging_ = true;
  AgreedTime agreed_;  // of the latest answer
  AgreedTime awaited_;
};

}  // namespace prytany::sim
