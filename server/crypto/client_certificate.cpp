#include "server/crypto/client_certificate.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <optional>

#include "server/base/utf8.h"
#include "server/crypto/digest.h"

namespace prytany::crypto {
namespace {

constexpr std::size_t chain_max = 4;
constexpr int security_level = 2;  // 112 bits

struct Dropped {
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(STACK_OF(X509) * list) const { sk_X509_pop_free(list, X509_free); }
  void operator()(X509_STORE* store) const { X509_STORE_free(store); }
  void operator()(X509_STORE_CTX* context) const { X509_STORE_CTX_free(context); }
  void operator()(BIO* text) const { BIO_free(text); }
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
  void operator()(std::uint8_t* text) const { OPENSSL_free(text); }
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(char* text) const { OPENSSL_free(text); }
};
template <class T>
using Keep = std::unique_ptr<T, Dropped>;
using Chain = std::unique_ptr<STACK_OF(X509), Dropped>;

int silent(char*, int, int, void*) { return -1; }

Keep<X509> from_der(ByteView der) {
  const std::uint8_t* at = der.data();
  Keep<X509> certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();  // nobody is to find it later and take it for its own
  if (at != der.data() + der.size()) return nullptr;
  return certificate;
}

std::vector<Keep<X509>> from_pem(std::string_view text) {
  std::vector<Keep<X509>> found;
  const Keep<BIO> in(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  while (in) {
    Keep<X509> certificate(PEM_read_bio_X509(in.get(), nullptr, silent, nullptr));
    if (!certificate) break;
    found.push_back(std::move(certificate));
  }
  // The end, too, is an error to OpenSSL; another one means that something was not readable.
  const bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (!ended) found.clear();
  return found;
}

Bytes der_of(X509* certificate) {
  std::uint8_t* out = nullptr;
  const int size = i2d_X509(certificate, &out);
  const Keep<std::uint8_t> held(out);
  return size <= 0 ? Bytes{} : Bytes(out, out + size);
}

std::string fingerprint_of(X509* certificate) { return sha256(der_of(certificate)).hex(); }

std::optional<std::string> utf8_of(const ASN1_STRING* text) {
  std::uint8_t* out = nullptr;
  const int size = ASN1_STRING_to_UTF8(&out, text);
  const Keep<std::uint8_t> held(out);
  if (size <= 0) return std::nullopt;
  std::string utf8(reinterpret_cast<const char*>(out), static_cast<std::size_t>(size));
  // A zero byte within a name has fooled others.
  if (!is_utf8(utf8) || utf8.find('\0') != std::string::npos) return std::nullopt;
  return utf8;
}

std::string subject_of(const X509* certificate) {
  const Keep<BIO> out(BIO_new(BIO_s_mem()));
  // RFC 2253, but letters beyond ASCII as they are.
  const unsigned long style = XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);
  if (!out || X509_NAME_print_ex(out.get(), X509_get_subject_name(certificate), 0, style) < 0)
    return {};
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return size <= 0 ? std::string{} : std::string(text, static_cast<std::size_t>(size));
}

std::string common_name_of(const X509* certificate) {
  const X509_NAME* name = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (at < 0) return {};
  return utf8_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at))).value_or("");
}

std::vector<std::string> emails_of(const X509* certificate) {
  std::vector<std::string> found;
  const Keep<GENERAL_NAMES> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_EMAIL) continue;
    if (auto email = utf8_of(name->d.rfc822Name)) found.push_back(std::move(*email));
  }
  return found;
}

std::string serial_of(X509* certificate) {
  const Keep<BIGNUM> number(ASN1_INTEGER_to_BN(X509_get_serialNumber(certificate), nullptr));
  if (!number) return {};
  const Keep<char> digits(BN_bn2hex(number.get()));
  std::string text(digits ? digits.get() : "");
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'F' ? char(c - 'A' + 'a') : c; });
  text.erase(0, std::min(text.find_first_not_of('0'), text.size()));
  return text;
}

std::optional<std::int64_t> end_of(const X509* certificate) {
  std::tm when{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &when) != 1) return std::nullopt;
  constexpr std::int64_t us = 1'000'000;
  return static_cast<std::int64_t>(timegm(&when)) * us;
}

ProofRefusal refusal_of(int error) {
  const std::string why = X509_verify_cert_error_string(error);
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return {"proof_expired", "a certificate of the chain has expired: get a new one"};
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return {"proof_not_yet_valid", "a certificate of the chain is not valid yet"};
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return {"untrusted_issuer", "the application trusts no authority to which the chain leads (" +
                                      why + "); are intermediate certificates missing from it?"};
    default: return {"bad_proof", "the chain of certificates does not hold: " + why};
  }
}

struct Listed {
  Keep<X509_STORE> store;
  bool any = false;
};

Listed store_of(const std::vector<std::string>& authorities) {
  Listed listed{Keep<X509_STORE>(X509_STORE_new())};
  for (const std::string& text : authorities)
    for (const Keep<X509>& authority : from_pem(text))
      listed.any |= listed.store && X509_STORE_add_cert(listed.store.get(), authority.get()) == 1;
  ERR_clear_error();
  return listed;
}

/// Of the chain that was built: the earliest end. Nothing: one cannot be read.
std::optional<std::int64_t> earliest_end(STACK_OF(X509) * built) {
  std::optional<std::int64_t> earliest;
  for (int i = 0; i < sk_X509_num(built); ++i) {
    const auto end = end_of(sk_X509_value(built, i));
    if (!end) return std::nullopt;
    earliest = std::min(earliest.value_or(*end), *end);
  }
  return earliest;
}

ProofRefusal unreadable_chain() {
  return {"malformed_proof", "a chain has one to four certificates in DER, the client's first"};
}

}  // namespace

Result<ClientCertificate, ProofRefusal> read_client_certificate(
    const std::vector<std::string>& authorities, const std::vector<ByteView>& chain,
    std::int64_t now_us) {
  if (chain.empty() || chain.size() > chain_max) return unreadable_chain();
  const Keep<X509> own = from_der(chain[0]);
  const Chain between(sk_X509_new_null());
  if (!own || !between) return unreadable_chain();
  for (std::size_t i = 1; i < chain.size(); ++i) {
    Keep<X509> link = from_der(chain[i]);
    if (!link || sk_X509_push(between.get(), link.get()) == 0) return unreadable_chain();
    (void)link.release();
  }
  const Listed trusted = store_of(authorities);
  if (!trusted.any)
    return ProofRefusal{"untrusted_issuer", "the application trusts no authority's certificates"};
  const Keep<X509_STORE_CTX> context(X509_STORE_CTX_new());
  if (!context ||
      X509_STORE_CTX_init(context.get(), trusted.store.get(), own.get(), between.get()) != 1)
    return unreadable_chain();
  X509_VERIFY_PARAM* rules = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(rules, static_cast<std::time_t>(now_us / 1'000'000));
  X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN);
  X509_VERIFY_PARAM_set_depth(rules, static_cast<int>(chain_max));
  X509_VERIFY_PARAM_set_auth_level(rules, security_level);
  X509_VERIFY_PARAM_set_purpose(rules, X509_PURPOSE_SSL_CLIENT);
  const bool holds = X509_verify_cert(context.get()) == 1;
  ERR_clear_error();
  if (!holds) return refusal_of(X509_STORE_CTX_get_error(context.get()));

  STACK_OF(X509)* built = X509_STORE_CTX_get0_chain(context.get());
  const auto key = ForeignKey::of(*own);
  const auto end = earliest_end(built);
  if (!key || !end)
    return ProofRefusal{"weak_algorithm",
                        "a client's certificate has a key of Ed25519, P-256, or RSA with 2,048 to "
                        "4,096 bits"};
  return ClientCertificate{*key,
                           fingerprint_of(sk_X509_value(built, sk_X509_num(built) - 1)),
                           fingerprint_of(own.get()),
                           serial_of(own.get()),
                           subject_of(own.get()),
                           common_name_of(own.get()),
                           emails_of(own.get()),
                           *end};
}

bool holds_key_of(ByteView certificate, std::string_view private_key) {
  const Keep<X509> own = from_der(certificate);
  const Keep<BIO> text(BIO_new_mem_buf(private_key.data(), static_cast<int>(private_key.size())));
  if (!own || !text) return false;
  const Keep<EVP_PKEY> key(PEM_read_bio_PrivateKey(text.get(), nullptr, silent, nullptr));
  const bool holds = key && X509_check_private_key(own.get(), key.get()) == 1;
  ERR_clear_error();
  return holds;
}

std::vector<Bytes> certificates_of_pem(std::string_view text) {
  std::vector<Bytes> all;
  for (const Keep<X509>& certificate : from_pem(text)) all.push_back(der_of(certificate.get()));
  return all;
}

}  // namespace prytany::crypto
