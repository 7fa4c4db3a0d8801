#include "tests/sim/passports.h"

#include <algorithm>
#include <utility>

namespace prytany::sim {

namespace {

constexpr std::uint64_t stolen_patience_us = 1'500'000;
constexpr Ppm stolen_rate = 300'000;
constexpr std::int64_t valid_until_s = 1'780'272'000;  // 2026-06-01
constexpr const char* token_issuer = "https://id.example";

// ---- DER, as much of it as a certificate needs -------------------------------------------------

enum DerTag : std::uint8_t {
  der_boolean = 0x01,
  der_integer = 0x02,
  der_bits = 0x03,
  der_bytes = 0x04,
  der_word = 0x06,
  der_text = 0x0c,
  der_time = 0x17,
  der_sequence = 0x30,
  der_set = 0x31,
  der_version = 0xa0,
  der_extensions = 0xa3,
};

Bytes der_parts(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

Bytes der(DerTag tag, const Bytes& content) {
  Bytes out{tag};
  const std::size_t size = content.size();
  if (size >= 256) {
    out.push_back(0x82);
    out.push_back(static_cast<std::uint8_t>(size >> 8));
  } else if (size >= 128) {
    out.push_back(0x81);
  }
  out.push_back(static_cast<std::uint8_t>(size));
  out.insert(out.end(), content.begin(), content.end());
  return out;
}
Bytes der(DerTag tag, std::string_view text) { return der(tag, to_bytes(as_bytes(text))); }

Bytes der_ed25519() { return der(der_sequence, der(der_word, Bytes{0x2b, 0x65, 0x70})); }

Bytes der_name(const std::string& common_name) {
  const Bytes entry =
      der_parts({der(der_word, Bytes{0x55, 0x04, 0x03}), der(der_text, common_name)});
  return der(der_sequence, der(der_set, der(der_sequence, entry)));
}

/// A bit string has in front how many bits of its last byte do not count.
Bytes der_bit_string(ByteView bits) {
  Bytes content{0};
  content.insert(content.end(), bits.begin(), bits.end());
  return der(der_bits, content);
}

/// Basic constraints, critical: whether it may issue others.
Bytes der_constraints(bool authority) {
  const Bytes yes = der(der_boolean, Bytes{0xff});
  const Bytes said = der(der_sequence, authority ? yes : Bytes{});
  const Bytes extension =
      der_parts({der(der_word, Bytes{0x55, 0x1d, 0x13}), yes, der(der_bytes, said)});
  return der(der_extensions, der(der_sequence, der(der_sequence, extension)));
}

std::string pem_of(const Bytes& certificate) {
  const std::string text = to_base64(certificate);
  std::string pem = "-----BEGIN CERTIFICATE-----\n";
  for (std::size_t i = 0; i < text.size(); i += 64) pem += text.substr(i, 64) + "\n";
  return pem + "-----END CERTIFICATE-----\n";
}

// ---- who issues ---------------------------------------------------------------------------------

struct PassportOffice {
  explicit PassportOffice(std::uint64_t seed) : PassportOffice(Rng(seed, 53)) {}
  explicit PassportOffice(Rng rng) : authority(rng.bytes<32>()), issuer(rng.bytes<32>()) {}

  [[nodiscard]] Bytes root() const {
    return make_certificate("Authority", 0x1001, authority.public_key(), "Authority", authority);
  }
  [[nodiscard]] std::string token(const std::string& subject, const std::string& nonce) const {
    const std::string said =
        to_base64url(as_bytes(R"({"alg":"EdDSA"})")) + "." +
        to_base64url(
            as_bytes("{\"iss\":\"" + std::string(token_issuer) + "\",\"sub\":\"" + subject +
                     "\",\"aud\":\"book\",\"exp\":" + std::to_string(valid_until_s) +
                     ",\"nonce\":\"" + nonce + "\",\"email\":\"" + subject + "@id.example\"}"));
    return said + "." + to_base64url(issuer.sign(as_bytes(said)).bytes);
  }

  crypto::Signer authority;
  crypto::Signer issuer;
};

wire::Identity identity_in(const std::string& kind, const Bytes& root, const Bytes& certificate,
                           const std::string& name, const std::string& serial) {
  wire::Identity says;
  says.kind.text = kind;
  says.expires = AgreedTime{valid_until_s * 1'000'000};
  if (kind == "id_token") {
    says.issuer.text = token_issuer;
    says.subject.text = name;
    says.claims.text = "{\"email\":\"" + name + "@id.example\"}";
    return says;
  }
  says.issuer.text = crypto::sha256(root).hex();
  says.subject.text = "CN=" + name;
  says.claims.text = "{\"common_name\":\"" + name + "\",\"emails\":[],\"fingerprint\":\"" +
                     crypto::sha256(certificate).hex() + "\",\"serial\":\"" + serial + "\"}";
  return says;
}

}  // namespace

Bytes make_certificate(const std::string& common_name, std::uint16_t serial,
                       const crypto::PublicKey& key, const std::string& issuer,
                       const crypto::Signer& issued_by) {
  const Bytes number{static_cast<std::uint8_t>(serial >> 8), static_cast<std::uint8_t>(serial)};
  const Bytes said = der(
      der_sequence,
      der_parts({der(der_version, der(der_integer, Bytes{2})), der(der_integer, number),
                 der_ed25519(), der_name(issuer),
                 der(der_sequence,
                     der_parts({der(der_time, "250601000000Z"), der(der_time, "260601000000Z")})),
                 der_name(common_name),
                 der(der_sequence, der_parts({der_ed25519(), der_bit_string(key.bytes)})),
                 der_constraints(common_name == issuer)}));
  return der(der_sequence,
             der_parts({said, der_ed25519(), der_bit_string(issued_by.sign(said).bytes)}));
}

void believe_passports(std::uint64_t seed, wire::Install& book) {
  const PassportOffice office(seed);
  const auto add = [&](const char* path, const std::string& content) {
    book.files.items.push_back({{path}, {to_bytes(as_bytes(content))}});
  };
  add("procedures/authorize.sql",
      "-- @param kind text\n-- @param name text\n-- @param credential blob\n"
      "-- @param issuer text optional\n-- @param subject text optional\n"
      "-- @param claims text optional\n-- @read-only\n"
      "SELECT :kind || ' ' || coalesce(:subject, lower(hex(:credential))), 'member';\n");
  add("procedures/certificate_authorities.sql",
      "-- @read-only\nSELECT '" + pem_of(office.root()) + "';\n");
  add("procedures/token_keys.sql",
      "-- @param issuer text\n-- @read-only\nSELECT 'book', '{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
      "\"x\":\"" +
          to_base64url(office.issuer.public_key().bytes) + "\"}', 'email' WHERE :issuer = '" +
          token_issuer + "';\n");
  std::ranges::sort(book.files.items, {}, [](const auto& file) { return file.path.text; });
}

Passports::Passports(const Parameters& parameters, const Digest& cluster)
    : cluster_(cluster), dice_(parameters.options.seed, 52), seed_(parameters.options.seed) {
  const PassportOffice office(seed_);
  const Bytes root = office.root();
  for (unsigned i = 0; i < parameters.clients; ++i) {
    constexpr std::uint16_t first_serial = 0x2000;
    const auto serial = static_cast<std::uint16_t>(first_serial + i);
    const std::string name = "holder-" + std::to_string(i);
    Holder holder{{}, name, crypto::Signer(dice_.bytes<32>()), {}, {}, false};
    // The first client is the administrator that makes the application exist.
    const bool has_one = dice_.chance(parameters.passport_rate) && i > 0;
    const bool certified = dice_.chance(500'000);
    if (has_one) holder.kind = certified ? "certificate" : "id_token";
    holder.certificate =
        make_certificate(name, serial, holder.key.public_key(), "Authority", office.authority);
    const Bytes number{static_cast<std::uint8_t>(serial >> 8), static_cast<std::uint8_t>(serial)};
    holder.says = identity_in(holder.kind, root, holder.certificate, name, to_hex(number));
    holders_.push_back(std::move(holder));
  }
}

const Passports::Holder* Passports::another(std::size_t client) {
  std::vector<const Holder*> others;
  for (std::size_t i = 0; i < holders_.size(); ++i)
    if (i != client && holders_[i].kind == holders_[client].kind) others.push_back(&holders_[i]);
  return others.empty() ? nullptr : others[dice_.below(others.size())];
}

client::Prover Passports::prover_of(const Holder& whose, const crypto::Signer& signs,
                                    const crypto::PublicKey& bound_to,
                                    std::optional<wire::Identity> truth) const {
  const std::string nonce = to_base64url(wire::id_token_nonce(cluster_, bound_to).view());
  const std::string token = PassportOffice(seed_).token(whose.name, nonce);
  return {whose.kind, [this, token, signs, truth = std::move(truth), kind = whose.kind,
                       certificate = whose.certificate](const wire::JoinBegin& begin) {
            const Digest join = wire::join_digest(begin);
            if (shown) shown(join, truth);
            if (kind == "id_token") return wire::Proof{wire::IdTokenProof{{token}}};
            wire::CertificateProof proof;
            proof.chain.items.push_back({certificate});
            proof.signature.bytes =
                to_bytes(signs.sign(wire::certificate_signed_bytes(cluster_, join)).bytes);
            return wire::Proof{std::move(proof)};
          }};
}

Passports::Shown Passports::shown_by(std::size_t client, const crypto::PublicKey& credential) {
  Holder& own = holders_.at(client);
  if (own.kind.empty()) return {};
  const Holder* victim =
      dice_.chance(stolen_rate) && !own.showed_anothers ? another(client) : nullptr;
  own.showed_anothers = victim != nullptr;
  if (victim == nullptr) return {prover_of(own, own.key, credential, own.says), std::nullopt};
  // Its own key, of which neither the other's certificate nor the other's token speaks.
  const crypto::PublicKey victims = victim->key.public_key();
  return {prover_of(*victim, own.key, victims, std::nullopt), stolen_patience_us};
}

}  // namespace prytany::sim
