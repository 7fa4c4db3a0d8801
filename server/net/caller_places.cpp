#include "server/net/caller_places.h"

#include <algorithm>

#include "server/base/ensure.h"

namespace prytany::net {

void CallerPlaces::take(const std::string& host, int fd) {
  by_host_[host].push_back(fd);
  ++taken_;
}

void CallerPlaces::leave(const std::string& host, int fd) {
  const auto found = by_host_.find(host);
  ENSURE(found != by_host_.end());
  ENSURE(std::erase(found->second, fd) == 1);
  --taken_;
  if (found->second.empty()) by_host_.erase(found);
}

int CallerPlaces::gives_way(std::uint64_t random) const {
  ENSURE(taken_ > 0);
  std::size_t most = 0;
  std::size_t hosts = 0;  // that hold as many
  for (const auto& [host, fds] : by_host_) {
    if (fds.size() > most) hosts = 0;
    most = std::max(most, fds.size());
    if (fds.size() == most) ++hosts;
  }
  std::size_t index = random % (hosts * most);
  for (const auto& [host, fds] : by_host_) {
    if (fds.size() != most) continue;
    if (index < most) return fds[index];
    index -= most;
  }
  ENSURE(false);
  return -1;
}

}  // namespace prytany::net
