#include "tests/liar/forged_pages.h"

#include "server/cli/http_get.h"
#include "server/crypto/digest.h"

namespace prytany::liar {
namespace {

constexpr std::uint64_t timeout_us = 2'000'000;

}  // namespace

ForgedPages::ForgedPages(wire::HostPort truth, const wire::GenesisFile& genesis, bool forging)
    : truth_(std::move(truth)),
      forging_(forging),
      genesis_json_(wire::to_json(forging ? forged_genesis(genesis) : genesis)) {}

std::optional<net::Upstream::Page> ForgedPages::page(std::string_view path) const {
  using Page = net::Upstream::Page;
  if (path == "/genesis.json") return Page{"application/json", to_bytes(as_bytes(genesis_json_))};
  const auto truth = cli::http_page(truth_, std::string(path), timeout_us);
  if (!truth) return std::nullopt;
  const bool forged = forging_ && path != "/status";
  const std::string body = forged ? forged_page(truth->media_type, truth->body) : truth->body;
  return Page{truth->media_type, to_bytes(as_bytes(body))};
}

wire::Outcome ForgedPages::listing(wire::Outcome truth) const {
  auto* results = std::get_if<wire::ResultSets>(&truth);
  if (results == nullptr) return truth;
  for (wire::ResultSet& result : results->items) {
    for (wire::Row& row : result.rows.items) {
      const auto* path = std::get_if<wire::TextValue>(&row.items.front());
      auto* digest = std::get_if<wire::TextValue>(&row.items.back());
      if (path == nullptr || digest == nullptr) continue;
      const auto forged = page("/" + path->text);
      if (forged) digest->text = crypto::sha256(forged->content).hex();
    }
  }
  return truth;
}

wire::GenesisFile forged_genesis(const wire::GenesisFile& truth) {
  wire::GenesisFile forged = truth;
  std::vector<crypto::Signer> keys;
  for (wire::Member& member : forged.genesis.members.items) {
    keys.push_back(crypto::Signer::generate());
    member.key = keys.back().public_key();
  }
  const Digest cluster = wire::genesis_digest(forged.genesis);
  forged.signatures.items.clear();
  for (std::size_t id = 0; id < keys.size(); ++id) {
    forged.signatures.items.push_back({ReplicaId{static_cast<std::uint16_t>(id)},
                                       keys[id].sign(wire::genesis_signed_bytes(cluster))});
  }
  return forged;
}

std::string forged_page(const std::string& media_type, std::string content) {
  const std::string words = "This page was forged by one server.";
  if (media_type.starts_with("text/html")) {
    const std::size_t body = content.find("</body>");
    content.insert(body == std::string::npos ? content.size() : body, "<p>" + words + "</p>\n");
    return content;
  }
  if (media_type.starts_with("text/javascript") || media_type.starts_with("text/css"))
    return content + "/* " + words + " */\n";
  return content + " ";
}

}  // namespace prytany::liar
