// A machine: what outlives the processes of one replica. Its disk, its clock, its key, and its
// history.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "server/base/result.h"
#include "server/crypto/sign.h"
#include "server/wire/configuration.h"
#include "server/wire/messages.h"
#include "tests/sim/disk.h"

namespace prytany::sim {

class Mouth;

/// What a replica can find out about its own disk, and then stops for good.
enum class Finding : std::uint8_t {
  journal,  // damaged, or parts of it are missing
  state,    // state.db is not what the journal has a proof of
  votes,    // others saw votes of it that it does not know
};

struct Machine {
  Machine(ReplicaId its_id, crypto::Signer key, Rng chance)
      : id(its_id), signer(std::move(key)), entropy(chance) {}

  ReplicaId id;
  crypto::Signer signer;
  Rng entropy;  // what the operating system would give: nonces, ephemeral keys
  Folder journal;
  Folder state;  // state.db and its redo
  SlotDisk fetched;
  std::vector<wire::ConfigurationLink> configurations;  // the file of them
  Trouble journal_trouble;
  Trouble state_trouble;
  bool must_halt = false;         // its disk is damaged so that it can tell
  std::set<Finding> may_find;     // for these it may halt, and for nothing else
  bool unborn = false;            // its new key is not a member's yet
  bool born = false;              // again
  bool settled = false;           // born again, and in the configuration that it was born for
  bool chain_lost = false;        // its file of configurations, or a part of it
  bool halted = false;            // it said so, and is not started again
  std::int64_t skew_us = 0;       // of the wall clock, now
  std::int64_t true_skew_us = 0;  // after somebody set it right
  std::int64_t wall_drift_ppm = 0;
  std::int64_t drift_ppm = 0;   // of the monotonic clock
  std::uint64_t uptime_us = 0;  // where its monotonic clock stood when the run began
  unsigned lives = 0;
  Mouth* mouth = nullptr;  // null: an honest one
  bool planted = false;    // the planted fault is in this one

  /// Batches that its journal holds with their agreed values, by batch digest.
  std::map<Digest, std::pair<wire::Batch, wire::Agreed>> held;
};

/// What a process hears of its files after its end.
inline const Error was_killed{"the process was killed"};

/// Between two effects of a turn there is an instant at which a process can be killed. A Fuse
/// counts effects down to it: what comes after leaves no trace outside the process, as if it had
/// not run.
class Fuse {
 public:
  /// Blows after so many more effects.
  void light(std::uint64_t effects_left) {
    lit_ = true;
    left_ = effects_left;
  }
  void put_out() { lit_ = blown(); }
  /// Before every effect: false when it must not happen any more.
  bool spend() {
    if (!lit_) return true;
    if (left_ == 0) return false;
    --left_;
    return true;
  }
  [[nodiscard]] bool blown() const { return lit_ && left_ == 0; }

 private:
  bool lit_ = false;
  std::uint64_t left_ = 0;
};

}  // namespace prytany::sim
