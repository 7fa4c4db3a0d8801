#include "tests/sim/scaling/asker.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace prytany::sim {

namespace {

/// Longer than any run.
constexpr std::uint64_t asker_patience_us = 3'600'000'000;

client::SessionOptions asker_options() {
  client::SessionOptions options;
  // Nothing is lost here: who asks twice is only impatient.
  options.retransmit_first_us = options.retransmit_max_us = 60'000'000;
  options.hello_timeout_us = 60'000'000;
  return options;
}

}  // namespace

Asker::Asker(EventQueue& queue, std::shared_ptr<const client::ClusterView> cluster,
             SessionId session, const crypto::Signer& key, Load load, Rng rng, World world)
    : queue_(queue),
      load_(load),
      rng_(rng),
      world_(std::move(world)),
      session_(std::move(cluster), asker_options(),
               [this](std::span<std::uint8_t> out) { rng_.fill(out); }) {
  session_.attach(session, key, 0);
}

void Asker::start() {
  perform([this](client::Effects& out) { session_.start(queue_.now(), out); });
}

void Asker::ask(std::uint64_t requests) {
  left_ += requests;
  perform([](client::Effects&) {});
}

void Asker::connected(ReplicaId replica) {
  perform([&](client::Effects& out) { session_.connected(queue_.now(), replica, out); });
}

void Asker::text(ReplicaId replica, const std::string& text) {
  perform([&](client::Effects& out) { session_.text(queue_.now(), replica, text, out); });
}

bool Asker::ready() const { return session_.ready().size() == session_.cluster().size(); }

void Asker::perform(const std::function<void(client::Effects&)>& happens) {
  const crypto::Counts before = crypto::counted();
  client::Effects effects;
  happens(effects);
  carry_out(effects);
  client::Effects more;
  while (left_ > 0 && asked_.size() < load_.depth) {
    --left_;
    const wire::Null nothing{load_.reply, {Bytes(load_.size)}};
    const client::Ticket ticket = session_.submit(queue_.now(), wire::Operation{nothing},
                                                  queue_.now() + asker_patience_us, more);
    asked_.emplace(ticket, queue_.now());
  }
  session_.send_new(queue_.now(), more);
  carry_out(more);
  cryptography_ += crypto::counted() - before;
  wake();
}

void Asker::carry_out(client::Effects& effects) {
  for (const client::Effect& effect : effects) {
    if (const auto* wish = std::get_if<client::Connect>(&effect)) world_.open(wish->replica);
    if (const auto* said = std::get_if<client::Send>(&effect)) world_.say(said->to, said->text);
    if (const auto* done = std::get_if<client::Completed>(&effect)) finished(*done);
    if (const auto* end = std::get_if<client::Close>(&effect))
      world_.failed("a client hangs up: " + end->reason);
  }
}

void Asker::finished(const client::Completed& done) {
  const auto asked = asked_.extract(done.ticket);
  ENSURE(asked);
  const client::Completion& completion = done.completion;
  if (std::holds_alternative<wire::NullReply>(completion.outcome) &&
      completion.verdict == client::Verdict::answered)
    return world_.answered(queue_.now() - asked.mapped());
  world_.failed("a request was not answered: " + completion.code + " " + completion.message);
}

void Asker::wake() {
  const Time due = session_.deadline();
  if (due == never || (wakes_at_ <= due && wakes_at_ > queue_.now())) return;
  wakes_at_ = std::max(due, queue_.now() + 1);
  queue_.at(wakes_at_, [this, when = wakes_at_] {
    if (wakes_at_ != when) return;
    wakes_at_ = never;
    perform([this](client::Effects& out) { session_.tick(queue_.now(), out); });
  });
}

}  // namespace prytany::sim
