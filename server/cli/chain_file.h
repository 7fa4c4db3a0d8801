// The chain of configurations on the disk (configurations.json beside state.db), and from replicas
// over HTTP. Whatever it comes from, it is proven from genesis on before it counts.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "server/base/result.h"
#include "server/crypto/tls.h"
#include "server/node/ports.h"
#include "server/wire/configuration.h"
#include "server/wire/genesis.h"

namespace prytany::cli {

/// What the folder's file proves; genesis alone where there is none. Refused: a file that proves
/// nothing.
Result<wire::Chain> read_chain(const std::string& folder, const wire::Genesis& genesis);

/// Durable, at once or not at all.
Result<void> replace_chain(const std::string& folder, const wire::Chain& chain);

/// Asks every member for what it knows above the chain, and believes what is proven. The number of
/// members that answered.
std::size_t ask_for_configurations(wire::Chain& chain, const wire::Genesis& genesis,
                                   std::uint64_t timeout_us,
                                   const std::shared_ptr<const crypto::TlsTrust>& trust);

class ChainFile final : public node::ChainFile {
 public:
  /// `changed`: makes links anew.
  ChainFile(std::string folder, std::function<void(const wire::Chain&)> changed)
      : folder_(std::move(folder)), changed_(std::move(changed)) {}
  Result<void> save(const wire::Chain& chain) override;
  void changed(const wire::Chain& chain) override { changed_(chain); }

 private:
  std::string folder_;
  std::function<void(const wire::Chain&)> changed_;
};

}  // namespace prytany::cli
