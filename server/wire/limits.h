// Every bound in the system, on one page. Each is part of the protocol: replicas must agree on
// them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace prytany::limits {

// Group
inline constexpr std::size_t replicas_max = 128;
inline constexpr std::size_t static_clients_max = 4096;
// Of one cluster, ever: each costs its members signatures, and the group a window of numbers.
inline constexpr std::size_t configurations_max = 4096;

// Requests (canonical bytes)
inline constexpr std::size_t request_bytes_max = 1 << 20;
inline constexpr std::size_t statements_per_request_max = 64;
inline constexpr std::size_t conditions_max = 64;  // of one step
inline constexpr std::size_t arguments_max = 256;
inline constexpr std::size_t sql_bytes_max = 256 << 10;
inline constexpr std::size_t value_bytes_max = 1 << 20;
inline constexpr std::size_t name_bytes_max = 256;
inline constexpr std::size_t identification_bytes_max = 4096;
// What proves who somebody is beyond a key (docs/reference/identification.md).
inline constexpr std::size_t certificates_max = 4;  // of a chain
inline constexpr std::size_t certificate_bytes_max = 4096;
inline constexpr std::size_t foreign_signature_bytes_max = 512;  // of RSA with 4096 bits
inline constexpr std::size_t id_token_bytes_max = 8192;
inline constexpr std::size_t identity_name_bytes_max = 1024;
inline constexpr std::size_t identity_claims_bytes_max = 4096;

// Results
inline constexpr std::size_t result_bytes_max = 1 << 20;
inline constexpr std::size_t columns_max = 200;
inline constexpr std::size_t rows_max = 100'000;
inline constexpr std::size_t error_bytes_max = 1024;

// Batches
inline constexpr std::size_t batch_requests_max = 512;
inline constexpr std::size_t batch_bytes_max = 4 << 20;
inline constexpr std::size_t nondeterminism_bytes_max = 4096;
inline constexpr std::size_t verified_requests_max = 4096;  // in one VERIFIED

// Window (design.md section 4): L >= 2K
inline constexpr std::uint64_t checkpoint_interval_default = 128;
inline constexpr std::uint64_t window_default = 256;
inline constexpr std::uint64_t window_max = 4096;

// Frames between replicas
inline constexpr std::size_t frame_bytes_max = 8 << 20;
// Of several messages in one frame together: they are checked before anybody else has a turn, some
// 50 microseconds each. (One message alone may hold more, as far as its own limits let it.)
inline constexpr std::size_t frame_signatures_max = 1024;
/// Of any kind: some milliseconds of work, before anybody else is listened to.
inline constexpr std::size_t frame_messages_max = 1024;

// Of one RELAY, or of one RELAY-BACK: a hello costs as much as two signatures
inline constexpr std::size_t relayed_max = 512;
// A larger operation goes to each replica by its own road: links are for what is ordered.
inline constexpr std::size_t bundled_request_bytes_max = 64 << 10;

// State transfer: what one answer holds
inline constexpr std::size_t pages_per_part_max = 64;
inline constexpr std::size_t state_part_bytes_max = pages_per_part_max * 4096;
inline constexpr std::size_t nodes_per_part_max = 128;
inline constexpr std::size_t node_children_max = 16;

// Sessions
inline constexpr std::size_t signed_together_depth_max = 4;  // 16 requests under one signature
inline constexpr std::uint64_t session_window = 64;  // outstanding request numbers per session
inline constexpr std::size_t sessions_max_default = 100'000;
inline constexpr std::size_t join_tokens_max = replicas_max;

// Subscriptions (docs/reference/subscriptions.md): topics of an application, and of one
// subscription; a change's value; what is kept of changes; what one message holds of them.
inline constexpr std::size_t topics_max = 64;
inline constexpr std::size_t change_value_bytes_max = 4096;
inline constexpr std::size_t changes_per_request_max = 1024;
inline constexpr std::size_t changes_kept_default = 4096;
inline constexpr std::size_t changes_kept_max = 65'536;
inline constexpr std::size_t changes_kept_bytes_max = 8 << 20;
inline constexpr std::size_t changes_per_message_max = 1024;
inline constexpr std::size_t changes_message_bytes_max = 256 << 10;

// An installed application (canonical bytes of the whole bundle fit one request)
inline constexpr std::size_t application_files_max = 512;
inline constexpr std::size_t application_bytes_max = 960 << 10;

// Client gateway
inline constexpr std::size_t json_bytes_max = 2 << 20;
// A whole result in JSON: at most seven times its canonical bytes (a one-byte text that is not
// UTF-8).
inline constexpr std::size_t json_reply_bytes_max = 8 << 20;
inline constexpr std::size_t json_depth_max = 16;
inline constexpr std::size_t client_connections_max = 20'000;
/// Of which so many sessions may speak with tags.
inline constexpr std::size_t connection_sessions_max = 64;
inline constexpr std::size_t client_send_queue_bytes_max = 8 << 20;

}  // namespace prytany::limits
