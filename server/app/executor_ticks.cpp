// Procedures that run by themselves: before the requests of a batch whose agreed time has come to
// theirs, in transactions of their own (docs/decisions/0022-agreed-times.md).
#include "server/app/executor_impl.h"
#include "server/app/runner.h"
#include "server/wire/codec.h"

namespace prytany::app {
namespace {

/// Not the seed of any request of this batch.
Digest tick_seed(Seq seq, const Digest& batch, const std::string& procedure) {
  wire::Writer w;
  wire::put(w, seq);
  wire::put(w, batch);
  w.raw(as_bytes(procedure));
  return crypto::sha256("prytany tick seed", w.view());
}

std::string failure_text(const wire::ErrorReply& error) {
  std::string text = error.code.text + ": " + error.message.text + " (" + error.procedure.text;
  if (error.statement > 0) text += ", statement " + std::to_string(error.statement);
  return text + ")";
}

}  // namespace

std::optional<AgreedTime> Executor::Impl::due() const {
  if (!ticks_.next()) return std::nullopt;
  return ticks_.next()->at;
}

// One for each batch, so that what is due at one time holds the requests up by one budget at a
// time; while more is due, an idle primary orders empty batches one after the other.
void Executor::Impl::run_what_is_due(Turn& turn, const Digest& batch) {
  if (!ticks_.next() || ticks_.next()->at > turn.agreed || installed_ == nullptr) return;
  const Ticks::Due tick = *ticks_.next();
  turn.seed = tick_seed(turn.seq, batch, tick.procedure);
  begin_request(engine_, turn, nullptr);
  engine_.state().topics = &topics();  // nobody asks, but it is the application that speaks
  const vfs::AgreedScope scope(source_);
  const Schedule& schedule = installed_->schedule(tick.procedure);
  auto failure = run_tick(turn, tick, schedule);
  if (failure) {
    // What it did is undone; that it failed is not.
    Transaction transaction(engine_);
    engine_.limit_pages(false);
    ticks_.ran(tick, schedule, turn.agreed, failure_text(*failure));
    const auto refused = transaction.commit();
    ENSURE(!refused);
  }
  engine_.limit_pages(true);
  ticks_.load();
}

std::optional<wire::ErrorReply> Executor::Impl::run_tick(Turn& turn, const Ticks::Due& tick,
                                                         const Schedule& schedule) {
  engine_.state().work_max = installed_->steps_max(config_.steps_per_request_max);
  Transaction transaction(engine_);
  const wire::Outcome outcome = installed_->run_tick(engine_, tick.procedure);
  if (const auto* error = std::get_if<wire::ErrorReply>(&outcome)) return *error;
  engine_.limit_pages(false);
  ticks_.ran(tick, schedule, turn.agreed, std::nullopt);
  if (auto failure = commit(turn, transaction)) return error_reply(*failure, tick.procedure);
  return std::nullopt;
}

}  // namespace prytany::app
