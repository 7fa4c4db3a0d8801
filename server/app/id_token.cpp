#include "server/app/id_token.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <set>

#include "server/crypto/foreign_key.h"
#include "server/wire/json_reader.h"
#include "server/wire/json_writer.h"

namespace prytany::app {
namespace {

using crypto::ForeignKey;
using wire::Json;

constexpr std::size_t header_bytes_max = 2048;
constexpr std::size_t key_text_bytes_max = 64 << 10;  // a whole set of keys
constexpr std::size_t keys_tried_max = 16;
constexpr std::size_t subject_bytes_max = 255;
constexpr std::size_t audiences_max = 16;
/// Of issuers' clocks, which are not the cluster's.
constexpr std::int64_t leeway_us = 60'000'000;

Failure malformed(const char* what) {
  return {"malformed_proof", std::string("the ID token cannot be read: ") + what};
}

/// A string member; nothing if it is absent or something else.
std::optional<std::string> string_in(Json object, std::string_view name) {
  std::string_view text;
  if (object[name].get(text) != simdjson::SUCCESS) return std::nullopt;
  return std::string(text);
}

bool has(Json object, std::string_view name) {
  Json member;
  return object[name].get(member) == simdjson::SUCCESS;
}

/// Seconds, perhaps with a fraction, as microseconds.
std::optional<std::int64_t> time_in(Json object, std::string_view name) {
  constexpr double us = 1e6;
  constexpr double seconds_max = 1e11;  // the year 5138
  double seconds = 0;
  if (object[name].get(seconds) != simdjson::SUCCESS || !(seconds >= 0 && seconds < seconds_max))
    return std::nullopt;
  return static_cast<std::int64_t>(std::floor(seconds)) * static_cast<std::int64_t>(us);
}

struct Parts {
  std::string_view signed_text;  // header.payload
  Bytes header;
  Bytes payload;
  Bytes signature;
};

Result<Parts, Failure> split(std::string_view token) {
  const std::size_t first = token.find('.');
  const std::size_t last = token.rfind('.');
  if (first == std::string_view::npos || first == last || token.find('.', first + 1) != last)
    return malformed("it has three parts, divided by points");
  auto header = from_base64url(token.substr(0, first));
  auto payload = from_base64url(token.substr(first + 1, last - first - 1));
  auto signature = from_base64url(token.substr(last + 1));
  if (!header || !payload || !signature || header->size() > header_bytes_max)
    return malformed("its parts are base64url without padding");
  return Parts{token.substr(0, last), std::move(*header), std::move(*payload),
               std::move(*signature)};
}

/// A JSON object, in a document that must outlive it.
std::optional<Json> object_in(wire::JsonDocument& document, ByteView text) {
  const auto parsed = document.parse(as_text(text), limits::id_token_bytes_max);
  if (!parsed || !parsed->is_object()) return std::nullopt;
  return *parsed;
}

struct TokenHeader {
  crypto::Algorithm algorithm;
  std::string name;  // of the algorithm
  std::optional<std::string> key_id;
};

Result<TokenHeader, Failure> read_header(ByteView text) {
  static constexpr std::array<std::pair<std::string_view, crypto::Algorithm>, 4> known = {{
      {"RS256", crypto::Algorithm::rsa_pkcs1},
      {"PS256", crypto::Algorithm::rsa_pss},
      {"ES256", crypto::Algorithm::p256},
      {"EdDSA", crypto::Algorithm::ed25519},
  }};
  wire::JsonDocument document;
  const auto header = object_in(document, text);
  if (!header) return malformed("its header is no JSON object");
  const std::string name = string_in(*header, "alg").value_or("");
  const auto* found = std::ranges::find_if(known, [&](const auto& it) { return it.first == name; });
  if (found == known.end())
    return Failure{"weak_algorithm",
                   "an ID token is signed with RS256, PS256, ES256 or EdDSA, and nothing else"};
  if (has(*header, "crit") || has(*header, "zip") || has(*header, "enc"))
    return malformed("it asks for extensions that nobody here knows");
  return TokenHeader{found->second, name, string_in(*header, "kid")};
}

std::optional<ForeignKey> key_of(Json jwk) {
  const std::string type = string_in(jwk, "kty").value_or("");
  const std::string curve = string_in(jwk, "crv").value_or("");
  const auto number = [&](std::string_view name) {
    return from_base64url(string_in(jwk, name).value_or("")).value_or(Bytes{});
  };
  if (type == "RSA") return ForeignKey::rsa(number("n"), number("e"));
  if (type == "EC" && curve == "P-256") return ForeignKey::p256(number("x"), number("y"));
  if (type == "OKP" && curve == "Ed25519") return ForeignKey::ed25519(number("x"));
  return std::nullopt;
}

/// Whether this key may have signed a token with this header.
bool may_sign(Json jwk, const TokenHeader& header) {
  const auto id = string_in(jwk, "kid");
  const auto use = string_in(jwk, "use");
  const auto algorithm = string_in(jwk, "alg");
  if (header.key_id && id && *id != *header.key_id) return false;
  return (!use || *use == "sig") && (!algorithm || *algorithm == header.name);
}

bool signed_with(Json jwk, const TokenHeader& header, const Parts& parts) {
  if (!may_sign(jwk, header)) return false;
  const auto key = key_of(jwk);
  if (!key) return false;
  if (header.algorithm != crypto::Algorithm::p256)
    return key->verify(header.algorithm, as_bytes(parts.signed_text), parts.signature);
  const auto der = crypto::ecdsa_der(parts.signature);
  return der && key->verify(header.algorithm, as_bytes(parts.signed_text), *der);
}

/// `text` is one JWK, or a set of them as an issuer publishes it.
bool signed_with_any(const std::string& text, const TokenHeader& header, const Parts& parts,
                     std::size_t& tried) {
  wire::JsonDocument document;
  const auto parsed = document.parse(text, key_text_bytes_max);
  if (!parsed || !parsed->is_object()) return false;
  simdjson::dom::array keys;
  if ((*parsed)["keys"].get(keys) != simdjson::SUCCESS)
    return ++tried <= keys_tried_max && signed_with(*parsed, header, parts);
  return std::ranges::any_of(keys.begin(), keys.end(), [&](const Json jwk) {
    return may_sign(jwk, header) && ++tried <= keys_tried_max && signed_with(jwk, header, parts);
  });
}

bool is_for(Json payload, const std::string& audience) {
  std::vector<std::string> meant;
  simdjson::dom::array several;
  if (const auto one = string_in(payload, "aud")) {
    meant.push_back(*one);
  } else if (payload["aud"].get(several) == simdjson::SUCCESS && several.size() <= audiences_max) {
    for (const Json each : several) {
      std::string_view text;
      if (each.get(text) == simdjson::SUCCESS) meant.emplace_back(text);
    }
  }
  // Who asked for it is named where others may read it, too.
  const auto asked = string_in(payload, "azp");
  return std::ranges::find(meant, audience) != meant.end() && (!asked || *asked == audience);
}

/// A claim as JSON: strings, integers, truth values, and lists of strings. Others are left out.
bool put_claim(wire::JsonWriter& w, const std::string& name, Json claim) {
  std::string_view text;
  std::int64_t integer = 0;
  bool truth = false;
  simdjson::dom::array list;
  if (claim.get(text) == simdjson::SUCCESS) {
    w.key(name).text(text);
  } else if (claim.get(integer) == simdjson::SUCCESS) {
    w.key(name).integer(integer);
  } else if (claim.get(truth) == simdjson::SUCCESS) {
    w.key(name).boolean(truth);
  } else if (claim.get(list) == simdjson::SUCCESS) {
    w.key(name).begin_array();
    for (const Json each : list)
      if (each.get(text) == simdjson::SUCCESS) w.text(text);
    w.end_array();
  } else {
    return false;
  }
  return true;
}

/// The names are an application's: JsonWriter::key() takes letters that need no escaping.
bool is_claim_name(std::string_view name) {
  return !name.empty() && name.size() <= 128 && std::ranges::all_of(name, [](char c) {
    return c > ' ' && c < 0x7f && c != '"' && c != '\\';
  });
}

std::set<std::string> names_in(std::string_view list) {
  std::set<std::string> names;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find_first_of(", "), list.size());
    if (is_claim_name(list.substr(0, end))) names.emplace(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return names;
}

std::string claims_of(Json payload, const std::string& wanted) {
  wire::JsonWriter w;
  w.begin_object();
  for (const std::string& name : names_in(wanted)) {
    Json claim;
    if (payload[name].get(claim) == simdjson::SUCCESS) put_claim(w, name, claim);
  }
  w.end_object();
  return std::move(w).take();
}

std::optional<Failure> check_times(Json payload, AgreedTime now, std::int64_t& expires_us) {
  const auto expires = time_in(payload, "exp");
  if (!expires) return malformed("it does not say when it expires (exp)");
  if (*expires <= now.value)
    return Failure{"proof_expired", "the ID token has expired: ask the issuer for a new one"};
  for (const char* name : {"nbf", "iat"}) {
    const auto begins = time_in(payload, name);
    if (has(payload, name) && !begins) return malformed("its times are numbers of seconds");
    if (begins && *begins > now.value + leeway_us)
      return Failure{"proof_not_yet_valid", "the ID token is of a time to come"};
  }
  expires_us = *expires;
  return std::nullopt;
}

}  // namespace

Result<std::string, Failure> issuer_of(std::string_view token) {
  const auto parts = split(token);
  if (!parts) return parts.error();
  wire::JsonDocument document;
  const auto payload = object_in(document, parts->payload);
  const auto issuer = payload ? string_in(*payload, "iss") : std::nullopt;
  if (!issuer || issuer->empty() || issuer->size() > limits::identity_name_bytes_max)
    return malformed("it does not say who issued it (iss)");
  return *issuer;
}

Result<wire::Identity, Failure> read_id_token(std::string_view token, const std::string& issuer,
                                              const std::vector<TokenKey>& keys,
                                              const Digest& nonce, AgreedTime now) {
  const auto parts = split(token);
  if (!parts) return parts.error();
  const auto header = read_header(parts->header);
  if (!header) return header.error();
  if (keys.empty())
    return Failure{"untrusted_issuer", "the application trusts no key of this token's issuer"};
  wire::JsonDocument document;
  const auto payload = object_in(document, parts->payload);
  const std::string subject = payload ? string_in(*payload, "sub").value_or("") : std::string{};
  if (!payload || subject.empty() || subject.size() > subject_bytes_max)
    return malformed("it does not say who it is about (sub)");

  std::size_t tried = 0;
  bool is_signed = false;
  const TokenKey* trusted = nullptr;
  for (const TokenKey& key : keys) {
    if (!signed_with_any(key.key, *header, *parts, tried)) continue;
    is_signed = true;
    if (is_for(*payload, key.audience)) trusted = &key;
    if (trusted != nullptr) break;
  }
  if (!is_signed)
    return Failure{"bad_proof", "no key that the application trusts signed this ID token"};
  if (trusted == nullptr)
    return Failure{"wrong_audience", "the ID token was made for somebody else (aud)"};
  wire::Identity identity{{"id_token"}, {issuer}, {subject}, {}, {}};
  if (auto late = check_times(*payload, now, identity.expires.value)) return *late;
  // Last, so that who has a good token hears what was wrong with how it was asked for.
  if (string_in(*payload, "nonce") != to_base64url(nonce.view()))
    return Failure{"not_bound",
                   "the ID token's nonce is not this credential's: " + to_base64url(nonce.view())};
  identity.claims.text = claims_of(*payload, trusted->claims);
  if (identity.claims.text.size() > limits::identity_claims_bytes_max)
    return Failure{"malformed_proof", "the claims that the application wants are too long"};
  return identity;
}

std::string claims_named(std::string_view object, const std::string& names) {
  wire::JsonDocument document;
  const auto parsed = document.parse(object, limits::identity_claims_bytes_max);
  return parsed && parsed->is_object() ? claims_of(*parsed, names) : "{}";
}

}  // namespace prytany::app
