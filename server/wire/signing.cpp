#include "server/wire/signing.h"

namespace prytany::wire {
namespace {

std::string_view domain_of(const Checkpoint&) { return "prytany signed checkpoint"; }
std::string_view domain_of(const ViewChange&) { return "prytany signed view-change"; }
std::string_view domain_of(const NewView&) { return "prytany signed new-view"; }
std::string_view domain_of(const Prepare&) { return "prytany signed prepare"; }
std::string_view domain_of(const Commit&) { return "prytany signed commit"; }

}  // namespace

void put_domain(Writer& w, std::string_view domain) {
  ENSURE(domain.size() < 256);
  w.number(static_cast<std::uint8_t>(domain.size()));
  w.raw(as_bytes(domain));
}

template <class M>
Bytes signed_bytes(const Membership& group, ReplicaId sender, const M& message) {
  Writer w;
  put_domain(w, domain_of(message));
  put(w, group.cluster);
  put(w, group.config);
  put(w, sender);
  put(w, message);
  return std::move(w).take();
}

template Bytes signed_bytes(const Membership&, ReplicaId, const Checkpoint&);
template Bytes signed_bytes(const Membership&, ReplicaId, const ViewChange&);
template Bytes signed_bytes(const Membership&, ReplicaId, const NewView&);
template Bytes signed_bytes(const Membership&, ReplicaId, const Prepare&);
template Bytes signed_bytes(const Membership&, ReplicaId, const Commit&);

}  // namespace prytany::wire
