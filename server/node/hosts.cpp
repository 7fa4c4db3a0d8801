#include "server/node/hosts.h"

#include <algorithm>
#include <vector>

#include "server/crypto/digest.h"

namespace prytany::node {
namespace {

constexpr std::size_t groups_of_host = 4;
constexpr std::size_t groups_of_address = 8;

std::vector<std::string> groups_of(std::string_view text) {
  std::vector<std::string> groups;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(':'), text.size());
    groups.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return groups;
}

}  // namespace

/// As inet_ntop writes them: no leading zeros, and at most one "::" for groups of zeros.
std::string host_of(std::string_view address) {
  if (address.find(':') == std::string_view::npos) return std::string(address);
  const std::size_t gap = address.find("::");
  std::vector<std::string> groups = groups_of(address.substr(0, gap));
  if (gap != std::string_view::npos) {
    const std::vector<std::string> rest = groups_of(address.substr(gap + 2));
    while (groups.size() + rest.size() < groups_of_address) groups.emplace_back("0");
    groups.insert(groups.end(), rest.begin(), rest.end());
  }
  groups.resize(groups_of_host);
  std::string host;
  for (const std::string& group : groups) host += group + ':';
  return host + ":/64";
}

std::uint64_t number_of_host(std::string_view host) {
  const crypto::Digest digest = crypto::sha256(as_bytes(host));
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < sizeof number; ++i) number = number << 8 | digest.bytes[i];
  return number;
}

}  // namespace prytany::node
