// Watch: what the replicas say of one subscription, and what of it is believed. Pure.
//
// A replica says: these are the changes in (from, upto]. So it speaks about the next change after
// any position that its words reach back to, also by saying nothing of it: who leaves one out, adds
// one or changes their order differs from the others at that place.
//
//   a change is the next one   when weak_quorum() replicas say so, alike in every byte;
//   there is none up to p      when weak_quorum() replicas' words come so far without one;
//   changes were missed        when quorum() replicas say that they do not keep what follows.
//
// Each time one of them is correct. A liar can be silent, and no more.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "clientlib/cluster_view.h"
#include "server/wire/client_messages.h"

namespace prytany::client {

class Watch {
 public:
  /// What is believed now and was not before.
  struct News {
    bool missed = false;  // some before `items`, which are kept no more
    std::vector<wire::Change> items;
    std::vector<ReplicaId> differed;  // each as often as it contradicted
    [[nodiscard]] bool empty() const { return !missed && items.empty(); }
  };

  Watch(std::shared_ptr<const ClusterView> cluster, std::vector<std::string> topics,
        std::optional<std::uint64_t> after);

  /// Everything of these topics up to here was told; nothing before weak_quorum() agree where to
  /// begin.
  [[nodiscard]] const std::optional<std::uint64_t>& position() const { return position_; }

  /// It is asked to begin after position(), on a new connection or anew.
  void asked(ReplicaId replica);
  /// It is asked for more.
  void asked_more(ReplicaId replica);
  /// Its connection is gone: so is what it said and is not believed yet.
  void forget(ReplicaId replica);

  /// False if this replica was not asked, or says what cannot be: then nothing has changed, and it
  /// should begin anew.
  bool hear(ReplicaId from, wire::Changes message);
  News weigh();

  /// Whether it should be asked for more: it has answered, and little of its words waits to be
  /// believed.
  [[nodiscard]] bool wants_more(ReplicaId replica) const;
  /// Whether it should be asked to begin after position(): its words begin later.
  [[nodiscard]] bool wants_anew(ReplicaId replica) const;

 private:
  struct Voice {
    enum class State : std::uint8_t { silent, asked, speaks };
    State state = State::silent;
    bool heard = false;                  // at all, since it was asked to begin
    std::optional<std::uint64_t> after;  // that it was asked to begin after
    std::uint64_t start = 0;             // its words are about (start, upto]
    std::uint64_t upto = 0;
    bool missed = false;             // it says that what follows `after` is not kept
    std::deque<wire::Change> items;  // in (start, upto], not believed yet
    std::size_t bytes = 0;
  };
  [[nodiscard]] bool speaks(const Voice& voice) const;
  [[nodiscard]] bool is_possible(const wire::Changes& message) const;
  void begin();
  bool believe_next(News& news);
  bool believe_none();
  bool believe_missed(News& news);
  void drop_old();

  std::shared_ptr<const ClusterView> cluster_;
  std::vector<std::string> topics_;
  std::optional<std::uint64_t> position_;
  std::vector<Voice> voices_;
};

}  // namespace prytany::client
