// A cluster of four with keys that everybody knows, and one sample or more of everything that
// travels. Unit tests and golden vectors share them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "server/wire/client_json.h"
#include "server/wire/frame.h"
#include "server/wire/handshake.h"
#include "server/wire/signing.h"

namespace prytany::vectors {

template <class T>
using Named = std::vector<std::pair<std::string, T>>;

/// 32 bytes: first, first + 1, ...
std::array<std::uint8_t, 32> counting(std::uint8_t first);
crypto::Signer replica_signer(std::uint16_t replica);
crypto::Signer session_signer();
inline constexpr std::string_view code = "0123-4567-89AB-CDEF-GHJK-MNPQ-RS";
crypto::Signer credential_signer();
Digest cluster();
/// Four members, configuration 0, quorum 3.
wire::Membership membership();

/// The keys of a link as its two ends hold them, without a handshake.
wire::LinkKeys keys_of_zero();
wire::LinkKeys keys_of_one();

Named<wire::Value> values();
Named<wire::Operation> operations();
wire::JoinBegin join_begin();
/// The same of somebody with an ID token, and what it says of them.
wire::JoinBegin identified_begin();
wire::Identity identity();
wire::ClientRequest request_of(const wire::Operation& operation, SessionId session,
                               RequestNumber number);
Named<wire::ClientRequest> requests();
/// Five of them under one signature.
std::vector<wire::ClientRequest> signed_together();
Named<wire::Outcome> outcomes();

/// Every alternative; all signatures are right, the sender is replica 1.
inline constexpr ReplicaId peer_sender{1};
Named<wire::PeerMessage> peer_messages();
/// Member 1 has another key above 384.
wire::ConfigurationLink configuration_link();
wire::Subscribe subscribe();
Named<wire::FromClient> from_client();
Named<wire::ToClient> to_client();

wire::CheckpointProof checkpoint_proof(const wire::Checkpoint& checkpoint,
                                       const std::vector<std::uint16_t>& signers);

// A client's hello and replica 2's answer, from fixed ephemeral keys.
crypto::DhSecret client_dh();
crypto::DhSecret server_dh();
wire::ClientHello client_hello();
wire::ServerHello server_hello();

// A link between replicas 0 (who calls) and 1.
inline constexpr std::string_view engine = "3.44.2 2023-11-24 sample";
wire::Handshake::Entropy link_entropy(std::uint16_t replica);

}  // namespace prytany::vectors
