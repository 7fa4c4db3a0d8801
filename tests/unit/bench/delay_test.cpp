// What passes through a delay arrives later, whole and in order, and so does its end.
#include "bench/delay.h"

#include <gtest/gtest.h>

#include <poll.h>
#include <sys/socket.h>

#include <string>

#include "bench/crowd.h"

namespace prytany::bench {
namespace {

constexpr std::uint64_t far_us = 30'000;

/// A client and a server, with what delays between them.
struct Far {
  Far() : server(net::listen_on("127.0.0.1", 0).value()) {
    // A port that was free a moment ago.
    const std::uint16_t free = net::local_port(net::listen_on("127.0.0.1", 0).value());
    auto opened =
        DelayProxy::open({{{"127.0.0.1", free}, {"127.0.0.1", net::local_port(server)}, far_us}});
    EXPECT_TRUE(opened.ok());
    proxy = std::move(*opened);
    near = net::start_connect(net::numeric_address("127.0.0.1", free).value()).value();
    const std::uint64_t begin = now_us();
    while (!far && now_us() - begin < 2'000'000) {
      proxy->step(1'000);
      far = net::Fd(::accept4(server.get(), nullptr, nullptr, SOCK_NONBLOCK));
    }
    EXPECT_TRUE(far);
  }
  /// Everything until the end, or so many bytes.
  std::string hear(const net::Fd& at, std::size_t bytes) {
    std::string heard;
    const std::uint64_t begin = now_us();
    while (heard.size() < bytes && now_us() - begin < 10'000'000) {
      proxy->step(1'000);
      std::string piece(1 << 16, ' ');
      const ssize_t got = ::recv(at.get(), piece.data(), piece.size(), 0);
      if (got == 0) return heard + "END";
      if (got > 0) heard.append(piece, 0, static_cast<std::size_t>(got));
    }
    return heard;
  }

  net::Fd server;
  std::unique_ptr<DelayProxy> proxy;
  net::Fd near;
  net::Fd far;
};

TEST(Delay, lets_words_arrive_later_in_both_directions) {
  Far between;
  for (const auto& [from, to] :
       {std::pair{&between.near, &between.far}, std::pair{&between.far, &between.near}}) {
    const std::uint64_t said = now_us();
    ASSERT_EQ(::send(from->get(), "word", 4, 0), 4);
    EXPECT_EQ(between.hear(*to, 4), "word");
    EXPECT_GE(now_us() - said, far_us);
    EXPECT_LT(now_us() - said, far_us + 5'000'000);
  }
}

TEST(Delay, keeps_much_in_order_and_passes_on_the_end) {
  Far between;
  std::string much;
  for (std::uint32_t i = 0; much.size() < 4'000'000; ++i) much += std::to_string(i) + ",";
  std::size_t sent = 0;
  std::string heard;
  while (sent < much.size()) {
    const ssize_t some = ::send(between.near.get(), much.data() + sent, much.size() - sent, 0);
    if (some > 0) sent += static_cast<std::size_t>(some);
    between.proxy->step(1'000);
    std::string piece(1 << 16, ' ');
    const ssize_t got = ::recv(between.far.get(), piece.data(), piece.size(), 0);
    if (got > 0) heard.append(piece, 0, static_cast<std::size_t>(got));
  }
  ::shutdown(between.near.get(), SHUT_WR);
  heard += between.hear(between.far, much.size() + 1);
  EXPECT_TRUE(heard == much + "END") << heard.size();
  // The other direction still stands.
  ASSERT_EQ(::send(between.far.get(), "well", 4, 0), 4);
  EXPECT_EQ(between.hear(between.near, 4), "well");
}

TEST(Delay, routes_are_written_as_they_are_read) {
  const std::string text = "127.0.0.1:7000=127.0.0.2:7000@100000";
  const auto route = delay_route_from(text);
  ASSERT_TRUE(route.ok());
  EXPECT_EQ(route->target, (wire::HostPort{"127.0.0.2", 7000}));
  EXPECT_EQ(route->delay_us, 100'000U);
  EXPECT_EQ(to_text(*route), text);
  for (const char* wrong : {"", "127.0.0.1:7000", "127.0.0.1:7000=x@", "a:1=b:2", "a:1=b:2@3x"})
    EXPECT_FALSE(delay_route_from(wrong).ok()) << wrong;
}

}  // namespace
}  // namespace prytany::bench
