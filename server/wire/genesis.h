// genesis.json: what every replica and every client is told once, by people: members, addresses,
// keys, parameters, thresholds. Its digest names the cluster and is bound into everything signed or
// tagged. The format is in docs/reference/genesis.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/result.h"
#include "server/wire/codec.h"
#include "server/wire/ids.h"
#include "server/wire/limits.h"
#include "server/wire/messages.h"
#include "server/wire/values.h"

namespace prytany::wire {

/// One organisation's replica: the content of the member.json that `prytany keygen` writes.
struct Member {
  Name name;              // the organisation, for people
  crypto::PublicKey key;  // identity
  Name peer_host;         // where other replicas connect
  std::uint16_t peer_port = 0;
  Name client_url;  // "ws://host:port" or "wss://host:port": where clients connect
  static constexpr auto fields(auto& m) {
    return std::tie(m.name, m.key, m.peer_host, m.peer_port, m.client_url);
  }
  bool operator==(const Member&) const = default;
};

/// A client that never joins: its session is there from the beginning (Practicality section 4.2).
struct StaticClient {
  Name principal;
  Name role;
  crypto::PublicKey key;  // signs its requests; its session's number is its place, from 1
  static constexpr auto fields(auto& m) { return std::tie(m.principal, m.role, m.key); }
  bool operator==(const StaticClient&) const = default;
};
/// At the end of a genesis of version 2, and not there at all in one of version 1.
struct StaticClients {
  List<StaticClient, limits::static_clients_max> list;
  bool operator==(const StaticClients&) const = default;
};
namespace detail {
template <>
struct Coder<StaticClients> {
  static void put(Writer& w, const StaticClients& clients) {
    if (!clients.list.empty()) wire::put(w, clients.list);
  }
  static void get(Reader& r, StaticClients& clients) {
    if (r.empty()) return;
    wire::get(r, clients.list);
    if (clients.list.empty()) r.fail("an empty list of clients");
  }
};
}  // namespace detail

struct Genesis {
  std::uint8_t version = 1;  // 2: it lists clients, and nobody joins
  Name name;
  std::array<std::uint8_t, 16> nonce{};  // so that two clusters of the same members differ
  bool development = false;              // one machine, one administrator: a single key may install
  std::uint32_t faults = 0;              // f; n is members.size()
  List<Member, limits::replicas_max> members;  // by ReplicaId
  List<crypto::PublicKey, limits::replicas_max> administrators;
  std::uint32_t approvals =
      0;  // members whose approval changes the rules; unused while development
  std::uint64_t checkpoint_interval = limits::checkpoint_interval_default;
  std::uint64_t window = limits::window_default;
  std::uint64_t sessions_max = limits::sessions_max_default;
  std::int64_t session_idle_us = 3'600'000'000;
  std::uint64_t steps_per_request_max = 50'000'000;
  std::uint64_t application_pages_max = 16'000'000;  // of 4 KiB
  Name engine;  // SQLite's source id, as built (sqlite3_sourceid): replicas of another engine
                // refuse to start
  // Docs/reference/genesis.md says what these choices mean.
  bool mac_requests = false;  // "requests": "mac" or "signed"
  bool signed_votes = false;  // "votes": "mac" or "signed"
  bool bodies_apart = false;  // "dissemination": "primary" or "all"
  StaticClients clients;
  /// Who the clients are is said here, once for all.
  [[nodiscard]] bool is_static() const { return !clients.list.empty(); }
  void list_clients(std::vector<StaticClient> all) {
    clients.list.items = std::move(all);
    version = is_static() ? 2 : 1;
  }
  static constexpr auto fields(auto& m) {
    return std::tie(m.version, m.name, m.nonce, m.development, m.faults, m.members,
                    m.administrators, m.approvals, m.checkpoint_interval, m.window, m.sessions_max,
                    m.session_idle_us, m.steps_per_request_max, m.application_pages_max, m.engine,
                    m.mac_requests, m.signed_votes, m.bodies_apart, m.clients);
  }
  bool operator==(const Genesis&) const = default;
};

struct HostPort {
  std::string host;  // a name, an IPv4 address, or an IPv6 address in brackets
  std::uint16_t port = 0;
  bool operator==(const HostPort&) const = default;
};
/// "HOST:PORT", nothing if it is not one.
std::optional<HostPort> address_from(std::string_view text);
/// Of "ws://HOST:PORT" or "wss://HOST:PORT", without a path.
std::optional<HostPort> client_address_from(std::string_view url);

/// sha256("prytany genesis", encode(genesis)): the cluster.
Digest genesis_digest(const Genesis& genesis);
/// The digest's first 20 bytes in groups people can read to each other: "7f3a 91c0 ...".
std::string fingerprint(const Digest& cluster);

/// genesis.json as a file: the above plus the members' signatures over the digest (all of them,
/// except in development).
struct GenesisFile {
  Genesis genesis;
  List<SignerAndSignature, limits::replicas_max> signatures;
  bool operator==(const GenesisFile&) const = default;
};
/// What a member signs: "prytany genesis approval" ‖ digest.
Bytes genesis_signed_bytes(const Digest& cluster);

std::string to_json(const GenesisFile& file);
/// Refuses, saying which field and what to do: not JSON, missing or wrong fields, duplicate keys or
/// addresses, faults that leave no quorum, a key of small order, L < 2K.
Result<GenesisFile> genesis_from_json(std::string_view text);
/// Refuses a file whose signatures are missing or wrong (development files need none).
Result<void> verify_genesis(const GenesisFile& file);

/// A file of clients alone, for those who make a genesis: {"format": "prytany clients 1",
/// "clients": [{"principal", "role", "key"}, ...]}.
Result<std::vector<StaticClient>> static_clients_from_json(std::string_view text);

std::string to_json(const Member& member);
Result<Member> member_from_json(std::string_view text);

}  // namespace prytany::wire
