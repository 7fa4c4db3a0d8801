// Tally: what the replicas said to one question, one voice each, until enough of them said the
// same.
#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "clientlib/cluster_view.h"

namespace prytany::client {

/// Who stands behind a result, as far as was heard when it was taken. Each list in order of ids.
struct Agreement {
  std::vector<ReplicaId> agreed;
  std::vector<ReplicaId> differed;
  std::vector<ReplicaId> silent;
  bool operator==(const Agreement&) const = default;
};

/// `Answer`: a whole answer; its digest is computed by whoever calls, never taken from the sender.
template <class Answer>
class Tally {
 public:
  /// A replica has one voice: what it says later replaces what it said before.
  void say(ReplicaId from, const Digest& digest) {
    const auto [voice, fresh] = voices_.try_emplace(from, digest);
    if (!fresh && voice->second != digest) {
      voice->second = digest;
      wholes_.erase(from);
    }
  }
  void say(ReplicaId from, const Digest& digest, Answer whole) {
    say(from, digest);
    wholes_.insert_or_assign(from, std::move(whole));
  }

  /// The digest that `enough` replicas said alike, whether or not the whole answer is at hand.
  [[nodiscard]] std::optional<Digest> settled(std::size_t enough) const {
    for (const auto& [from, digest] : voices_) {
      if (count(digest) >= enough) return digest;
    }
    return std::nullopt;
  }
  /// The whole answer with this digest, from whomever it came: the digest covers all of it.
  [[nodiscard]] const Answer* whole(const Digest& digest) const {
    for (const auto& [from, answer] : wholes_) {
      if (voices_.at(from) == digest) return &answer;
    }
    return nullptr;
  }
  [[nodiscard]] std::size_t count(const Digest& digest) const {
    std::size_t same = 0;
    for (const auto& [from, said] : voices_) same += said == digest ? 1U : 0U;
    return same;
  }
  /// Requires: heard(from).
  [[nodiscard]] const Digest& said(ReplicaId from) const { return voices_.at(from); }
  [[nodiscard]] bool says(ReplicaId from, const Digest& digest) const {
    const auto voice = voices_.find(from);
    return voice != voices_.end() && voice->second == digest;
  }
  [[nodiscard]] std::size_t heard() const { return voices_.size(); }
  [[nodiscard]] bool heard(ReplicaId from) const { return voices_.contains(from); }
  /// Whole answers by sender.
  [[nodiscard]] const std::map<ReplicaId, Answer>& wholes() const { return wholes_; }

  [[nodiscard]] Agreement about(const Digest& digest, const std::vector<ReplicaId>& all) const {
    Agreement agreement;
    for (const ReplicaId replica : all) {
      const auto voice = voices_.find(replica);
      if (voice == voices_.end()) {
        agreement.silent.push_back(replica);
      } else if (voice->second == digest) {
        agreement.agreed.push_back(replica);
      } else {
        agreement.differed.push_back(replica);
      }
    }
    return agreement;
  }
  /// It may say it again.
  void forget(ReplicaId from) {
    voices_.erase(from);
    wholes_.erase(from);
  }
  void forget() {
    voices_.clear();
    wholes_.clear();
  }

 private:
  std::map<ReplicaId, Digest> voices_;
  std::map<ReplicaId, Answer> wholes_;
};

}  // namespace prytany::client
