// What a Byzantine replica does. It runs the honest process, whose words pass its strategies before
// they leave: each may change, add or take away words, listens to what others say, and speaks
// unasked now and then. What leaves is sealed and signed with its real keys.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "server/wire/client_messages.h"
#include "server/wire/messages.h"
#include "tests/sim/byzantine/lies.h"

namespace prytany::sim {

class Mouth;

/// One message for one peer.
struct Word {
  wire::PeerMessage message;
  std::uint64_t after_us = 0;  // it leaves so much later
  /// In a frame of its own: one message that is refused costs its whole frame.
  bool apart = false;
  /// In a frame of its own, whose tag is wrong.
  bool mistagged = false;
  bool operator==(const Word&) const = default;
};
using Words = std::vector<Word>;

class Strategy {
 public:
  virtual ~Strategy() = default;
  /// Its honest process says this to `to`, in one frame.
  virtual void speak(ReplicaId to, Words& words, Mouth& mouth);
  /// A peer said this.
  virtual void hear(ReplicaId from, const wire::PeerMessage& message, Mouth& mouth);
  /// Every now and then while the process lives.
  virtual void tick(Mouth& mouth);
  /// A client asks its replica this.
  virtual void asked(const wire::FastRead& read, Mouth& mouth);
  /// A client's request comes to its replica.
  virtual void requested(const wire::ClientRequest& request, Mouth& mouth);
  /// One in league with it lets it have a request before the others.
  virtual void confided(const wire::ClientRequest& request, Mouth& mouth);
  /// Its honest process says this to a client. False: it does not leave.
  virtual bool answer(wire::ToClient& message, Mouth& mouth);
};

/// What all Byzantine replicas of a run know together, so that they tell one story.
struct Plot;

std::unique_ptr<Strategy> make_strategy(Lie lie, Plot& plot, Rng& rng);

}  // namespace prytany::sim
