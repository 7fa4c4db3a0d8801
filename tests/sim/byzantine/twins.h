// Twins (after Bano and others, "Twins: BFT Systems Made Robust"): two honest processes with one
// key and one number. Neither knows of the other; each of the other replicas is connected to one of
// them at a time, and now and then to the other one instead. Together they say two things of one
// (view, number), forget what they said, and vote in views that they have left: all that a
// Byzantine replica can do with right messages, without a line of code that lies.
//
// The first is the replica's process, which is killed and started as others are; the second lives
// beside it, on a machine of its own. Clients are heard by both and answered by the first.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include "tests/sim/links.h"
#include "tests/sim/process.h"

namespace prytany::sim {

class Twins {
 public:
  using MakeApplication = std::function<std::unique_ptr<app::Application>()>;
  /// All outlive the twins.
  Twins(Run run, const std::deque<Machine>& machines, Outside& outside,
        const MakeApplication& application);

  /// The second process of each; once.
  void start(const GroupSetting& setting, Links& links);
  /// The second process of `id`, if that is the one which `peer` is connected to; else null.
  Process* for_peer(ReplicaId id, ReplicaId peer);
  /// The second process of `id`; null: there is none.
  Process* of(ReplicaId id);
  /// After each event: one that stopped is gone for good.
  void bury();
  /// How often somebody was given the other one.
  [[nodiscard]] std::uint64_t turns() const { return turns_; }

 private:
  /// To the other replicas only.
  class BehindTheFirst final : public Outside {
   public:
    explicit BehindTheFirst(Outside& world) : world_(world) {}
    void frame_departs(ReplicaId from, ReplicaId to, Time departs, Bytes frame) override {
      world_.frame_departs(from, to, departs, std::move(frame));
    }
    void text_departs(ReplicaId, node::ConnectionId, Time, std::string) override {}
    void connection_ends(ReplicaId, node::ConnectionId) override {}
    void configuration_changed(ReplicaId of) override { world_.configuration_changed(of); }
    void hangs_up(ReplicaId by) override { world_.hangs_up(by); }

   private:
    Outside& world_;
  };
  struct Second {
    Second(const Machine& first, Rng chance) : machine(first.id, first.signer, chance) {}
    Machine machine;
    std::unique_ptr<app::Application> application;
    std::unique_ptr<Process> process;
    std::set<ReplicaId> peers;  // that are connected to it
  };
  void turn_later(Second& second);
  void turn(Second& second);
  void give(Second& second, ReplicaId peer, bool to_second);

  Run run_;
  Rng rng_;
  BehindTheFirst outside_;
  Links* links_ = nullptr;
  std::map<ReplicaId, Second> seconds_;
  std::uint64_t turns_ = 0;
};

}  // namespace prytany::sim
