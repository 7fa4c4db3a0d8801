#include "tests/sim/links.h"

#include <algorithm>

#include "tests/sim/byzantine/mouth.h"

namespace prytany::sim {

namespace {

/// What one partition holds back, at most.
constexpr std::size_t held_max = 20'000;

bool holds(ByteView frame, std::size_t type) {
  const auto messages = messages_of(frame);
  return messages && std::ranges::any_of(*messages, [&](const wire::PeerMessage& message) {
           return message.index() == type;
         });
}

}  // namespace

Met shake_hands(const std::string& engine, Machine& a, const wire::Chain& known_to_a, Machine& b,
                const wire::Chain& known_to_b) {
  const auto entropy = [](Machine& m) {
    wire::Handshake::Entropy drawn{};
    m.entropy.fill(drawn.dh_seed);
    m.entropy.fill(drawn.nonce);
    return drawn;
  };
  const wire::Membership of_a = known_to_a.membership(known_to_a.newest());
  const wire::Membership of_b = known_to_b.membership(known_to_b.newest());
  wire::Handshake dialler(of_a, a.signer, a.id, b.id, engine, entropy(a), &known_to_a);
  wire::Handshake acceptor(of_b, b.signer, b.id, std::nullopt, engine, entropy(b), &known_to_b);
  Met met;
  Bytes to_acceptor = dialler.start();
  Bytes to_dialler;
  struct Side {
    wire::Handshake& handshake;
    wire::ConfigurationLinks& news;
    bool done = false;
    bool over = false;
  };
  Side at_a{dialler, met.news_for_dialler};
  Side at_b{acceptor, met.news_for_acceptor};
  const auto feed = [](Side& side, Bytes& in, Bytes& out) {
    while (!side.done && !side.over) {
      auto step = side.handshake.on_bytes(in);
      if (!step) {
        side.over = true;  // a key that is no member's any more
        break;
      }
      out.insert(out.end(), step->send.begin(), step->send.end());
      in.erase(in.begin(), in.begin() + static_cast<std::ptrdiff_t>(step->consumed));
      side.done = step->done;
      side.over = step->over != nullptr;
      if (!step->news.empty()) side.news = step->news;
      if (step->consumed == 0) break;
    }
  };
  for (int round = 0; round < 4 && !(at_a.done && at_b.done); ++round) {
    feed(at_b, to_acceptor, to_dialler);
    feed(at_a, to_dialler, to_acceptor);
  }
  if (at_a.done && at_b.done) {
    ENSURE(acceptor.peer() == a.id);
    met.keys.emplace(dialler.take_keys(), acceptor.take_keys());
  }
  return met;
}

Links::Links(Run run, const GroupSetting& setting, std::deque<Machine>& machines, Alive alive,
             OnFault on_fault, Rng rng)
    : run_(run),
      setting_(setting),
      machines_(machines),
      alive_(std::move(alive)),
      on_fault_(std::move(on_fault)),
      rng_(rng) {
  for (std::size_t i = 0; i < machines.size(); ++i) {
    for (std::size_t j = i + 1; j < machines.size(); ++j) {
      Link& link = links_.emplace_back();
      link.low = machines[i].id;
      link.high = machines[j].id;
    }
  }
}

Links::Link& Links::link(ReplicaId a, ReplicaId b) {
  const auto [low, high] = std::minmax(a, b);
  for (Link& link : links_) {
    if (link.low == low && link.high == high) return link;
  }
  ENSURE(false);
  return links_.front();
}

void Links::process_started(ReplicaId id) {
  for (Link& link : links_) {
    if (link.low == id || link.high == id) dial_later(link);
  }
}

void Links::process_ended(ReplicaId id, Time when) {
  for (Link& link : links_) {
    if ((link.low != id && link.high != id) || !link.up) continue;
    link.ends = std::min(link.ends, when);
    run_.queue.after(rng_.exponential(5'000), [this, &link, connection = link.connection] {
      if (link.connection == connection) hang_up(link);
    });
  }
}

void Links::make_anew(ReplicaId id) {
  for (Link& link : links_) {
    if (link.low != id && link.high != id) continue;
    hang_up(link);
    dial_later(link);
  }
}

/// One of those that it concerned.
std::optional<ReplicaId> Links::reset_one() {
  Link& link = links_[rng_.below(links_.size())];
  if (!link.up) return std::nullopt;
  run_.trace.add(run_.queue.now(), "net",
                 "resets " + replica_name(link.low) + "-" + replica_name(link.high));
  hang_up(link);
  dial_later(link);
  return link.low;
}

std::uint64_t Links::partition(const std::string& name, Pairs pairs, bool waits) {
  std::string text = name;
  for (const auto& [from, to] : pairs) text += " " + replica_name(from) + ">" + replica_name(to);
  run_.trace.add(run_.queue.now(), "net", text);
  partitions_.emplace(++last_partition_, Partition{std::move(pairs), waits, {}});
  return last_partition_;
}

void Links::heal(std::uint64_t partition) {
  const auto found = partitions_.find(partition);
  if (found == partitions_.end()) return;
  run_.trace.add(run_.queue.now(), "net", "heals");
  const std::vector<Carried> held = std::move(found->second.held);
  partitions_.erase(found);
  for (const Carried& carried : held) on_its_way(carried);
}

Links::Partition* Links::parted(ReplicaId from, ReplicaId to) {
  for (auto& [number, partition] : partitions_) {
    if (partition.pairs.contains({from, to})) return &partition;
  }
  return nullptr;
}

void Links::lose_type(std::optional<std::size_t> type) {
  run_.trace.add(run_.queue.now(), "net",
                 type ? "loses messages of type " + std::to_string(*type) : "loses no type");
  lost_type_ = type;
}

void Links::calm() {
  calm_ = true;
  lost_rate_ = 0;
  lost_type_.reset();
  while (!partitions_.empty()) heal(partitions_.begin()->first);
  for (Link& link : links_) {
    if (link.upward) link.upward->calm();
    if (link.downward) link.downward->calm();
  }
}

void Links::hang_up(Link& link) {
  ++link.connection;
  if (!link.up) return;
  link.up = false;
  link.ends = never;
  for (const auto& [here, there] : {std::pair{link.low, link.high}, {link.high, link.low}}) {
    Process* process = alive_(here, there);
    if (process == nullptr) continue;
    if (process->mouth() != nullptr) process->mouth()->link_down(there);
    process->input([peer = there](node::Node& node) { node.link_down(peer); });
  }
}

void Links::dial_later(Link& link) {
  const std::uint64_t wait = 1 + rng_.exponential(run_.parameters.reconnect_us);
  run_.queue.after(wait, [this, &link] { dial(link); });
}

void Links::dial(Link& link) {
  Process* low = alive_(link.low, link.high);
  Process* high = alive_(link.high, link.low);
  if (low == nullptr || high == nullptr) return;
  if (link.up) {
    if (link.ends == never) return;
    hang_up(link);  // a new life of one end: the other learns now that the old one is over
  }
  Met met = shake_hands(setting_.engine, machines_[link.low.value], low->node().chain(),
                        machines_[link.high.value], high->node().chain());
  if (!met.keys) {
    const auto tell = [](Process& to, wire::ConfigurationLinks news) {
      if (!news.empty())
        to.input([told = std::move(news)](node::Node& node) { node.configurations(told); });
    };
    tell(*low, std::move(met.news_for_dialler));
    tell(*high, std::move(met.news_for_acceptor));
    return dial_later(link);
  }
  auto& [low_keys, high_keys] = *met.keys;
  link.up = true;
  link.upward.emplace(run_.parameters.link, rng_);
  link.downward.emplace(run_.parameters.link, rng_);
  if (calm_) {
    link.upward->calm();
    link.downward->calm();
  }
  run_.trace.add(run_.queue.now(), "net",
                 "connects " + replica_name(link.low) + "-" + replica_name(link.high));
  // Keys move only; a function must be able to be copied.
  const auto raise = [](Process& at, ReplicaId peer, wire::LinkKeys keys) {
    if (at.mouth() != nullptr) at.mouth()->link_up(peer, keys);
    auto held = std::make_shared<wire::LinkKeys>(std::move(keys));
    at.input([peer, held](node::Node& node) { node.link_up(peer, std::move(*held)); });
  };
  raise(*low, link.high, std::move(low_keys));
  raise(*high, link.low, std::move(high_keys));
  for (auto& [to, frame] : std::exchange(link.late, {})) {
    const ReplicaId from = to == link.low ? link.high : link.low;
    on_fault_(Fault::late_replay, to);
    run_.queue.after(rng_.between(1, 20'000),
                     [this, &link, late = Carried{link.connection, from, to, Time{0}, frame}] {
                       deliver(link, late);
                     });
  }
}

void Links::carry(ReplicaId from, ReplicaId to, Time departs, Bytes frame) {
  Link& link = this->link(from, to);
  if (!link.up) return;
  if (lost_type_ && holds(frame, *lost_type_)) return;
  if (lost_rate_ > 0 && rng_.chance(lost_rate_)) return;
  const auto shared = std::make_shared<const Bytes>(std::move(frame));
  const Carried carried{link.connection, from, to, departs, shared};
  if (Partition* between = parted(from, to)) {
    if (between->waits && between->held.size() < held_max) between->held.push_back(carried);
    return;
  }
  on_its_way(carried);
}

void Links::on_its_way(Carried carried) {
  Link& link = this->link(carried.from, carried.to);
  if (link.connection != carried.connection || !link.up) return;
  Path& path = carried.from == link.low ? *link.upward : *link.downward;
  if (path.replays_late(rng_)) link.late.emplace_back(carried.to, carried.frame);
  const Time leaves = std::max(carried.departed, run_.queue.now());
  const Path::Fate fate = path.arrivals(leaves, rng_);
  if (fate.lost) on_fault_(Fault::loss, carried.from);
  if (fate.duplicated) on_fault_(Fault::duplicate, carried.from);
  if (fate.stale) on_fault_(Fault::stale, carried.from);
  for (const Time when : fate.times) {
    run_.checks.missed.frame_took(when - leaves);
    run_.queue.at(when, [this, &link, carried] { deliver(link, carried); });
  }
}

void Links::deliver(const Link& link, const Carried& carried) {
  if (link.connection != carried.connection || carried.departed > link.ends) return;
  Process* process = alive_(carried.to, carried.from);
  if (process == nullptr) return;
  run_.trace.add(run_.queue.now(), replica_name(carried.to),
                 "frame from " + replica_name(carried.from), *carried.frame);
  if (run_.trace.has_reader())
    run_.trace.say(run_.queue.now(), replica_name(carried.to),
                   "hears " + describe_frame(*carried.frame));
  if (process->mouth() != nullptr) process->mouth()->heard(carried.from, *carried.frame);
  // What comes late is of a connection whose keys are gone.
  const auto& liars = run_.checks.byzantine;
  const bool late = carried.departed == Time{0};
  if (!late && !liars.contains(carried.from) && !liars.contains(carried.to))
    run_.checks.leaving.gets(carried.to, carried.from, *carried.frame);
  if (!late && !liars.empty() && !liars.contains(carried.to))
    run_.checks.lies.gets(carried.to, carried.from, liars.contains(carried.from), *carried.frame);
  process->input([&refusals = run_.checks.refusals, to = carried.to, from = carried.from, late,
                  frame = carried.frame](node::Node& node) {
    const std::uint64_t before = node.counters().frames_refused;
    while (node.frame(from, *frame)) continue;
    if (!late && node.counters().frames_refused > before) refusals.refused_frame(to, from);
  });
}

}  // namespace prytany::sim
