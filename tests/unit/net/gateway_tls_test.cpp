// The clients' door with the operator's certificate: https and wss.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "server/net/gateway.h"
#include "tests/unit/net/recorder.h"

namespace prytany::net {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

template <class T, void (*free)(T*)>
struct Freed {
  void operator()(T* object) const { free(object); }
};
template <class T, void (*free)(T*)>
using Owned = std::unique_ptr<T, Freed<T, free>>;

/// A key and a certificate that it signed itself.
void write_certificate(const TlsFiles& files) {
  const Owned<EVP_PKEY, EVP_PKEY_free> key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  const Owned<X509, X509_free> certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  ASSERT_GT(X509_sign(certificate.get(), key.get(), EVP_sha256()), 0);
  std::FILE* out = std::fopen(files.private_key.c_str(), "w");
  PEM_write_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(out);
  out = std::fopen(files.certificate_chain.c_str(), "w");
  PEM_write_X509(out, certificate.get());
  std::fclose(out);
}

class GatewayTls : public testing::Test {
 protected:
  GatewayTls() : poller_(std::move(*Poller::create())) {
    std::string pattern = testing::TempDir() + "prytany-tls-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    config_.tls = TlsFiles{folder_ + "/chain.pem", folder_ + "/key.pem"};
    upstream_.pages["/index.html"] = {"text/html", to_bytes(as_bytes("<p>hello</p>"))};
  }
  ~GatewayTls() override { std::filesystem::remove_all(folder_); }

  Result<void> open() {
    auto listener = listen_on("127.0.0.1", 0);
    EXPECT_TRUE(listener.ok());
    port_ = local_port(*listener);
    auto created = Gateway::create(config_, poller_, std::move(*listener), upstream_);
    if (!created) return created.error();
    gateway_ = std::move(*created);
    return {};
  }
  void turn() {
    gateway_->flush();
    poller_.wait(std::min(gateway_->deadline(), SystemClock().now() + 2'000));
    gateway_->run();
  }

  /// A browser's side: offers HTTP/2, as they do.
  struct Browser {
    explicit Browser(std::uint16_t port)
        : socket(port), context(SSL_CTX_new(TLS_client_method())), tls(SSL_new(context.get())) {
      const unsigned char protocols[] = "\x02h2\x08http/1.1";
      SSL_set_alpn_protos(tls.get(), protocols, sizeof protocols - 1);
      SSL_set_fd(tls.get(), socket.fd());
    }
    RawSocket socket;
    Owned<SSL_CTX, SSL_CTX_free> context;
    Owned<SSL, SSL_free> tls;
    std::string heard;

    void listen() {
      char piece[16384];
      int n = 0;
      while ((n = SSL_read(tls.get(), piece, sizeof piece)) > 0)
        heard.append(piece, static_cast<std::size_t>(n));
    }
    void say(const std::string& text) {
      EXPECT_EQ(SSL_write(tls.get(), text.data(), static_cast<int>(text.size())),
                static_cast<int>(text.size()));
    }
  };
  bool soon(const std::function<bool()>& done) {
    return eventually([this] { turn(); }, done);
  }

  Poller poller_;
  GatewayConfig config_;
  Recorder upstream_;
  std::string folder_;
  std::uint16_t port_ = 0;
  std::unique_ptr<Gateway> gateway_;
};

TEST_F(GatewayTls, speaks_http_1_1_only_so_that_websockets_do_not_run_over_http_2) {
  write_certificate(*config_.tls);
  ASSERT_TRUE(open().ok());
  Browser browser(port_);
  ASSERT_TRUE(soon([&] { return SSL_connect(browser.tls.get()) == 1; }));
  EXPECT_STREQ(SSL_get_version(browser.tls.get()), "TLSv1.3");
  const unsigned char* chosen = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(browser.tls.get(), &chosen, &length);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(chosen), length), "http/1.1");
}

TEST_F(GatewayTls, serves_pages_and_carries_large_messages_both_ways) {
  write_certificate(*config_.tls);
  ASSERT_TRUE(open().ok());
  Browser reader(port_);
  ASSERT_TRUE(soon([&] { return SSL_connect(reader.tls.get()) == 1; }));
  reader.say("GET /index.html HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(soon([&] { return reader.listen(), reader.heard.ends_with("</p>"); }));
  EXPECT_THAT(reader.heard, StartsWith("HTTP/1.1 200"));

  Browser browser(port_);
  ASSERT_TRUE(soon([&] { return SSL_connect(browser.tls.get()) == 1; }));
  browser.say(
      "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Protocol: prytany.v1\r\n\r\n");
  ASSERT_TRUE(soon([&] { return browser.listen(), browser.heard.ends_with("\r\n\r\n"); }));
  EXPECT_THAT(browser.heard, StartsWith("HTTP/1.1 101"));
  browser.heard.clear();

  // Up: 10,000 bytes, masked with zeros. Down: more than the socket takes at once.
  browser.say(std::string("\x81\xFE\x27\x10\0\0\0\0", 8) + std::string(10'000, 'u'));
  ASSERT_TRUE(soon([&] { return upstream_.texts.size() == 1; }));
  EXPECT_EQ(upstream_.texts[0].second, std::string(10'000, 'u'));
  const std::string large(3'000'000, 'd');
  gateway_->reply(upstream_.texts[0].first, large);
  gateway_->reply(upstream_.texts[0].first, "last");
  ASSERT_TRUE(soon([&] { return browser.listen(), browser.heard.ends_with("last"); }));
  EXPECT_EQ(browser.heard.size(), 10 + large.size() + 2 + 4);
  EXPECT_EQ(browser.heard.substr(10, large.size()), large);
}

TEST_F(GatewayTls, survives_who_speaks_no_tls) {
  write_certificate(*config_.tls);
  ASSERT_TRUE(open().ok());
  RawSocket plain(port_);
  plain.say("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(soon([&] { return plain.closed(); }));
  Browser browser(port_);
  EXPECT_TRUE(soon([&] { return SSL_connect(browser.tls.get()) == 1; }));
}

TEST_F(GatewayTls, says_what_is_wrong_with_a_certificate) {
  EXPECT_THAT(open().error().message, HasSubstr("cannot open"));
  write_certificate(*config_.tls);
  const TlsFiles good = *config_.tls;
  const TlsFiles other{folder_ + "/other.pem", folder_ + "/other-key.pem"};
  write_certificate(other);
  config_.tls = TlsFiles{good.certificate_chain, other.private_key};
  EXPECT_THAT(open().error().message, HasSubstr("is not the key of the certificate"));
  config_.tls = TlsFiles{good.private_key, good.private_key};
  EXPECT_THAT(open().error().message, HasSubstr("does not begin with a certificate"));
  config_.tls = TlsFiles{good.certificate_chain, good.certificate_chain};
  EXPECT_THAT(open().error().message, HasSubstr("is not a private key"));
  config_.tls = good;
  EXPECT_TRUE(open().ok());
}

}  // namespace
}  // namespace prytany::net
