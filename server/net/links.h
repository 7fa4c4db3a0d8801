// The links to the other replicas. Of each pair the one with the lower id dials, so that there is
// one connection, and seldom two that race: the other calls back when nobody got through to it for
// seconds. Every connection proves who it is within a bounded time, or ends; frames follow.
//
// Anybody may call, and a stranger may do so thousands of times a second. What keeps strangers from
// keeping members out, in the order of how far it carries:
// - A replica whose port nobody gets through to calls the others itself, so that all ports of a
//   group have to be flooded at once.
// - Callers from hosts of members (where genesis says they are, or where they last proved
//   themselves from) have places and time of their own, which no other host can take.
// - Places are shared by host, and of the host that holds most any gives way (CallerPlaces).
// - Who has said a hello that fits has another place than those who have said nothing: silence is
//   cheap for strangers, and a member's hello comes with the packet that opens the connection,
//   however far away it is. Hellos that fit are bounded by the time that they take us.
// - Nothing is computed for who says nothing.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "server/crypto/sign.h"
#include "server/net/caller_places.h"
#include "server/net/connection.h"
#include "server/net/line_budget.h"
#include "server/net/poller.h"
#include "server/net/resolver.h"
#include "server/net/slice.h"
#include "server/net/upstream.h"
#include "server/wire/handshake.h"

namespace prytany::net {

struct LinksConfig {
  struct Address {
    std::string host;
    std::uint16_t port = 0;
  };
  ReplicaId self;
  std::vector<Address> peers;          // by ReplicaId, self included
  wire::Membership membership;         // the newest configuration in `chain`
  const wire::Chain* chain = nullptr;  // outlives the links; null: there is one configuration only
  std::string engine;                  // SQLite's source id: replicas of another must not meet

  std::uint64_t handshake_timeout_us = 5'000'000;
  /// Of each of four kinds of callers without proof: silent or not, from hosts of members or not.
  std::size_t caller_places_max = 128;
  std::uint64_t redial_first_us = 20'000;  // doubles to redial_max_us, plus or minus a quarter
  std::uint64_t redial_max_us = 1'000'000;
  /// A member that ought to dial us and does not get through. Longer than any wait of its own, so
  /// that both seldom dial at once.
  std::uint64_t call_back_us = 3'000'000;
  std::uint64_t short_life_us = 2'000'000;  // a link that did not live so long makes the next wait
  std::uint64_t lines_period_us = 10'000'000;  // of the log's lines about one peer
  std::uint64_t slice_us = 500;     // of each turn, for what one peer sends, and for each Room
  std::uint64_t burst_us = 50'000;  // of the same, before a share of the clock is all that it has
  std::size_t queued_bytes_max = 32U
                                 << 20;  // per link; what does not fit is dropped, PBFT retransmits
};

/// For people.
struct LinkCounters {
  std::uint64_t handshakes_refused = 0;
  std::uint64_t frames_dropped = 0;  // a queue was full, or there was no link
  std::uint64_t links_broken = 0;
};

class Links {
 public:
  /// `listener` is listening. All outlive the links; `signer` is self's.
  Links(LinksConfig config, const crypto::Signer& signer, Poller& poller, Fd listener,
        Upstream& upstream);
  ~Links();
  Links(const Links&) = delete;
  Links& operator=(const Links&) = delete;

  /// Best effort. Written at once when nothing waits before it.
  void send(ReplicaId to, Bytes frame);

  /// When tick() is owed; `never` if nothing is waited for.
  [[nodiscard]] Time deadline() const;
  /// Once per turn, after the poller. Dials what is due, ends handshakes that took too long, goes
  /// on with what peers had no time for in the last turn.
  void tick(Time now);

  /// There is a newer configuration in the chain: all links are made anew, with its keys.
  void reconfigure(wire::Membership membership);

  [[nodiscard]] std::uint64_t connected() const;
  [[nodiscard]] const LinkCounters& counters() const { return counters_; }

 private:
  /// What callers share. All of a handshake's cost falls on the room that it is in.
  struct Room {
    Room(std::size_t places_max, Slice::Rule slice)
        : silent(places_max), greeted(places_max), proving(slice) {}
    CallerPlaces silent;
    CallerPlaces greeted;      // they said a hello that fits, and we answered
    Slice proving;             // who they are shows only when it is spent
    std::vector<int> unheard;  // callers whom we do not listen to while it rests
  };
  /// A connection that has not proven who it is.
  struct Unproven {
    std::unique_ptr<Connection> connection;
    std::unique_ptr<wire::Handshake> handshake;  // null until a caller says something
    std::optional<ReplicaId> dialled;            // by us, to this peer
    bool connecting = false;                     // dialled, and TCP has not answered
    bool greeted = false;                        // a whole hello came, and it fits
    // Of those who called us:
    std::string host;
    Room* room = nullptr;
    CallerPlaces* places = nullptr;  // one of the room's
    Time expires;
  };
  struct Peer {
    explicit Peer(Slice::Rule rule) : slice(rule) {}
    std::unique_ptr<Connection> connection;  // proven; null while there is none
    std::uint32_t asked_for = 0;             // of epoll
    bool has_more = false;                   // of a frame, or a whole one, waits for the next turn
    Slice slice;
    bool dialling = false;  // one attempt at a time
    Time dial_at = never;
    std::uint64_t delay_us = 0;
    std::uint64_t first_delay_us = 0;  // when this link breaks; grows while links are short-lived
    Time up_since;
    std::string last_error;      // said once, not at every attempt
    LineBudget lines{0};         // however often it comes and goes
    std::string announced_host;  // by genesis, as host_of() has it; empty: not looked up yet
    std::string proven_host;     // it last called from there
  };
  using UnprovenRef = std::list<Unproven>::iterator;

  void dial(ReplicaId peer);
  void redial_later(ReplicaId peer, const std::string& why);
  void dialled(ReplicaId peer, Result<SocketAddress> address);
  /// The one with the lower id dials; the other only calls back.
  [[nodiscard]] bool dials(ReplicaId peer) const { return peer > config_.self; }
  void accept_waiting();
  void caller_came(Fd fd, std::string host);
  /// One of those there, or the caller itself, gives way when all are taken.
  void take_place(UnprovenRef caller, CallerPlaces& places);
  Room& room_for(const std::string& host);
  UnprovenRef add_unproven(Fd fd, std::optional<ReplicaId> dialled);
  void begin_handshake(Unproven& unproven);
  void on_unproven(UnprovenRef unproven, std::uint32_t events);
  /// True when the handshake is done; the Error says why the connection must end.
  Result<bool> advance(Unproven& unproven, std::uint32_t events);
  /// As far as what it said goes; true when the handshake is done.
  Result<bool> shake(Unproven& unproven);
  Unproven take_out(UnprovenRef unproven);
  void end_unproven(UnprovenRef unproven, const std::string& why);
  void promote(UnprovenRef unproven);
  void on_link(ReplicaId peer, std::uint32_t events);
  void take_turn(ReplicaId peer);
  Result<void> read_frames(ReplicaId peer, Connection& connection);
  void break_link(ReplicaId peer, const std::string& why);
  void lived_until(Time now, Peer& peer) const;
  void ask_for(ReplicaId peer, Time now);
  void listen_again(Room& room, Time now);
  void warn(const std::string& line);
  void tell(ReplicaId peer, std::string line);

  LinksConfig config_;
  const crypto::Signer& signer_;
  Poller& poller_;
  Upstream& upstream_;
  Fd listener_;
  Time accept_again_ = never;                     // after running out of descriptors
  std::list<Unproven> unproven_;                  // oldest first, and so is when they expire
  std::unordered_map<int, UnprovenRef> callers_;  // of these, by descriptor; looked up only
  Room members_;                                  // those who call from hosts of members
  Room strangers_;                                // all others
  std::vector<Peer> peers_;
  LinkCounters counters_;
  Time warned_;        // a flood of bad connections must not become a flood of lines
  Resolver resolver_;  // last: its answers come here
};

}  // namespace prytany::net
