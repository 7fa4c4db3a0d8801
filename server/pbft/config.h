// The group and the numbers that bound it. Quorums are named for what they guarantee; the
// arithmetic is here and nowhere else.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "server/base/ensure.h"
#include "server/wire/ids.h"
#include "server/wire/limits.h"

namespace prytany::pbft {

/// n replicas of which at most f may be faulty. With n >= 3f+1 the group is safe and live; with
/// fewer it is safe but live only while at most n - quorum() are faulty (see
/// safe_but_not_always_live).
struct Group {
  unsigned n = 0;
  unsigned f = 0;

  /// n, as ids are counted.
  [[nodiscard]] constexpr std::uint16_t size() const { return static_cast<std::uint16_t>(n); }
  /// Any two quorums share a correct replica while at most f are faulty: 2 * quorum() - n > f.
  [[nodiscard]] constexpr unsigned quorum() const { return (n + f) / 2 + 1; }
  /// Holds at least one correct replica.
  [[nodiscard]] constexpr unsigned weak_quorum() const { return f + 1; }
  [[nodiscard]] constexpr ReplicaId primary_of(View view) const {
    return ReplicaId{static_cast<std::uint16_t>(view.value % n)};
  }
  [[nodiscard]] constexpr bool always_live() const { return quorum() + f <= n; }
  [[nodiscard]] constexpr bool contains(ReplicaId id) const { return id.value < n; }
  bool operator==(const Group&) const = default;
};

static_assert(Group{4, 1}.quorum() == 3 && Group{6, 1}.quorum() == 4 && Group{7, 2}.quorum() == 5);
static_assert(Group{1, 0}.quorum() == 1 && Group{4, 1}.always_live() && !Group{4, 2}.always_live());

/// Views are counted anew in each configuration, from another number on: what is said of a view is
/// of one configuration, for people and for journals. Nobody lives to see so many view changes.
inline constexpr std::uint64_t views_per_configuration = 1'000'000'000;

/// Its primary is not `newcomer`, who fetches state then.
constexpr View first_view_of(const Group& group, ConfigNumber number,
                             std::optional<ReplicaId> newcomer) {
  const View first{number.value * views_per_configuration};
  return newcomer && group.n > 1 && group.primary_of(first) == *newcomer ? first + 1 : first;
}

struct Config {
  Group group;
  ReplicaId self;
  Digest cluster;  // the genesis digest; bound into what is signed
  ConfigNumber number;
  /// In which it begins (first_view_of()).
  View first_view;
  /// It ends with this checkpoint: another configuration is ordered (docs/protocol.md,
  /// reconfiguration).
  std::optional<Seq> ends_at;
  /// I am a member of a later configuration, or was one of an earlier: until the state is that of
  /// one of mine, I say nothing that counts.
  bool mute = false;

  /// K: a checkpoint every K sequence numbers. L: numbers in (h, h+L] are open. L >= 2K.
  std::uint64_t checkpoint_interval = limits::checkpoint_interval_default;
  std::uint64_t window = limits::window_default;

  /// The primary keeps at most this many batches between last executed and last proposed; a batch
  /// is cut when a slot is free and none is in flight, or as many requests wait as of late
  /// (docs/decisions/0030). No timer.
  std::uint64_t in_flight_max = 4;
  std::size_t batch_requests_max = 256;  // 1 means: no batching
  std::size_t batch_bytes_max = 256 << 10;

  /// `requests: mac`: a client may tag a request for each replica instead of signing it for all
  /// (docs/protocol.md, requests without signatures). Otherwise the host lets none without a
  /// signature through.
  bool mac_requests = false;
  /// `dissemination: all`: the primary proposes requests by their digests, since their clients sent
  /// them to everybody.
  bool bodies_apart = false;
  /// A request whose authentication here did not come to a quorum's is kept for so long.
  std::uint64_t unverified_life_us = 10'000'000;

  /// Waiting requests kept here, in all and per session.
  std::size_t backlog_requests_max = 16'384;
  std::size_t backlog_per_session_max = limits::session_window;
  std::size_t backlog_joins_max = 1024;  // of session 0, which all who join share
  std::size_t backlog_bytes_max = 64 << 20;

  /// After this long without what is due, say what is missing (STATUS); peers answer with their own
  /// votes.
  std::uint64_t retransmit_us = 50'000;
  /// Each repetition waits twice as long, up to this: who waits for the dead does not keep a
  /// processor busy.
  std::uint64_t retransmit_max_us = 3'200'000;
  /// A request that has waited here for this long is forwarded to the primary.
  std::uint64_t forward_us = 150'000;
  /// The primary of a view is given this long for a request that it could serve, and for a number
  /// that it gave out; then a VIEW-CHANGE asks for the next one. The same again until its NEW-VIEW
  /// is there. It must cover three syncs of a quorum's disks and their travel; the client notices
  /// it once when a primary dies.
  std::uint64_t request_timeout_us = 500'000;
  /// Of what waits for so long although a number is free the primary is reminded, and how long it
  /// then takes is compared with others' answers (pace.h).
  std::uint64_t slow_after_us = 8'000;
  /// Doubled with each view that is left, at most so often; halved again in a view that works.
  unsigned request_timeout_doublings_max = 5;
  /// An idle primary fills up with null batches to the next checkpoint this long after the last
  /// request, so that what was executed becomes stable within seconds.
  std::uint64_t idle_checkpoint_us = 500'000;

  /// A PRE-PREPARE whose agreed time is long past is accepted after this long, if nothing decided
  /// it before: agreed time that stands still for once is a smaller evil than a group that does.
  /// (Execution never lets it go back.)
  std::uint64_t late_patience_us = 1'000'000;

  /// False: PRE-PREPARE leaves after its record is durable, so the journal knows every proposal and
  /// a restarted primary goes on with the same ones. True: it leaves at once and its fsync overlaps
  /// with travel; a restarted primary may then have forgotten a proposal, never proposes in a view
  /// that it led, and asks for the next one (docs/protocol.md).
  bool early_pre_prepare = false;

  /// Before the first vote of this life, ask the others what was voted before (boot_question.h).
  bool boot_question = true;

  /// A Note for every decision: traces, plays. Off: only those that an operator wants to read.
  bool notes = false;

  /// Why this cannot run, in words; nothing if it can.
  [[nodiscard]] std::optional<std::string> refuse() const;
};

}  // namespace prytany::pbft
