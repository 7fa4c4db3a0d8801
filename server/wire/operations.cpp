#include "server/wire/operations.h"

#include "server/wire/signing.h"

namespace prytany::wire {

Bytes credential_signed_bytes(const Digest& cluster, const JoinBegin& join) {
  Bytes out;
  Writer w(out);
  put_domain(w, "prytany credential");
  put(w, cluster);
  put(w, join.session_key);
  put(w, join.nonce);
  put(w, join.identification.kind);
  put(w, join.identification.name);
  return out;
}

Digest join_digest(const JoinBegin& join) { return crypto::sha256("prytany join", encode(join)); }

Bytes join_token_signed_bytes(const Digest& cluster, const Digest& join, const Name& address,
                              AgreedTime expires) {
  Bytes out;
  Writer w(out);
  put_domain(w, "prytany join token");
  put(w, cluster);
  put(w, join);
  put(w, address);
  put(w, expires);
  return out;
}

Bytes identity_token_signed_bytes(const Digest& cluster, const Digest& join,
                                  const Identity& identity, const Name& address,
                                  AgreedTime expires) {
  Bytes out;
  Writer w(out);
  put_domain(w, "prytany identity token");
  put(w, cluster);
  put(w, join);
  put(w, identity);
  put(w, address);
  put(w, expires);
  return out;
}

Bytes certificate_signed_bytes(const Digest& cluster, const Digest& join) {
  Bytes out;
  Writer w(out);
  put_domain(w, "prytany certificate");
  put(w, cluster);
  put(w, join);
  return out;
}

Digest id_token_nonce(const Digest& cluster, const crypto::PublicKey& credential) {
  Bytes bound;
  Writer w(bound);
  put(w, cluster);
  put(w, credential);
  return crypto::sha256("prytany id token", bound);
}

Bytes reconfigure_signed_bytes(const Digest& cluster, const Reconfigure& change) {
  Bytes out;
  Writer w(out);
  put_domain(w, "prytany reconfigure");
  put(w, cluster);
  put(w, change.number);
  put(w, change.member);
  put(w, change.key);
  return out;
}

}  // namespace prytany::wire
