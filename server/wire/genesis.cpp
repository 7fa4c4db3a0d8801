#include "server/wire/genesis.h"

#include <algorithm>
#include <set>

#include "server/wire/json_object.h"
#include "server/wire/signing.h"

namespace prytany::wire {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* genesis_format = "prytany genesis 1";
constexpr const char* static_genesis_format = "prytany genesis 2";
constexpr const char* clients_format = "prytany clients 1";
constexpr const char* member_format = "prytany member 1";
constexpr std::size_t genesis_bytes_max = 1 << 20;
constexpr std::string_view approval_domain = "prytany genesis approval";

// ---- Addresses ----------------------------------------------------------------------------------

bool is_host(std::string_view host) {
  if (host.empty() || host.size() > 253) return false;
  const bool bracketed = host.front() == '[' && host.back() == ']' && host.size() > 2;
  if (bracketed) host = host.substr(1, host.size() - 2);
  return std::ranges::all_of(host, [&](char c) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return plain || c == '.' || (bracketed ? c == ':' : c == '-' || c == '_');
  });
}

std::optional<std::uint16_t> port_from(std::string_view digits) {
  if (digits.empty() || digits.size() > 5 || digits.front() == '0') return std::nullopt;
  std::uint32_t port = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    port = port * 10 + static_cast<std::uint32_t>(c - '0');
  }
  if (port > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(port);
}

// ---- Members ------------------------------------------------------------------------------------

Json member_json(const Member& member) {
  return {{"name", member.name.text},
          {"key", member.key.hex()},
          {"peer", member.peer_host.text + ":" + std::to_string(member.peer_port)},
          {"client", member.client_url.text}};
}

void read_key(JsonObject& object, const char* field, crypto::PublicKey& key) {
  const Bytes bytes = object.hex(field, crypto::PublicKey::size);
  if (object.failed()) return;
  const auto good = crypto::public_key_from(bytes);
  if (!good) return object.fail(field, "is no usable Ed25519 public key (or one of small order)");
  key = *good;
}

void read_member(JsonObject& object, Member& member) {
  member.name.text = object.text("name", limits::name_bytes_max);
  read_key(object, "key", member.key);
  const std::string peer = object.text("peer", limits::name_bytes_max);
  const std::string client = object.text("client", limits::name_bytes_max);
  object.finish();
  if (object.failed()) return;
  const auto address = address_from(peer);
  if (!address) return object.fail("peer", "is not HOST:PORT");
  member.peer_host.text = address->host;
  member.peer_port = address->port;
  if (!client_address_from(client)) {
    return object.fail("client", "is not ws://HOST:PORT or wss://HOST:PORT, without a path");
  }
  member.client_url.text = client;
}

// ---- The whole ----------------------------------------------------------------------------------

template <class T>
std::optional<std::size_t> first_repeated(const std::vector<T>& items) {
  std::set<T> seen;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!seen.insert(items[i]).second) return i;
  }
  return std::nullopt;
}

template <class Field>
void refuse_repeated(JsonObject& object, const Genesis& genesis, const char* what, Field field) {
  std::vector<decltype(field(genesis.members.items.front()))> values;
  for (const Member& member : genesis.members) values.push_back(field(member));
  if (const auto at = first_repeated(values)) {
    object.fail("members", "has the same " + std::string(what) + " twice: member " +
                               std::to_string(*at) + " repeats an earlier one");
  }
}

/// Whether it is the second word; it must be one of the two.
bool read_choice(JsonObject& object, const char* field, const char* first, const char* second) {
  const std::string word = object.text(field, limits::name_bytes_max);
  if (!object.failed() && word != first && word != second)
    object.fail(field, "is neither \"" + std::string(first) + "\" nor \"" + second + "\"");
  return word == second;
}

void read_numbers(JsonObject& object, Genesis& genesis) {
  genesis.faults = static_cast<std::uint32_t>(object.number("faults", 0, limits::replicas_max));
  genesis.approvals =
      static_cast<std::uint32_t>(object.number("approvals", 0, limits::replicas_max));
  genesis.checkpoint_interval = object.number("checkpoint_interval", 1, limits::window_max / 2);
  genesis.window = object.number("window", 2, limits::window_max);
  genesis.sessions_max = object.number("sessions_max", 1, 1'000'000'000);
  genesis.session_idle_us =
      static_cast<std::int64_t>(object.number("session_idle_us", 1, json_exact_max));
  genesis.steps_per_request_max = object.number("steps_per_request_max", 1000, json_exact_max);
  genesis.application_pages_max = object.number("application_pages_max", 16, 2'000'000'000);
}

void read_clients(JsonObject& object, std::vector<StaticClient>& clients) {
  object.each("clients", limits::static_clients_max, [&](JsonObject& item) {
    StaticClient& client = clients.emplace_back();
    client.principal.text = item.text("principal", limits::name_bytes_max);
    client.role.text = item.text("role", limits::name_bytes_max);
    read_key(item, "key", client.key);
    item.finish();
  });
  if (!object.failed() && clients.empty()) object.fail("clients", "is empty");
}

void check_clients(JsonObject& object, const Genesis& genesis) {
  std::set<std::string> principals;
  std::set<crypto::PublicKey> keys;
  for (const StaticClient& client : genesis.clients.list) {
    if (!principals.insert(client.principal.text).second)
      return object.fail("clients", "names the principal " + client.principal.text + " twice");
    if (!keys.insert(client.key).second)
      return object.fail("clients", "names the key of " + client.principal.text + " twice");
  }
  if (!genesis.administrators.empty())
    return object.fail("administrators",
                       "must be empty beside clients, as nobody joins: list them as clients with "
                       "the role admin");
  if (genesis.clients.list.size() > genesis.sessions_max)
    return object.fail("sessions_max", "is less than the number of clients");
}

void check_whole(JsonObject& object, const Genesis& genesis) {
  if (genesis.is_static()) check_clients(object, genesis);
  if (object.failed()) return;
  if (genesis.members.empty()) return object.fail("members", "is empty");
  refuse_repeated(object, genesis, "key", [](const Member& m) { return m.key; });
  refuse_repeated(object, genesis, "peer address", [](const Member& m) {
    return m.peer_host.text + ":" + std::to_string(m.peer_port);
  });
  refuse_repeated(object, genesis, "client URL", [](const Member& m) { return m.client_url.text; });
  if (first_repeated(genesis.administrators.items)) {
    return object.fail("administrators", "names a key twice");
  }
  // A quorum is floor((n+f)/2)+1, which n members can form exactly when f < n.
  if (genesis.faults >= genesis.members.size()) {
    return object.fail("faults", "leaves no quorum: it must be less than the number of members");
  }
  // pbft::Config says why (docs/protocol.md, requests without signatures).
  if (genesis.mac_requests && genesis.members.size() < 3 * std::size_t{genesis.faults} + 1) {
    return object.fail("requests", "must be \"signed\" with fewer than 3f+1 members");
  }
  if (genesis.window < 2 * genesis.checkpoint_interval) {
    return object.fail("window", "must be at least twice checkpoint_interval");
  }
  if (!genesis.development &&
      (genesis.approvals <= genesis.faults || genesis.approvals > genesis.members.size())) {
    return object.fail("approvals",
                       "must be more than faults and at most the number of members: the faulty "
                       "alone must not be able to approve");
  }
}

void read_genesis(JsonObject& object, GenesisFile& file, bool lists_clients) {
  Genesis& genesis = file.genesis;
  genesis.name.text = object.text("name", limits::name_bytes_max);
  const Bytes nonce = object.hex("nonce", genesis.nonce.size());
  if (nonce.size() == genesis.nonce.size()) std::ranges::copy(nonce, genesis.nonce.begin());
  genesis.development = object.flag("development");
  object.each("members", limits::replicas_max, [&](JsonObject& member) {
    read_member(member, genesis.members.items.emplace_back());
  });
  object.each_value("administrators", limits::replicas_max, [&](JsonObject& holder) {
    read_key(holder, "key", genesis.administrators.items.emplace_back());
  });
  read_numbers(object, genesis);
  genesis.engine.text = object.text("engine", limits::name_bytes_max);
  genesis.mac_requests = read_choice(object, "requests", "signed", "mac");
  genesis.signed_votes = read_choice(object, "votes", "mac", "signed");
  genesis.bodies_apart = read_choice(object, "dissemination", "primary", "all");
  if (lists_clients) {
    std::vector<StaticClient> clients;
    read_clients(object, clients);
    genesis.list_clients(std::move(clients));
  }
  object.each("signatures", limits::replicas_max, [&](JsonObject& item) {
    SignerAndSignature& signature = file.signatures.items.emplace_back();
    signature.signer =
        ReplicaId{static_cast<std::uint16_t>(item.number("member", 0, limits::replicas_max - 1))};
    const Bytes bytes = item.hex("signature", crypto::Signature::size);
    item.finish();
    if (!item.failed()) std::ranges::copy(bytes, signature.signature.bytes.begin());
  });
  object.finish();
  if (!object.failed()) check_whole(object, genesis);
}

}  // namespace

std::optional<HostPort> address_from(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || !is_host(text.substr(0, colon))) return std::nullopt;
  const auto port = port_from(text.substr(colon + 1));
  if (!port) return std::nullopt;
  return HostPort{std::string(text.substr(0, colon)), *port};
}

std::optional<HostPort> client_address_from(std::string_view url) {
  for (const std::string_view scheme : {"ws://", "wss://"}) {
    if (url.starts_with(scheme)) return address_from(url.substr(scheme.size()));
  }
  return std::nullopt;
}

Digest genesis_digest(const Genesis& genesis) {
  return crypto::sha256("prytany genesis", encode(genesis));
}

std::string fingerprint(const Digest& cluster) {
  const std::string hex = to_hex(cluster.view().first(20));
  std::string groups;
  for (std::size_t i = 0; i < hex.size(); i += 4) {
    if (i > 0) groups += ' ';
    groups += hex.substr(i, 4);
  }
  return groups;
}

Bytes genesis_signed_bytes(const Digest& cluster) {
  Writer w;
  put_domain(w, approval_domain);
  w.raw(cluster.view());
  return std::move(w).take();
}

std::string to_json(const GenesisFile& file) {
  const Genesis& g = file.genesis;
  Json json = {{"format", g.is_static() ? static_genesis_format : genesis_format},
               {"name", g.name.text},
               {"nonce", to_hex(g.nonce)},
               {"development", g.development},
               {"faults", g.faults},
               {"members", Json::array()},
               {"administrators", Json::array()},
               {"approvals", g.approvals},
               {"checkpoint_interval", g.checkpoint_interval},
               {"window", g.window},
               {"sessions_max", g.sessions_max},
               {"session_idle_us", g.session_idle_us},
               {"steps_per_request_max", g.steps_per_request_max},
               {"application_pages_max", g.application_pages_max},
               {"engine", g.engine.text},
               {"requests", g.mac_requests ? "mac" : "signed"},
               {"votes", g.signed_votes ? "signed" : "mac"},
               {"dissemination", g.bodies_apart ? "all" : "primary"}};
  for (const StaticClient& client : g.clients.list) {
    json["clients"].push_back({{"principal", client.principal.text},
                               {"role", client.role.text},
                               {"key", client.key.hex()}});
  }
  json["signatures"] = Json::array();
  for (const Member& member : g.members) json["members"].push_back(member_json(member));
  for (const crypto::PublicKey& key : g.administrators) json["administrators"].push_back(key.hex());
  for (const SignerAndSignature& s : file.signatures) {
    json["signatures"].push_back(
        {{"member", s.signer.value}, {"signature", to_hex(s.signature.bytes)}});
  }
  return json.dump(2) + "\n";
}

Result<GenesisFile> genesis_from_json(std::string_view text) {
  GenesisFile file;
  const auto error =
      read_json_object(text, genesis_bytes_max, {genesis_format, static_genesis_format},
                       [&](JsonObject& object, std::string_view format) {
                         read_genesis(object, file, format == static_genesis_format);
                       });
  if (error) return Error{"genesis: " + error->message};
  return file;
}

Result<void> verify_genesis(const GenesisFile& file) {
  const Genesis& genesis = file.genesis;
  const Bytes signed_bytes = genesis_signed_bytes(genesis_digest(genesis));
  std::optional<ReplicaId> last;
  for (const SignerAndSignature& s : file.signatures) {
    const std::string who = "member " + std::to_string(s.signer.value);
    if (last && s.signer <= *last) return Error{"genesis: signatures are not in order of members"};
    last = s.signer;
    if (s.signer.value >= genesis.members.size()) {
      return Error{"genesis: a signature is by " + who + ", which does not exist"};
    }
    const Member& member = genesis.members.items[s.signer.value];
    if (!crypto::verify(member.key, signed_bytes, s.signature)) {
      return Error{"genesis: the signature of " + who + " (" + member.name.text +
                   ") is not for this content: was the file changed after it was signed?"};
    }
  }
  if (genesis.development || file.signatures.size() == genesis.members.size()) return {};
  std::string missing;
  for (std::size_t i = 0; i < genesis.members.size(); ++i) {
    const bool has = std::ranges::any_of(
        file.signatures, [&](const SignerAndSignature& s) { return s.signer.value == i; });
    if (!has) missing += (missing.empty() ? "" : ", ") + genesis.members.items[i].name.text;
  }
  return Error{"genesis: not signed by " + missing + " (each runs `prytany genesis sign`)"};
}

Result<std::vector<StaticClient>> static_clients_from_json(std::string_view text) {
  std::vector<StaticClient> clients;
  const auto error =
      read_json_object(text, genesis_bytes_max, clients_format, [&](JsonObject& object) {
        read_clients(object, clients);
        object.finish();
      });
  if (error) return Error{"clients: " + error->message};
  return clients;
}

std::string to_json(const Member& member) {
  Json json = {{"format", member_format}};
  json.update(member_json(member));
  return json.dump(2) + "\n";
}

Result<Member> member_from_json(std::string_view text) {
  Member member;
  const auto error = read_json_object(text, genesis_bytes_max, member_format,
                                      [&](JsonObject& object) { read_member(object, member); });
  if (error) return Error{"member: " + error->message};
  return member;
}

}  // namespace prytany::wire
