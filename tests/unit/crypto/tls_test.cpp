// TLS as bytes in and out, against OpenSSL's own server, in memory.
#include "server/crypto/tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "tests/unit/crypto/authority.h"

namespace prytany::crypto {
namespace {

using testing::HasSubstr;

/// The other side, in memory too.
class Server {
 public:
  explicit Server(SSL_CTX* context) : tls_(SSL_new(context)) {
    SSL_set_bio(tls_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(tls_.get());
  }
  /// What it says to what it hears; what it reads is in `heard`.
  std::string on(const std::string& bytes) {
    BIO_write(SSL_get_rbio(tls_.get()), bytes.data(), static_cast<int>(bytes.size()));
    std::array<char, 4096> piece;
    for (int n = 0; (n = SSL_read(tls_.get(), piece.data(), piece.size())) > 0;)
      heard.append(piece.data(), static_cast<std::size_t>(n));
    return outgoing();
  }
  std::string say(const std::string& text) {
    SSL_write(tls_.get(), text.data(), static_cast<int>(text.size()));
    return outgoing();
  }
  std::string close() {
    SSL_shutdown(tls_.get());
    return outgoing();
  }
  std::string name_asked() const {
    const char* const name = SSL_get_servername(tls_.get(), TLSEXT_NAMETYPE_host_name);
    return name == nullptr ? "" : name;
  }
  std::string heard;

 private:
  std::string outgoing() {
    std::string bytes(BIO_ctrl_pending(SSL_get_wbio(tls_.get())), '\0');
    if (!bytes.empty())
      BIO_read(SSL_get_wbio(tls_.get()), bytes.data(), static_cast<int>(bytes.size()));
    return bytes;
  }
  Owned<SSL, SSL_free> tls_;
};

/// Lets both speak until neither has more to say. Why the client would not, or nothing.
std::string converse(Tls& client, Server& server, std::string& plain) {
  for (std::string bytes; !(bytes = client.outgoing()).empty();) {
    if (const auto received = client.receive(server.on(bytes), plain); !received)
      return received.error().message;
  }
  return "";
}

std::shared_ptr<const TlsTrust> trust(const std::string& file) {
  auto made = TlsTrust::create(file);
  EXPECT_TRUE(made.ok());
  return std::move(*made);
}

/// What a client that asks for `host` says to a server with such a certificate.
std::string verdict(const std::string& host, const std::string& names, long seconds = 3600) {
  const Authority authority;
  const auto context = authority.server(names, seconds);
  Server server(context.get());
  Tls client(trust(authority.file()), host);
  client.send("a secret");
  std::string plain;
  const std::string why = converse(client, server, plain);
  EXPECT_EQ(server.heard, why.empty() ? "a secret" : "");
  return why;
}

TEST(Tls, carries_what_was_given_before_and_after_the_handshake) {
  const Authority authority;
  const auto context = authority.server("DNS:vote.test");
  Server server(context.get());
  Tls client(trust(authority.file()), "vote.test");
  client.send("early");
  std::string plain;
  EXPECT_EQ(converse(client, server, plain), "");
  EXPECT_EQ(server.name_asked(), "vote.test");
  EXPECT_EQ(server.heard, "early");
  client.send(" and late");
  EXPECT_EQ(converse(client, server, plain), "");
  EXPECT_EQ(server.heard, "early and late");
  const std::string large(100'000, 'x');
  const std::string bytes = server.say(large);
  // In any pieces.
  ASSERT_TRUE(client.receive(bytes.substr(0, 7), plain).ok());
  EXPECT_EQ(plain, "");
  ASSERT_TRUE(client.receive(bytes.substr(7), plain).ok());
  EXPECT_EQ(plain, large);
  EXPECT_FALSE(client.ended());
  ASSERT_TRUE(client.receive(server.close(), plain).ok());
  EXPECT_TRUE(client.ended());
}

TEST(Tls, believes_the_name_or_the_address_that_the_certificate_names_and_no_other) {
  EXPECT_EQ(verdict("vote.test", "DNS:vote.test"), "");
  EXPECT_EQ(verdict("127.0.0.1", "IP:127.0.0.1"), "");
  EXPECT_EQ(verdict("::1", "IP:::1"), "");
  EXPECT_THAT(verdict("vote.test", "DNS:other.test"), HasSubstr("vote.test is not believed"));
  EXPECT_THAT(verdict("127.0.0.1", "IP:127.0.0.2"), HasSubstr("mismatch"));
  EXPECT_THAT(verdict("127.0.0.1", "DNS:127.0.0.1"), HasSubstr("mismatch"));
}

TEST(Tls, believes_no_certificate_that_has_expired) {
  EXPECT_THAT(verdict("vote.test", "DNS:vote.test", -60), HasSubstr("expired"));
}

TEST(Tls, believes_the_given_authorities_and_neither_others_nor_by_default) {
  const Authority authority;
  const Authority another;
  const auto context = authority.server("DNS:vote.test");
  for (const std::string& file : {another.file(), std::string()}) {
    Server server(context.get());
    Tls client(trust(file), "vote.test");
    std::string plain;
    EXPECT_THAT(converse(client, server, plain), HasSubstr("not believed"));
  }
}

TEST(Tls, a_broken_stream_is_an_error_and_not_an_end) {
  const Authority authority;
  const auto context = authority.server("DNS:vote.test");
  Server server(context.get());
  Tls client(trust(authority.file()), "vote.test");
  std::string plain;
  ASSERT_EQ(converse(client, server, plain), "");
  std::string bytes = server.say("tally");
  bytes.back() ^= 1;
  EXPECT_FALSE(client.receive(bytes, plain).ok());
  EXPECT_EQ(plain, "");
  EXPECT_FALSE(client.ended());

  Tls other(trust(authority.file()), "vote.test");
  EXPECT_FALSE(other.receive("HTTP/1.1 400 Bad Request\r\n\r\n", plain).ok());
}

TEST(Tls, a_file_without_certificates_is_refused) {
  EXPECT_FALSE(TlsTrust::create("/dev/null").ok());
  const auto missing = TlsTrust::create("/nonexistent/ca.pem");
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error().message, HasSubstr("/nonexistent/ca.pem"));
}

}  // namespace
}  // namespace prytany::crypto
