#include "tests/sim/refusal_checker.h"

#include <string_view>

#include "server/pbft/refusal.h"
#include "tests/sim/checkers.h"

namespace prytany::sim {

void RefusalChecker::refused_frame(ReplicaId by, ReplicaId from) {
  if (correct_(by) && correct_(from))
    violations_.add("refusals", replica_name(by) + " refuses a frame of " + replica_name(from) +
                                    ", which is correct");
}

void RefusalChecker::after_turn(ReplicaId id, const pbft::ReplicaStatus& status) {
  std::set<ReplicaId>& before = blamed_[id];
  // In another configuration nobody is blamed yet.
  std::erase_if(before, [&](ReplicaId who) { return !status.blamed.contains(who); });
  for (const auto& [who, why] : status.blamed) {
    if (!before.insert(who).second || !correct_(id) || !correct_(who)) continue;
    violations_.add("refusals", replica_name(id) + " blames " + replica_name(who) +
                                    ", which is correct: " + pbft::words(why));
  }
}

/// What an honest client can hear is that it was late, or that there is too much to do.
void RefusalChecker::refused(ReplicaId by, const wire::Refused& answer) {
  static const std::set<std::string_view> blame{
      "malformed", "hello_first",   "hello_again",    "wrong_cluster",  "weak_key",
      "wrong_key", "number_reused", "static_clients", "speak_for_first"};
  const std::string_view code = answer.code.text;
  const bool wrong = blame.contains(code) || (code == "bad_signature" && !wrong_tags_);
  if (!wrong || !correct_(by)) return;
  violations_.add("refusals", replica_name(by) + " tells an honest client \"" + std::string(code) +
                                  "\" (" + answer.message.text + ")");
}

}  // namespace prytany::sim
