#include "tests/sim/scaling/metered_group.h"

#include <sqlite3.h>

#include <algorithm>
#include <utility>

#include "tests/sim/group_setting.h"
#include "tests/sim/links.h"

namespace prytany::sim {

namespace {

// What machines take. Processors take nothing: virtual time has none.
constexpr std::uint64_t metered_turn_us = 20;
constexpr std::uint64_t metered_sync_us = 200;
constexpr std::uint64_t metered_commit_us = 5'000;
constexpr std::uint64_t an_hour_us = 3'600'000'000;
constexpr std::uint64_t begin_within_us = 60'000'000;

node::ConnectionId connection_id(std::size_t client, ReplicaId replica) {
  return node::ConnectionId{client * limits::replicas_max + replica.value + 1};
}
std::size_t client_of(node::ConnectionId connection) {
  return (connection.value - 1) / limits::replicas_max;
}

}  // namespace

std::uint64_t ScalingRow::latency(double share) const {
  if (latency_us.empty()) return 0;
  const auto rank = static_cast<std::size_t>(share * static_cast<double>(latency_us.size()));
  return latency_us[std::min(rank, latency_us.size() - 1)];
}

MeteredGroup::MeteredGroup(const ScalingOptions& options, const Geography& geography)
    : options_(options),
      geography_(geography),
      chance_(1, 51),
      free_at_(options.replicas),
      traffic_(options.replicas) {
  parameters_.options.replicas = options.replicas;
  parameters_.options.faults = (options.replicas - 1) / 3;
  parameters_.turn_us = metered_turn_us;
  parameters_.sync_min_us = metered_sync_us;
  parameters_.image_commit_us = metered_commit_us;
  parameters_.checkpoint_interval = limits::checkpoint_interval_default;
  parameters_.window = limits::window_default;
  make_genesis();
  setting_ = setting_from(genesis_);
  setting_.pbft.retransmit_us = geography.retransmit_us;
  setting_.pbft.forward_us = geography.forward_us;
  setting_.pbft.request_timeout_us = geography.request_timeout_us;
  // No batches that nobody asked for, between the load and the last look at the meters.
  setting_.pbft.idle_checkpoint_us = an_hour_us;
  checks_ = std::make_unique<Checks>(setting_.pbft.cluster, setting_.pbft.group);
  make_clients();
}

MeteredGroup::~MeteredGroup() = default;

void MeteredGroup::make_genesis() {
  genesis_.name = {"measured"};
  genesis_.development = true;
  genesis_.faults = parameters_.options.faults;
  genesis_.application_pages_max = 10'000;
  genesis_.mac_requests = options_.mac_requests;
  genesis_.signed_votes = options_.signed_votes;
  genesis_.bodies_apart = options_.bodies_apart;
  genesis_.engine = {sqlite3_sourceid()};
  for (unsigned i = 0; i < options_.replicas; ++i) {
    const ReplicaId id{static_cast<std::uint16_t>(i)};
    Machine& machine =
        machines_.emplace_back(id, crypto::Signer(chance_.bytes<32>()), Rng(chance_.next()));
    wire::Member member;
    member.name = {"member-" + std::to_string(i)};
    member.key = machine.signer.public_key();
    member.peer_host = {"sim"};
    member.peer_port = static_cast<std::uint16_t>(1000 + i);
    member.client_url = {"ws://sim:" + std::to_string(2000 + i)};
    genesis_.members.items.push_back(std::move(member));
  }
  std::vector<wire::StaticClient> clients;
  for (unsigned i = 0; i < options_.clients; ++i) {
    keys_.emplace_back(chance_.bytes<32>());
    clients.push_back({{"client-" + std::to_string(i)}, {"client"}, keys_.back().public_key()});
  }
  genesis_.list_clients(std::move(clients));
}

void MeteredGroup::make_clients() {
  const auto cluster = std::make_shared<const client::ClusterView>(genesis_);
  for (std::size_t i = 0; i < options_.clients; ++i) {
    Asker::World world;
    world.open = [this, i](ReplicaId replica) { open(i, replica); };
    world.say = [this, i](ReplicaId replica, const auto& text) { say(i, replica, text); };
    world.answered = [this](std::uint64_t us) { latency_us_.push_back(us); };
    world.failed = [this](const std::string& what) { fail(what); };
    askers_.push_back(std::make_unique<Asker>(queue_, cluster, SessionId{i + 1}, keys_[i],
                                              options_.load, Rng(chance_.next()),
                                              std::move(world)));
  }
}

// ---- the network --------------------------------------------------------------------------------

Time MeteredGroup::sent(ReplicaId from, Time departs, std::size_t bytes) {
  Time& free = free_at_[from.value];
  free = std::max(free, departs) + bytes * 8 / geography_.mbit_per_s;
  return free;
}

void MeteredGroup::frame_departs(ReplicaId from, ReplicaId to, Time departs, Bytes frame) {
  traffic_.frame(from, to, frame);
  const Time arrives =
      sent(from, departs, frame.size()) + geography_.between_us(from.value, to.value);
  queue_.at(arrives, [this, from, to, carried = std::make_shared<const Bytes>(std::move(frame))] {
    processes_[to.value]->input([from, carried](node::Node& node) {
      while (node.frame(from, *carried)) continue;
    });
  });
}

void MeteredGroup::text_departs(ReplicaId from, node::ConnectionId to, Time departs,
                                std::string text) {
  traffic_.to_client(from, text.size());
  const std::size_t client = client_of(to);
  const Time arrives = sent(from, departs, text.size()) + geography_.between_us(from.value, client);
  queue_.at(arrives,
            [this, from, client, carried = std::make_shared<const std::string>(std::move(text))] {
              askers_[client]->text(from, *carried);
            });
}

void MeteredGroup::connection_ends(ReplicaId by, node::ConnectionId connection) {
  fail(replica_name(by) + " hangs up on client " + std::to_string(client_of(connection)));
}

void MeteredGroup::configuration_changed(ReplicaId of) {
  fail(replica_name(of) + " knows of another configuration");
}

void MeteredGroup::hangs_up(ReplicaId by) { fail(replica_name(by) + " hangs up"); }

void MeteredGroup::open(std::size_t client, ReplicaId replica) {
  queue_.after(2 * geography_.between_us(client, replica.value), [this, client, replica] {
    const std::string address =
        "10.0." + std::to_string(client / 256) + "." + std::to_string(client % 256);
    processes_[replica.value]->input(
        [address, connection = connection_id(client, replica)](node::Node& node) {
          node.client_connected(connection, address);
        });
    askers_[client]->connected(replica);
  });
}

void MeteredGroup::say(std::size_t client, ReplicaId replica,
                       const std::shared_ptr<const std::string>& text) {
  traffic_.from_client(replica, text->size());
  // It counts as asked, whoever looks at the replies.
  checks_->client_text_left(*text);
  queue_.after(geography_.between_us(client, replica.value), [this, client, replica, text] {
    processes_[replica.value]->input(
        [text, connection = connection_id(client, replica)](node::Node& node) {
          node.client_text(connection, *text);
        });
  });
}

void MeteredGroup::connect_replicas() {
  for (Machine& low : machines_) {
    for (Machine& high : machines_) {
      if (low.id >= high.id) continue;
      Process& one = *processes_[low.id.value];
      Process& other = *processes_[high.id.value];
      Met met = shake_hands(setting_.engine, low, one.node().chain(), high, other.node().chain());
      if (!met.keys) return fail("two replicas do not meet");
      const auto raise = [](Process& at, ReplicaId peer, wire::LinkKeys keys) {
        auto held = std::make_shared<wire::LinkKeys>(std::move(keys));
        at.input([peer, held](node::Node& node) { node.link_up(peer, std::move(*held)); });
      };
      raise(one, high.id, std::move(met.keys->first));
      raise(other, low.id, std::move(met.keys->second));
    }
  }
}

// ---- the run ------------------------------------------------------------------------------------

void MeteredGroup::fail(const std::string& why) {
  if (failure_.empty()) failure_ = why;
}

Error MeteredGroup::why() const {
  if (!checks_->violations.none()) return Error{checks_->violations.all().front()};
  return Error{failure_.empty() ? "it takes too long" : failure_};
}

void MeteredGroup::start() {
  const Run run{parameters_, queue_, trace_, *checks_};
  for (Machine& machine : machines_) {
    processes_.push_back(std::make_unique<Process>(run, machine, *this, nullptr));
    if (auto started = processes_.back()->start(setting_); !started)
      return fail(replica_name(machine.id) + " does not start: " + started.error().message);
  }
  connect_replicas();
}

bool MeteredGroup::step() {
  if (queue_.empty()) fail("nothing is left to happen");
  if (!failure_.empty() || !checks_->violations.none()) return false;
  queue_.run_one();
  for (const auto& process : processes_)
    if (process->stopped())
      fail(replica_name(process->id()) + " stopped: " + process->why_stopped().message);
  return failure_.empty();
}

bool MeteredGroup::run_until(const std::function<bool()>& done, std::uint64_t within_us) {
  const Time until = queue_.now() + within_us;
  while (!done())
    if (queue_.now() > until || !step()) return false;
  return true;
}

void MeteredGroup::settle() {
  bool over = false;
  const std::uint64_t long_enough_us = 100'000 + 10 * geography_.farthest_us();
  queue_.after(long_enough_us, [&over] { over = true; });
  while (!over && step()) {
  }
}

bool MeteredGroup::work(unsigned requests) {
  for (const auto& asker : askers_) asker->ask(requests);
  const auto answered = [this] {
    return std::ranges::all_of(askers_, [](const auto& asker) { return asker->idle(); });
  };
  if (!run_until(answered, an_hour_us)) return false;
  settle();
  if (checks_->views.entered() > 0) fail("there was a view change without a cause");
  return failure_.empty();
}

crypto::Counts MeteredGroup::of_clients() const {
  crypto::Counts all;
  for (const auto& asker : askers_) all += asker->cryptography();
  return all;
}

Result<ScalingRow> MeteredGroup::run() {
  start();
  for (const auto& asker : askers_) asker->start();
  const auto ready = [this] {
    return std::ranges::all_of(askers_, [](const auto& asker) { return asker->ready(); });
  };
  if (!run_until(ready, begin_within_us)) return why();
  settle();
  if (!work(options_.warmup)) return why();

  traffic_ = Traffic(options_.replicas);
  latency_us_.clear();
  const crypto::Counts counted = crypto::counted();
  const crypto::Counts clients = of_clients();
  const Seq begin = checks_->agreement.contiguous();
  if (!work(options_.requests)) return why();

  ScalingRow row;
  row.options = options_;
  row.network = geography_.name;
  row.faults = parameters_.options.faults;
  row.requests = latency_us_.size();
  row.batches = checks_->agreement.contiguous() - begin;
  row.traffic = traffic_;
  row.clients = of_clients() - clients;
  row.replicas = crypto::counted() - counted - row.clients;
  row.latency_us = latency_us_;
  std::ranges::sort(row.latency_us);
  return row;
}

}  // namespace prytany::sim
