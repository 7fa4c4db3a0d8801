#include "server/wire/request.h"

#include "server/wire/signing.h"

namespace prytany::wire {

Digest request_digest(const RequestBody& body) { return encoded_digest("prytany request", body); }

Bytes request_signed_bytes(const Digest& cluster, const Digest& request) {
  Writer w;
  put_domain(w, "prytany signed request");
  put(w, cluster);
  put(w, request);
  return std::move(w).take();
}

Bytes request_tagged_bytes(const Digest& cluster, const Digest& request) {
  Writer w;
  put_domain(w, "prytany tagged request");
  put(w, cluster);
  put(w, request);
  return std::move(w).take();
}

bool verify_request(const Digest& cluster, const ClientRequest& request) {
  return request.proof.signature &&
         crypto::verify(request.body.signer,
                        request_signed_bytes(cluster, request_digest(request.body)),
                        *request.proof.signature);
}

}  // namespace prytany::wire
