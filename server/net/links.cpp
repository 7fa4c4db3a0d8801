#include "server/net/links.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "server/base/log.h"
#include "server/crypto/agree.h"
#include "server/net/arrivals.h"

namespace prytany::net {
namespace {

/// Read per event and link, so that one fast peer does not keep the loop from the others.
constexpr std::size_t read_bytes_max = 64 << 10;
constexpr std::uint64_t warn_interval_us = 1'000'000;
/// Who has not said hello makes us hold no more than that, which is more than any hello.
constexpr std::size_t hello_held_max = 4 << 10;

std::string name_of(ReplicaId peer) { return "replica " + std::to_string(peer.value); }

/// Within a quarter of `delay`: replicas that lost the same peer must not dial it in step.
std::uint64_t with_jitter(std::uint64_t delay_us) {
  const auto random = crypto::random_array<2>();
  const std::uint64_t sixteen_bits = (std::uint64_t{random[0]} << 8) | random[1];
  return delay_us * 3 / 4 + delay_us / 2 * sixteen_bits / 65536;
}

/// When as many as may be faulty use theirs up, time is left for others; in large groups less, for
/// a correct primary needs some, too.
Slice::Rule slice_of_peer(const LinksConfig& config) {
  constexpr unsigned percent_min = 25;
  const auto faulty = static_cast<unsigned>(config.peers.size() - 1) / 3;
  return {config.slice_us, config.burst_us,
          std::max(percent_min, 100 / (1 + std::max(1U, faulty)))};
}

Slice::Rule slice_of_room(const LinksConfig& config) {
  return {config.slice_us, config.burst_us, 25};
}

}  // namespace

Links::Links(LinksConfig config, const crypto::Signer& signer, Poller& poller, Fd listener,
             Upstream& upstream)
    : config_(std::move(config)),
      signer_(signer),
      poller_(poller),
      upstream_(upstream),
      listener_(std::move(listener)),
      members_(config_.caller_places_max, slice_of_room(config_)),
      strangers_(config_.caller_places_max, slice_of_room(config_)),
      resolver_(poller) {
  ENSURE(config_.self.value < config_.peers.size());
  ENSURE(config_.membership.replica_keys.size() == config_.peers.size());
  poller_.watch(listener_.get(), EPOLLIN, [this](std::uint32_t) { accept_waiting(); });
  peers_.reserve(config_.peers.size());
  for (std::size_t id = 0; id < config_.peers.size(); ++id) {
    Peer& peer = peers_.emplace_back(slice_of_peer(config_));
    peer.delay_us = peer.first_delay_us = config_.redial_first_us;
    peer.lines = LineBudget(config_.lines_period_us);
  }
  for (std::size_t id = config_.self.value + 1U; id < peers_.size(); ++id) {
    peers_[id].dial_at = Time{0};
  }
  // Those who dial us: their hosts have to be known before the first of them calls.
  for (std::size_t id = 0; id < config_.self.value; ++id) {
    peers_[id].dial_at = SystemClock().now() + with_jitter(config_.call_back_us);
    resolver_.resolve(config_.peers[id].host, config_.peers[id].port,
                      [this, id](const Result<SocketAddress>& found) {
                        if (found) peers_[id].announced_host = host_of(found->storage);
                      });
  }
}

Links::~Links() {
  poller_.forget(listener_.get());
  for (const Unproven& unproven : unproven_) poller_.forget(unproven.connection->fd());
  for (const Peer& peer : peers_) {
    if (peer.connection) poller_.forget(peer.connection->fd());
  }
}

// ---- Sending ------------------------------------------------------------------------------------

void Links::send(ReplicaId to, Bytes frame) {
  ENSURE(to.value < peers_.size() && to != config_.self);
  Peer& peer = peers_[to.value];
  if (!peer.connection || !peer.connection->send(std::move(frame), config_.queued_bytes_max)) {
    counters_.frames_dropped += 1;
    return;
  }
  ask_for(to, SystemClock().now());
}

/// What waits in the socket of who rests would wake us at once, again and again.
void Links::ask_for(ReplicaId id, Time now) {
  Peer& peer = peers_[id.value];
  std::uint32_t wanted = peer.slice.rests(now) ? 0U : std::uint32_t{EPOLLIN};
  if (peer.connection->wants_write()) wanted |= EPOLLOUT;
  if (wanted == peer.asked_for) return;
  peer.asked_for = wanted;
  poller_.change(peer.connection->fd(), wanted);
}

// ---- Time ---------------------------------------------------------------------------------------

Time Links::deadline() const {
  Time earliest = accept_again_;
  if (!unproven_.empty()) earliest = std::min(earliest, unproven_.front().expires);
  for (const Room* room : {&members_, &strangers_})
    if (!room->unheard.empty()) earliest = std::min(earliest, room->proving.again());
  for (const Peer& peer : peers_) {
    const bool waits = peer.connection && (peer.has_more || (peer.asked_for & EPOLLIN) == 0);
    if (waits) earliest = std::min(earliest, peer.slice.again());
    earliest = std::min({earliest, peer.dial_at, peer.lines.due()});
  }
  return earliest;
}

void Links::tick(Time now) {
  listen_again(members_, now);
  listen_again(strangers_, now);
  if (accept_again_ <= now) {
    accept_again_ = never;
    poller_.change(listener_.get(), EPOLLIN);
  }
  while (!unproven_.empty() && unproven_.front().expires <= now) {
    end_unproven(unproven_.begin(), "no handshake in time");
  }
  for (std::size_t id = 0; id < peers_.size(); ++id) {
    const ReplicaId peer{static_cast<std::uint16_t>(id)};
    if (peers_[id].dial_at <= now) dial(peer);
    if (peers_[id].lines.due() <= now) log::info(peers_[id].lines.take(now));
    peers_[id].slice.renew();
    if (!peers_[id].connection) continue;
    peers_[id].slice.spend(now, upstream_.take_worked_us(peer));
    if (peers_[id].has_more) take_turn(peer);
    if (peers_[id].connection) ask_for(peer, now);
  }
}

void Links::listen_again(Room& room, Time now) {
  room.proving.renew();
  if (room.proving.rests(now)) return;
  for (const int caller : std::exchange(room.unheard, {}))
    if (callers_.contains(caller)) poller_.change(caller, EPOLLIN);
}

// ---- Dialling -----------------------------------------------------------------------------------

void Links::dial(ReplicaId id) {
  Peer& peer = peers_[id.value];
  peer.dial_at = never;
  if (peer.dialling || peer.connection) return;
  peer.dialling = true;
  const LinksConfig::Address& address = config_.peers[id.value];
  resolver_.resolve(address.host, address.port,
                    [this, id](Result<SocketAddress> found) { dialled(id, std::move(found)); });
}

void Links::dialled(ReplicaId id, Result<SocketAddress> address) {
  if (!address) return redial_later(id, address.error().message);
  peers_[id.value].announced_host = host_of(address->storage);
  auto fd = start_connect(*address);
  if (!fd) return redial_later(id, fd.error().message);
  const UnprovenRef unproven = add_unproven(std::move(*fd), id);
  unproven->connecting = true;
  poller_.change(unproven->connection->fd(), EPOLLIN | EPOLLOUT);
}

void Links::redial_later(ReplicaId id, const std::string& why) {
  Peer& peer = peers_[id.value];
  peer.dialling = false;
  if (peer.connection) return;  // it called while we did
  if (why != peer.last_error) tell(id, "no link to " + name_of(id) + ": " + why + " -> retry");
  peer.last_error = why;
  peer.dial_at =
      SystemClock().now() + with_jitter(dials(id) ? peer.delay_us : config_.call_back_us);
  peer.delay_us = std::min(2 * peer.delay_us, config_.redial_max_us);
}

void Links::reconfigure(wire::Membership membership) {
  ENSURE(membership.replica_keys.size() == peers_.size());
  while (!unproven_.empty()) end_unproven(unproven_.begin(), "the configuration has changed");
  config_.membership = std::move(membership);
  const Time now = SystemClock().now();
  for (std::size_t i = 0; i < peers_.size(); ++i) {
    const ReplicaId id{static_cast<std::uint16_t>(i)};
    Peer& peer = peers_[i];
    if (peer.connection) break_link(id, "the configuration has changed");
    peer.delay_us = peer.first_delay_us = config_.redial_first_us;
    if (peer.dial_at != never && dials(id)) peer.dial_at = now + with_jitter(peer.delay_us);
  }
}

// ---- Connections that have proven nothing yet ---------------------------------------------------

void Links::accept_waiting() {
  // Not all: those who call must not keep the loop from those who work.
  for (int i = 0; i < accepts_per_event; ++i) {
    sockaddr_storage from = {};
    socklen_t length = sizeof from;
    Fd fd(::accept4(listener_.get(), reinterpret_cast<sockaddr*>(&from), &length,
                    SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
      caller_came(std::move(fd), host_of(from));
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno == EAGAIN) return;
    // No descriptors left: the connection stays in the queue, and would wake us again at once.
    warn(std::string("cannot accept a connection: ") + std::strerror(errno) + " -> wait");
    accept_again_ = SystemClock().now() + accept_pause_us;
    poller_.change(listener_.get(), 0);
    return;
  }
}

void Links::caller_came(Fd fd, std::string host) {
  const UnprovenRef caller = add_unproven(std::move(fd), std::nullopt);
  caller->room = &room_for(host);
  caller->host = std::move(host);
  callers_.emplace(caller->connection->fd(), caller);
  take_place(caller, caller->room->silent);
}

void Links::take_place(UnprovenRef caller, CallerPlaces& places) {
  const int fd = caller->connection->fd();
  if (caller->places != nullptr) caller->places->leave(caller->host, fd);
  caller->places = &places;
  places.take(caller->host, fd);
  if (!places.too_many()) return;
  std::uint64_t random = 0;
  for (const std::uint8_t byte : crypto::random_array<8>()) random = random << 8 | byte;
  end_unproven(callers_.at(places.gives_way(random)), "too many connections without proof");
}

Links::Room& Links::room_for(const std::string& host) {
  const bool member = std::ranges::any_of(peers_, [&](const Peer& peer) {
    return host == peer.announced_host || host == peer.proven_host;
  });
  return member ? members_ : strangers_;
}

Links::UnprovenRef Links::add_unproven(Fd fd, std::optional<ReplicaId> dialled) {
  Unproven unproven;
  unproven.connection = std::make_unique<Connection>(std::move(fd));
  unproven.dialled = dialled;
  unproven.expires = SystemClock().now() + config_.handshake_timeout_us;
  unproven_.push_back(std::move(unproven));
  const UnprovenRef added = std::prev(unproven_.end());
  poller_.watch(added->connection->fd(), EPOLLIN,
                [this, added](std::uint32_t events) { on_unproven(added, events); });
  return added;
}

void Links::begin_handshake(Unproven& unproven) {
  unproven.connection->set_link_options();
  const wire::Handshake::Entropy entropy{crypto::random_array<32>(), crypto::random_array<16>()};
  unproven.handshake =
      std::make_unique<wire::Handshake>(config_.membership, signer_, config_.self, unproven.dialled,
                                        config_.engine, entropy, config_.chain);
}

void Links::on_unproven(UnprovenRef unproven, std::uint32_t events) {
  // Our own calls are few. What others say waits in their sockets when this turn's time is spent.
  Room* const room = unproven->room;
  const Time began = SystemClock().now();
  if (room != nullptr && !room->proving.left(began)) {
    if (!room->proving.rests(began)) return;
    poller_.change(unproven->connection->fd(), 0);
    return room->unheard.push_back(unproven->connection->fd());
  }
  const Result<bool> done = advance(*unproven, events);
  if (room != nullptr) {
    const Time ended = SystemClock().now();
    room->proving.spend(ended, ended - began);
  }
  if (!done) return end_unproven(unproven, done.error().message);
  if (*done) return promote(unproven);
  if (room == nullptr || !unproven->greeted || unproven->places == &room->greeted) return;
  take_place(unproven, room->greeted);
}

Result<bool> Links::advance(Unproven& unproven, std::uint32_t events) {
  Connection& connection = *unproven.connection;
  if (unproven.connecting) {
    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return false;
    const int error = connection.connect_error();
    if (error != 0) return Error{std::strerror(error)};
    unproven.connecting = false;
    poller_.change(connection.fd(), EPOLLIN);
    begin_handshake(unproven);
    connection.send(unproven.handshake->start(), wire::handshake_bytes_max);
  }
  // What came before the end is read first: a refusal's reason is at the other side only.
  const bool silent = unproven.room != nullptr && !unproven.greeted;
  const Result<void> received =
      connection.receive(silent ? hello_held_max : wire::handshake_bytes_max);
  if (!unproven.handshake && !connection.received().empty()) begin_handshake(unproven);
  if (unproven.handshake) {
    const Result<bool> done = shake(unproven);
    if (!done || *done) return done;
  }
  if (!received) return Error{received.error().message + " during the handshake"};
  return false;
}

Result<bool> Links::shake(Unproven& unproven) {
  Connection& connection = *unproven.connection;
  while (true) {
    auto step = unproven.handshake->on_bytes(connection.received());
    if (!step) return Error{std::string("handshake refused: ") + step.error().reason};
    connection.consume(step->consumed);
    // A few hundred bytes on a new connection: they fit the socket's buffer, or the peer is not
    // one.
    connection.send(std::move(step->send), wire::handshake_bytes_max);
    if (connection.wants_write()) return Error{"handshake refused: the peer does not read"};
    if (step->over != nullptr) {
      if (!step->news.empty()) upstream_.configurations(step->news);
      return Error{step->over};
    }
    if (step->done) return true;
    if (step->consumed == 0) return false;
    unproven.greeted = true;
  }
}

Links::Unproven Links::take_out(UnprovenRef unproven) {
  const int fd = unproven->connection->fd();
  poller_.forget(fd);
  if (unproven->places != nullptr) unproven->places->leave(unproven->host, fd);
  callers_.erase(fd);
  Unproven out = std::move(*unproven);
  unproven_.erase(unproven);
  return out;
}

void Links::end_unproven(UnprovenRef unproven, const std::string& why) {
  const Unproven ended = take_out(unproven);
  if (ended.dialled) return redial_later(*ended.dialled, why);
  counters_.handshakes_refused += 1;
  warn("a connection to the replica port ended: " + why);
}

void Links::promote(UnprovenRef unproven) {
  const ReplicaId id = unproven->handshake->peer();
  Unproven proven = take_out(unproven);
  Peer& peer = peers_[id.value];
  // If it got through while we dialled it, that is over: or it would replace this one, later.
  const auto ours = std::ranges::find(unproven_, std::optional(id), &Unproven::dialled);
  if (ours != unproven_.end()) take_out(ours);
  peer.dialling = false;
  if (!proven.dialled) peer.proven_host = proven.host;
  // The peer proved itself anew, so it gave up the older one, or it restarted.
  if (peer.connection) break_link(id, "replaced by a newer connection");
  peer.connection = std::move(proven.connection);
  peer.asked_for = EPOLLIN;
  peer.has_more = false;
  peer.dial_at = never;
  peer.delay_us = peer.first_delay_us;
  peer.up_since = SystemClock().now();
  peer.last_error.clear();
  poller_.watch(peer.connection->fd(), EPOLLIN,
                [this, id](std::uint32_t events) { on_link(id, events); });
  tell(id, "link to " + name_of(id) + " is up");
  upstream_.link_up(id, proven.handshake->take_keys());
  // Frames may have come with the last bytes of the handshake, and then no event would tell.
  take_turn(id);
}

// ---- Links --------------------------------------------------------------------------------------

void Links::on_link(ReplicaId id, std::uint32_t events) {
  Connection& connection = *peers_[id.value].connection;
  if ((events & EPOLLOUT) != 0) {
    if (const auto flushed = connection.flush(); !flushed) {
      return break_link(id, flushed.error().message);
    }
    ask_for(id, SystemClock().now());
  }
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
  // What it sends beyond its slice stays in the socket, and so with it.
  Slice& slice = peers_[id.value].slice;
  const Time began = SystemClock().now();
  if (peers_[id.value].has_more || !slice.left(began)) return ask_for(id, began);
  const auto next = wire::frame_length(connection.received());
  const Result<void> received =
      connection.receive(std::max(read_bytes_max, next ? *next : std::size_t{0}));
  const Time received_at = SystemClock().now();
  slice.spend(received_at, received_at - began);
  // Whole frames that came before the end count.
  if (const auto read = read_frames(id, connection); !read) {
    return break_link(id, read.error().message);
  }
  if (!received && !peers_[id.value].has_more) break_link(id, received.error().message);
}

/// What is already here goes on.
void Links::take_turn(ReplicaId id) {
  if (const auto read = read_frames(id, *peers_[id.value].connection); !read) {
    break_link(id, read.error().message);
  }
}

Result<void> Links::read_frames(ReplicaId id, Connection& connection) {
  Peer& peer = peers_[id.value];
  peer.has_more = false;
  Time now = SystemClock().now();
  while (true) {
    const ByteView received = connection.received();
    const auto length = wire::frame_length(received);
    if (!length) return Error{length.error().reason};
    if (*length == 0 || received.size() < *length) return {};
    if (!peer.slice.left(now)) {
      peer.has_more = true;
      return {};
    }
    const bool more = upstream_.frame(id, received.first(*length));
    if (!more) connection.consume(*length);
    const Time began = std::exchange(now, SystemClock().now());
    peer.slice.spend(now, now - began);
  }
}

void Links::break_link(ReplicaId id, const std::string& why) {
  Peer& peer = peers_[id.value];
  poller_.forget(peer.connection->fd());
  peer.connection = nullptr;
  peer.has_more = false;
  counters_.links_broken += 1;
  tell(id, "link to " + name_of(id) + " is down: " + why);
  upstream_.link_down(id);
  lived_until(SystemClock().now(), peer);
  if (dials(id)) return redial_later(id, why);
  peer.dial_at = SystemClock().now() + with_jitter(config_.call_back_us);
}

std::uint64_t Links::connected() const {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(peers_, [](const Peer& peer) { return peer.connection != nullptr; }));
}

/// A replica that restarts is called again at once. Whoever lets us in to hang up, over and over,
/// is called less and less often.
void Links::lived_until(Time now, Peer& peer) const {
  if (now >= peer.up_since + config_.short_life_us) {
    peer.delay_us = peer.first_delay_us = config_.redial_first_us;
  } else {
    peer.first_delay_us = std::min(2 * peer.first_delay_us, config_.redial_max_us);
  }
}

void Links::tell(ReplicaId id, std::string line) {
  const auto now_said = peers_[id.value].lines.say(SystemClock().now(), std::move(line));
  if (now_said) log::info(*now_said);
}

void Links::warn(const std::string& line) {
  const Time now = SystemClock().now();
  if (now.value < warned_.value + warn_interval_us) return;
  warned_ = now;
  log::warning(line);
}

}  // namespace prytany::net
