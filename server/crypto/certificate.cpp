#include "server/crypto/certificate.h"

#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace prytany::crypto {
namespace {

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using File = std::unique_ptr<std::FILE, Close>;
using Certificate = std::unique_ptr<X509, Close>;
using Key = std::unique_ptr<EVP_PKEY, Close>;

/// Nobody is there to type a passphrase.
int no_passphrase(char*, int, int, void*) { return -1; }

Error unreadable(const std::string& path) {
  return Error{"cannot open " + path + ": " + std::strerror(errno)};
}

}  // namespace

Result<void> check_certificate(const std::string& chain_file, const std::string& key_file) {
  const File chain(std::fopen(chain_file.c_str(), "re"));
  if (!chain) return unreadable(chain_file);
  const Certificate certificate(PEM_read_X509(chain.get(), nullptr, no_passphrase, nullptr));
  if (!certificate) return Error{chain_file + " does not begin with a certificate in PEM"};
  const File key_text(std::fopen(key_file.c_str(), "re"));
  if (!key_text) return unreadable(key_file);
  const Key key(PEM_read_PrivateKey(key_text.get(), nullptr, no_passphrase, nullptr));
  if (!key) return Error{key_file + " is not a private key in PEM without a passphrase"};
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    return Error{key_file + " is not the key of the certificate in " + chain_file};
  }
  if (X509_cmp_current_time(X509_get0_notAfter(certificate.get())) < 0) {
    return Error{"the certificate in " + chain_file + " has expired"};
  }
  return {};
}

}  // namespace prytany::crypto
