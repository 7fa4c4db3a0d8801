// The numbers that name things, each of its own type.
#pragma once

#include <cstdint>

#include "server/base/strong.h"
#include "server/crypto/digest.h"

namespace prytany {

using crypto::Digest;

/// 0 .. n-1, everywhere.
using ReplicaId = Strong<struct ReplicaIdTag, std::uint16_t>;
/// A view: the term of one primary. Starts at 0; primary of v is v mod n.
using View = Strong<struct ViewTag>;
/// A sequence number in the total order. The first batch has 1; 0 is the genesis state.
using Seq = Strong<struct SeqTag>;
/// The configuration number that every message carries. 0 is genesis.
using ConfigNumber = Strong<struct ConfigNumberTag>;
/// Assigned by the cluster at join. 0 is nobody: only a join may carry it.
using SessionId = Strong<struct SessionIdTag>;
/// A session's own count of its requests, from 1, without gaps at the client.
using RequestNumber = Strong<struct RequestNumberTag>;

/// Local monotonic time in microseconds, as the host's clock gives it. Never leaves the process.
using Time = Strong<struct TimeTag>;
inline constexpr Time never{~std::uint64_t{0}};

/// Agreed time: microseconds since 1970-01-01T00:00:00Z, strictly increasing from batch to batch.
using AgreedTime = Strong<struct AgreedTimeTag, std::int64_t>;

}  // namespace prytany
