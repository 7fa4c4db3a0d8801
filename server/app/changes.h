// The change log: what requests told those who watch, in the order in which they committed. It is
// in the replicated state, so every replica has the same changes at the same positions, also after
// a restart, and a client that was away goes on where it was. The newest are kept, in their table
// and here.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "server/app/engine.h"
#include "server/app/topic.h"
#include "server/wire/values.h"

namespace prytany::app {

/// What somebody who watches has not seen yet.
struct ChangesPart {
  /// It begins after this position: the one asked for, or a later one if what follows that is kept
  /// no more.
  std::uint64_t from = 0;
  /// There is no other change of these topics up to this one.
  std::uint64_t upto = 0;
  std::vector<wire::Change> items;
};

class Changes {
 public:
  explicit Changes(Engine& engine) : engine_(engine) {}
  void load();

  /// Writes them behind the others, and drops the oldest of more than `kept_max`. Requires: the
  /// request's transaction is open; settle() or forget() follows.
  void write(const std::vector<Notice>& notices, Seq seq, AgreedTime agreed, std::size_t kept_max);
  /// It has committed; they are added to `told`, too.
  void settle(std::vector<wire::Change>& told);
  /// It has not.
  void forget() { written_.clear(); }

  /// The position of the newest; 0: there never was one.
  [[nodiscard]] std::uint64_t last() const { return last_; }
  /// Those of `topics` after `after`, as many as fit one message. Requires: after <= last().
  [[nodiscard]] ChangesPart part(std::uint64_t after, const std::vector<std::string>& topics) const;

 private:
  Engine& engine_;
  std::deque<wire::Change> kept_;  // positions rise by one
  std::size_t kept_bytes_ = 0;
  std::uint64_t last_ = 0;
  std::vector<wire::Change> written_;  // by the request that is about to commit
  std::uint64_t first_after_ = 0;      // the oldest that is kept then
};

}  // namespace prytany::app
