#include "server/wire/values.h"

namespace prytany::wire {

Digest reply_digest(const Digest& cluster, const Reply& reply) {
  return encoded_digest("prytany reply", cluster, reply);
}

}  // namespace prytany::wire
