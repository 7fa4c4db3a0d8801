#include "server/crypto/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>

namespace prytany::crypto {
namespace {

constexpr std::array<unsigned char, 9> http_1_1 = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

std::string last_error() {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_peek_last_error(), text.data(), text.size());
  return text.data();
}

/// OpenSSL counts in int.
int size_of(std::string_view bytes) {
  ENSURE(bytes.size() <= 0x7fff'ffff);
  return static_cast<int>(bytes.size());
}

}  // namespace

void TlsTrust::Free::operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
void Tls::Free::operator()(SSL* tls) const { SSL_free(tls); }

Result<std::shared_ptr<const TlsTrust>> TlsTrust::create(const std::string& authorities) {
  ERR_clear_error();
  auto trust = std::make_shared<TlsTrust>();
  trust->context_.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* const context = trust->context_.get();
  ENSURE(context != nullptr);
  ENSURE(SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  // WebSockets, and our HTTP, are 1.1 (RFC 6455). 0 is success here, alone in OpenSSL.
  ENSURE(SSL_CTX_set_alpn_protos(context, http_1_1.data(), http_1_1.size()) == 0);
  const int loaded = authorities.empty() ? SSL_CTX_set_default_verify_paths(context)
                                         : SSL_CTX_load_verify_file(context, authorities.c_str());
  if (loaded != 1) return Error{"no certificates in " + authorities + ": " + last_error()};
  return std::shared_ptr<const TlsTrust>(std::move(trust));
}

Tls::Tls(std::shared_ptr<const TlsTrust> trust, const std::string& host)
    : trust_(std::move(trust)),
      tls_(SSL_new(trust_->context())),
      in_(BIO_new(BIO_s_mem())),
      out_(BIO_new(BIO_s_mem())),
      host_(host) {
  ENSURE(tls_ != nullptr && in_ != nullptr && out_ != nullptr);
  SSL_set_bio(tls_.get(), in_, out_);
  SSL_set_connect_state(tls_.get());
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls_.get()), host.c_str()) != 1) {
    // A name; too long a one, or an empty one, then fits no certificate.
    ENSURE(SSL_set1_host(tls_.get(), host.c_str()) == 1);
    // SSL_set_tlsext_host_name(), which is a macro with a cast that is not ours. It copies.
    (void)SSL_ctrl(tls_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                   const_cast<char*>(host.c_str()));
  }
  (void)handshake();  // only its first message: nothing can be wrong yet
}

void Tls::send(std::string_view plain) {
  if (!established_) {
    waiting_ += plain;
  } else if (!plain.empty()) {
    // Into memory it is never taken in part; a stream that is broken is told by receive().
    (void)SSL_write(tls_.get(), plain.data(), size_of(plain));
  }
}

Result<void> Tls::receive(std::string_view bytes, std::string& plain) {
  ENSURE(BIO_write(in_, bytes.data(), size_of(bytes)) == size_of(bytes));
  if (!established_) {
    if (auto done = handshake(); !done || !established_) return done;
  }
  std::array<char, 16384> piece;
  ERR_clear_error();
  int got = 0;
  while ((got = SSL_read(tls_.get(), piece.data(), piece.size())) > 0)
    plain.append(piece.data(), static_cast<std::size_t>(got));
  switch (SSL_get_error(tls_.get(), got)) {
    case SSL_ERROR_WANT_READ: return {};
    case SSL_ERROR_ZERO_RETURN: ended_ = true; return {};
    default: return failure();
  }
}

Result<void> Tls::handshake() {
  ERR_clear_error();
  const int done = SSL_do_handshake(tls_.get());
  if (done != 1) {
    if (SSL_get_error(tls_.get(), done) == SSL_ERROR_WANT_READ) return {};
    return failure();
  }
  established_ = true;
  send(std::exchange(waiting_, {}));
  return {};
}

Result<void> Tls::failure() const {
  if (const long why = SSL_get_verify_result(tls_.get()); why != X509_V_OK)
    return Error{"the certificate of " + host_ +
                 " is not believed: " + X509_verify_cert_error_string(why)};
  return Error{"TLS with " + host_ + ": " + last_error()};
}

std::string Tls::outgoing() {
  std::string bytes(BIO_ctrl_pending(out_), '\0');
  if (!bytes.empty()) ENSURE(BIO_read(out_, bytes.data(), size_of(bytes)) == size_of(bytes));
  return bytes;
}

}  // namespace prytany::crypto
