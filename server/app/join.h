// Phase two of joining: what every replica checks of a join before the application is asked
// (design.md section 7).
#pragma once

#include <optional>
#include <vector>

#include "server/app/executor.h"
#include "server/app/request_state.h"
#include "server/base/result.h"
#include "server/wire/operations.h"
#include "server/wire/request.h"

namespace prytany::app {

/// Tokens may not promise more than this: whoever left is remembered as long as an older join could
/// be replayed.
inline constexpr std::int64_t join_token_life_us_max = std::int64_t{15} * 60 * 1'000'000;

/// A join of either kind.
struct JoinView {
  const wire::JoinBegin& begin;
  const std::vector<wire::JoinToken>& tokens;
  const wire::Identity* identity;  // that the tokens vouch for; null: it is of a key alone
};
/// Nothing if the operation is no join.
std::optional<JoinView> join_of(const wire::Operation& operation);

/// When the join's tokens expire (the weak_quorum-th latest of those that are valid), or why it is
/// refused. Pure. The request's own signature by the session key was checked before it was ordered.
Result<AgreedTime, Failure> check_join(const ExecutorConfig& config,
                                       const std::vector<crypto::PublicKey>& replica_keys,
                                       const wire::RequestBody& body, const JoinView& join,
                                       AgreedTime now);

/// The administrator whose key this is, if it is one: "admin:" and the start of the key, then "/"
/// and the name given. So one administrator may have several sessions, each under its own name.
Result<std::optional<Authorized>, Failure> authorize_administrator(const ExecutorConfig& config,
                                                                   const wire::Identification& who);

}  // namespace prytany::app
