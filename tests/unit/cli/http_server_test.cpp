// The HTTP server of `prytany dev` and `prytany gateway`, over real sockets: bodies, answers that
// come later, and who has to go when it is full.
#include "server/cli/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>

namespace prytany::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class Server : public testing::Test {
 protected:
  Server() {
    auto listener = net::listen_on("127.0.0.1", 0);
    EXPECT_TRUE(listener.ok());
    port_ = net::local_port(*listener);
    server_ = std::make_unique<HttpServer>(
        poller_, std::move(*listener),
        [this](const HttpRequest& request, std::uint64_t question) -> std::optional<HttpReply> {
          bodies_.push_back(request.body);
          questions_.push_back(question);
          if (request.path == "/later") return std::nullopt;
          return HttpReply{200, "text/plain", "at once", {}};
        },
        HttpServer::Setting{10, {}});
  }
  /// A connection on which `text` was sent.
  net::Fd send(const std::string& text) {
    const auto address = net::numeric_address("127.0.0.1", port_);
    net::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto* to = static_cast<const sockaddr*>(static_cast<const void*>(&address->storage));
    EXPECT_EQ(::connect(fd.get(), to, address->length), 0);
    more(fd, text);
    return fd;
  }
  void more(const net::Fd& fd, const std::string& text) {
    EXPECT_EQ(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
    serve();
  }
  /// Until nothing has happened for a while.
  void serve() {
    for (int i = 0; i < 5; ++i) poller_.wait(Time{net::SystemClock().now().value + 2000});
  }
  /// What has come; "closed" if nothing has, and nothing will.
  static std::string heard(const net::Fd& fd) {
    std::array<char, 4096> piece{};
    const ssize_t n = ::recv(fd.get(), piece.data(), piece.size(), MSG_DONTWAIT);
    if (n < 0) return "";
    return n == 0 ? "closed" : std::string(piece.data(), static_cast<std::size_t>(n));
  }

  net::Poller poller_ = std::move(*net::Poller::create());
  std::uint16_t port_ = 0;
  std::vector<std::string> bodies_;
  std::vector<std::uint64_t> questions_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(Server, reads_a_body_to_its_length_however_it_is_cut) {
  const net::Fd fd = send("POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc");
  EXPECT_THAT(bodies_, IsEmpty());
  more(fd, "defghi");
  EXPECT_THAT(bodies_, ElementsAre("abcdef"));
  EXPECT_THAT(heard(fd), StartsWith("HTTP/1.1 200 OK"));
}

TEST_F(Server, says_go_on_to_who_asks_before_sending_a_body) {
  const net::Fd fd = send("POST / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(heard(fd), "HTTP/1.1 100 Continue\r\n\r\n");
  more(fd, "ab");
  EXPECT_THAT(heard(fd), HasSubstr("at once"));
}

TEST_F(Server, refuses_bodies_that_are_too_long_or_of_no_length) {
  const auto status = [&](const std::string& header) {
    return heard(send("POST / HTTP/1.1\r\n" + header + "\r\n\r\n")).substr(9, 3);
  };
  EXPECT_EQ(status("Content-Length: 11"), "413");
  EXPECT_EQ(status("Content-Length: 99999999999999999999"), "400");
  EXPECT_EQ(status("Content-Length: -1"), "400");
  EXPECT_EQ(status("Transfer-Encoding: chunked"), "411");
  EXPECT_EQ(status("Host: localhost"), "411");
  EXPECT_EQ(status("Content-Length: 1\r\nContent-Length: 2"), "400");
  EXPECT_THAT(bodies_, IsEmpty());
  EXPECT_EQ(status("Content-Length: 0"), "200");
  EXPECT_EQ(status("Content-Length: 0\r\nContent-Length: 0"), "200");
}

TEST_F(Server, answers_later_and_forgets_who_has_gone) {
  const net::Fd fd = send("GET /later HTTP/1.1\r\n\r\n");
  ASSERT_EQ(questions_.size(), 1U);
  EXPECT_EQ(heard(fd), "");
  server_->answer(questions_[0], {200, "text/plain", "later", {}});
  EXPECT_THAT(heard(fd), HasSubstr("later"));
  {
    const net::Fd gone = send("GET /later HTTP/1.1\r\n\r\n");
  }
  serve();
  server_->answer(questions_.at(1), {200, "text/plain", "later", {}});
}

TEST_F(Server, closes_who_has_not_asked_and_never_who_waits_to_make_room) {
  const net::Fd first = send("GET /later HTTP/1.1\r\n\r\n");
  const net::Fd slow = send("GET /la");
  std::vector<net::Fd> waiting;
  while (waiting.size() + 2 < HttpServer::connections_max)
    waiting.push_back(send("GET /later HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(heard(slow), "");
  waiting.push_back(send("GET /later HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(heard(slow), "closed");
  EXPECT_EQ(questions_.size(), HttpServer::connections_max);
  // All wait for answers: the next one is not let in until somebody has got theirs.
  const net::Fd next = send("GET /now HTTP/1.1\r\n\r\n");
  EXPECT_EQ(heard(next), "");
  server_->answer(questions_[0], {200, "text/plain", "later", {}});
  EXPECT_THAT(heard(first), HasSubstr("later"));
  serve();
  EXPECT_THAT(heard(next), HasSubstr("at once"));
}

}  // namespace
}  // namespace prytany::cli
