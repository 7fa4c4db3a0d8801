// A frame: several messages to one peer under one tag.
//
//   u32 length of what follows | u8 version | u64 config | u16 count | count x (u32 length,
//   message) | tag 16
//
// The tag is HMAC-SHA-256(link key, version ‖ config ‖ count ‖ sha256 of each encoded
// message)[0..16): a message sent to n-1 peers is hashed once. The link key already binds cluster,
// sender and receiver (handshake.h). There is no counter: PBFT's messages are idempotent, and a new
// connection has new keys.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "server/crypto/mac.h"
#include "server/wire/messages.h"

namespace prytany::wire {

inline constexpr std::uint8_t wire_version = 1;

/// What precedes the messages in a frame, after the length.
struct FrameHeader {
  std::uint8_t version = wire_version;
  ConfigNumber config;
  std::uint16_t count = 0;
  static constexpr auto fields(auto& m) { return std::tie(m.version, m.config, m.count); }
  bool operator==(const FrameHeader&) const = default;
};
inline constexpr std::size_t frame_header_bytes = 1 + 8 + 2;
/// One message of one byte.
inline constexpr std::size_t frame_bytes_min = frame_header_bytes + 4 + 1 + sizeof(crypto::Tag16);

/// What the tag of a frame covers.
Bytes frame_tagged_bytes(const FrameHeader& header, std::span<const Digest> messages);

/// The keys of one connection: mine for sending, theirs for receiving.
struct LinkKeys {
  crypto::Mac send;
  crypto::Mac receive;
};

/// So many its receiver may have to check; what a gateway's clients say or shall hear counts as one
/// each at least, as it costs about as much.
std::size_t signatures_in(const PeerMessage& message);
std::size_t signatures_in(const ViewChange& message);  // its own, too

/// Encoded and hashed once, sent to many.
struct EncodedMessage {
  Bytes bytes;
  Digest digest;
  std::size_t signatures = 0;
};
EncodedMessage encode_message(const PeerMessage& message);

/// Requires: 0 < messages.size() <= limits::frame_messages_max; the frame, without its own length,
/// within limits::frame_bytes_max; one message, or at most limits::frame_signatures_max signatures
/// (callers split).
Bytes seal(ConfigNumber config, const crypto::Mac& send,
           std::span<const std::shared_ptr<const EncodedMessage>> messages);

/// Length of the whole frame at the front of `bytes`, its length prefix included; 0 when more bytes
/// are needed to know; Malformed when the length is out of bounds.
Result<std::size_t, Malformed> frame_length(ByteView bytes);

}  // namespace prytany::wire
