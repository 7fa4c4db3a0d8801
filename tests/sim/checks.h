// All checkers of one run together, and the readers that feed them from what crosses the ports.
#pragma once

#include "tests/sim/checkers.h"
#include "tests/sim/view_checker.h"

namespace prytany::sim {

struct Checks {
  Checks(const Digest& cluster, unsigned quorum)
      : views(violations, quorum), replies(violations, cluster) {}

  Violations violations;
  AgreementChecker agreement{violations};
  VoteChecker votes{violations};
  ViewChecker views;
  StateChecker state{violations};
  ProgressChecker progress{violations};
  ReplyChecker replies;

  /// A sealed frame leaves for another replica.
  void frame_left(ReplicaId from, ByteView frame);
  /// A JSON text leaves for a client.
  void text_left(ReplicaId from, std::string_view text);
  /// A client's text leaves for the replicas.
  void client_text_left(std::string_view text);
};

}  // namespace prytany::sim
