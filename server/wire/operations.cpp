#include "server/wire/operations.h"

#include "server/wire/signing.h"

namespace prytany::wire {

Bytes credential_signed_bytes(const Digest& cluster, const JoinBegin& join) {
  Writer w;
  put_domain(w, "prytany credential");
  put(w, cluster);
  put(w, join.session_key);
  put(w, join.nonce);
  put(w, join.identification.kind);
  put(w, join.identification.name);
  return std::move(w).take();
}

Digest join_digest(const JoinBegin& join) { return crypto::sha256("prytany join", encode(join)); }

Bytes join_token_signed_bytes(const Digest& cluster, const Digest& join, const Name& address,
                              AgreedTime expires) {
  Writer w;
  put_domain(w, "prytany join token");
  put(w, cluster);
  put(w, join);
  put(w, address);
  put(w, expires);
  return std::move(w).take();
}

Bytes identity_token_signed_bytes(const Digest& cluster, const Digest& join,
                                  const Identity& identity, const Name& address,
                                  AgreedTime expires) {
  Writer w;
  put_domain(w, "prytany identity token");
  put(w, cluster);
  put(w, join);
  put(w, identity);
  put(w, address);
  put(w, expires);
  return std::move(w).take();
}

Bytes certificate_signed_bytes(const Digest& cluster, const Digest& join) {
  Writer w;
  put_domain(w, "prytany certificate");
  put(w, cluster);
  put(w, join);
  return std::move(w).take();
}

Digest id_token_nonce(const Digest& cluster, const crypto::PublicKey& credential) {
  return encoded_digest("prytany id token", cluster, credential);
}

Bytes reconfigure_signed_bytes(const Digest& cluster, const Reconfigure& change) {
  Writer w;
  put_domain(w, "prytany reconfigure");
  put(w, cluster);
  put(w, change.number);
  put(w, change.member);
  put(w, change.key);
  return std::move(w).take();
}

}  // namespace prytany::wire
