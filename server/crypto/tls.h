// TLS 1.3, the client's side, as bytes in and bytes out: OpenSSL over memory, so that whoever owns
// the socket reads and writes it as ever. Certificates are always checked; there is no way around.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <string>
#include <string_view>

#include "server/base/result.h"

namespace prytany::crypto {

/// Whom to believe about names. May be shared by connections of one thread.
class TlsTrust {
 public:
  /// `authorities`: a file of certificates (PEM), and then nobody else is believed; empty: those of
  /// the system (or of SSL_CERT_FILE, as everywhere with OpenSSL).
  static Result<std::shared_ptr<const TlsTrust>> create(const std::string& authorities);

  [[nodiscard]] SSL_CTX* context() const { return context_.get(); }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const;
  };
  std::unique_ptr<SSL_CTX, Free> context_;
};

class Tls {
 public:
  /// `host`: a DNS name or a numeric address, which the certificate must name.
  Tls(std::shared_ptr<const TlsTrust> trust, const std::string& host);

  /// Encrypts; what is given before the other side has proven its name waits for that.
  void send(std::string_view plain);
  /// What arrived; what it says is appended to `plain`. An Error is the end: why it is not who it
  /// should be, or that the stream is broken.
  Result<void> receive(std::string_view bytes, std::string& plain);
  /// What has to be written to the socket, and then is no longer here. To be asked after each call.
  std::string outgoing();
  /// The other side said that this is all. Without that, what came may have been cut off.
  [[nodiscard]] bool ended() const { return ended_; }

 private:
  struct Free {
    void operator()(SSL* tls) const;
  };
  Result<void> handshake();
  Result<void> failure() const;

  std::shared_ptr<const TlsTrust> trust_;
  std::unique_ptr<SSL, Free> tls_;
  BIO* in_;   // the SSL's
  BIO* out_;  // the SSL's
  std::string host_;
  std::string waiting_;
  bool established_ = false;
  bool ended_ = false;
};

}  // namespace prytany::crypto
