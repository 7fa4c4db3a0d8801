// OpenID Connect ID tokens (a JWS in compact form, RFC 7515 and 7519), read with suspicion. Pure:
// the keys come from the application, the time from who asks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/app/application.h"
#include "server/app/request_state.h"
#include "server/base/result.h"
#include "server/wire/operations.h"

namespace prytany::app {

/// Who says that it issued this token: nothing is checked yet.
Result<std::string, Failure> issuer_of(std::string_view token);

/// What the token says, if one of `keys`, which the application trusts to speak for `issuer`,
/// signed it, for its audience, and if its nonce binds it to `credential`. Refused whatever else a
/// JWS may be: other algorithms than RS256, PS256, ES256 and EdDSA, critical extensions, doubled
/// members.
Result<wire::Identity, Failure> read_id_token(std::string_view token, const std::string& issuer,
                                              const std::vector<TokenKey>& keys,
                                              const Digest& nonce, AgreedTime now);

/// Of a JSON object the members that an application names ("email, groups"), as read_id_token()
/// gives them; an empty one if it is none.
std::string claims_named(std::string_view object, const std::string& names);

}  // namespace prytany::app
