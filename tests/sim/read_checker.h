// Reads that were not ordered, as clients saw them: each must have the outcome that its operation
// has on the state after some number, one that was reached while it was asked; and no read that
// began after another one was answered may see an older state than that one. Together with the
// order of the requests that is linearizability (Herlihy and Wing, TOPLAS 1990).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "server/app/executor.h"
#include "tests/sim/violations.h"

namespace prytany::sim {

struct SeenRead {
  std::string client;
  SessionId session;
  crypto::PublicKey signer;
  Bytes operation;
  wire::Outcome outcome;
  Time began;
  Time ended;
  Seq floor;    // the highest number in which somebody had been answered when it began
  Seq ceiling;  // the highest number that was committed when it ended
};

class ReadChecker {
 public:
  explicit ReadChecker(Violations& violations) : violations_(violations) {}

  /// In the order in which they ended.
  void saw(SeenRead read);
  [[nodiscard]] std::uint64_t seen() const { return seen_; }

  /// What a read gives on the state after `seq`; nothing: it is not answered there.
  using Ask = std::function<std::optional<wire::Outcome>(const SeenRead&)>;
  /// For each number, in order. The earliest state that explains a read leaves the most to those
  /// that follow it.
  void state_after(Seq seq, const Ask& ask);
  /// Whatever is not explained by now, of states that were replayed, never will be.
  void finish();

 private:
  void complain(const SeenRead& read);

  Violations& violations_;
  std::vector<SeenRead> open_;  // by their ends
  std::uint64_t seen_ = 0;
};

}  // namespace prytany::sim
