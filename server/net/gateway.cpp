#include "server/net/gateway.h"

#include <libwebsockets.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <uv.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "server/base/log.h"
#include "server/crypto/certificate.h"
#include "server/net/arrivals.h"
#include "server/net/gateway_client.h"
#include "server/net/gateway_limits.h"
#include "server/net/host_turns.h"
#include "server/net/http_page.h"

namespace prytany::net {
namespace {

constexpr const char* subprotocol = "prytany.v1";

constexpr Slice::Rule accepting = {.turn_us = 500, .burst_us = 20'000, .percent = 10};

/// libwebsockets keeps this for each connection, zeroed; one at most is set.
struct PerSocket {
  GatewayClient* client;
  HttpAnswer* answer;
  std::uint64_t reading;  // an id, while a read by HTTP waits for its answer
};

/// "a, prytany.v1": one of the tokens.
bool offers_subprotocol(std::string_view list) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view token = list.substr(0, comma);
    while (token.starts_with(' ')) token.remove_prefix(1);
    while (token.ends_with(' ')) token.remove_suffix(1);
    if (token == subprotocol) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

std::string peer_address(lws* socket) {
  std::array<char, 64> text{};
  lws_get_peer_simple(socket, text.data(), text.size());
  const std::string address = text.data();
  constexpr std::string_view mapped = "::ffff:";  // IPv4 on an IPv6 socket
  return address.starts_with(mapped) ? address.substr(mapped.size()) : address;
}

/// Ends the connection without a close handshake, from anywhere: libwebsockets finds it closed and
/// says so when it is read. (Its LWS_TO_KILL_ASYNC starts a timer that the foreign loop hears of
/// only at the next event, and this connection may have none.)
void hang_up(const GatewayClient& client) { ::shutdown(client.fd(), SHUT_RDWR); }

int refuse_upgrade(lws* socket, unsigned status, const char* words) {
  return lws_return_http_status(socket, status, words) != 0 ? -1 : 1;
}

}  // namespace

class Gateway::Impl {
 public:
  Impl(GatewayConfig config, Poller& poller, Fd listener, Upstream& upstream)
      : config_(std::move(config)),
        poller_(poller),
        upstream_(upstream),
        listener_(std::move(listener)),
        arrivals_(config_.http_per_host_max, config_.connections_per_host_max),
        turns_(config_.slice, config_.slice_of_host) {}
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<void> start();
  void reply(ConnectionId to, std::string_view text);
  void close(ConnectionId connection, std::string_view reason);
  void flush();
  void run();
  [[nodiscard]] Time deadline() const;
  [[nodiscard]] const GatewayCounters& counters() const { return counters_; }

 private:
  static int on_http_event(lws* socket, lws_callback_reasons reason, void* user, void* in,
                           std::size_t size);
  static int on_socket_event(lws* socket, lws_callback_reasons reason, void* user, void* in,
                             std::size_t size);
  static Impl& of(lws* socket) {
    return *static_cast<Impl*>(lws_context_user(lws_get_context(socket)));
  }

  bool listens(Time now);
  void accept_waiting();
  void accept_later(Time again);
  int judge_upgrade(lws* socket, const char* to_what);
  int on_http(lws* socket, lws_callback_reasons reason, PerSocket& state, std::string_view path);
  int begin_read(lws* socket, PerSocket& state, std::string_view procedure);
  void end_read(PerSocket& state);
  void on_established(lws* socket, PerSocket& state);
  void on_readable(ConnectionId connection);
  void wait_for_turn(GatewayClient& client);
  HostTurns::Handled turn_of(ConnectionId connection);
  Time read(Time began, const GatewayClient& client);
  void end_when_written(Time now, GatewayClient& client);
  int on_received(GatewayClient& client, std::string_view bytes);
  void handle_oldest(GatewayClient& client);
  void shed();
  void does_not_read(GatewayClient& client);
  void shed_unread();
  bool write(GatewayClient& client);
  int on_writable(GatewayClient& client);
  int end_with(lws* socket, lws_close_status status, const char* reason);
  GatewayClient* find(ConnectionId id);
  void mark_dirty(GatewayClient& client);

  GatewayConfig config_;
  Poller& poller_;
  Upstream& upstream_;
  Fd listener_;
  Arrivals arrivals_;
  HostTurns turns_;
  // Apart from that: or those who are here could keep all others out.
  Slice accepting_{accepting};
  Time accept_again_ = never;
  mutable uv_loop_t loop_{};
  bool loop_ready_ = false;
  bool resting_ = false;  // so that nothing is asked of libuv's descriptor
  // Whether who is being read may have its texts handled at once: never beyond this.
  Time handles_until_;
  lws_context* context_ = nullptr;
  lws_vhost* vhost_ = nullptr;
  std::array<lws_protocols, 3> protocols_{};
  lws_retry_bo_t keepalive_{};
  std::uint64_t next_id_ = 1;
  std::unordered_map<std::uint64_t, std::unique_ptr<GatewayClient>> clients_;
  std::unordered_map<std::uint64_t, lws*> reads_;  // by HTTP, unanswered
  std::size_t held_bytes_ = 0;
  std::size_t unread_bytes_ = 0;
  std::vector<ConnectionId> dirty_;
  std::deque<std::pair<Time, ConnectionId>> closing_;  // when patience ends, soonest first
  GatewayCounters counters_;
};

// ---- Beginning and end --------------------------------------------------------------------------

Result<void> Gateway::Impl::start() {
  if (config_.tls) {
    const TlsFiles& files = *config_.tls;
    auto checked = crypto::check_certificate(files.certificate_chain, files.private_key);
    if (!checked) return checked;
  }
  lws_set_log_level(LLL_ERR, [](int, const char* line) {
    std::string_view text = line;
    while (text.ends_with('\n')) text.remove_suffix(1);
    log::debug(text);
  });
  ENSURE(uv_loop_init(&loop_) == 0);
  protocols_[0].name = "http";
  protocols_[0].callback = on_http_event;
  protocols_[1].name = subprotocol;
  protocols_[1].callback = on_socket_event;
  for (std::size_t i = 0; i < 2; ++i) {
    protocols_[i].per_session_data_size = sizeof(PerSocket);
    protocols_[i].rx_buffer_size = socket_read_bytes;
    protocols_[i].tx_packet_size = socket_send_bytes_max;
  }
  keepalive_.secs_since_valid_ping = ping_after_idle_s;
  keepalive_.secs_since_valid_hangup = hang_up_after_idle_s;

  std::array<void*, 1> loops = {&loop_};
  lws_context_creation_info info = {};
  info.port = CONTEXT_PORT_NO_LISTEN_SERVER;  // we accept, so that its errors are ours to explain
  info.protocols = protocols_.data();
  info.foreign_loops = loops.data();
  info.user = this;
  info.options = LWS_SERVER_OPTION_LIBUV;
  info.pt_serv_buf_size = socket_read_bytes;
  info.max_http_header_data = http_header_bytes_max;
  info.max_http_header_pool = http_headers_held_max;
  info.timeout_secs = handshake_timeout_s;
  info.keepalive_timeout = http_keepalive_timeout_s;
  info.retry_and_idle_policy = &keepalive_;
  info.alpn = "http/1.1";  // browsers would else run WebSockets over HTTP/2, which 4.1.6 breaks
  info.gid = info.uid = static_cast<decltype(info.uid)>(-1);
  if (config_.tls) {
    info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    info.ssl_cert_filepath = config_.tls->certificate_chain.c_str();
    info.ssl_private_key_filepath = config_.tls->private_key.c_str();
  }
  context_ = lws_create_context(&info);
  if (context_ == nullptr) {
    return Error{
        "cannot start the client gateway: is the package libwebsockets-evlib-uv installed?"};
  }
  vhost_ = lws_get_vhost_by_name(context_, "default");
  ENSURE(vhost_ != nullptr);
  poller_.watch(uv_backend_fd(&loop_), EPOLLIN, [this](std::uint32_t) { loop_ready_ = true; });
  poller_.watch(listener_.get(), EPOLLIN, [this](std::uint32_t) { accept_waiting(); });
  return {};
}

Gateway::Impl::~Impl() {
  // A context that could not be made has left closed handles in the loop, and unloaded the code
  // that they call.
  if (context_ == nullptr) return;
  poller_.forget(listener_.get());
  poller_.forget(uv_backend_fd(&loop_));
  lws_context_destroy(context_);
  // With a foreign loop, libwebsockets' handles close in the loop's last turns, and the second call
  // frees the rest.
  for (int turn = 0; turn < 100 && uv_loop_alive(&loop_) != 0; ++turn) {
    uv_run(&loop_, UV_RUN_NOWAIT);
  }
  lws_context_destroy(context_);
  uv_run(&loop_, UV_RUN_NOWAIT);
  if (uv_loop_close(&loop_) != 0) log::debug("the client gateway's loop ended with open handles");
}

// ---- The loop -----------------------------------------------------------------------------------

void Gateway::Impl::run() {
  if (accept_again_ != never && accept_again_ <= SystemClock().now()) {
    accept_again_ = never;
    poller_.change(listener_.get(), EPOLLIN);
  }
  while (!closing_.empty() && closing_.front().first <= SystemClock().now()) {
    if (const GatewayClient* client = find(closing_.front().second)) hang_up(*client);
    closing_.pop_front();
  }
  const Time now = SystemClock().now();
  // Each time, both: those whose texts wait must not keep us from hearing others.
  if (!listens(now)) return;
  turns_.next_turn(now, [this](ConnectionId connection) { return turn_of(connection); });
  uv_update_time(&loop_);
  // The second condition: libuv tells the kernel of new interests only inside uv_run.
  if (!loop_ready_ && uv_backend_timeout(&loop_) != 0) return;
  loop_ready_ = false;
  const Time began = SystemClock().now();
  uv_run(&loop_, UV_RUN_NOWAIT);
  const Time ended = SystemClock().now();
  turns_.spend(ended, ended - began);
}

/// While clients rest, what they send would wake us at once, again and again.
bool Gateway::Impl::listens(Time now) {
  const bool rest = turns_.rest(now);
  if (rest != resting_) poller_.change(uv_backend_fd(&loop_), rest ? 0U : std::uint32_t{EPOLLIN});
  resting_ = rest;
  return !rest;
}

Time Gateway::Impl::deadline() const {
  uv_update_time(&loop_);
  Time due = std::min(accept_again_, turns_.again());
  if (!closing_.empty()) due = std::min(due, closing_.front().first);
  if (resting_) return std::min(due, turns_.rested());
  if (const int timeout_ms = uv_backend_timeout(&loop_); timeout_ms >= 0) {
    due = std::min(due, SystemClock().now() + static_cast<std::uint64_t>(timeout_ms) * 1000);
  }
  return due;
}

void Gateway::Impl::accept_waiting() {
  const Time now = SystemClock().now();
  if (accepting_.rests(now)) return accept_later(accepting_.again());
  // Not all: those who call must not keep the loop from those who work.
  for (int i = 0; i < accepts_per_event; ++i) {
    sockaddr_storage address = {};
    socklen_t size = sizeof address;
    Fd fd(::accept4(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size,
                    SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
      std::string host = host_of(address);
      if (counters_.sockets >= config_.connections_max || !arrivals_.may_come(host)) {
        counters_.refused += 1;
        continue;
      }
      set_client_options(fd);
      // Owned by libwebsockets from here on, whether it succeeds or not.
      const lws* socket = lws_adopt_socket_vhost(vhost_, fd.release());
      if (socket != nullptr) arrivals_.came(socket, std::move(host));
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno == EAGAIN) break;
    accept_later(now + accept_pause_us);  // out of descriptors
    break;
  }
  const Time ended = SystemClock().now();
  accepting_.spend(ended, ended - now);
}

/// What waits would wake us again at once.
void Gateway::Impl::accept_later(Time again) {
  accept_again_ = again;
  poller_.change(listener_.get(), 0);
}

// ---- Sending ------------------------------------------------------------------------------------

GatewayClient* Gateway::Impl::find(ConnectionId id) {
  const auto found = clients_.find(id.value);
  return found == clients_.end() ? nullptr : found->second.get();
}

void Gateway::Impl::mark_dirty(GatewayClient& client) {
  if (client.dirty) return;
  client.dirty = true;
  dirty_.push_back(client.id());
}

void Gateway::Impl::reply(ConnectionId to, std::string_view text) {
  if (const auto read = reads_.find(to.value); read != reads_.end()) {
    lws* socket = read->second;
    auto& state = *static_cast<PerSocket*>(lws_wsi_user(socket));
    state.answer = HttpAnswer::late(text).release();
    end_read(state);
    lws_callback_on_writable(socket);
    return;
  }
  GatewayClient* client = find(to);
  if (client == nullptr || client->closing()) return;
  unread_bytes_ -= client->unread_bytes();
  const bool queued = client->queue(text, config_.queued_bytes_max);
  unread_bytes_ += client->unread_bytes();
  if (!queued) return does_not_read(*client);
  mark_dirty(*client);
}

void Gateway::Impl::does_not_read(GatewayClient& client) {
  counters_.not_reading += 1;
  unread_bytes_ -= client.unread_bytes();
  client.forget_queued();
  client.give_up();
  hang_up(client);
}

/// One host after the other, beginning with the one that leaves most unread, until a quarter is
/// free: a host with many connections that read nothing costs others none of theirs.
void Gateway::Impl::shed_unread() {
  std::map<std::string_view, std::pair<std::size_t, std::vector<GatewayClient*>>> hosts;
  for (const auto& [id, client] : clients_) {
    if (client->closing() || client->unread_bytes() == 0) continue;
    auto& [bytes, clients] = hosts[client->host()];
    bytes += client->unread_bytes();
    clients.push_back(client.get());
  }
  const std::size_t enough = config_.queued_bytes_of_all_max / 4 * 3;
  while (unread_bytes_ > enough && !hosts.empty()) {
    const auto most =
        std::ranges::max_element(hosts, {}, [](const auto& host) { return host.second.first; });
    std::vector<GatewayClient*>& clients = most->second.second;
    std::ranges::sort(clients, std::ranges::greater{}, &GatewayClient::unread_bytes);
    for (GatewayClient* client : clients)
      if (unread_bytes_ > enough) does_not_read(*client);
    hosts.erase(most);
  }
}

void Gateway::Impl::close(ConnectionId connection, std::string_view reason) {
  GatewayClient* client = find(connection);
  if (client == nullptr || client->closing()) return;
  unread_bytes_ -= client->unread_bytes();
  client->queue_close(LWS_CLOSE_STATUS_POLICY_VIOLATION, reason);
  unread_bytes_ += client->unread_bytes();
  // Our own clock: libwebsockets' timers start at its next event, and this connection may have
  // none.
  closing_.emplace_back(SystemClock().now() + close_timeout_us, connection);
  mark_dirty(*client);
}

void Gateway::Impl::flush() {
  for (const ConnectionId id : dirty_) {
    GatewayClient* client = find(id);
    if (client == nullptr) continue;
    client->dirty = false;
    if (!write(*client)) hang_up(*client);
  }
  dirty_.clear();
  if (unread_bytes_ > config_.queued_bytes_of_all_max) shed_unread();
}

/// False: the connection is broken.
bool Gateway::Impl::write(GatewayClient& client) {
  unread_bytes_ -= client.unread_bytes();
  const bool whole = client.write();
  unread_bytes_ += client.unread_bytes();
  if (whole && client.unread_bytes() > 0) lws_callback_on_writable(client.socket());
  return whole;
}

// ---- What libwebsockets tells -------------------------------------------------------------------

int Gateway::Impl::on_http_event(lws* socket, lws_callback_reasons reason, void* user, void* in,
                                 std::size_t size) {
  switch (reason) {
    case LWS_CALLBACK_WSI_CREATE: of(socket).counters_.sockets += 1; return 0;
    case LWS_CALLBACK_WSI_DESTROY:
      of(socket).counters_.sockets -= 1;
      of(socket).arrivals_.gone(socket);
      return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
      return of(socket).judge_upgrade(socket, static_cast<const char*>(in));
    case LWS_CALLBACK_HTTP:
    case LWS_CALLBACK_HTTP_WRITEABLE:
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
    case LWS_CALLBACK_CLOSED_HTTP:
      if (user == nullptr) return 0;
      return of(socket).on_http(socket, reason, *static_cast<PerSocket*>(user),
                                {static_cast<const char*>(in), in == nullptr ? 0 : size});
    default: return 0;  // not lws_callback_http_dummy: it would answer what we do not
  }
}

int Gateway::Impl::judge_upgrade(lws* socket, const char* to_what) {
  const std::string origin = HttpAnswer::header(socket, WSI_TOKEN_ORIGIN);
  const char* complaint = nullptr;
  unsigned status = HTTP_STATUS_BAD_REQUEST;
  if (std::string_view(to_what) != "websocket") {
    complaint = "only WebSockets are spoken here";
  } else if (!offers_subprotocol(HttpAnswer::header(socket, WSI_TOKEN_PROTOCOL))) {
    complaint = "ask for the WebSocket subprotocol prytany.v1";
  } else if (!origin.empty() && !config_.origins.contains(origin)) {
    complaint = "pages of this origin may not connect: see --origin of prytany replica";
    status = HTTP_STATUS_FORBIDDEN;
  }
  if (complaint == nullptr) return 0;
  counters_.refused += 1;
  return refuse_upgrade(socket, status, complaint);
}

int Gateway::Impl::on_http(lws* socket, lws_callback_reasons reason, PerSocket& state,
                           std::string_view path) {
  // libwebsockets keeps plain memory for us: ownership is taken for the call, and given back while
  // there is something to send. A transaction that was completed in the call has freed `state`.
  std::unique_ptr<HttpAnswer> answer(std::exchange(state.answer, nullptr));
  const bool over = reason == LWS_CALLBACK_HTTP_DROP_PROTOCOL || reason == LWS_CALLBACK_CLOSED_HTTP;
  if (over) return end_read(state), 0;
  const auto procedure = HttpAnswer::procedure_of(path);
  if (reason == LWS_CALLBACK_HTTP && procedure) return begin_read(socket, state, *procedure);
  int verdict = 0;
  if (reason == LWS_CALLBACK_HTTP) verdict = HttpAnswer::start(socket, path, upstream_, answer);
  if (reason == LWS_CALLBACK_HTTP_WRITEABLE && answer) verdict = HttpAnswer::write(socket, answer);
  if (answer) state.answer = answer.release();
  return verdict;
}

/// What waits is bounded where it waits, by the host that asked.
int Gateway::Impl::begin_read(lws* socket, PerSocket& state, std::string_view procedure) {
  if (!HttpAnswer::is_get(socket))
    return HttpAnswer::refuse(socket, HTTP_STATUS_METHOD_NOT_ALLOWED, "only GET is served");
  const ConnectionId id{next_id_++};
  state.reading = id.value;
  reads_.emplace(id.value, socket);
  const auto wrong =
      upstream_.read(id, peer_address(socket), procedure, HttpAnswer::arguments_of(socket));
  if (!wrong) {
    lws_set_timeout(socket, PENDING_TIMEOUT_HTTP_CONTENT, http_read_timeout_s);
    return 0;
  }
  reads_.erase(id.value);
  state.reading = 0;
  return HttpAnswer::refuse(socket, HTTP_STATUS_BAD_REQUEST, *wrong);
}

void Gateway::Impl::end_read(PerSocket& state) {
  const std::uint64_t id = std::exchange(state.reading, 0);
  if (reads_.erase(id) > 0) upstream_.client_closed(ConnectionId{id});
}

int Gateway::Impl::on_socket_event(lws* socket, lws_callback_reasons reason, void* user, void* in,
                                   std::size_t size) {
  if (user == nullptr) return 0;
  auto& state = *static_cast<PerSocket*>(user);
  Impl& gateway = of(socket);
  if (reason == LWS_CALLBACK_ESTABLISHED) return gateway.on_established(socket, state), 0;
  if (state.client == nullptr) return 0;
  switch (reason) {
    case LWS_CALLBACK_RECEIVE:
      return gateway.on_received(*state.client, {static_cast<const char*>(in), size});
    case LWS_CALLBACK_SERVER_WRITEABLE: return gateway.on_writable(*state.client);
    case LWS_CALLBACK_CLOSED: {
      gateway.poller_.forget(state.client->fd());
      gateway.held_bytes_ -= state.client->held_bytes();
      gateway.unread_bytes_ -= state.client->unread_bytes();
      const ConnectionId id = std::exchange(state.client, nullptr)->id();
      gateway.clients_.erase(id.value);
      gateway.counters_.connections -= 1;
      gateway.upstream_.client_closed(id);
      return 0;
    }
    default: return 0;
  }
}

void Gateway::Impl::on_established(lws* socket, PerSocket& state) {
  const ConnectionId id{next_id_++};
  const int fd = lws_get_socket_fd(socket);
  auto client = std::make_unique<GatewayClient>(id, socket, fd, arrivals_.host(socket));
  state.client = client.get();
  clients_.emplace(id.value, std::move(client));
  counters_.connections += 1;
  arrivals_.became_websocket(socket);
  upstream_.client_connected(id, peer_address(socket));
  lws_rx_flow_control(socket, 0);
  poller_.watch(fd, EPOLLIN, [this, id](std::uint32_t) { on_readable(id); });
  // What came together with the handshake libwebsockets has already, and no event tells of it. (It
  // must not come before our answer, RFC 6455 section 4.1; 4.1.6 keeps no more than the first bytes
  // of it right.)
  wait_for_turn(*state.client);
}

// ---- Reading ------------------------------------------------------------------------------------

void Gateway::Impl::on_readable(ConnectionId connection) {
  GatewayClient* client = find(connection);
  if (client == nullptr || client->waits || client->over) return;
  const Time now = SystemClock().now();
  if (!turns_.may_go(client->host(), now)) return wait_for_turn(*client);
  const std::string host = client->host();
  const Time ended = read(now, *client);
  turns_.spend(host, ended, ended - now);
}

/// Until then what it sends fills its socket, and so its own.
void Gateway::Impl::wait_for_turn(GatewayClient& client) {
  client.waits = true;
  poller_.change(client.fd(), 0);
  turns_.wait(client.host(), client.id());
}

/// A text that was read before, or a read.
HostTurns::Handled Gateway::Impl::turn_of(ConnectionId connection) {
  GatewayClient* client = find(connection);
  if (client == nullptr) return {};
  const Time began = SystemClock().now();
  Time ended = began;
  if (client->has_kept()) {
    handle_oldest(*client);
    ended = SystemClock().now();
  } else {
    ended = read(began, *client);
  }
  HostTurns::Handled handled{ended, ended - began, false};
  client = find(connection);
  if (client == nullptr) return handled;
  handled.more = client->has_kept();
  client->waits = handled.more;
  if (!handled.more && !client->over) poller_.change(client->fd(), EPOLLIN);
  return handled;
}

/// As much as libwebsockets reads at once. Returns when it ended.
Time Gateway::Impl::read(Time began, const GatewayClient& client) {
  const ConnectionId id = client.id();
  lws* socket = client.socket();
  lws_pollfd readable = {client.fd(), POLLIN, POLLIN};
  handles_until_ = began + config_.slice.turn_us;
  lws_rx_flow_control(socket, 1);
  const bool ends = lws_service_fd(context_, &readable) != 0;
  handles_until_ = {};
  const Time ended = SystemClock().now();
  GatewayClient* still = find(id);
  if (still == nullptr) return ended;
  lws_rx_flow_control(socket, 0);
  if (ends && lws_partial_buffered(socket) != 0) end_when_written(ended, *still);
  return ended;
}

/// libwebsockets ends a connection when it has written what it holds, and takes nothing in until
/// then: what waits there would wake us again and again. It has a timer for that, which it sets
/// where it is read, and libuv does not hear of; so ours.
void Gateway::Impl::end_when_written(Time now, GatewayClient& client) {
  if (std::exchange(client.over, true)) return;
  client.give_up();
  poller_.change(client.fd(), 0);
  closing_.emplace_back(now + close_timeout_us, client.id());
}

int Gateway::Impl::on_received(GatewayClient& client, std::string_view bytes) {
  lws* socket = client.socket();
  if (client.closing()) return 0;
  if (lws_frame_is_binary(socket) != 0) {
    return end_with(socket, LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE, "text frames only");
  }
  if (!client.add_fragment(bytes, config_.message_bytes_max)) {
    counters_.oversized += 1;
    return end_with(socket, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, "message too large");
  }
  held_bytes_ += bytes.size();
  if (lws_is_final_fragment(socket) == 0 || lws_remaining_packet_payload(socket) != 0) {
    if (held_bytes_ > config_.held_bytes_max) shed();
    return 0;
  }
  // The first at once; the others, too, unless that keeps somebody waiting.
  if (!client.has_kept() && handles_until_ != Time{}) {
    held_bytes_ -= client.held_bytes();
    upstream_.client_text(client.id(), client.message());
    client.forget_message();
    if (!turns_.nobody_waits() || SystemClock().now() >= handles_until_) handles_until_ = {};
    return 0;
  }
  held_bytes_ -= client.held_bytes();
  client.keep_message();
  held_bytes_ += client.held_bytes();
  if (!client.waits) wait_for_turn(client);
  if (held_bytes_ > config_.held_bytes_max) shed();
  return 0;
}

void Gateway::Impl::handle_oldest(GatewayClient& client) {
  held_bytes_ -= client.held_bytes();
  const std::string text = client.take_kept();
  if (client.closing()) client.forget_kept();
  held_bytes_ += client.held_bytes();
  if (!client.closing()) upstream_.client_text(client.id(), text);
}

/// Closes who holds most of what is unfinished, or waits. Whoever sends ordinary requests holds
/// little, and not for long.
void Gateway::Impl::shed() {
  GatewayClient* most = nullptr;
  for (const auto& [id, client] : clients_) {
    if (!client->closing() && (most == nullptr || client->held_bytes() > most->held_bytes()))
      most = client.get();
  }
  if (most == nullptr) return;
  counters_.oversized += 1;
  held_bytes_ -= most->held_bytes();
  most->forget_message();
  most->forget_kept();
  most->give_up();
  hang_up(*most);
}

int Gateway::Impl::on_writable(GatewayClient& client) { return write(client) ? 0 : -1; }

int Gateway::Impl::end_with(lws* socket, lws_close_status status, const char* reason) {
  std::string text = reason;  // libwebsockets wants it writable
  lws_close_reason(socket, status, reinterpret_cast<unsigned char*>(text.data()), text.size());
  return -1;
}

// ---- The door -----------------------------------------------------------------------------------

Gateway::Gateway(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Gateway::~Gateway() = default;

Result<std::unique_ptr<Gateway>> Gateway::create(GatewayConfig config, Poller& poller, Fd listener,
                                                 Upstream& upstream) {
  auto impl = std::make_unique<Impl>(std::move(config), poller, std::move(listener), upstream);
  if (auto started = impl->start(); !started) return started.error();
  return std::unique_ptr<Gateway>(new Gateway(std::move(impl)));
}

void Gateway::reply(ConnectionId to, std::string_view text) { impl_->reply(to, text); }
void Gateway::close(ConnectionId connection, std::string_view reason) {
  impl_->close(connection, reason);
}
void Gateway::flush() { impl_->flush(); }
void Gateway::run() { impl_->run(); }
Time Gateway::deadline() const { return impl_->deadline(); }
const GatewayCounters& Gateway::counters() const { return impl_->counters(); }

}  // namespace prytany::net
