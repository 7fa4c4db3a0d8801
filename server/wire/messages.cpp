#include "server/wire/messages.h"

#include <array>

namespace prytany::wire {

Digest batch_digest(std::span<const Digest> requests, const Agreed& agreed) {
  ENSURE(requests.size() <= limits::batch_requests_max);
  Bytes out;
  out.reserve(4 + requests.size() * Digest::size + 8 + 4 + agreed.choice.bytes.size());
  Writer w(std::move(out));
  w.number(static_cast<std::uint32_t>(requests.size()));
  for (const Digest& request : requests) put(w, request);
  put(w, agreed);
  return crypto::sha256("prytany batch", w.view());
}

Digest batch_digest(const Batch& batch, const Agreed& agreed) {
  std::vector<Digest> requests;
  requests.reserve(batch.requests.size());
  for (const ClientRequest& request : batch.requests)
    requests.push_back(request_digest(request.body));
  return batch_digest(requests, agreed);
}

const char* name_of(const PeerMessage& message) {
  static constexpr std::array<const char*, std::variant_size_v<PeerMessage>> names = {
      "pre-prepare",    "prepare",
      "commit",         "checkpoint",
      "committed",      "forward",
      "status",         "fetch-batch",
      "batch-body",     "checkpoint-proof",
      "view-change",    "new-view",
      "fetch-part",     "state-part",
      "ask-votes",      "votes-seen",
      "verified",       "pre-prepare-digests",
      "signed-prepare", "signed-commit",
      "ping",           "pong",
      "relay",          "relay-back"};
  return names[message.index()];
}

}  // namespace prytany::wire
