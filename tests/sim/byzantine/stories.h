// A primary that proposes something else than its honest process believes, and votes that fit: the
// digest of what its process proposed is replaced in all that the Byzantine replicas say of it.
#pragma once

#include <vector>

#include "tests/sim/byzantine/mouth.h"

namespace prytany::sim {

/// The requests of a proposal, by body or by digest, so that lies about both are written once.
inline std::vector<wire::ClientRequest>& requests_of(wire::PrePrepare& m) {
  return m.batch.requests.items.own();
}
inline std::vector<Digest>& requests_of(wire::PrePrepareDigests& m) { return m.requests.items; }
inline Digest digest_of(const wire::PrePrepare& m) { return wire::batch_digest(m.batch, m.agreed); }
inline Digest digest_of(const wire::PrePrepareDigests& m) {
  return wire::batch_digest(m.requests.items, m.agreed);
}

/// `truth` is proposed as `lie` to those on the other side, or to everybody.
void tell_story(Plot& plot, View view, const Digest& truth, const Digest& lie, bool everybody);
/// Whether this peer hears the other story.
bool hears_other(const Plot& plot, const Plot::Told& told, ReplicaId peer);
/// P and Q say that the other story was prepared.
void retell(const Plot& plot, wire::ViewChange& message);
/// In PREPARE, COMMIT and COMMITTED: what they say to `to` fits what was proposed to it.
void keep_to_story(const Plot& plot, ReplicaId to, Word& word, const Mouth& mouth);

}  // namespace prytany::sim
