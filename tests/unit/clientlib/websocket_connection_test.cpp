// The socket side, against a server that does what a test says.
#include "clientlib/websocket_connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <future>
#include <thread>

#include "clientlib/resolver.h"
#include "server/crypto/sha1.h"
#include "tests/unit/crypto/authority.h"

namespace prytany::client {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;

/// Accepts one connection and hands it to `serve`, on a thread of its own.
class Server {
 public:
  explicit Server(std::function<void(int fd)> serve) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = static_cast<sockaddr*>(static_cast<void*>(&address));
    EXPECT_EQ(::bind(listener_, any, size), 0);
    EXPECT_EQ(::listen(listener_, 1), 0);
    EXPECT_EQ(::getsockname(listener_, any, &size), 0);
    port_ = std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this, serve = std::move(serve)] {
      const int fd = ::accept(listener_, nullptr, nullptr);
      if (fd < 0) return;
      serve(fd);
      ::close(fd);
    });
  }
  ~Server() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  const std::string& port() const { return port_; }

 private:
  int listener_ = -1;
  std::string port_;
  std::thread thread_;
};

std::string read_some(int fd) {
  std::array<char, 4096> buffer{};
  const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
  return got > 0 ? std::string(buffer.data(), static_cast<std::size_t>(got)) : "";
}
void write_all(int fd, const std::string& text) {
  EXPECT_EQ(::send(fd, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
}
/// The opening as it should be answered.
std::string opening_reply(const std::string& request) {
  const std::string name = "Sec-WebSocket-Key: ";
  const std::size_t at = request.find(name) + name.size();
  const std::string key = request.substr(at, request.find('\r', at) - at);
  const auto accept =
      crypto::sha1(as_bytes(key + std::string("258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Accept: " +
         to_base64(accept) + "\r\nSec-WebSocket-Protocol: prytany.v1\r\n\r\n";
}
void open_as_server(int fd) { write_all(fd, opening_reply(read_some(fd))); }

/// Drives a connection until `done`, an error, or five seconds.
struct Driven {
  bool opened = false;
  std::vector<std::string> texts;
  std::string error;
};
Driven drive(WebSocketConnection& connection, const std::function<bool(const Driven&)>& done) {
  Driven driven;
  const auto started = connection.start();
  if (!started) {
    driven.error = started.error().message;
    return driven;
  }
  while (!done(driven)) {
    pollfd watched{connection.fd(), POLLIN, 0};
    if (connection.wants_write()) watched.events |= POLLOUT;
    if (::poll(&watched, 1, 5000) <= 0) {
      driven.error = "nothing happened";
      return driven;
    }
    const bool broken = (watched.revents & (POLLERR | POLLHUP)) != 0;
    auto heard = connection.ready(broken || (watched.revents & POLLIN) != 0,
                                  broken || (watched.revents & POLLOUT) != 0);
    if (!heard) {
      driven.error = heard.error().message;
      return driven;
    }
    driven.opened |= heard->opened;
    for (std::string& text : heard->texts) driven.texts.push_back(std::move(text));
  }
  return driven;
}

WebSocketConnection connection_to(const std::string& port) {
  return {*parse_websocket_url("ws://127.0.0.1:" + port), *numeric_address("127.0.0.1", port)};
}
bool never_done(const Driven&) { return false; }

TEST(WebSocketConnection, opens_hears_texts_and_answers_pings) {
  std::string heard_by_server;
  {
    const Server server([&](int fd) {
      open_as_server(fd);
      write_all(fd, std::string("\x81\x05") + "hello" + std::string("\x89\x04") + "ping" +
                        std::string("\x81\x03") + "bye");
      heard_by_server = read_some(fd);
    });
    WebSocketConnection connection = connection_to(server.port());
    const Driven driven = drive(connection, [](const Driven& d) { return d.texts.size() == 2; });
    EXPECT_EQ(driven.error, "");
    EXPECT_TRUE(driven.opened);
    EXPECT_THAT(driven.texts, ElementsAre("hello", "bye"));
  }
  ASSERT_GE(heard_by_server.size(), 10U);
  EXPECT_EQ(static_cast<unsigned char>(heard_by_server[0]), 0x8A) << "a pong";
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_EQ(heard_by_server[6 + i] ^ heard_by_server[2 + i], "ping"[i]);
}

TEST(WebSocketConnection, speaks_wss_to_a_server_whose_certificate_it_believes_and_to_no_other) {
  const crypto::Authority authority;
  for (const std::string name : {"IP:127.0.0.1", "DNS:vote.test"}) {
    const auto context = authority.server(name);
    std::string heard_by_server;
    Driven driven;
    {
      const Server server([&](int fd) {
        const crypto::Owned<SSL, SSL_free> tls(SSL_new(context.get()));
        SSL_set_fd(tls.get(), fd);
        std::array<char, 4096> piece{};
        const auto hear = [&] {
          const int n = SSL_read(tls.get(), piece.data(), piece.size());
          return std::string(piece.data(), static_cast<std::size_t>(std::max(n, 0)));
        };
        const auto say = [&](const std::string& text) {
          SSL_write(tls.get(), text.data(), static_cast<int>(text.size()));
        };
        if (SSL_accept(tls.get()) != 1) return;
        say(opening_reply(hear()));
        say(std::string("\x81\x05") + "hello" + std::string("\x89\x04") + "ping");
        heard_by_server = hear() + hear();
      });
      const std::string& port = server.port();
      WebSocketConnection connection(*parse_websocket_url("wss://127.0.0.1:" + port),
                                     *numeric_address("127.0.0.1", port),
                                     *crypto::TlsTrust::create(authority.file()));
      driven = drive(connection, [&](const Driven& d) {
        if (d.texts.empty()) return false;
        connection.send("answer");
        EXPECT_TRUE(connection.flush().ok());
        return true;
      });
    }
    if (name == "IP:127.0.0.1") {
      EXPECT_EQ(driven.error, "");
      EXPECT_THAT(driven.texts, ElementsAre("hello"));
      EXPECT_EQ(heard_by_server.size(), 10U + 12U) << "a pong and a text, each masked";
    } else {
      EXPECT_THAT(driven.error, HasSubstr("not believed"));
      EXPECT_EQ(heard_by_server, "");
    }
  }
}

TEST(WebSocketConnection, writes_more_than_a_socket_takes_at_once) {
  constexpr std::size_t size = 20U << 20;
  std::size_t received = 0;
  {
    const Server server([&](int fd) {
      open_as_server(fd);
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      while (received < size) {
        const std::string some = read_some(fd);
        if (some.empty()) break;
        received += some.size();
      }
      write_all(fd, std::string("\x81\x02") + "ok");
    });
    WebSocketConnection connection = connection_to(server.port());
    bool sent = false;
    const Driven driven = drive(connection, [&](const Driven& d) {
      if (d.opened && !std::exchange(sent, true)) {
        connection.send(std::string(size, 'x'));
        EXPECT_TRUE(connection.flush().ok());
        EXPECT_TRUE(connection.wants_write());
      }
      return d.texts.size() == 1;
    });
    EXPECT_EQ(driven.error, "");
  }
  EXPECT_GE(received, size);
}

TEST(WebSocketConnection, says_why_a_server_is_not_ours) {
  const auto error_of = [](std::function<void(int)> serve) {
    const Server server(std::move(serve));
    WebSocketConnection connection = connection_to(server.port());
    return drive(connection, never_done).error;
  };
  EXPECT_THAT(error_of([](int) {}),
              AnyOf(HasSubstr("closed"), HasSubstr("reset"), HasSubstr("pipe")));
  EXPECT_THAT(error_of([](int fd) {
                (void)read_some(fd);
                write_all(fd, "HTTP/1.1 403 Forbidden\r\n\r\n");
                (void)read_some(fd);
              }),
              HasSubstr("403 Forbidden"));
  EXPECT_THAT(error_of([](int fd) {
                open_as_server(fd);
                write_all(fd, std::string("\x82\x01") + "x");
                (void)read_some(fd);
              }),
              HasSubstr("binary"));
  EXPECT_THAT(error_of([](int fd) {
                open_as_server(fd);
                write_all(fd, std::string("\x88\x02\x03\xe8"));
                (void)read_some(fd);
              }),
              HasSubstr("closed the connection"));
}

TEST(WebSocketConnection, nobody_at_the_port_is_an_error_not_a_wait) {
  std::string port;
  {
    port = Server([](int) {}).port();
  }
  WebSocketConnection connection = connection_to(port);
  EXPECT_THAT(drive(connection, never_done).error, HasSubstr("cannot connect"));
}

TEST(Resolver, knows_digits_at_once_and_looks_up_names_elsewhere) {
  EXPECT_TRUE(numeric_address("127.0.0.1", "80").has_value());
  EXPECT_TRUE(numeric_address("::1", "80").has_value());
  EXPECT_FALSE(numeric_address("localhost", "80").has_value());
  const auto look_up = [](const std::string& host) {
    auto told = std::make_shared<std::promise<bool>>();
    resolve_elsewhere(host, "80", [told](const Resolved& r) { told->set_value(r.ok()); });
    return told->get_future().get();
  };
  EXPECT_TRUE(look_up("localhost"));
  EXPECT_FALSE(look_up("no such host"));
}

}  // namespace
}  // namespace prytany::client
