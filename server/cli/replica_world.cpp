#include "server/cli/replica_world.h"

#include <nlohmann/json.hpp>

#include "server/cli/query.h"
#include "server/crypto/counts.h"
#include "server/wire/configuration_json.h"

namespace prytany::cli {
namespace {

net::Upstream::Page json_page(const std::string& text) {
  return {"application/json", to_bytes(as_bytes(text))};
}

/// `running` only while a state is being fetched; the rest since the start.
nlohmann::ordered_json transfer_json(const node::Node& node) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  if (const auto running = node.transfer()) {
    std::vector<unsigned> avoided;
    for (const ReplicaId liar : running->avoided) avoided.push_back(liar.value);
    const double share = running->pages == 0 ? 0.0
                                             : static_cast<double>(running->settled) /
                                                   static_cast<double>(running->pages);
    json["running"] = {{"target", running->target.value},
                       {"progress", share},
                       {"pages", running->pages},
                       {"pages_settled", running->settled},
                       {"pages_differing", running->differing},
                       {"avoided", avoided}};
  }
  const node::TransferCounters& total = node.transfer_counters();
  json["bytes_fetched"] = total.bytes;
  json["pages_fetched"] = total.pages;
  json["pages_at_hand"] = total.pages_at_hand;
  json["parts"] = total.parts;
  json["lies"] = total.lies;
  json["stalls"] = total.stalls;
  json["unrequested"] = total.unrequested;
  json["bytes_served"] = node.state_bytes_served();
  return json;
}

}  // namespace

std::optional<net::Upstream::Page> NodeUpstream::page(std::string_view path) {
  if (path == "/status") return json_page(status_json());
  if (path == "/genesis.json") return json_page(genesis_json_);
  if (path == "/configurations.json") return json_page(wire::to_json(node_.chain()));
  if (auto page = node_.page(path)) {
    return Page{std::move(page->media_type), std::move(page->content)};
  }
  if (path != "/") return std::nullopt;
  const std::string greeting =
      "This is replica " + std::to_string(node_.status().replica.value) +
      ". No application with pages is installed: prytany install APPDIR\n/status /genesis.json\n";
  return Page{"text/plain; charset=utf-8", to_bytes(as_bytes(greeting))};
}

std::optional<std::string> NodeUpstream::read(net::ConnectionId asked, std::string host,
                                              std::string_view procedure,
                                              const std::vector<std::string>& arguments) {
  auto call = call_of(procedure, arguments);
  if (!call) return call.error().message;
  node_.read(asked, std::move(host), std::move(*call));
  return std::nullopt;
}

/// One replica's word about itself, for people and monitoring: nothing that a client may believe.
std::string NodeUpstream::status_json() const {
  const wire::StatusReply status = node_.status();
  const pbft::ReplicaStatus replica = node_.replica_status();
  const node::NodeCounters& node = node_.counters();
  const crypto::Counts& made = crypto::counted();
  nlohmann::ordered_json json = {
      {"id", status.replica.value},
      {"cluster", cluster_.hex()},
      {"view", status.view.value},
      {"primary", status.primary.value},
      {"last_executed", status.last_executed.value},
      {"stable_checkpoint", status.stable_checkpoint.value},
      {"state_digest", status.state_digest.hex()},
      {"connected_peers", status.connected_peers},
      {"configuration", replica.configuration.value},
      {"voting", replica.voting},
      {"waiting_requests", replica.waiting},
      {"messages_refused", replica.refused},
      {"frames_refused", node.frames_refused},
      {"requests_executed", node.requests_executed},
      {"batches_executed", node.batches_executed},
      {"checkpoints", node.checkpoints},
      {"state_transfers", node.state_transfers},
      {"divergences", node.divergences},
      {"journal_syncs", node.syncs},
      // The replica runs in this thread alone.
      {"tags_made", made.tags_made},
      {"tags_checked", made.tags_checked},
      {"signatures_made", made.signatures_made},
      {"signatures_checked", made.signatures_checked},
  };
  json["state_transfer"] = transfer_json(node_);
  if (const net::Links* links = transport_.links()) {
    json["links"] = {{"up", links->connected()},
                     {"handshakes_refused", links->counters().handshakes_refused},
                     {"frames_dropped", links->counters().frames_dropped},
                     {"broken", links->counters().links_broken}};
  }
  if (const net::Gateway* gateway = transport_.gateway()) {
    const net::GatewayCounters& clients = gateway->counters();
    json["clients"] = {{"connections", clients.connections},
                       {"sockets", clients.sockets},
                       {"refused", clients.refused},
                       {"oversized", clients.oversized},
                       {"not_reading", clients.not_reading}};
  }
  return json.dump() + "\n";
}

}  // namespace prytany::cli
