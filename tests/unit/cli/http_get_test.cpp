#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <thread>

#include "server/cli/http_get.h"
#include "server/net/socket.h"
#include "tests/unit/crypto/authority.h"

namespace prytany::cli {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t timeout_us = 5'000'000;

/// What http_page makes of a server that answers `text` and closes.
Result<HttpPage> page_of(const std::string& text, const std::string& host = "127.0.0.1") {
  const auto listener = net::listen_on("127.0.0.1", 0);
  std::thread server([&] {
    pollfd polled = {listener->get(), POLLIN, 0};
    ::poll(&polled, 1, 5000);
    const net::Fd fd(::accept(listener->get(), nullptr, nullptr));
    std::array<char, 4096> request{};
    (void)!::recv(fd.get(), request.data(), request.size(), 0);
    (void)!::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
  });
  auto page = http_page({host, net::local_port(*listener)}, "/", timeout_us);
  server.join();
  return page;
}

TEST(HttpGet, reads_body_and_media_type_whatever_the_case_of_the_headers) {
  const auto page =
      page_of("HTTP/1.1 200 OK\r\nConTent-Type: text/html\r\nCONTENT-LENGTH: 5\r\n\r\nhello");
  ASSERT_TRUE(page.ok()) << page.error().message;
  EXPECT_EQ(page->media_type, "text/html");
  EXPECT_EQ(page->body, "hello");
}

TEST(HttpGet, finds_hosts_by_name) {
  const auto page = page_of("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "localhost");
  ASSERT_TRUE(page.ok()) << page.error().message;
  EXPECT_EQ(page->body, "");
}

TEST(HttpGet, takes_no_page_that_was_cut_off_or_is_none) {
  const auto why = [](const std::string& answer) {
    const auto page = page_of(answer);
    return page ? "taken: " + page->body : page.error().message;
  };
  EXPECT_THAT(why("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello"), HasSubstr("cut off"));
  EXPECT_THAT(why("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhello"), HasSubstr("longer"));
  EXPECT_THAT(why("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
              HasSubstr("chunked"));
  EXPECT_THAT(why("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), HasSubstr("404"));
  EXPECT_THAT(why("SSH-2.0-OpenSSH\r\n"), HasSubstr("not HTTP"));
  EXPECT_THAT(why(""), HasSubstr("not HTTP"));
}

/// What http_page makes of a server whose certificate names `names`, that answers `text` by TLS and
/// then takes its leave, or just cuts the line.
Result<HttpPage> secure_page_of(const std::string& text, const std::string& names, bool says_end) {
  const crypto::Authority authority;
  const auto context = authority.server(names);
  const auto listener = net::listen_on("127.0.0.1", 0);
  std::thread server([&] {
    pollfd polled = {listener->get(), POLLIN, 0};
    ::poll(&polled, 1, 5000);
    const net::Fd fd(::accept(listener->get(), nullptr, nullptr));
    const crypto::Owned<SSL, SSL_free> tls(SSL_new(context.get()));
    SSL_set_fd(tls.get(), fd.get());
    if (SSL_accept(tls.get()) != 1) return;
    std::array<char, 4096> request{};
    SSL_read(tls.get(), request.data(), request.size());
    SSL_write(tls.get(), text.data(), static_cast<int>(text.size()));
    if (says_end) SSL_shutdown(tls.get());
  });
  auto page = http_page({"127.0.0.1", net::local_port(*listener)}, "/", timeout_us,
                        *crypto::TlsTrust::create(authority.file()));
  server.join();
  return page;
}

TEST(HttpGet, asks_by_https_whom_it_has_reason_to_believe) {
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
  for (const bool says_end : {true, false}) {
    const auto page = secure_page_of(answer, "IP:127.0.0.1", says_end);
    ASSERT_TRUE(page.ok()) << page.error().message;
    EXPECT_EQ(page->body, "hello");
  }
  const auto other = secure_page_of(answer, "DNS:localhost", true);
  ASSERT_FALSE(other.ok());
  EXPECT_THAT(other.error().message, HasSubstr("not believed"));
}

TEST(HttpGet, takes_no_page_by_https_whose_end_nobody_told) {
  const std::string answer = "HTTP/1.1 200 OK\r\n\r\nhello";
  EXPECT_TRUE(secure_page_of(answer, "IP:127.0.0.1", true).ok());
  EXPECT_FALSE(secure_page_of(answer, "IP:127.0.0.1", false).ok());
}

}  // namespace
}  // namespace prytany::cli
