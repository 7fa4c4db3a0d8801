#include "server/wire/configuration_json.h"

#include <algorithm>

#include "server/wire/json_object.h"

namespace prytany::wire {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* chain_format = "prytany configurations 1";
constexpr const char* request_format = "prytany reincarnation 1";
constexpr std::size_t chain_bytes_max = 64 << 20;
constexpr std::size_t request_bytes_max = 1 << 20;

template <class Fixed>
void read_hex(JsonObject& object, const char* field, Fixed& out) {
  const Bytes bytes = object.hex(field, out.bytes.size());
  if (bytes.size() == out.bytes.size()) std::ranges::copy(bytes, out.bytes.begin());
}

Digest read_digest(JsonObject& object, const char* field) {
  Digest digest;
  read_hex(object, field, digest);
  return digest;
}

ReplicaId read_member(JsonObject& object, const char* field) {
  return ReplicaId{static_cast<std::uint16_t>(object.number(field, 0, limits::replicas_max - 1))};
}

Json link_json(const ConfigurationLink& link) {
  Json keys = Json::array();
  for (const crypto::PublicKey& key : link.configuration.keys) keys.push_back(key.hex());
  Json signatures = Json::array();
  for (const SignerAndSignature& s : link.proof.signatures)
    signatures.push_back({{"member", s.signer.value}, {"signature", to_hex(s.signature.bytes)}});
  return {{"number", link.configuration.number.value},
          {"since", link.configuration.since.value},
          {"keys", std::move(keys)},
          {"state", link.proof.checkpoint.state.hex()},
          {"signatures", std::move(signatures)}};
}

/// What the proof says besides follows from the configuration, but for its digest, which the
/// cluster is part of: extend_from_json() fills it in.
void read_link(JsonObject& object, ConfigurationLink& link) {
  link.configuration.number = ConfigNumber{object.number("number", 1, json_exact_max)};
  link.configuration.since = Seq{object.number("since", 1, json_exact_max)};
  object.each_value("keys", limits::replicas_max, [&](JsonObject& holder) {
    read_hex(holder, "key", link.configuration.keys.items.emplace_back());
  });
  link.proof.checkpoint.seq = link.configuration.since;
  link.proof.checkpoint.state = read_digest(object, "state");
  object.each("signatures", limits::replicas_max, [&](JsonObject& item) {
    SignerAndSignature& signature = link.proof.signatures.items.emplace_back();
    signature.signer = read_member(item, "member");
    read_hex(item, "signature", signature.signature);
    item.finish();
  });
  object.finish();
}

}  // namespace

std::string to_json(const Chain& chain) {
  Json json = {{"format", chain_format},
               {"cluster", chain.genesis().cluster.hex()},
               {"configurations", Json::array()}};
  for (const ConfigurationLink& link : chain.links())
    json["configurations"].push_back(link_json(link));
  return json.dump(1) + "\n";
}

Result<ConfigurationLinks> links_from_json(std::string_view text) {
  ConfigurationLinks links;
  Digest cluster;
  const auto error = read_json_object(text, chain_bytes_max, chain_format, [&](JsonObject& object) {
    cluster = read_digest(object, "cluster");
    object.each("configurations", limits::configurations_max,
                [&](JsonObject& item) { read_link(item, links.items.emplace_back()); });
    object.finish();
  });
  if (error) return Error{"configurations: " + error->message};
  for (ConfigurationLink& link : links.items)
    link.proof.checkpoint.configuration = configuration_digest(cluster, link.configuration);
  return links;
}

Result<void> extend_from_json(Chain& chain, std::string_view text) {
  const auto links = links_from_json(text);
  if (!links) return links.error();
  for (const ConfigurationLink& link : *links)
    if (const char* const reason = chain.extend(link))
      return Error{"configurations: number " + std::to_string(link.configuration.number.value) +
                   " is refused: " + reason};
  return {};
}

std::string to_json(const Reconfigure& change, const Digest& cluster) {
  Json json = {{"format", request_format},
               {"cluster", cluster.hex()},
               {"configuration", change.number.value},
               {"member", change.member.value},
               {"key", change.key.hex()},
               {"approvals", Json::array()}};
  for (const ReconfigureApproval& approval : change.approvals)
    json["approvals"].push_back(
        {{"member", approval.member.value}, {"signature", to_hex(approval.signature.bytes)}});
  return json.dump(2) + "\n";
}

Result<Reconfigure> reconfigure_from_json(std::string_view text, const Digest& cluster) {
  Reconfigure change;
  Digest meant;
  const auto error =
      read_json_object(text, request_bytes_max, request_format, [&](JsonObject& object) {
        meant = read_digest(object, "cluster");
        change.number = ConfigNumber{object.number("configuration", 0, json_exact_max)};
        change.member = read_member(object, "member");
        read_hex(object, "key", change.key);
        object.each("approvals", limits::replicas_max, [&](JsonObject& item) {
          ReconfigureApproval& approval = change.approvals.items.emplace_back();
          approval.member = read_member(item, "member");
          read_hex(item, "signature", approval.signature);
          item.finish();
        });
        object.finish();
      });
  if (error) return Error{"reincarnation: " + error->message};
  if (meant != cluster) return Error{"reincarnation: the request is for another cluster"};
  return change;
}

}  // namespace prytany::wire
