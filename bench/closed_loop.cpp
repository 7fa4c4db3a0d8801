#include "bench/closed_loop.h"

namespace prytany::bench {

void ClosedLoop::start() {
  for (unsigned client = 0; client < crowd_.size().clients; ++client)
    for (unsigned i = 0; i < crowd_.size().depth; ++i) ask(client);
}

void ClosedLoop::ask(unsigned client) {
  crowd_.ask(client, now_us(), [this, client] {
    if (!stopping_.load(std::memory_order_relaxed) && !crowd_.hopeless()) ask(client);
  });
}

void ClosedLoop::stop() {
  stopping_ = true;
  crowd_.drain();
}

}  // namespace prytany::bench
