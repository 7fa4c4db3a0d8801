// Several requests under one signature (docs/decisions/0032-requests-signed-together.md), and what
// does not hold together: a replica that takes what another refuses would send it on in its name.
#include <algorithm>
#include <array>

#include "server/wire/client_json.h"
#include "tests/sim/hostile/stranger.h"

namespace prytany::sim {

void Stranger::signed_together() {
  (void)target(Attack::signed_together);
  const Digest& cluster = all_.view()->cluster;
  std::vector<wire::RequestBody> bodies;
  std::vector<Digest> digests;
  for (std::uint64_t i = rng_.between(1, 16); i > 0; --i) {
    bodies.push_back(next());
    digests.push_back(wire::request_digest(bodies.back()));
  }
  const auto signatures = wire::sign_requests(cluster, session_->key, digests);
  for (const auto& [replica, line] : ready()) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < bodies.size(); ++i) {
      wire::RequestSignature signature = signatures[i];
      if (rng_.chance(300'000)) signature = untied(signature, signatures, digests[i]);
      const auto root = wire::signed_root(digests[i], signature);
      if (root && wire::verify_root(cluster, session_->key.public_key(), *root, signature))
        provable(bodies[i], session_->key);
      all_.capricious(digests[i]);
      texts.push_back(wire::to_json(wire::FromClient{
          wire::SubmitRequest{{bodies[i], {signature}}, std::nullopt, std::nullopt}}));
    }
    if (rng_.chance(200'000)) std::ranges::reverse(texts);
    all_.say(line, std::move(texts));
  }
}

/// Most of these prove nothing. Signed alone, or once more with others, it is as good as before.
wire::RequestSignature Stranger::untied(wire::RequestSignature signature,
                                        const std::vector<wire::RequestSignature>& all,
                                        const Digest& digest) {
  std::vector<Digest>& branch = signature.branch.items;
  const Digest& cluster = all_.view()->cluster;
  switch (rng_.below(10)) {
    case 0: signature.bytes[rng_.below(64)] ^= 1; break;
    case 1: signature.place ^= static_cast<std::uint8_t>(1U << rng_.below(8)); break;
    case 2: signature.branch = all[rng_.below(all.size())].branch; break;
    case 3: signature.place = all[rng_.below(all.size())].place; break;
    case 4: branch.emplace_back(); break;  // one too many, at times
    case 5: branch.clear(); break;
    case 6:
      if (!branch.empty()) branch[rng_.below(branch.size())].bytes[rng_.below(32)] ^= 1;
      break;
    case 7:  // one word for one request, where the root's is asked for; and the other way round
      if (const auto root = wire::signed_root(digest, signature))
        static_cast<crypto::Signature&>(signature) =
            session_->key.sign(branch.empty() ? wire::requests_signed_bytes(cluster, *root)
                                              : wire::request_signed_bytes(cluster, *root));
      break;
    case 8: return session_->key.sign(wire::request_signed_bytes(cluster, digest));
    default: {
      const std::array both{digest, Digest{rng_.bytes<32>()}};
      return wire::sign_requests(cluster, session_->key, both).front();
    }
  }
  return signature;
}

}  // namespace prytany::sim
