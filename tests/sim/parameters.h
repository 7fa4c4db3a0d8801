// What one seed decides before anything runs. Every rate is drawn anew for every seed (swarm
// testing): a run without loss but with long tails finds what an average of both never would.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/wire/ids.h"
#include "tests/sim/byzantine/lies.h"
#include "tests/sim/hostile/attacks.h"
#include "tests/sim/plant.h"
#include "tests/sim/rng.h"

namespace prytany::sim {

/// What a person asks for.
struct Options {
  std::uint64_t seed = 1;
  unsigned replicas = 4;
  unsigned faults = 1;
  Plant plant = Plant::none;
  std::string_view mutant = {};             // its name, for who replays it (tests/sim/mutants.h)
  const struct Profile* profile = nullptr;  // null: swarm
  const struct Script* script = nullptr;    // null: the account book. Outlives the run.
  std::string_view called_by = {};          // for who replays it: the command that ran this one
};

/// One direction of one link. Delays in microseconds.
struct LinkParameters {
  std::uint64_t delay_min_us = 0;
  std::uint64_t delay_mean_us = 0;  // exponential, on top of the minimum
  Ppm tail_rate = 0;                // so many frames wait for tail_us more
  std::uint64_t tail_us = 0;
  Ppm loss_rate = 0;
  Ppm duplicate_rate = 0;
  bool in_order = false;     // like one TCP stream; else frames overtake each other
  Ppm late_replay_rate = 0;  // a copy comes again after the connection was renewed
  Ppm stale_rate = 0;        // a copy comes again on the same connection, up to seconds later
};

/// Which replica has the plant that only one has.
inline ReplicaId planted_in(const Options& options) {
  return ReplicaId{static_cast<std::uint16_t>(1 + options.seed % (options.replicas - 1))};
}

/// What befalls the disk of one replica beyond what a crash does to it. docs/testing.md has the
/// atlas: what the replica must do about each.
enum class Fate : std::uint8_t {
  damaged_record,    // of the journal, durable, before the tail: must halt
  missing_segment,   // of the journal, but not the last: must halt
  damaged_tail,      // the last records: cannot be told from a crash, so votes are forgotten
  lost_write,        // of the journal; said done
  misdirected,       // likewise, over something else
  lying_sync,        // of both folders: all syncs say done
  old_image,         // the whole disk as it was a while ago
  lost_disk,         // empty
  damaged_state,     // a byte of state.db or its redo: halts, or starts from what is right
  lost_state_write,  // of state.db or its redo; said done
  misdirected_page,  // of them, at another page's place; said done
  torn_page,         // of them, some of its sectors; said done
};
inline constexpr std::size_t fates = 12;
const char* name_of(Fate fate);
/// Whether the replica may have forgotten what it voted and nothing that it can see says so. It
/// counts as faulty, like one that lies: the question to the others at boot need not find it out.
constexpr bool forgetful(Fate fate) {
  return fate == Fate::damaged_tail || fate == Fate::lost_write || fate == Fate::misdirected ||
         fate == Fate::lying_sync || fate == Fate::old_image || fate == Fate::lost_disk;
}

struct PlannedFault {
  ReplicaId replica;
  Fate fate = Fate::damaged_record;
  std::uint64_t at_us = 0;  // from the start
  bool reborn = false;      // its member comes back with another key and an empty folder
  /// Not before it fetches state, for which it is first kept away; or when that takes too long.
  bool while_fetching = false;
  static constexpr std::uint64_t away_us = 700'000;
};

enum class ApplicationKind : std::uint8_t {
  native,     // a C++ class
  installed,  // a SQL application, by one ordered operation
  none,       // ad-hoc SQL only
};

/// The choices of genesis.json (docs/reference/genesis.md).
struct Choices {
  bool mac_requests = false;
  bool signed_votes = false;
  bool bodies_apart = false;
  /// So many members must approve a RECONFIGURE; 0: genesis is marked development.
  std::uint32_t approvals = 0;
};

struct Parameters {
  Options options;
  Choices choices;

  // The group (server/pbft/config.h).
  std::uint64_t checkpoint_interval = 0;  // K
  std::uint64_t window = 0;               // L
  std::uint64_t in_flight_max = 0;
  std::uint64_t batch_requests_max = 0;
  std::uint64_t request_timeout_us = 0;  // how long a primary is given
  bool early_pre_prepare = false;
  /// `durability: none` on every replica: nothing is killed but by the plan, which then loses
  /// disks.
  bool no_log = false;

  // The network. Each link draws its own numbers around these when it comes up.
  LinkParameters link;
  std::uint64_t reset_every_us = 0;  // mean time between resets of some link; 0: never
  std::uint64_t reconnect_us = 0;    // mean time until a broken link is dialled again
  LinkParameters client_link;        // in order, nothing lost while the connection lives

  std::uint64_t partition_every_us = 0;  // mean time between partitions; 0: never
  std::uint64_t partition_mean_us = 0;   // how long one lasts
  std::uint64_t type_drop_every_us = 0;  // mean time between spells in which one type is lost
  std::uint64_t type_drop_mean_us = 0;

  // Processes.
  std::uint64_t kill_every_us = 0;   // mean time between kills; 0: never
  Ppm kill_in_turn_rate = 0;         // so many kills happen between two effects of a turn
  std::uint64_t down_mean_us = 0;    // how long a killed process stays down
  std::uint64_t pause_every_us = 0;  // mean time between pauses (SIGSTOP); 0: never
  std::uint64_t pause_mean_us = 0;
  std::uint64_t kill_all_every_us = 0;  // mean time between kills of all at once; 0: never
  Ppm kill_in_start_rate = 0;           // so many start-ups are killed between two effects
  Ppm kill_in_phase_rate = 0;  // so often one is killed that leaves a view, fetches, or came back
  Ppm primary_rate = 0;        // so many kills, pauses and partitions look for the primary
  std::uint64_t turn_us = 0;   // what a turn costs besides its sync

  // Disks.
  std::uint64_t sync_min_us = 0;
  std::uint64_t sync_mean_us = 0;
  Ppm power_failure_rate = 0;  // so many kills take the machine's power too
  Ppm torn_tail_rate = 0;      // then, so many sectors of what was not synced are there anyway
  std::uint64_t image_commit_us = 0;      // until state.db's commit point is durable
  std::uint64_t trouble_every_us = 0;     // mean time between transient errors of a disk; 0: never
  std::uint64_t chain_lost_every_us = 0;  // mean time until somebody loses its configurations
  /// At most f replicas, unless the seed is excused. Drawn before the run and fixed.
  std::vector<PlannedFault> plan;
  Ppm reborn_rate = 500'000;  // of those, so many come back as newer incarnations

  /// Byzantine replicas: with those of the plan and the clock's liar at most f, but for the
  /// negative control.
  std::vector<Liar> liars;

  /// Byzantine without a lie: while chaos lasts its SQLite stores other values and gives other
  /// rows. Then it must be like the others.
  std::optional<ReplicaId> astray;

  /// Byzantine, too: each is two processes with one key.
  std::vector<ReplicaId> twins;
  std::uint64_t twins_turn_every_us = 0;  // mean time until somebody is connected to the other

  // Clocks: |skew| of each replica's wall clock, and the drift of both its clocks.
  std::int64_t skew_max_us = 0;
  std::int64_t drift_max_ppm = 0;
  std::uint64_t step_every_us = 0;  // mean time between steps of some wall clock; 0: never
  std::uint64_t step_max_us = 0;
  std::optional<ReplicaId> liar;  // about the time: its wall clock is wrong by hours; one of the f
  std::int64_t lie_us = 0;

  // Clients.
  unsigned clients = 0;
  unsigned outstanding_max = 0;  // requests of one session at a time
  std::uint64_t think_mean_us = 0;
  std::uint64_t requests_min = 0;    // executed before the clients stop
  Ppm leave_rate = 0;                // after a reply, a client leaves and joins anew
  std::optional<unsigned> restless;  // this client does so all the time
  /// This client asks as many at once as a session may, again when all are answered, and most often
  /// the last of them reaches the replicas first.
  std::optional<unsigned> eager;
  Ppm failing_rate = 0;    // statements that must fail
  Ppm wrong_tag_rate = 0;  // so many requests reach a replica with a tag that is not the client's
  Ppm read_rate = 0;
  Ppm fast_read_rate = 0;       // reads of a session that need not be ordered
  Ppm public_read_rate = 0;     // reads that are not ordered, of an installed application
  Ppm sql_rate = 0;             // ad-hoc SQL instead of a procedure
  bool one_connection = false;  // three of four clients keep one, once they have joined
  ApplicationKind application = ApplicationKind::installed;
  bool timed = false;        // the installed application has procedures that run by themselves
  Ppm transaction_rate = 0;  // of ad-hoc SQL, so much in steps with conditions
  Ppm watch_rate = 0;        // so many sessions watch some topics
  Ppm passport_rate = 0;     // so many clients of an installed application prove more than a key
  Ppm explain_rate = 0;      // so many requests of a SQL application are explained instead

  /// Clients that keep no rules, beside the others.
  std::vector<HostileClient> hostiles;
  std::size_t backlog_requests_max = 0;  // 0: as in a server
  std::size_t backlog_joins_max = 0;

  /// Nothing happens that a primary could be blamed for: the network is good, and only one backup
  /// at a time is down or stands still. Then there must be no view change.
  bool gentle = false;
  /// The first primary is as slow as it may be, always: it must be replaced within so long from
  /// when clients begin to ask. 0: it is not.
  std::uint64_t slow_primary_until_us = 0;
  /// Whoever leads, clients wait for no longer than this on average, in any such time of a view.
  struct Service {
    std::uint64_t mean_us = 0;
    std::uint64_t within_us = 0;
  };
  std::optional<Service> service;
  /// This client is in league with the first primary: that one has its requests at once, the others
  /// so much later.
  std::optional<unsigned> league;
  std::uint64_t league_late_us = 0;

  /// So many times something is lost for some milliseconds when chaos is over, which must be made
  /// up without clients (rounds.cpp).
  unsigned rounds = 0;

  /// When faults stop, and how long everything may take to finish afterwards.
  std::uint64_t faults_until_us = 0;
  std::uint64_t finish_within_us = 0;
  /// When faults stop, only so many replicas that are well come back, until every request is
  /// answered: the least that must do.
  bool heal_only_a_quorum = false;

  [[nodiscard]] bool planned(ReplicaId id) const;
  /// Byzantine: nothing that it says proves anything.
  [[nodiscard]] bool lies(ReplicaId id) const;
  [[nodiscard]] bool forgets(ReplicaId id) const;
  [[nodiscard]] bool reborn(ReplicaId id) const;
  /// Fewer than a quorum keep an intact state: nothing is asked of such a run but safety.
  [[nodiscard]] bool excused() const;
};

/// A way to draw parameters: which faults, and how many.
struct Profile {
  std::string_view name;
  std::string_view text;
  void (*adjust)(Rng& rng, Parameters& parameters);
};
const std::vector<Profile>& profiles();
/// Null if there is none.
const Profile* profile_named(std::string_view name);

Parameters draw_parameters(const Options& options);

/// One line for people.
std::string describe(const Parameters& parameters);

}  // namespace prytany::sim
