// Files that people keep and pass on: any text is one, or is refused with a reason; what is one is
// written and read back to the same.
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>

#include "server/crypto/credential.h"
#include "server/crypto/key_file.h"
#include "server/wire/configuration_json.h"
#include "server/wire/genesis.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/json_mutation.h"
#include "tests/fuzz/target.h"
#include "tests/vectors/samples.h"

namespace prytany::fuzz {
namespace {

void try_genesis(std::string_view text) {
  const auto file = wire::genesis_from_json(text);
  if (!file) return ENSURE(!file.error().message.empty());
  (void)wire::verify_genesis(*file);
  const auto again = wire::genesis_from_json(wire::to_json(*file));
  ENSURE(again && *again == *file);
}

/// The same, but each signature is one that its member made, as far as there is such a member:
/// whatever is wrong now is not hidden behind a signature that does not fit.
void try_approved_genesis(std::string_view text) {
  auto file = wire::genesis_from_json(text);
  if (!file) return;
  const auto& members = file->genesis.members.items;
  const Bytes to_sign = wire::genesis_signed_bytes(wire::genesis_digest(file->genesis));
  bool right = true;
  std::set<ReplicaId> signers;
  for (wire::SignerAndSignature& s : file->signatures.items) {
    const crypto::Signer key = known_key(static_cast<std::uint8_t>(s.signer.value));
    s.signature = key.sign(to_sign);
    right = right && (signers.empty() || *signers.rbegin() < s.signer) &&
            s.signer.value < members.size() && members[s.signer.value].key == key.public_key();
    signers.insert(s.signer);
  }
  right = right && (file->genesis.development || signers.size() == members.size());
  ENSURE(wire::verify_genesis(*file).ok() == right);
}

void try_member(std::string_view text) {
  const auto member = wire::member_from_json(text);
  if (!member) return ENSURE(!member.error().message.empty());
  const auto again = wire::member_from_json(wire::to_json(*member));
  ENSURE(again && *again == *member);
}

void try_configurations(std::string_view text) {
  (void)wire::links_from_json(text);
  wire::Chain chain(vectors::membership());
  const auto extended = wire::extend_from_json(chain, text);
  // Nobody can make proofs by chance: the one there is comes with the seeds.
  if (chain.newest().number > ConfigNumber{0})
    ENSURE(chain.links().front() == vectors::configuration_link());
  if (extended) ENSURE(wire::extend_from_json(chain, wire::to_json(chain)).ok());
}

void try_reconfigure(std::string_view text) {
  const auto change = wire::reconfigure_from_json(text, vectors::cluster());
  if (!change) return ENSURE(!change.error().message.empty());
  const auto again =
      wire::reconfigure_from_json(wire::to_json(*change, vectors::cluster()), vectors::cluster());
  ENSURE(again && *again == *change);
}

/// A file without a name.
void try_key(std::string_view text) {
  static const int file = [] {
    const int made = memfd_create("key", MFD_CLOEXEC);
    ENSURE(made >= 0 && fchmod(made, 0600) == 0);
    return made;
  }();
  ENSURE(ftruncate(file, 0) == 0);
  ENSURE(pwrite(file, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
  const auto signer = crypto::read_key_file("/proc/self/fd/" + std::to_string(file));
  if (!signer) return ENSURE(!signer.error().message.empty());
  ENSURE(crypto::verify(signer->public_key(), as_bytes(text), signer->sign(as_bytes(text))));
}

void try_code(std::string_view text) {
  (void)crypto::credential_from_code(text, vectors::cluster());
  (void)wire::address_from(text);
  (void)wire::client_address_from(text);
}

constexpr void (*kinds_of_files[])(std::string_view) = {
    try_genesis, try_member, try_configurations,  try_reconfigure,
    try_key,     try_code,   try_approved_genesis};

void run_files(ByteView bytes) {
  Input input(bytes);
  // A letter, so that the corpus can be read.
  const std::uint8_t kind = input.byte();
  kinds_of_files[static_cast<std::size_t>(kind - 'a') % std::size(kinds_of_files)](
      as_text(input.rest()));
}

std::string key_file_text() {
  const int file = memfd_create("seed", MFD_CLOEXEC);
  ENSURE(file >= 0);
  close(file);
  const std::string path = "/tmp/prytany-fuzz-key-" + std::to_string(getpid());
  ENSURE(crypto::write_key_file(path, known_key(9)).ok());
  std::string text(4096, '\0');
  std::FILE* const in = std::fopen(path.c_str(), "rb");
  ENSURE(in != nullptr);
  text.resize(std::fread(text.data(), 1, text.size(), in));
  std::fclose(in);
  unlink(path.c_str());
  return text;
}

std::vector<Bytes> seeds_of_files() {
  wire::GenesisFile file;
  file.genesis.name.text = "a vote";
  file.genesis.faults = 1;
  file.genesis.approvals = 3;
  file.genesis.engine.text = vectors::engine;
  file.genesis.administrators.items.push_back(known_key(100).public_key());
  for (std::uint8_t i = 0; i < 4; ++i) {
    const std::string port = std::to_string(7200 + i);
    file.genesis.members.items.push_back({{"member " + std::to_string(i)},
                                          known_key(i).public_key(),
                                          {"r" + std::to_string(i) + ".example"},
                                          static_cast<std::uint16_t>(7100 + i),
                                          {"ws://127.0.0.1:" + port}});
  }
  const Bytes to_sign = wire::genesis_signed_bytes(wire::genesis_digest(file.genesis));
  for (std::uint8_t i = 0; i < 4; ++i)
    file.signatures.items.push_back({ReplicaId{i}, known_key(i).sign(to_sign)});
  wire::Chain chain(vectors::membership());
  ENSURE(chain.extend(vectors::configuration_link()) == nullptr);
  wire::Reconfigure change{ConfigNumber{0}, ReplicaId{1}, known_key(7).public_key(), {}};
  change.approvals.items.push_back({ReplicaId{0}, {}});
  return {seed_of("a" + wire::to_json(file)),
          seed_of("g" + wire::to_json(file)),
          seed_of("b" + wire::to_json(file.genesis.members.items[0])),
          seed_of("c" + wire::to_json(chain)),
          seed_of("d" + wire::to_json(change, vectors::cluster())),
          seed_of("e" + key_file_text()),
          seed_of("f" + std::string(vectors::code)),
          seed_of("fwss://[::1]:443")};
}

/// The letter stays. Now and then from a whole file again: after many changes hardly any is one.
std::optional<Bytes> mutate_file(ByteView input, std::uint32_t seed) {
  static const std::vector<Bytes> whole = seeds_of_files();
  if (input.empty() || (seed >> 1) % 4 == 0) input = whole[(seed >> 3) % whole.size()];
  const auto changed = mutate_json(as_text(input.subspan(1)), seed);
  if (!changed) return std::nullopt;
  return seed_of(static_cast<char>(input.front()) + *changed);
}

}  // namespace

const Target files{"files", run_files, seeds_of_files, mutate_file};

}  // namespace prytany::fuzz
