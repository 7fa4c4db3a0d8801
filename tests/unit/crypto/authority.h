// A private authority of certificates, and a server that shows one of them.
#pragma once

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

namespace prytany::crypto {

template <class T, void (*free)(T*)>
struct Freed {
  void operator()(T* object) const { free(object); }
};
template <class T, void (*free)(T*)>
using Owned = std::unique_ptr<T, Freed<T, free>>;
using OwnedKey = Owned<EVP_PKEY, EVP_PKEY_free>;
using OwnedCertificate = Owned<X509, X509_free>;

class Authority {
 public:
  Authority() : key_(new_key()) {
    std::string pattern = (std::filesystem::temp_directory_path() / "prytany-ca-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    certificate_ = certify(key_.get(), "Test authority", "CA:TRUE", "", 3600);
    std::FILE* out = std::fopen(file().c_str(), "w");
    PEM_write_X509(out, certificate_.get());
    std::fclose(out);
  }
  ~Authority() { std::filesystem::remove_all(folder_); }
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  /// Its certificate, in PEM.
  std::string file() const { return folder_ + "/ca.pem"; }

  /// What a server needs to show a certificate for `names` ("DNS:a,IP:127.0.0.1"), which has so
  /// many seconds to live.
  Owned<SSL_CTX, SSL_CTX_free> server(const std::string& names, long seconds = 3600) const {
    Owned<SSL_CTX, SSL_CTX_free> context(SSL_CTX_new(TLS_server_method()));
    const OwnedKey key = new_key();
    const OwnedCertificate certificate = certify(key.get(), "server", "CA:FALSE", names, seconds);
    SSL_CTX_use_certificate(context.get(), certificate.get());
    SSL_CTX_use_PrivateKey(context.get(), key.get());
    return context;
  }

 private:
  static OwnedKey new_key() { return OwnedKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")); }

  /// Signed by us, or by itself while there is no certificate of ours.
  OwnedCertificate certify(EVP_PKEY* key, const std::string& name, const std::string& constraints,
                           const std::string& names, long seconds) const {
    OwnedCertificate made(X509_new());
    X509* const x = made.get();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), certificate_ ? 2 : 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -7200);
    X509_gmtime_adj(X509_getm_notAfter(x), seconds);
    X509_set_pubkey(x, key);
    const auto* text = reinterpret_cast<const unsigned char*>(name.c_str());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, text, -1, -1, 0);
    X509* const issuer = certificate_ ? certificate_.get() : x;
    X509_set_issuer_name(x, X509_get_subject_name(issuer));
    extend(x, issuer, NID_basic_constraints, constraints);
    if (!names.empty()) extend(x, issuer, NID_subject_alt_name, names);
    X509_sign(x, key_.get(), EVP_sha256());
    return made;
  }
  static void extend(X509* x, X509* issuer, int what, const std::string& value) {
    X509V3_CTX about;
    X509V3_set_ctx(&about, issuer, x, nullptr, nullptr, 0);
    const Owned<X509_EXTENSION, X509_EXTENSION_free> extension(
        X509V3_EXT_conf_nid(nullptr, &about, what, value.c_str()));
    X509_add_ext(x, extension.get(), -1);
  }

  OwnedKey key_;
  OwnedCertificate certificate_;
  std::string folder_;
};

}  // namespace prytany::crypto
