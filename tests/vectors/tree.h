// Any message as a JSON tree with named members, for people and for implementations in other
// languages: integers of 64 bits are strings, bytes are hex, SQL values are as client_json.h has
// them. Made for golden vectors; nothing on the wire looks like this.
#pragma once

#include <nlohmann/json.hpp>

#include "server/wire/handshake.h"
#include "server/wire/messages.h"

namespace prytany::vectors {

using Json = nlohmann::ordered_json;

/// The alternative's own tree.
Json tree_of(const wire::PeerMessage& message);
Json tree_of(const wire::LinkHello& hello);

}  // namespace prytany::vectors
