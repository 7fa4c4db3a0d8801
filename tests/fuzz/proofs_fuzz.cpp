// What people show who prove more than a key: ID tokens, keys of issuers, chains of certificates.
// Any bytes are refused with a code that clients know, or say who somebody is within bounds.
#include <set>

#include "server/app/id_token.h"
#include "server/app/identify.h"
#include "server/wire/json_reader.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/json_mutation.h"
#include "tests/fuzz/target.h"
#include "tests/unit/crypto/foreign_identities.h"
#include "tests/vectors/samples.h"

namespace prytany::fuzz {
namespace {

constexpr std::int64_t proof_time_s = 1'800'000'000;
constexpr AgreedTime proof_time{proof_time_s * 1'000'000};
const std::string proof_header = R"({"alg":"EdDSA","kid":"k"})";

crypto::Signer issuer_signer() { return known_key(30); }
Digest proof_nonce() {
  return wire::id_token_nonce(vectors::cluster(), known_key(31).public_key());
}
std::string issuer_jwk() {
  return R"({"kty":"OKP","crv":"Ed25519","kid":"k","x":")" +
         to_base64url(issuer_signer().public_key().bytes) + "\"}";
}
std::string good_payload() {
  return R"({"iss":"i","sub":"anna","aud":["a","b"],"azp":"a","exp":1800000300,"iat":1800000000,)"
         R"("email":"a@b.example","email_verified":true,"groups":["x"],"nonce":")" +
         to_base64url(proof_nonce().view()) + "\"}";
}
/// Signed, whatever it says: what is wrong now is not hidden behind a signature that does not fit.
std::string signed_token(std::string_view header, std::string_view payload) {
  const std::string said = to_base64url(as_bytes(header)) + "." + to_base64url(as_bytes(payload));
  return said + "." + to_base64url(issuer_signer().sign(as_bytes(said)).bytes);
}

void check_proof(const Result<wire::Identity, app::Failure>& found) {
  static const std::set<std::string> codes = {
      "malformed_proof", "weak_algorithm",      "untrusted_issuer", "bad_proof",
      "proof_expired",   "proof_not_yet_valid", "wrong_audience",   "not_bound"};
  if (!found) return ENSURE(codes.contains(found.error().code) && !found.error().message.empty());
  ENSURE(!found->subject.text.empty() && !found->issuer.text.empty());
  ENSURE(found->expires > proof_time);
  wire::JsonDocument document;
  ENSURE(document.parse(found->claims.text, limits::identity_claims_bytes_max).ok());
  ENSURE(wire::decode<wire::Identity>(wire::encode(*found)).value() == *found);
}

void try_token(std::string_view token, const std::string& key) {
  const auto issuer = app::issuer_of(token);
  if (!issuer) return ENSURE(issuer.error().code == "malformed_proof");
  check_proof(app::read_id_token(token, *issuer, {{"a", key, "email email_verified,groups nonce"}},
                                 proof_nonce(), proof_time));
}

struct FuzzAuthority {
  crypto::foreign::TestKey key = crypto::foreign::TestKey::p256();
  crypto::foreign::TestCertificate root = crypto::foreign::TestCertificate::self_signed(
      key, {"Root", "Guild", "", -3600, 36'000, true, ""}, proof_time_s);
  Bytes leaf = root.issue(key, key, {}, proof_time_s).der();
};
const FuzzAuthority& fuzz_authority() {
  static const FuzzAuthority made;
  return made;
}

/// One or two certificates, divided where the first byte says.
void try_chain(ByteView bytes) {
  Input input(bytes);
  const std::size_t first = 16 * std::size_t{input.byte()};
  wire::CertificateProof proof;
  proof.chain.items.push_back({to_bytes(input.take(first == 0 ? bytes.size() : first))});
  if (!input.empty()) proof.chain.items.push_back({to_bytes(input.rest())});
  check_proof(app::read_certificate(vectors::cluster(), vectors::identified_begin(), proof,
                                    {fuzz_authority().root.pem()}, proof_time));
}

void run_proofs(ByteView bytes) {
  Input input(bytes);
  const std::uint8_t kind = input.byte();
  switch (kind % 5) {
    case 0: return try_token(signed_token(proof_header, as_text(input.rest())), issuer_jwk());
    case 1: return try_token(signed_token(as_text(input.rest()), good_payload()), issuer_jwk());
    case 2: return try_token(as_text(input.rest()), issuer_jwk());
    case 3: {
      const std::string key(as_text(input.rest()));
      return try_token(signed_token(proof_header, good_payload()), key);
    }
    default: return try_chain(input.rest());
  }
}

std::vector<Bytes> seeds_of_proofs() {
  const auto seed = [](char kind, std::string_view text) {
    Bytes bytes{static_cast<std::uint8_t>(kind)};
    bytes.insert(bytes.end(), text.begin(), text.end());
    return bytes;
  };
  // The authority is another in each run, so its certificates are for mutations of this one only.
  const Bytes leaf = fuzz_authority().leaf;
  return {seed('d', good_payload()),
          seed('e', proof_header),
          seed('a', signed_token(proof_header, good_payload())),
          seed('b', issuer_jwk()),
          seed('b', R"({"keys":[)" + issuer_jwk() + "]}"),
          seed('c', std::string(1, '\0') + std::string(as_text(leaf)))};
}

/// JSON is changed as such.
std::optional<Bytes> mutate_proof(ByteView input, std::uint32_t seed) {
  if (input.empty() || input.front() % 5 == 2 || input.front() % 5 == 4) return std::nullopt;
  const auto changed = mutate_json(as_text(input.subspan(1)), seed);
  if (!changed) return std::nullopt;
  Bytes bytes{input.front()};
  bytes.insert(bytes.end(), changed->begin(), changed->end());
  return bytes;
}

}  // namespace

const Target proofs{"proofs", run_proofs, seeds_of_proofs, mutate_proof};

}  // namespace prytany::fuzz
