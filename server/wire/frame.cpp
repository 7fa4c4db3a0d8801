#include "server/wire/frame.h"

namespace prytany::wire {

namespace {

std::size_t signatures_of(const ClientRequest& request) { return request.proof.signature ? 1 : 0; }

std::size_t signatures_of(const Batch& batch) {
  std::size_t all = 0;
  for (const ClientRequest& request : batch.requests) all += signatures_of(request);
  return all;
}

/// A hello costs its hearer an agreement and a signature.
std::size_t signatures_of(const Relay& relay) {
  std::size_t all = 0;
  for (const Relayed& item : relay.items)
    all += std::holds_alternative<ClientHello>(item.message) ? 2U : 1U;
  return all;
}

std::size_t signatures_of(const RelayBack& relay) { return relay.items.size(); }

std::size_t signatures_of(const CheckpointProof& proof) { return proof.signatures.size(); }

std::size_t signatures_of(const ViewChange& message) { return signatures_in(message); }

std::size_t signatures_of(const NewView& message) {
  std::size_t all = 1;
  for (const SignedViewChange& inner : message.view_changes)
    all += signatures_of(inner.content.message);
  return all;
}

}  // namespace

std::size_t signatures_in(const ViewChange& message) {
  return 1 + (message.stable ? signatures_of(*message.stable) : 0);
}

std::size_t signatures_in(const PeerMessage& message) {
  return std::visit(
      [](const auto& m) -> std::size_t {
        if constexpr (requires { m.batch; }) {
          return signatures_of(m.batch);
        } else if constexpr (requires { m.request; }) {
          return signatures_of(m.request);
        } else if constexpr (requires { m.signature; }) {
          if constexpr (requires { signatures_of(m.message); }) return signatures_of(m.message);
          return 1;
        } else if constexpr (requires { signatures_of(m); }) {
          return signatures_of(m);
        } else {
          return 0;
        }
      },
      message);
}

EncodedMessage encode_message(const PeerMessage& message) {
  EncodedMessage encoded;
  encoded.bytes = encode(message);
  encoded.digest = crypto::sha256(encoded.bytes);
  encoded.signatures = signatures_in(message);
  return encoded;
}

Bytes frame_tagged_bytes(const FrameHeader& header, std::span<const Digest> messages) {
  Bytes out;
  out.reserve(frame_header_bytes + messages.size() * Digest::size);
  Writer w(std::move(out));
  put(w, header);
  for (const Digest& message : messages) put(w, message);
  return std::move(w).take();
}

Bytes seal(ConfigNumber config, const crypto::Mac& send,
           std::span<const std::shared_ptr<const EncodedMessage>> messages) {
  ENSURE(!messages.empty() && messages.size() <= limits::frame_messages_max);
  const FrameHeader header{wire_version, config, static_cast<std::uint16_t>(messages.size())};
  std::size_t size = frame_header_bytes + sizeof(crypto::Tag16);
  std::vector<Digest> digests;
  digests.reserve(messages.size());
  for (const auto& message : messages) {
    size += 4 + message->bytes.size();
    digests.push_back(message->digest);
  }
  ENSURE(size <= limits::frame_bytes_max);

  Bytes out;
  out.reserve(4 + size);
  Writer w(std::move(out));
  w.number(static_cast<std::uint32_t>(size));
  put(w, header);
  for (const auto& message : messages) {
    w.number(static_cast<std::uint32_t>(message->bytes.size()));
    w.raw(message->bytes);
  }
  put(w, send.tag(frame_tagged_bytes(header, digests)));
  return std::move(w).take();
}

Result<std::size_t, Malformed> frame_length(ByteView bytes) {
  if (bytes.size() < 4) return std::size_t{0};
  Reader r(bytes);
  const std::size_t size = r.number<std::uint32_t>();
  if (size > limits::frame_bytes_max) return Malformed{"frame longer than allowed"};
  if (size < frame_bytes_min) return Malformed{"frame too short"};
  return size + 4;
}

}  // namespace prytany::wire
