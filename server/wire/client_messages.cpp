#include "server/wire/client_messages.h"

#include "server/wire/signing.h"

namespace prytany::wire {

Bytes hello_signed_bytes(const ClientHello& client, const ServerHello& server) {
  Writer w;
  put_domain(w, "prytany client hello");
  put(w, client);
  put(w, server.replica);
  put(w, server.key);
  put(w, server.nonce);
  put(w, server.configuration);
  return std::move(w).take();
}

Bytes speak_for_signed_bytes(const Digest& hello, const crypto::PublicKey& key) {
  Writer w;
  put_domain(w, "prytany speak for");
  put(w, hello);
  put(w, key);
  return std::move(w).take();
}

std::optional<crypto::MacKey> client_tag_key(const crypto::DhSecret& mine,
                                             const crypto::DhPublic& theirs,
                                             const ClientHello& client, const ServerHello& server) {
  const auto shared = mine.agree(theirs);
  if (!shared) return std::nullopt;
  const Digest salt = crypto::sha256(hello_signed_bytes(client, server));
  return crypto::hkdf(*shared, salt.view(), "prytany client tag");
}

Digest read_digest(const PublicRead& read) { return encoded_digest("prytany public read", read); }

Bytes signed_read_bytes(const Digest& cluster, ReplicaId replica, const PublicReadReply& reply) {
  Writer w;
  put_domain(w, "prytany signed read");
  put(w, cluster);
  put(w, replica);
  put(w, reply);
  return std::move(w).take();
}

Digest fast_read_digest(const FastReadBody& body) {
  return encoded_digest("prytany fast read", body);
}

Bytes fast_read_tagged_bytes(const Digest& cluster, const Digest& read) {
  Writer w;
  put_domain(w, "prytany tagged fast read");
  put(w, cluster);
  put(w, read);
  return std::move(w).take();
}

Digest fast_outcome_digest(const Outcome& outcome) {
  return encoded_digest("prytany fast read outcome", outcome);
}

Digest subscription_digest(const SubscribeBody& body) {
  return encoded_digest("prytany subscription", body);
}

Bytes subscribe_signed_bytes(const Digest& hello, const Digest& subscription,
                             const std::optional<std::uint64_t>& after) {
  Writer w;
  put_domain(w, "prytany subscribe");
  put(w, hello);
  put(w, subscription);
  put(w, after);
  return std::move(w).take();
}

Bytes tagged_bytes(const Digest& cluster, ReplicaId replica, const ToClient& message) {
  Writer w;
  put_domain(w, "prytany tag");
  put(w, cluster);
  put(w, replica);
  const auto* const bundle = std::get_if<Bundle>(&message);
  const Reply* const reply = bundle != nullptr ? &bundle->reply : std::get_if<Reply>(&message);
  if (reply != nullptr) {
    put(w, ToClient{ReplyDigest{reply->session, reply->number, reply->request,
                                reply_digest(cluster, *reply)}});
  } else {
    put(w, message);
  }
  return std::move(w).take();
}

}  // namespace prytany::wire
