#include "tests/sim/hostile/hostiles.h"

#include <algorithm>
#include <utility>

#include "tests/sim/byzantine/mouth.h"
#include "tests/sim/hostile/stranger.h"

namespace prytany::sim {

namespace {

constexpr std::size_t heard_max = 64;
/// What a text costs who gets it: to read it, and to find that a signature is wrong.
constexpr std::uint64_t text_us = 60;

}  // namespace

Hostiles::Hostiles(Run run, const wire::Genesis& genesis, std::vector<crypto::Signer> credentials,
                   World world, Rng rng)
    : run_(run),
      world_(std::move(world)),
      rng_(rng),
      view_(std::make_shared<const client::ClusterView>(genesis)) {
  const auto& cast = run.parameters.hostiles;
  ENSURE(credentials.size() == cast.size());
  for (std::size_t i = 0; i < cast.size(); ++i)
    strangers_.push_back(std::make_unique<Stranger>(*this, i, std::move(credentials[i]),
                                                    cast[i].attacks, Rng(rng_.next())));
}
Hostiles::~Hostiles() = default;

void Hostiles::start() {
  for (const auto& stranger : strangers_) tick_later(*stranger);
}

void Hostiles::tick_later(Stranger& stranger) {
  const std::uint64_t every_us = run_.parameters.hostiles[stranger.index()].every_us;
  run_.queue.after(1 + rng_.exponential(every_us), [this, &stranger] {
    if (stopped_) return;
    stranger.tick();
    tick_later(stranger);
  });
}

void Hostiles::act(Attack attack, ReplicaId on) {
  ++acts_;
  world_.hit(fault_of(attack), on);
}

void Hostiles::input(ReplicaId replica, const std::function<void(node::Node&)>& happens) {
  if (Process* process = world_.alive(replica)) process->input(happens);
  if (Process* second = world_.second(replica)) second->input(happens);
}

void Hostiles::dial(Stranger& whose, ReplicaId replica, const std::string& address,
                    std::function<void(node::ConnectionId)> opened) {
  const LinkParameters& link = run_.parameters.client_link;
  run_.queue.after(1 + rng_.exponential(link.delay_mean_us), [this, &whose, replica, address,
                                                              opened = std::move(opened)] {
    if (world_.alive(replica) == nullptr || stopped_) return;
    const node::ConnectionId id = ++last_connection_;
    Line line{&whose,
              replica,
              client::Channel(view_, replica),
              Path(run_.parameters.client_link, rng_),
              Path(run_.parameters.client_link, rng_),
              {}};
    if (calm_) {
      line.upward.calm();
      line.downward.calm();
    }
    lines_.emplace(id, std::move(line));
    input(replica, [id, address](node::Node& node) { node.client_connected(id, address); });
    opened(id);
  });
}

Hostiles::Line* Hostiles::find(node::ConnectionId id) {
  const auto found = lines_.find(id);
  return found == lines_.end() ? nullptr : &found->second;
}

void Hostiles::hang_up(node::ConnectionId id) { end(id); }

void Hostiles::end(node::ConnectionId id) {
  const auto found = lines_.find(id);
  if (found == lines_.end()) return;
  Stranger& whose = *found->second.whose;
  const ReplicaId replica = found->second.replica;
  lines_.erase(found);
  run_.trace.add(run_.queue.now(), "net", whose.name() + " is off " + replica_name(replica));
  input(replica, [id](node::Node& node) { node.client_closed(id); });
  whose.lost(id);
}

void Hostiles::process_ended(ReplicaId id) {
  std::vector<node::ConnectionId> broken;
  for (const auto& [connection, line] : lines_)
    if (line.replica == id) broken.push_back(connection);
  for (const node::ConnectionId connection : broken) end(connection);
}

void Hostiles::calm() {
  calm_ = true;
  for (auto& [id, line] : lines_) {
    line.upward.calm();
    line.downward.calm();
  }
}

void Hostiles::overheard(const std::shared_ptr<const std::string>& text) {
  if (!heard_.empty() && heard_.back() == text) return;
  heard_.push_back(text);
  if (heard_.size() > heard_max) heard_.pop_front();
}

void Hostiles::say(node::ConnectionId id, std::vector<std::string> texts) {
  Line* line = find(id);
  if (line == nullptr || texts.empty()) return;
  const Path::Fate fate = line->upward.arrivals(run_.queue.now(), rng_);
  const auto shared = std::make_shared<const std::vector<std::string>>(std::move(texts));
  for (const Time when : fate.times) {
    run_.queue.at(when, [this, id, shared, replica = line->replica] {
      Process* process = world_.alive(replica);
      if (!lines_.contains(id) || process == nullptr) return;
      for (const std::string& text : *shared) {
        run_.trace.add(run_.queue.now(), replica_name(replica),
                       "text on connection " + std::to_string(id.value), as_bytes(text));
        run_.checks.answers.asked(replica, id);
        if (process->mouth() != nullptr) process->mouth()->client_text(id, text);
      }
      input(replica, [id, shared](node::Node& node) {
        for (const std::string& text : *shared) node.client_text(id, text);
      });
      process->pause(run_.queue.now() + text_us * shared->size());
    });
  }
}

void Hostiles::carry(node::ConnectionId id, Time departs, std::string text) {
  Line* line = find(id);
  if (line == nullptr) return;
  const auto shared = std::make_shared<const std::string>(std::move(text));
  for (const Time when : line->downward.arrivals(departs, rng_).times) {
    run_.queue.at(when, [this, id, shared] {
      Line* open = find(id);
      if (open == nullptr || stopped_) return;
      run_.trace.add(run_.queue.now(), open->whose->name(),
                     "text from " + replica_name(open->replica), as_bytes(*shared));
      const bool greeted = open->channel.ready();
      const auto message = open->channel.open(*shared);
      if (!message) return;  // of one that lies, or to who did not greet
      if (*message) {
        if (const auto* changes = std::get_if<wire::Changes>(&**message))
          return open->whose->told(id, open->replica, *changes);
        open->whose->heard(open->replica, **message);
      } else if (!greeted && open->channel.ready()) {
        open->whose->greeted(id);
      }
    });
  }
}

}  // namespace prytany::sim
