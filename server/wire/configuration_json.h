// The chain of configurations, and requests to change one, as files and pages that people and
// programs read (docs/wire.md, configurations).
#pragma once

#include <string>
#include <string_view>

#include "server/base/result.h"
#include "server/wire/configuration.h"
#include "server/wire/operations.h"

namespace prytany::wire {

std::string to_json(const Chain& chain);
/// Nothing of it is checked, except that it can be read.
Result<ConfigurationLinks> links_from_json(std::string_view text);
/// All links of it that `chain` did not have. Refused: it cannot be read, or is not proven.
Result<void> extend_from_json(Chain& chain, std::string_view text);

/// A request for a RECONFIGURE on its way from member to member, who approve it.
std::string to_json(const Reconfigure& change, const Digest& cluster);
/// Refused: it cannot be read, or is for another cluster.
Result<Reconfigure> reconfigure_from_json(std::string_view text, const Digest& cluster);

}  // namespace prytany::wire
