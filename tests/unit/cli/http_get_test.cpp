#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <thread>

#include "server/cli/http_get.h"
#include "server/net/socket.h"

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

}  // namespace
}  // namespace prytany::cli
