// The smallest HTTP client that can ask a replica for its pages.
#pragma once

#include <cstdint>
#include <string>

#include "server/base/result.h"
#include "server/crypto/tls.h"
#include "server/wire/genesis.h"

namespace prytany::cli {

struct HttpPage {
  std::string media_type;
  std::string body;
};

/// A 200 answer, whole. Blocks for at most `timeout_us`, and as long as it takes to look up a host
/// that is not numeric. Redirections are not followed: a replica sends none. By https if there is
/// `trust`.
Result<HttpPage> http_page(const wire::HostPort& address, const std::string& path,
                           std::uint64_t timeout_us,
                           std::shared_ptr<const crypto::TlsTrust> trust = nullptr);
/// Its body alone.
Result<std::string> http_get(const wire::HostPort& address, const std::string& path,
                             std::uint64_t timeout_us,
                             std::shared_ptr<const crypto::TlsTrust> trust = nullptr);

}  // namespace prytany::cli
