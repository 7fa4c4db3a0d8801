#include "server/wire/request.h"

#include "server/wire/signing.h"

namespace prytany::wire {
namespace {

Digest parent(const Digest& left, const Digest& right) {
  return encoded_digest("prytany requests", left, right);
}

}  // namespace

Digest request_digest(const RequestBody& body) { return encoded_digest("prytany request", body); }

Bytes request_signed_bytes(const Digest& cluster, const Digest& request) {
  Writer w;
  put_domain(w, "prytany signed request");
  put(w, cluster);
  put(w, request);
  return std::move(w).take();
}

Bytes requests_signed_bytes(const Digest& cluster, const Digest& root) {
  Writer w;
  put_domain(w, "prytany signed requests");
  put(w, cluster);
  put(w, root);
  return std::move(w).take();
}

std::optional<Digest> signed_root(const Digest& request, const RequestSignature& signature) {
  if ((signature.place >> signature.branch.size()) != 0) return std::nullopt;
  Digest node = request;
  unsigned place = signature.place;
  for (const Digest& sibling : signature.branch) {
    node = (place & 1U) != 0 ? parent(sibling, node) : parent(node, sibling);
    place >>= 1;
  }
  return node;
}

std::vector<RequestSignature> sign_requests(const Digest& cluster, const crypto::Signer& signer,
                                            std::span<const Digest> requests) {
  ENSURE(!requests.empty() && requests.size() <= 1U << limits::signed_together_depth_max);
  std::vector<RequestSignature> all(requests.size());
  std::vector<Digest> level(requests.begin(), requests.end());
  for (unsigned height = 0; level.size() > 1; ++height) {
    if (level.size() % 2 != 0) level.push_back(level.back());
    for (std::size_t i = 0; i < all.size(); ++i)
      all[i].branch.items.push_back(level[(i >> height) ^ 1U]);
    for (std::size_t i = 0; i < level.size(); i += 2) level[i / 2] = parent(level[i], level[i + 1]);
    level.resize(level.size() / 2);
  }
  const bool alone = requests.size() == 1;
  const auto signature = signer.sign(alone ? request_signed_bytes(cluster, level.front())
                                           : requests_signed_bytes(cluster, level.front()));
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].bytes = signature.bytes;
    all[i].place = static_cast<std::uint8_t>(i);
  }
  return all;
}

Bytes request_tagged_bytes(const Digest& cluster, const Digest& request) {
  Writer w;
  put_domain(w, "prytany tagged request");
  put(w, cluster);
  put(w, request);
  return std::move(w).take();
}

bool verify_root(const Digest& cluster, const crypto::PublicKey& signer, const Digest& root,
                 const RequestSignature& signature) {
  return crypto::verify(signer,
                        signature.branch.empty() ? request_signed_bytes(cluster, root)
                                                 : requests_signed_bytes(cluster, root),
                        signature);
}

bool verify_request(const Digest& cluster, const ClientRequest& request) {
  if (!request.proof.signature) return false;
  const auto root = signed_root(request_digest(request.body), *request.proof.signature);
  return root && verify_root(cluster, request.body.signer, *root, *request.proof.signature);
}

}  // namespace prytany::wire
