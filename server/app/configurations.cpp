#include "server/app/configurations.h"

#include <algorithm>

#include "server/app/runner.h"
#include "server/base/ensure.h"

namespace prytany::app {

Seq end_of_configuration(Seq seq, std::uint64_t window, std::uint64_t checkpoint_interval) {
  const std::uint64_t least = seq.value + window;
  return Seq{(least + checkpoint_interval - 1) / checkpoint_interval * checkpoint_interval};
}

Configurations::Configurations(const ExecutorConfig& config, Engine& engine)
    : config_(config), engine_(engine) {
  known_.push_back({ConfigNumber{0}, Seq{0}, {config.replica_keys}});
}

void Configurations::load() {
  known_.resize(1);
  Statement& rows =
      engine_.ours("SELECT since, member, key FROM prytany_configurations ORDER BY configuration");
  const Rewind rewind(rows);
  while (engine_.step_ours(rows)) {
    crypto::PublicKey key;
    const ByteView bytes = rows.blob(2);
    ENSURE(bytes.size() == key.bytes.size());
    std::copy(bytes.begin(), bytes.end(), key.bytes.begin());
    known_.push_back(next(ReplicaId{static_cast<std::uint16_t>(rows.integer(1))}, key,
                          Seq{static_cast<std::uint64_t>(rows.integer(0))}));
  }
}

const wire::Configuration& Configurations::governing(Seq seq) const {
  const auto later = std::find_if(known_.begin() + 1, known_.end(),
                                  [&](const wire::Configuration& c) { return c.since >= seq; });
  return *std::prev(later);
}

wire::Configuration Configurations::next(ReplicaId member, const crypto::PublicKey& key,
                                         Seq since) const {
  wire::Configuration made = newest();
  ++made.number;
  made.since = since;
  made.keys.items[member.value] = key;
  return made;
}

std::optional<Failure> Configurations::refuse(const wire::Reconfigure& wanted, Seq seq) const {
  const wire::Configuration& current = newest();
  if (wanted.number != current.number)
    return Failure{"another_configuration",
                   "the newest configuration is " + std::to_string(current.number.value)};
  if (current.since >= seq)
    return Failure{"configuration_pending",
                   "configuration " + std::to_string(current.number.value) +
                       " is not in force before checkpoint " + std::to_string(current.since.value)};
  if (wanted.member.value >= current.keys.size())
    return Failure{"no_such_member", "there is no member " + std::to_string(wanted.member.value)};
  if (current.number.value >= limits::configurations_max)
    return Failure{"too_many_configurations", "this cluster has had too many configurations"};
  // Not of an older configuration either: what was said under such a key may be anybody's by now.
  for (const wire::Configuration& known : known_)
    if (const char* const reason = wire::refuse_new_key(known, wanted.key))
      return Failure{"weak_key", std::string("the new key ") + reason + ", or was one"};
  if (config_.development) return std::nullopt;
  const Bytes signed_bytes = wire::reconfigure_signed_bytes(config_.cluster, wanted);
  std::size_t valid = 0;
  std::optional<ReplicaId> last;
  for (const wire::ReconfigureApproval& approval : wanted.approvals) {
    if (last && approval.member <= *last)
      return Failure{"malformed_request", "approvals are not ordered by member"};
    last = approval.member;
    if (approval.member.value >= current.keys.size()) continue;
    if (crypto::verify(current.keys.items[approval.member.value], signed_bytes, approval.signature))
      ++valid;
  }
  if (valid < config_.approvals)
    return Failure{"needs_threshold_approval", std::to_string(config_.approvals) +
                                                   " members must approve, " +
                                                   std::to_string(valid) + " did"};
  return std::nullopt;
}

std::optional<Failure> Configurations::change(const wire::Reconfigure& wanted, Seq seq,
                                              AgreedTime agreed) {
  if (auto refused = refuse(wanted, seq)) return refused;
  const Seq since = end_of_configuration(seq, config_.window, config_.checkpoint_interval);
  known_.push_back(next(wanted.member, wanted.key, since));
  Statement& insert = engine_.ours(
      "INSERT INTO prytany_configurations(configuration, since, member, key, ordered_seq, "
      "ordered_us) VALUES(?1, ?2, ?3, ?4, ?5, ?6)");
  const Rewind rewind(insert);
  insert.bind(1, static_cast<std::int64_t>(newest().number.value));
  insert.bind(2, static_cast<std::int64_t>(since.value));
  insert.bind(3, std::int64_t{wanted.member.value});
  insert.bind(4, ByteView(wanted.key.bytes));
  insert.bind(5, static_cast<std::int64_t>(seq.value));
  insert.bind(6, agreed.value);
  ENSURE(!engine_.step_ours(insert));
  return std::nullopt;
}

}  // namespace prytany::app
