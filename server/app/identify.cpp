#include "server/app/identify.h"

#include "server/crypto/client_certificate.h"
#include "server/wire/json_writer.h"

namespace prytany::app {
namespace {

crypto::Algorithm algorithm_of(crypto::ForeignKey::Kind kind) {
  switch (kind) {
    case crypto::ForeignKey::Kind::rsa: return crypto::Algorithm::rsa_pss;
    case crypto::ForeignKey::Kind::p256: return crypto::Algorithm::p256;
    case crypto::ForeignKey::Kind::ed25519: return crypto::Algorithm::ed25519;
  }
  return crypto::Algorithm::ed25519;
}

std::string claims_of_certificate(const crypto::ClientCertificate& certificate) {
  wire::JsonWriter w;
  w.begin_object();
  if (!certificate.common_name.empty()) w.key("common_name").text(certificate.common_name);
  w.key("emails").begin_array();
  for (const std::string& email : certificate.emails) w.text(email);
  w.end_array();
  w.key("fingerprint").text(certificate.fingerprint);
  w.key("serial").text(certificate.serial);
  w.end_object();
  return std::move(w).take();
}

}  // namespace

std::optional<Failure> refuse_proof(const Digest& cluster, const wire::Identify& asked) {
  const wire::Identification& who = asked.begin.identification;
  const bool is_certificate = std::holds_alternative<wire::CertificateProof>(asked.proof);
  if (who.kind.text != (is_certificate ? certificate_kind : id_token_kind))
    return Failure{"unknown_credential", "the kind of identification is not that of its proof"};
  if (!crypto::verify(who.credential, wire::credential_signed_bytes(cluster, asked.begin),
                      who.signature))
    return Failure{"bad_credential", "the credential's signature over this join is wrong"};
  return std::nullopt;
}

Result<wire::Identity, Failure> read_certificate(const Digest& cluster,
                                                 const wire::JoinBegin& begin,
                                                 const wire::CertificateProof& proof,
                                                 const std::vector<std::string>& authorities,
                                                 AgreedTime now) {
  std::vector<ByteView> chain;
  for (const auto& link : proof.chain) chain.push_back(link.view());
  const auto certificate = crypto::read_client_certificate(authorities, chain, now.value);
  if (!certificate) return Failure{certificate.error().code, certificate.error().message};
  const Bytes said = wire::certificate_signed_bytes(cluster, wire::join_digest(begin));
  const crypto::Algorithm algorithm = algorithm_of(certificate->key.kind());
  if (!certificate->key.verify(algorithm, said, proof.signature.view()))
    return Failure{"not_bound", "the certificate's key did not sign this join"};
  wire::Identity identity{{std::string(certificate_kind)},
                          {certificate->authority},
                          {certificate->subject},
                          {claims_of_certificate(*certificate)},
                          AgreedTime{certificate->not_after_us}};
  if (identity.subject.text.size() > limits::identity_name_bytes_max ||
      identity.claims.text.size() > limits::identity_claims_bytes_max)
    return Failure{"malformed_proof", "the names in the certificate are too long"};
  return identity;
}

}  // namespace prytany::app
