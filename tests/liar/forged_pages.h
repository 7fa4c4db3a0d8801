// The pages of the true replica, and what the liar makes of them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/net/upstream.h"
#include "server/wire/genesis.h"

namespace prytany::liar {

class ForgedPages {
 public:
  /// `truth`: where the true replica serves. Nothing is forged unless `forging`.
  ForgedPages(wire::HostPort truth, const wire::GenesisFile& genesis, bool forging);

  /// Blocks until the true replica has answered, which a test's liar may.
  [[nodiscard]] std::optional<net::Upstream::Page> page(std::string_view path) const;

  /// Of a public answer that lists pages with their digests: the digests of the forged ones.
  [[nodiscard]] wire::Outcome listing(wire::Outcome truth) const;

 private:
  wire::HostPort truth_;
  bool forging_;
  std::string genesis_json_;
};

/// A cluster that looks the same, and in which the liar has every key; approved by all of them.
wire::GenesisFile forged_genesis(const wire::GenesisFile& truth);

/// The page with something added that a reader, or a script's user, would notice.
std::string forged_page(const std::string& media_type, std::string content);

}  // namespace prytany::liar
