// Rows of a metered group, for people and for scripts. bench/README.md says what each number is.
#pragma once

#include <string>
#include <vector>

#include "tests/sim/scaling/metered_group.h"

namespace prytany::sim {

/// (n-1)(2n+1): PRE-PREPARE from the primary to all others, PREPARE and COMMIT from everybody to
/// all others. (The papers' primary sends no PREPARE: 2n(n-1). docs/protocol.md says why ours
/// does.)
std::uint64_t agreement_messages_expected(unsigned replicas);

/// One JSON object, in one line.
std::string to_json(const ScalingRow& row);
/// The heading of a table, and a line for a row (Markdown).
std::string scaling_heading();
std::string scaling_line(const ScalingRow& row);

}  // namespace prytany::sim
