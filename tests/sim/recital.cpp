#include "tests/sim/recital.h"

#include <algorithm>

#include "tests/sim/words.h"

namespace prytany::sim {

std::string Recital::place() const {
  return at_ < script_.steps.size() ? script_.steps[at_].place : script_.name;
}

/// Not within the turn of whoever was answered: it may be the one that has to begin anew.
void Recital::next_later() {
  const std::uint64_t pause_us = run_.parameters.think_mean_us;
  run_.queue.after(1 + rng_.exponential(pause_us), [this] { next(); });
}

void Recital::next() {
  if (at_ < script_.steps.size()) return do_now(script_.steps[at_]);
  ++at_;
  run_.trace.add(run_.queue.now(), "world", "the test was asked to its end");
  stage_.over();
}

void Recital::do_now(const ScriptStep& step) {
  run_.trace.add(run_.queue.now(), "world", "the test stands at " + step.place);
  const Heard heard = [this](const client::Completion* answer) { judge(answer); };
  switch (step.kind) {
    case ScriptStep::Kind::join: return stage_.join(step.actor, step.identity, heard);
    case ScriptStep::Kind::ask: return stage_.ask(step.actor, step.asked, heard);
    case ScriptStep::Kind::read: return stage_.read(std::get<wire::Call>(step.asked), heard);
    case ScriptStep::Kind::clock:
      if (tries_ == 0) {
        awaited_ = step.forward_us > 0 ? agreed_ + step.forward_us : step.time;
        stage_.set_clocks(awaited_);
      }
      return wait_for_the_time();
  }
}

/// Agreed time follows clocks where the primary's is right. It may never, where a primary lies as
/// far as it may: then nothing can be said of what follows.
void Recital::wait_for_the_time() {
  constexpr unsigned tries_max = 300;
  stage_.ask(0, wire::Null{}, [this](const client::Completion* answer) {
    if (answer != nullptr) agreed_ = std::max(agreed_, answer->agreed);
    judging_ = ++tries_ < tries_max && judging_;
    const bool done = agreed_ >= awaited_ || !judging_;
    // An administrator that was idle for too long has no session any more.
    if (answer == nullptr && !done)
      return stage_.join(0, std::nullopt, [this](const client::Completion*) { next_later(); });
    if (done) {
      ++at_;
      tries_ = 0;
    }
    next_later();
  });
}

void Recital::judge(const client::Completion* answer) {
  const ScriptStep& step = script_.steps[at_];
  if (answer != nullptr) agreed_ = std::max(agreed_, answer->agreed);
  const bool wrong = judging_ && step.expected && answer != nullptr &&
                     comparable(answer->outcome) != *step.expected;
  // Who reads without a session may be shown what was a while ago, by f+1 who lag behind.
  constexpr unsigned tries_max = 100;
  const bool unread = step.kind == ScriptStep::Kind::read && (wrong || answer == nullptr);
  if (unread && ++tries_ < tries_max) return next_later();
  tries_ = 0;
  if (wrong)
    run_.checks.violations.add(
        "expectation", step.place + " (" +
                           (step.kind == ScriptStep::Kind::join ? "join" : words_of(step.asked)) +
                           ") gave " + words_of(answer->outcome) + ", the test is right with " +
                           words_of(*step.expected));
  ++at_;
  next_later();
}

}  // namespace prytany::sim
