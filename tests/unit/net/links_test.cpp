// Replica links over loopback, several replicas in one thread, and strangers at the door.
#include "server/net/links.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <memory>

#include "server/crypto/agree.h"
#include "server/wire/codec.h"
#include "tests/unit/net/recorder.h"

namespace prytany::net {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

/// A handshake refers to its signer, so these live for ever.
const crypto::Signer& signer_of(std::size_t id) {
  static std::map<std::size_t, crypto::Signer> all;
  crypto::Signer::Seed seed{};
  seed[0] = static_cast<std::uint8_t>(id + 1);
  return all.try_emplace(id, seed).first->second;
}

/// Bytes that pass for a frame on the way; what is inside is not the links' business.
Bytes frame_of(std::size_t size, std::uint8_t fill) {
  Bytes frame = wire::encode(static_cast<std::uint32_t>(size));
  frame.resize(size + 4, fill);
  return frame;
}

class LinksTest : public testing::Test {
 protected:
  static constexpr std::size_t n = 3;

  struct Replica {
    crypto::Signer signer = signer_of(0);
    Recorder upstream;
    std::optional<Links> links;
  };

  LinksTest() : poller_(std::move(*Poller::create())), replicas_(n) {
    for (std::size_t id = 0; id < n; ++id) {
      listeners_.push_back(std::move(*listen_on("127.0.0.1", 0)));
      config_.peers.push_back({"127.0.0.1", local_port(listeners_[id])});
      config_.membership.replica_keys.push_back(signer_of(id).public_key());
      replicas_[id].signer = signer_of(id);
    }
    config_.membership.quorum = 2;
    config_.engine = "engine";
    config_.handshake_timeout_us = 300'000;
    config_.redial_max_us = 50'000;
  }

  void start(std::size_t id) { start(id, config_); }
  void start(std::size_t id, LinksConfig config) {
    config.self = ReplicaId{static_cast<std::uint16_t>(id)};
    if (!listeners_[id]) {
      listeners_[id] = std::move(*listen_on("127.0.0.1", config_.peers[id].port));
    }
    replicas_[id].links.emplace(std::move(config), replicas_[id].signer, poller_,
                                std::exchange(listeners_[id], Fd()), replicas_[id].upstream);
  }
  void stop(std::size_t id) { replicas_[id].links.reset(); }

  void turn() {
    const Time now = SystemClock().now();
    Time wake = now + 5'000;
    for (Replica& replica : replicas_) {
      if (replica.links) wake = std::min(wake, replica.links->deadline());
    }
    poller_.wait(wake);
    for (Replica& replica : replicas_) {
      if (replica.links) replica.links->tick(SystemClock().now());
    }
  }
  /// Replica 1 lets replica 0 in and is gone, again and again. How often it was called.
  std::size_t comes_and_goes(const std::function<bool()>& done) {
    upstream(0).events.clear();
    const auto once = [this] {
      turn();
      if (links(0).connected() == 0) return;
      stop(1);
      start(1);
    };
    eventually(once, done);
    return static_cast<std::size_t>(std::ranges::count(upstream(0).events, "up 1"));
  }
  bool soon(const std::function<bool()>& done) {
    return eventually([this] { turn(); }, done);
  }
  void for_a_while(std::uint64_t us) {
    const Time end = SystemClock().now() + us;
    while (SystemClock().now() < end) turn();
  }

  Links& links(std::size_t id) { return *replicas_[id].links; }
  Recorder& upstream(std::size_t id) { return replicas_[id].upstream; }
  static ReplicaId r(std::size_t id) { return ReplicaId{static_cast<std::uint16_t>(id)}; }

  /// A member's side of a connection, by hand.
  wire::Handshake handshake_as(std::size_t self, std::size_t peer, const crypto::Signer& signer,
                               const wire::Membership& group, const std::string& engine) {
    return {group,   signer, r(self),
            r(peer), engine, {crypto::random_array<32>(), crypto::random_array<16>()}};
  }
  /// Until the handshake is done or the other side has closed.
  bool shake(RawSocket& socket, wire::Handshake& handshake) {
    socket.say(handshake.start());
    bool done = false;
    soon([&] {
      while (!done) {
        auto step = handshake.on_bytes(as_bytes(socket.hear()));
        if (!step) return true;
        socket.say(step->send);
        socket.forget(step->consumed);
        done = step->done;
        if (step->consumed == 0) break;
      }
      return done || socket.closed();
    });
    return done;
  }

  Poller poller_;
  std::vector<Fd> listeners_;
  LinksConfig config_;
  std::vector<Replica> replicas_;
};

TEST_F(LinksTest, connect_every_pair_once_whatever_the_order_of_starts) {
  for (const std::size_t id : {2U, 0U, 1U}) start(id);
  ASSERT_TRUE(soon([&] {
    return links(0).connected() == 2 && links(1).connected() == 2 && links(2).connected() == 2;
  }));
  for_a_while(100'000);
  for (std::size_t id = 0; id < n; ++id) EXPECT_THAT(upstream(id).events, SizeIs(2)) << id;
}

/// A chain of one change: r1 has the key of "r9".
wire::Chain changed_chain(const wire::Membership& genesis) {
  wire::Chain chain(genesis);
  wire::Configuration next = chain.newest();
  next.number = ConfigNumber{1};
  next.since = Seq{8};
  next.keys.items[1] = signer_of(9).public_key();
  const wire::Checkpoint end{next.since, {}, wire::configuration_digest(genesis.cluster, next)};
  wire::CheckpointProof proof{end, {}};
  for (const std::uint16_t i : std::vector<std::uint16_t>{0, 2})
    proof.signatures.items.push_back(
        {ReplicaId{i}, wire::sign(genesis, ReplicaId{i}, signer_of(i), end).signature});
  EXPECT_EQ(chain.extend({next, proof}), nullptr);
  return chain;
}

TEST_F(LinksTest, tell_of_a_newer_configuration_and_are_made_anew_with_its_keys) {
  const wire::Chain newer = changed_chain(config_.membership);
  for (const std::size_t behind : {0U, 2U}) {
    const std::size_t ahead = 2 - behind;
    wire::Chain older(config_.membership);
    LinksConfig config = config_;
    config.chain = &older;
    start(behind, config);
    config.chain = &newer;
    config.membership = newer.membership(newer.newest());
    start(ahead, config);
    ASSERT_TRUE(soon([&] { return !upstream(behind).news.empty(); })) << behind;
    EXPECT_EQ(links(ahead).connected(), 0U);
    ASSERT_EQ(older.extend(upstream(behind).news.items[0]), nullptr);
    links(behind).reconfigure(older.membership(older.newest()));
    EXPECT_TRUE(soon([&] { return links(0).connected() == 1 && links(2).connected() == 1; }));
    // The older incarnation of r1 is nobody.
    start(1, config);
    for_a_while(100'000);
    EXPECT_EQ(links(ahead).connected(), 1U);
    for (std::size_t id = 0; id < n; ++id) stop(id);
    upstream(behind).news = {};
  }
}

TEST_F(LinksTest, give_both_ends_matching_keys) {
  start(0);
  start(1);
  ASSERT_TRUE(soon([&] { return links(0).connected() == 1 && links(1).connected() == 1; }));
  const Bytes text = {1, 2, 3};
  const wire::LinkKeys& zero = upstream(0).keys.at(r(1));
  const wire::LinkKeys& one = upstream(1).keys.at(r(0));
  EXPECT_TRUE(one.receive.check(text, zero.send.tag(text)));
  EXPECT_TRUE(zero.receive.check(text, one.send.tag(text)));
  EXPECT_FALSE(zero.receive.check(text, zero.send.tag(text)));
}

TEST_F(LinksTest, carry_frames_of_all_sizes_in_order_both_ways) {
  start(0);
  start(1);
  ASSERT_TRUE(soon([&] { return links(0).connected() == 1 && links(1).connected() == 1; }));
  std::vector<Bytes> sent;
  for (const std::size_t size : {100UL, 4'000'000UL, 60UL, limits::frame_bytes_max, 70'000UL}) {
    sent.push_back(frame_of(size, static_cast<std::uint8_t>(sent.size())));
  }
  for (const Bytes& frame : sent) {
    links(0).send(r(1), frame);
    links(1).send(r(0), frame);
  }
  const auto all_arrived = [&](std::size_t id) {
    return upstream(id).frames.size() == sent.size();
  };
  ASSERT_TRUE(soon([&] { return all_arrived(0) && all_arrived(1); }));
  for (std::size_t i = 0; i < sent.size(); ++i) {
    EXPECT_EQ(upstream(0).frames[i].second, sent[i]) << i;
    EXPECT_EQ(upstream(1).frames[i].second, sent[i]) << i;
  }
}

TEST_F(LinksTest, let_a_peer_whose_frames_cost_much_wait_while_another_has_its_turn) {
  for (std::size_t id = 0; id < n; ++id) start(id);
  ASSERT_TRUE(soon([&] { return links(0).connected() == 2 && links(1).connected() == 2; }));
  upstream(0).on_frame = [&] {
    if (upstream(0).whose == r(1)) take_time(1'000);
    return false;
  };
  for (std::uint8_t i = 0; i < 200; ++i) links(1).send(r(0), frame_of(100, i));
  ASSERT_TRUE(soon([&] { return !upstream(0).frames.empty(); }));
  links(2).send(r(0), frame_of(100, 0));
  ASSERT_TRUE(soon([&] { return upstream(0).frames.size() == 201; }));
  const auto modest = std::ranges::find(upstream(0).frames, r(2), [](auto& f) { return f.first; });
  EXPECT_LT(modest - upstream(0).frames.begin(), 20) << "of 201";
  std::uint8_t next = 0;
  for (const auto& [from, frame] : upstream(0).frames)
    if (from == r(1)) EXPECT_EQ(frame.back(), next++);
}

TEST_F(LinksTest, look_at_a_frame_in_parts_while_another_peer_has_its_turn) {
  for (std::size_t id = 0; id < n; ++id) start(id);
  ASSERT_TRUE(soon([&] { return links(0).connected() == 2 && links(1).connected() == 2; }));
  int parts = 0;
  upstream(0).on_frame = [&] {
    if (upstream(0).whose == r(2)) return false;
    take_time(500);
    return ++parts < 40;
  };
  links(1).send(r(0), frame_of(100'000, 1));
  ASSERT_TRUE(soon([&] { return parts > 0; }));
  links(1).send(r(0), frame_of(100, 2));
  links(2).send(r(0), frame_of(100, 3));
  ASSERT_TRUE(soon([&] { return upstream(0).frames.size() == 3; }));
  EXPECT_EQ(upstream(0).frames[0].first, r(2));
  EXPECT_EQ(upstream(0).frames[1].second, frame_of(100'000, 1));
  EXPECT_EQ(upstream(0).frames[2].second, frame_of(100, 2));
}

TEST_F(LinksTest, give_a_peer_half_of_the_clock_and_sleep_while_it_rests) {
  LinksConfig config = config_;
  config.burst_us = 2'000;
  start(0, config);
  start(1);
  ASSERT_TRUE(soon([&] { return links(0).connected() == 1 && links(1).connected() == 1; }));
  upstream(0).on_frame = [&] {
    take_time(1'000);
    return false;
  };
  const Time began = SystemClock().now();
  for (std::uint8_t i = 0; i < 100; ++i) links(1).send(r(0), frame_of(100'000, i));
  int turns = 0;
  ASSERT_TRUE(soon([&] {
    ++turns;
    return upstream(0).frames.size() == 100;
  }));
  EXPECT_GE(SystemClock().now() - began, 190'000U);
  EXPECT_LE(turns, 1'500) << "and what waits in the socket wakes nobody";
}

TEST_F(LinksTest, count_as_a_peers_what_its_frames_cost_after_they_were_looked_at) {
  LinksConfig config = config_;
  config.burst_us = 2'000;
  start(0, config);
  start(1);
  ASSERT_TRUE(soon([&] { return links(0).connected() == 1 && links(1).connected() == 1; }));
  upstream(0).on_frame = [&] {
    upstream(0).worked_us[r(1)] += 1'000;
    return false;
  };
  const Time began = SystemClock().now();
  for (std::uint8_t i = 0; i < 100; ++i) links(1).send(r(0), frame_of(60'000, i));
  ASSERT_TRUE(soon([&] { return upstream(0).frames.size() == 100; }));
  EXPECT_GE(SystemClock().now() - began, 150'000U);
}

TEST_F(LinksTest, take_all_that_a_peer_sent_before_it_went_however_long_that_takes) {
  for (const std::size_t id : {0U, 1U}) start(id);
  ASSERT_TRUE(soon([&] { return links(0).connected() == 1 && links(1).connected() == 1; }));
  upstream(0).on_frame = [] {
    take_time(3'000);
    return false;
  };
  for (std::uint8_t i = 0; i < 20; ++i) links(1).send(r(0), frame_of(100, i));
  stop(1);
  ASSERT_TRUE(soon([&] { return upstream(0).events.back() == "down 1"; }));
  EXPECT_THAT(upstream(0).frames, SizeIs(20));
}

TEST_F(LinksTest, come_back_when_a_peer_restarts_whoever_dials) {
  for (std::size_t id = 0; id < n; ++id) start(id);
  ASSERT_TRUE(soon([&] { return links(1).connected() == 2; }));
  stop(1);
  ASSERT_TRUE(soon([&] { return links(0).connected() == 1 && links(2).connected() == 1; }));
  for_a_while(200'000);
  start(1);
  ASSERT_TRUE(soon([&] {
    return links(0).connected() == 2 && links(1).connected() == 2 && links(2).connected() == 2;
  }));
  EXPECT_EQ(upstream(0).events.back(), "up 1");
}

TEST_F(LinksTest, drop_what_does_not_fit_the_queue_and_count_it) {
  start(1);
  LinksConfig config = config_;
  config.queued_bytes_max = 1 << 20;
  // Replica 0 by hand: proves itself, then never reads.
  stop(1);
  start(1, config);
  RawSocket socket(config_.peers[1].port);
  auto handshake = handshake_as(0, 1, signer_of(0), config_.membership, "engine");
  ASSERT_TRUE(shake(socket, handshake));
  ASSERT_TRUE(soon([&] { return links(1).connected() == 1; }));
  for (int i = 0; i < 1000; ++i) links(1).send(r(0), frame_of(100'000, 0));
  EXPECT_GT(links(1).counters().frames_dropped, 900U);
  EXPECT_EQ(links(1).connected(), 1U);
}

TEST_F(LinksTest, count_frames_for_a_peer_that_is_away) {
  start(1);
  links(1).send(r(0), frame_of(100, 0));
  EXPECT_EQ(links(1).counters().frames_dropped, 1U);
}

// ---- Strangers ----------------------------------------------------------------------------------

TEST_F(LinksTest, refuse_who_does_not_hold_the_members_key) {
  start(1);
  RawSocket socket(config_.peers[1].port);
  auto handshake = handshake_as(0, 1, signer_of(9), config_.membership, "engine");
  shake(socket, handshake);
  ASSERT_TRUE(soon([&] { return links(1).counters().handshakes_refused == 1; }));
  EXPECT_TRUE(soon([&] { return socket.closed(); }));
  EXPECT_EQ(links(1).connected(), 0U);
  EXPECT_TRUE(upstream(1).events.empty());
}

TEST_F(LinksTest, refuse_a_member_of_another_cluster_or_engine) {
  start(1);
  wire::Membership other = config_.membership;
  other.cluster.bytes[0] = 1;
  RawSocket first(config_.peers[1].port);
  auto stranger = handshake_as(0, 1, signer_of(0), other, "engine");
  EXPECT_FALSE(shake(first, stranger));
  RawSocket second(config_.peers[1].port);
  auto outdated = handshake_as(0, 1, signer_of(0), config_.membership, "older engine");
  EXPECT_FALSE(shake(second, outdated));
  EXPECT_EQ(links(1).counters().handshakes_refused, 2U);
}

TEST_F(LinksTest, do_not_dial_into_an_impostor) {
  // Replica 1's port answers with another key: replica 0 must not take it for replica 1.
  replicas_[1].signer = signer_of(9);
  start(1);
  start(0);
  for_a_while(300'000);
  EXPECT_EQ(links(0).connected(), 0U);
  EXPECT_TRUE(upstream(0).events.empty());
}

TEST_F(LinksTest, end_connections_that_talk_garbage) {
  start(1);
  for (const std::string& text : {std::string("GET / HTTP/1.1\r\n\r\n"), std::string(5000, '\0'),
                                  std::string("\0\0\0\4abcd", 8)}) {
    RawSocket socket(config_.peers[1].port);
    socket.say(text);
    EXPECT_TRUE(soon([&] { return socket.closed(); })) << text.substr(0, 10);
  }
  EXPECT_TRUE(upstream(1).events.empty());
}

TEST_F(LinksTest, end_connections_that_prove_nothing_in_time) {
  start(1);
  RawSocket silent(config_.peers[1].port);
  RawSocket slow(config_.peers[1].port);
  auto handshake = handshake_as(0, 1, signer_of(0), config_.membership, "engine");
  const Bytes hello = handshake.start();
  std::size_t said = 0;
  ASSERT_TRUE(soon([&] {
    if (said < 20) said += slow.say(ByteView(hello).subspan(said, 1));
    return silent.closed() && slow.closed();
  }));
  EXPECT_EQ(links(1).counters().handshakes_refused, 2U);
}

/// Strangers who open connections, say nothing, and hang up when they hold many.
class Flood {
 public:
  Flood(std::uint16_t port, std::string from, std::size_t held_max)
      : port_(port), from_(std::move(from)), held_max_(held_max) {}

  void come(std::size_t count) {
    for (; count > 0; --count) {
      held_.push_back(std::make_unique<RawSocket>(port_, from_));
      if (held_.size() > held_max_) held_.pop_front();
    }
  }
  [[nodiscard]] std::size_t open() const {
    const auto is_open = [](const auto& socket) { return !socket->closed(); };
    return static_cast<std::size_t>(std::ranges::count_if(held_, is_open));
  }

 private:
  std::uint16_t port_;
  std::string from_;
  std::size_t held_max_;
  std::deque<std::unique_ptr<RawSocket>> held_;
};

TEST_F(LinksTest, let_a_peer_in_though_strangers_hold_all_the_places) {
  config_.handshake_timeout_us = 5'000'000;
  config_.caller_places_max = 8;
  start(1);
  Flood flood(config_.peers[1].port, "127.0.0.1", 50);
  for (int i = 0; i < 50; ++i) {
    flood.come(1);
    turn();
  }
  start(0);
  EXPECT_TRUE(soon([&] { return links(0).connected() == 1 && links(1).connected() == 1; }));
  EXPECT_LE(flood.open(), 8U);
}

TEST_F(LinksTest, let_a_slow_member_in_while_thousands_of_strangers_call_from_other_hosts) {
  config_.handshake_timeout_us = 5'000'000;
  start(1);
  Flood flood(config_.peers[1].port, "127.0.0.2", 1'000);
  const auto thousands_call = [&] {
    for (int i = 0; i < 20; ++i) {
      flood.come(50);
      turn();
    }
  };
  thousands_call();
  RawSocket member(config_.peers[1].port);
  thousands_call();
  auto handshake = handshake_as(0, 1, signer_of(0), config_.membership, "engine");
  member.say(handshake.start());
  thousands_call();
  std::string proof;
  while (true) {
    auto step = handshake.on_bytes(as_bytes(member.hear()));
    ASSERT_TRUE(step.ok());
    member.forget(step->consumed);
    proof += as_text(step->send);
    if (step->done || step->consumed == 0) break;
  }
  ASSERT_FALSE(proof.empty());
  thousands_call();
  member.say(proof);
  EXPECT_TRUE(soon([&] { return links(1).connected() == 1; }));
  EXPECT_LE(flood.open(), config_.caller_places_max);
}

TEST_F(LinksTest, let_a_member_in_while_thousands_of_strangers_call_from_its_own_host) {
  config_.handshake_timeout_us = 5'000'000;
  config_.call_back_us = 60'000'000;
  start(1);
  start(0);
  Flood flood(config_.peers[1].port, "127.0.0.1", 1'000);
  const auto flooded_turn = [&] {
    flood.come(64);
    turn();
  };
  // Three times: the chance is good, and not certain.
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(eventually(flooded_turn, [&] { return links(0).connected() == 1; })) << i;
    stop(0);
    start(0);
  }
  EXPECT_LE(flood.open(), config_.caller_places_max + 256) << "and those not accepted yet";
}

TEST_F(LinksTest, keep_places_for_who_has_said_hello_apart_from_those_of_the_silent) {
  config_.handshake_timeout_us = 5'000'000;
  config_.caller_places_max = 4;
  start(1);
  RawSocket member(config_.peers[1].port);
  auto handshake = handshake_as(0, 1, signer_of(0), config_.membership, "engine");
  member.say(handshake.start());
  ASSERT_TRUE(soon([&] { return !member.hear().empty(); }));
  Flood silent(config_.peers[1].port, "127.0.0.1", 100);
  for (int i = 0; i < 100; ++i) {
    silent.come(1);
    turn();
  }
  EXPECT_FALSE(member.closed());
  EXPECT_LE(silent.open(), 4U);
  // Those who say hello have bounds, too.
  std::vector<std::unique_ptr<RawSocket>> callers;
  for (int i = 0; i < 20; ++i) {
    callers.push_back(std::make_unique<RawSocket>(config_.peers[1].port));
    callers.back()->say(handshake_as(0, 1, signer_of(0), config_.membership, "engine").start());
    const std::uint64_t refused = links(1).counters().handshakes_refused;
    ASSERT_TRUE(soon([&] {
      return !callers.back()->hear().empty() || links(1).counters().handshakes_refused > refused;
    }));
  }
  for_a_while(20'000);
  EXPECT_LE(std::ranges::count_if(callers, [](const auto& c) { return !c->closed(); }), 4);
}

TEST_F(LinksTest, call_a_member_back_that_does_not_get_through) {
  config_.call_back_us = 50'000;
  start(1);
  LinksConfig config = config_;
  config.peers[1].port = 1;  // nobody listens there
  start(0, config);
  EXPECT_TRUE(soon([&] { return links(0).connected() == 1 && links(1).connected() == 1; }));
  stop(0);
  ASSERT_TRUE(soon([&] { return links(1).connected() == 0; }));
  start(0, config);
  EXPECT_TRUE(soon([&] { return links(0).connected() == 1 && links(1).connected() == 1; }));
}

TEST_F(LinksTest, break_with_a_member_that_promises_too_long_a_frame) {
  start(1);
  RawSocket socket(config_.peers[1].port);
  auto handshake = handshake_as(0, 1, signer_of(0), config_.membership, "engine");
  ASSERT_TRUE(shake(socket, handshake));
  socket.say(frame_of(100, 7));
  socket.say(wire::encode(static_cast<std::uint32_t>(limits::frame_bytes_max + 1)));
  ASSERT_TRUE(soon([&] { return socket.closed(); }));
  EXPECT_THAT(upstream(1).events, ElementsAre("up 0", "down 0"));
  EXPECT_THAT(upstream(1).frames, SizeIs(1));  // the one before counts
}

TEST_F(LinksTest, wait_for_the_rest_of_a_half_frame) {
  start(1);
  RawSocket socket(config_.peers[1].port);
  auto handshake = handshake_as(0, 1, signer_of(0), config_.membership, "engine");
  ASSERT_TRUE(shake(socket, handshake));
  const Bytes frame = frame_of(100, 7);
  for (const std::uint8_t byte : frame) {
    EXPECT_TRUE(upstream(1).frames.empty());
    socket.say(ByteView(&byte, 1));
    turn();
  }
  ASSERT_TRUE(soon([&] { return upstream(1).frames.size() == 1; }));
  EXPECT_EQ(upstream(1).frames[0].second, frame);
}

TEST_F(LinksTest, take_frames_that_came_with_the_last_bytes_of_the_handshake) {
  start(1);
  RawSocket socket(config_.peers[1].port);
  auto handshake = handshake_as(0, 1, signer_of(0), config_.membership, "engine");
  socket.say(handshake.start());
  std::string to_send;
  ASSERT_TRUE(soon([&] {
    auto step = handshake.on_bytes(as_bytes(socket.hear()));
    EXPECT_TRUE(step.ok());
    to_send += as_text(step->send);
    socket.forget(step->consumed);
    return step->done;
  }));
  to_send += as_text(frame_of(100, 7));
  socket.say(to_send);
  EXPECT_TRUE(soon([&] { return upstream(1).frames.size() == 1; }));
}

TEST_F(LinksTest, let_the_newer_connection_of_a_peer_replace_the_older) {
  start(1);
  RawSocket older(config_.peers[1].port);
  auto first = handshake_as(0, 1, signer_of(0), config_.membership, "engine");
  ASSERT_TRUE(shake(older, first));
  ASSERT_TRUE(soon([&] { return links(1).connected() == 1; }));
  RawSocket newer(config_.peers[1].port);
  auto second = handshake_as(0, 1, signer_of(0), config_.membership, "engine");
  ASSERT_TRUE(shake(newer, second));
  ASSERT_TRUE(soon([&] { return older.closed(); }));
  EXPECT_THAT(upstream(1).events, ElementsAre("up 0", "down 0", "up 0"));
  newer.say(frame_of(100, 7));
  EXPECT_TRUE(soon([&] { return upstream(1).frames.size() == 1; }));
}

std::size_t occurrences(const std::string& text, const std::string& words) {
  std::size_t found = 0;
  for (auto at = text.find(words); at != std::string::npos; at = text.find(words, at + 1)) ++found;
  return found;
}

TEST_F(LinksTest, say_little_of_a_peer_that_connects_over_and_over_and_at_last_how_it_is) {
  config_.lines_period_us = 2'000'000;
  start(1);
  testing::internal::CaptureStderr();
  std::vector<std::unique_ptr<RawSocket>> sockets;
  for (int i = 0; i < 20; ++i) {
    sockets.push_back(std::make_unique<RawSocket>(config_.peers[1].port));
    auto handshake = handshake_as(0, 1, signer_of(0), config_.membership, "engine");
    EXPECT_TRUE(shake(*sockets.back(), handshake));
  }
  EXPECT_TRUE(soon([&] { return std::ranges::count(upstream(1).events, "up 0") == 20; }));
  const std::string during = testing::internal::GetCapturedStderr();
  EXPECT_THAT(during, testing::HasSubstr("link to replica 0 is up"));
  EXPECT_LE(occurrences(during, "link to replica 0"), 2 * LineBudget::lines_max) << "of 39";
  testing::internal::CaptureStderr();
  for_a_while(2'100'000);
  const std::string after = testing::internal::GetCapturedStderr();
  EXPECT_THAT(after, testing::ContainsRegex("link to replica 0 is up .[0-9]+ such lines before"));
  EXPECT_EQ(occurrences(after, "link to replica 0"), 1U) << after;
}

TEST_F(LinksTest, call_a_peer_that_hangs_up_less_and_less_often) {
  config_.redial_max_us = 1'000'000;
  start(1);
  start(0);
  const Time end = SystemClock().now() + 700'000;
  EXPECT_LE(comes_and_goes([&] { return SystemClock().now() >= end; }), 8U);
}

TEST_F(LinksTest, call_a_peer_that_was_there_for_a_while_at_once) {
  config_.redial_max_us = 1'000'000;
  config_.short_life_us = 100'000;
  start(1);
  start(0);
  comes_and_goes([&] { return upstream(0).events.size() >= 10; });  // five times up, and down
  ASSERT_TRUE(soon([&] { return links(0).connected() == 1; }));
  for_a_while(150'000);
  stop(1);
  start(1);
  ASSERT_TRUE(soon([&] { return links(0).connected() == 0; }));
  const Time went = SystemClock().now();
  ASSERT_TRUE(soon([&] { return links(0).connected() == 1; }));
  EXPECT_LT(SystemClock().now(), went + 300'000);
}

TEST_F(LinksTest, spend_no_more_than_a_slice_of_each_turn_on_handshakes) {
  LinksConfig config = config_;
  config.slice_us = 20;
  config.handshake_timeout_us = 5'000'000;
  start(1, config);
  std::vector<std::unique_ptr<RawSocket>> callers;
  for (int i = 0; i < 10; ++i) {
    callers.push_back(std::make_unique<RawSocket>(config_.peers[1].port));
    callers.back()->say(handshake_as(0, 1, signer_of(0), config_.membership, "engine").start());
  }
  const auto answered = [&] {
    return std::ranges::count_if(callers, [](const auto& c) { return !c->hear().empty(); });
  };
  for (int i = 0; i < 3; ++i) turn();
  EXPECT_LE(answered(), 2) << "each costs more than that";
  EXPECT_TRUE(soon([&] { return answered() == 10; })) << "and has its turn later";
}

// ---- Names and ports ----------------------------------------------------------------------------

TEST_F(LinksTest, find_peers_by_name) {
  config_.peers[1].host = "localhost";
  start(0);
  start(1);
  EXPECT_TRUE(soon([&] { return links(0).connected() == 1; }));
}

TEST_F(LinksTest, go_on_when_a_name_cannot_be_found) {
  config_.peers[2].host = "no-such-host.invalid";
  start(0);
  start(1);
  EXPECT_TRUE(soon([&] { return links(0).connected() == 1; }));
}

TEST(Listening, says_which_port_is_in_use_and_what_to_do) {
  const auto first = listen_on("127.0.0.1", 0);
  ASSERT_TRUE(first.ok());
  const auto second = listen_on("127.0.0.1", local_port(*first));
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(second.error().message,
              testing::AllOf(testing::HasSubstr(std::to_string(local_port(*first))),
                             testing::HasSubstr("Another program uses this port")));
}

}  // namespace
}  // namespace prytany::net
