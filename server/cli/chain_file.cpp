#include "server/cli/chain_file.h"

#include <filesystem>

#include "server/cli/files.h"
#include "server/cli/genesis.h"
#include "server/cli/http_get.h"
#include "server/wire/configuration_json.h"

namespace prytany::cli {
namespace {

std::string path_in(const std::string& folder) { return folder + "/configurations.json"; }

}  // namespace

Result<wire::Chain> read_chain(const std::string& folder, const wire::Genesis& genesis) {
  wire::Chain chain(membership_of(genesis));
  const std::string path = path_in(folder);
  if (!std::filesystem::exists(path)) return chain;
  const auto text = read_file(path);
  if (!text) return text.error();
  if (auto done = wire::extend_from_json(chain, *text); !done)
    return Error{path + ": " + done.error().message};
  return chain;
}

std::size_t ask_for_configurations(wire::Chain& chain, const wire::Genesis& genesis,
                                   std::uint64_t timeout_us,
                                   const std::shared_ptr<const crypto::TlsTrust>& trust) {
  std::size_t answered = 0;
  for (const wire::Member& member : genesis.members) {
    const auto address = wire::client_address_from(member.client_url.text);
    const bool secure = member.client_url.text.starts_with("wss:");
    const auto page =
        http_get(*address, "/configurations.json", timeout_us, secure ? trust : nullptr);
    if (!page) continue;
    ++answered;
    // A liar's page is worth nothing, whatever of it is proven.
    static_cast<void>(wire::extend_from_json(chain, *page));
  }
  return answered;
}

Result<void> replace_chain(const std::string& folder, const wire::Chain& chain) {
  return replace_file(path_in(folder), wire::to_json(chain));
}

Result<void> ChainFile::save(const wire::Chain& chain) { return replace_chain(folder_, chain); }

}  // namespace prytany::cli
