#include "server/wire/values.h"

namespace prytany::wire {

Digest reply_digest(const Digest& cluster, const Reply& reply) {
  Bytes out;
  out.reserve(1024);
  Writer w(out);
  put(w, cluster);
  put(w, reply);
  return crypto::sha256("prytany reply", out);
}

}  // namespace prytany::wire
