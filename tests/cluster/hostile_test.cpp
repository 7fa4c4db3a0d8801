// Clients at the sockets of four real replicas who keep no rules (Castro & Liskov TOCS 2002 section
// 2.1: clients may be faulty, too), while honest ones work: those go on, the replicas' memory stays
// bounded, and their logs do not fill up.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <thread>

#include "server/crypto/sign.h"
#include "server/wire/client_json.h"
#include "server/wire/genesis.h"
#include "tests/cluster/witnesses.h"
#include "tests/unit/net/recorder.h"

namespace prytany::cluster_tests {
namespace {

using namespace std::chrono_literals;
using net::RawSocket;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// A frame as RFC 6455 section 5.2 says, masked with zeros. `said`: the length that it names.
std::string frame(std::string_view payload, unsigned first_byte = 0x81, std::size_t said = 0) {
  const std::size_t length = std::max(said, payload.size());
  std::string out(1, static_cast<char>(first_byte));
  const unsigned bytes = length < 126 ? 0 : length < 65'536 ? 2 : 8;
  out += static_cast<char>(0x80 | (bytes == 0 ? length : bytes == 2 ? 126 : 127));
  for (unsigned i = bytes; i > 0; --i) out += static_cast<char>(length >> (8 * (i - 1)) & 0xFF);
  return out + std::string(4, '\0') + std::string(payload);
}

std::string upgrade(const std::string& more = "") {
  return "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Protocol: prytany.v1\r\n" +
         more + "\r\n";
}

/// One attacker's way to one replica, as of another host than the honest clients'.
class Line {
 public:
  explicit Line(std::uint16_t port) : socket_(port, "127.0.0.2") {}

  /// All of it, if the other side reads; as much as it takes in a second, if not.
  void say(std::string_view bytes) {
    const auto until = std::chrono::steady_clock::now() + 1s;
    while (!bytes.empty() && !socket_.closed() && std::chrono::steady_clock::now() < until) {
      const std::size_t taken = socket_.say(bytes);
      bytes.remove_prefix(taken);
      sent_ += taken;
      if (taken == 0) std::this_thread::sleep_for(1ms);
    }
    if (reads_) socket_.forget(socket_.hear().size());
  }
  /// The head of the answer.
  std::string greet(const std::string& more = "") {
    socket_.say(upgrade(more));
    const auto until = std::chrono::steady_clock::now() + 5s;
    while (socket_.hear().find("\r\n\r\n") == std::string::npos && !socket_.closed() &&
           std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(1ms);
    const std::string head = socket_.hear().substr(0, socket_.hear().find("\r\n\r\n"));
    socket_.forget(socket_.hear().size());
    return head;
  }
  void text(const std::string& message) { say(frame(message)); }
  void stop_reading() { reads_ = false; }
  [[nodiscard]] bool closed() { return socket_.closed(); }
  [[nodiscard]] std::size_t sent() const { return sent_; }
  std::size_t say_once(std::string_view bytes) { return socket_.say(bytes); }

 private:
  RawSocket socket_;
  bool reads_ = true;
  std::size_t sent_ = 0;
};

/// What one attack needs to know.
struct Target {
  std::uint16_t clients;
  std::uint16_t peers;
  Digest cluster;
  std::function<bool()> over;

  /// A line that has said a right hello.
  [[nodiscard]] std::unique_ptr<Line> line() const {
    auto line = std::make_unique<Line>(clients);
    line->greet();
    wire::ClientHello hello{cluster, crypto::DhSecret::generate().public_key(), {}};
    line->text(wire::to_json(wire::FromClient{hello}));
    return line;
  }
};

/// Bytes, or connections: what was done.
using Attack = std::function<std::size_t(const Target&)>;

/// So many calls of `what`, with a pause, until time is up.
std::size_t keep(const Target& target, const std::function<std::size_t()>& what,
                 std::chrono::microseconds pause) {
  std::size_t done = 0;
  while (!target.over()) {
    done += what();
    std::this_thread::sleep_for(pause);
  }
  return done;
}

// ---- K5, K7, A1: the socket
// ----------------------------------------------------------------------

/// A byte at a time: of the handshake, then of messages.
std::size_t drips(const Target& target) {
  std::vector<std::unique_ptr<Line>> lines;
  for (int i = 0; i < 60; ++i) {
    lines.push_back(std::make_unique<Line>(target.clients));
    if (i % 2 == 0) lines.back()->greet();
  }
  const std::string early = upgrade();
  const std::string late = frame(R"({"type":"status","id":"1"})");
  std::size_t at = 0;
  return keep(
      target,
      [&] {
        for (std::size_t i = 0; i < lines.size(); ++i) {
          const std::string& words = i % 2 == 0 ? late : early;
          lines[i]->say_once(words.substr(at % words.size(), 1));
        }
        ++at;
        return lines.size();
      },
      20ms);
}

/// Frames that promise a megabyte and hold some of it.
std::size_t half_frames(const Target& target) {
  std::vector<std::unique_ptr<Line>> lines;
  std::size_t sent = 0;
  const std::string part = frame(std::string(300'000, ' '), 0x81, 1 << 20);
  return keep(
      target,
      [&] {
        if (lines.size() >= 280) lines.erase(lines.begin());
        lines.push_back(target.line());
        lines.back()->say(part);
        return sent = part.size();
      },
      5ms);
}

/// Fragments without an end.
std::size_t endless_fragments(const Target& target) {
  const std::string piece = frame(std::string(16'000, 'x'), 0x00);
  std::unique_ptr<Line> line;
  return keep(
      target,
      [&] {
        if (!line || line->closed()) {
          line = target.line();
          line->say(frame("{", 0x01));
        }
        line->say(piece);
        return piece.size();
      },
      200us);
}

std::size_t pings(const Target& target) {
  std::string many;
  for (int i = 0; i < 100; ++i) many += frame(std::string(125, 'p'), 0x89);
  const auto line = target.line();
  return keep(
      target,
      [&] {
        line->say(many);
        return many.size();
      },
      1ms);
}

/// Compression is not spoken here: the offer is not taken, and who does it all the same is closed.
std::size_t compression(const Target& target) {
  return keep(
      target,
      [&] {
        Line line(target.clients);
        const std::string head = line.greet("Sec-WebSocket-Extensions: permessage-deflate\r\n");
        EXPECT_THAT(head, HasSubstr("101"));
        EXPECT_THAT(head, Not(HasSubstr("permessage-deflate")));
        line.say(frame("\x4a\x4c\x84\x81", 0xC1));
        return std::size_t{1};
      },
      2ms);
}

/// Asks much and reads nothing.
std::size_t never_reads(const Target& target) {
  const std::string asks = [] {
    std::string all;
    for (int i = 0; i < 200; ++i)
      all += frame(R"({"type":"status","id":")" + std::to_string(i) + "\"}");
    return all;
  }();
  std::unique_ptr<Line> line;
  return keep(
      target,
      [&] {
        if (!line || line->closed()) line = target.line();
        line->stop_reading();
        line->say_once(asks);
        return asks.size();
      },
      2ms);
}

// ---- K8, K12, A4: coming and going
// -----------------------------------------------------------------

std::size_t handshakes(const Target& target) {
  std::size_t i = 0;
  return keep(
      target,
      [&] {
        // To other replicas' port: no member's hello.
        Line stranger(target.peers);
        stranger.say_once(std::string("\0\0\0\x20", 4) + std::string(32, 'h'));
        Line half(target.clients);
        half.say_once(upgrade().substr(0, 40 + ++i % 60));
        (void)target.line();
        return std::size_t{3};
      },
      1ms);
}

std::size_t bad_origin(const Target& target) {
  return keep(
      target,
      [&] {
        Line line(target.clients);
        EXPECT_THAT(line.greet("Origin: https://evil.example\r\n"), HasSubstr("403"));
        return std::size_t{1};
      },
      2ms);
}

/// Phase two without phase one, and phase one without phase two.
std::size_t false_joins(const Target& target) {
  const auto line = target.line();
  std::uint64_t number = 0;
  return keep(
      target,
      [&] {
        const crypto::Signer key = crypto::Signer::generate();
        wire::JoinBegin begin{key.public_key(), {}, {{"key"}, {"nobody"}, key.public_key(), {}}};
        line->text(wire::to_json(wire::FromClient{begin}));
        wire::RequestBody body{SessionId{0},
                               RequestNumber{++number},
                               key.public_key(),
                               {wire::encode(wire::Operation{wire::Join{begin, {}}})}};
        wire::ClientRequest request{body, {}};
        request.proof.signature =
            key.sign(wire::request_signed_bytes(target.cluster, wire::request_digest(body)));
        line->text(wire::to_json(wire::FromClient{wire::SubmitRequest{request, std::nullopt, {}}}));
        return std::size_t{2};
      },
      500us);
}

// ---- K6, K14, K15, A3, A5, A9: texts
// ---------------------------------------------------------------

/// Over and over, with a new line when the replica closes it.
std::size_t repeat(const Target& target, const std::vector<std::string>& texts,
                   std::chrono::microseconds pause) {
  std::unique_ptr<Line> line;
  std::size_t next = 0;
  return keep(
      target,
      [&] {
        if (!line || line->closed()) line = target.line();
        const std::string& text = texts[next++ % texts.size()];
        line->text(text);
        return text.size();
      },
      pause);
}

std::size_t odd_texts(const Target& target) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += R"({"a":[)";
  return repeat(target,
                {deep, "", "{", "null", "[[[[[[[[[[[[[[[[[[[[", R"({"type":"status","id":1e400})",
                 R"({"type":"status","id":"-1"})", R"({"type":"status","id":"1","id":"2"})",
                 "{\"type\":\"status\",\"id\":\"\\ud800\"}",
                 R"({"type":"read","id":"1","procedure":")" + std::string(1'900'000, 'p') + "\"}",
                 R"({"type":"status","id":")" + std::string((2 << 20) + 10, '1') + "\"}"},
                1ms);
}

std::size_t bad_signatures(const Target& target) {
  const crypto::Signer key = crypto::Signer::generate();
  std::vector<std::string> texts;
  for (std::uint64_t i = 0; i < 200; ++i) {
    wire::RequestBody body{SessionId{0}, RequestNumber{i}, key.public_key(), {Bytes{1}}};
    wire::ClientRequest request{body, {}};
    request.proof.signature = key.sign(as_bytes("something else"));
    texts.push_back(
        wire::to_json(wire::FromClient{wire::SubmitRequest{request, std::nullopt, {}}}));
  }
  return repeat(target, texts, 100us);
}

std::size_t hoarding(const Target& target) {
  const crypto::Signer key = crypto::Signer::generate();
  std::vector<std::string> texts;
  for (std::uint64_t i = 0; i < 100; ++i) {
    wire::Null null{0, {}};
    null.payload.bytes.resize(100'000);
    wire::RequestBody body{SessionId{1'000'000 + i},
                           RequestNumber{1 + i},
                           key.public_key(),
                           {wire::encode(wire::Operation{null})}};
    wire::ClientRequest request{body, {}};
    request.proof.signature =
        key.sign(wire::request_signed_bytes(target.cluster, wire::request_digest(body)));
    texts.push_back(
        wire::to_json(wire::FromClient{wire::SubmitRequest{request, std::nullopt, {}}}));
  }
  return repeat(target, texts, 1ms);
}

std::size_t replica_talk(const Target& target) {
  wire::Reply reply;
  reply.outcome = wire::DoneReply{};
  const crypto::Tag16 tag{};
  return repeat(
      target,
      {wire::to_json(wire::TaggedToClient{reply, tag}),
       wire::to_json(wire::TaggedToClient{wire::SessionEnded{SessionId{1}, {"left"}}, tag}),
       wire::to_json(wire::TaggedToClient{wire::StatusReply{}, tag}),
       R"({"type":"pre-prepare","view":"0","seq":"1"})"},
      200us);
}

std::size_t questions(const Target& target) {
  return repeat(target,
                {R"({"type":"status","id":"1"})", R"({"type":"configurations","above":"0"})",
                 R"({"type":"read","id":"1","procedure":"none","arguments":[]})"},
                200us);
}

// ---- what is watched
// ----------------------------------------------------------------------------

/// The replicas of a cluster, made with their standard error in a file.
class WatchedCluster {
 public:
  WatchedCluster() {
    const int file = ::open(log().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const int own = ::dup(STDERR_FILENO);
    ::dup2(file, STDERR_FILENO);
    cluster = std::make_unique<TestCluster>();
    ::dup2(own, STDERR_FILENO);
    ::close(own);
    ::close(file);
    Client(cluster->admin("setup")).execute("CREATE TABLE work(inserter INTEGER, n INTEGER)");
  }

  [[nodiscard]] std::size_t log_lines() const {
    std::ifstream in(log());
    std::size_t lines = 0;
    for (std::string line; std::getline(in, line);) ++lines;
    return lines;
  }
  /// Resident memory, in MiB.
  [[nodiscard]] std::size_t resident(unsigned replica) const {
    std::ifstream pid(cluster->folder() + "/replica-" + std::to_string(replica) + "/pid");
    std::string number;
    pid >> number;
    std::ifstream status("/proc/" + number + "/status");
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6)) / 1024;
    ADD_FAILURE() << "no memory of replica " << replica;
    return 0;
  }
  [[nodiscard]] Digest digest() const {
    std::ifstream in(cluster->genesis());
    std::stringstream text;
    text << in.rdbuf();
    return wire::genesis_digest(wire::genesis_from_json(text.str()).value().genesis);
  }

  std::unique_ptr<TestCluster> cluster;

 private:
  [[nodiscard]] std::string log() const { return folder_.path() + "/log"; }
  TestFolder folder_;
};

struct Named {
  const char* name;
  Attack attack;
};

const std::vector<Named>& attacks() {
  static const std::vector<Named> all{{"drips", drips},
                                      {"half_frames", half_frames},
                                      {"endless_fragments", endless_fragments},
                                      {"pings", pings},
                                      {"compression", compression},
                                      {"never_reads", never_reads},
                                      {"handshakes", handshakes},
                                      {"bad_origin", bad_origin},
                                      {"false_joins", false_joins},
                                      {"odd_texts", odd_texts},
                                      {"bad_signatures", bad_signatures},
                                      {"hoarding", hoarding},
                                      {"replica_talk", replica_talk},
                                      {"questions", questions}};
  return all;
}

/// Each of them for so long against one replica after the other, the primary first.
void suffer(WatchedCluster& watched, Witnesses& witnesses, const std::vector<Named>& which,
            std::chrono::milliseconds span, std::chrono::seconds wait_max) {
  constexpr std::size_t more_mib = 192;  // 64 of unfinished messages, and what malloc keeps
  constexpr std::size_t lines_max = 60;
  TestCluster& cluster = *watched.cluster;
  std::vector<std::size_t> memory;
  for (unsigned id = 0; id < cluster.size(); ++id) memory.push_back(watched.resident(id));
  const std::size_t lines = watched.log_lines();
  const int before = witnesses.acknowledged();
  (void)witnesses.take_longest();
  const auto end = std::chrono::steady_clock::now() + span;
  std::vector<std::thread> attackers;
  std::atomic<std::size_t> made{0};
  unsigned next = 0;
  for (const Named& each : which) {
    const auto id = static_cast<std::uint16_t>(next++ % cluster.size());
    const auto port = static_cast<std::uint16_t>(cluster.base_port() + id);
    Target target{port, static_cast<std::uint16_t>(port + 100), watched.digest(),
                  [end] { return std::chrono::steady_clock::now() >= end; }};
    attackers.emplace_back([&each, &made, target] {
      const std::size_t done = each.attack(target);
      EXPECT_GT(done, 10U) << each.name << " was hardly made";
      made += done;
    });
  }
  for (std::thread& attacker : attackers) attacker.join();
  const int done = witnesses.acknowledged() - before;
  const auto longest = witnesses.take_longest();
  const std::size_t said = watched.log_lines() - lines;
  std::size_t grown = 0;
  for (unsigned id = 0; id < cluster.size(); ++id)
    grown = std::max(grown, watched.resident(id) - std::min(watched.resident(id), memory[id]));
  std::cout << (which.size() == 1 ? which.front().name : "all") << ": made " << made
            << ", honest requests " << done << ", longest " << longest.count() << " ms, memory +"
            << grown << " MiB, log +" << said << " lines\n";
  EXPECT_THAT(witnesses.complaints(), IsEmpty());
  EXPECT_GT(done, 4);
  EXPECT_LT(longest, wait_max);
  EXPECT_LT(grown, more_mib);
  EXPECT_LT(said, lines_max);
}

TEST(Hostile, clients_one_after_the_other_disturb_neither_others_nor_memory_nor_logs) {
  WatchedCluster watched;
  Witnesses witnesses(*watched.cluster, 3);
  for (const Named& each : attacks()) {
    SCOPED_TRACE(each.name);
    suffer(watched, witnesses, {each}, 700ms, 10s);
  }
  witnesses.stop();
  EXPECT_THAT(witnesses.complaints(), IsEmpty());
  watched.cluster->expect_one_state(witnesses.last_seq());
}

TEST(LongHostile, clients_all_at_once_disturb_neither_others_nor_memory_nor_logs) {
  WatchedCluster watched;
  Witnesses witnesses(*watched.cluster, 3);
  suffer(watched, witnesses, attacks(), 20s, 25s);
  witnesses.stop();
  EXPECT_THAT(witnesses.complaints(), IsEmpty());
  watched.cluster->expect_one_state(witnesses.last_seq());
}

}  // namespace
}  // namespace prytany::cluster_tests
