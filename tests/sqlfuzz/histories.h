// Replicas of different history, in one process, that execute the same requests: what they answer
// and every byte of their states must stay equal.
//
//   straight   never anything but the requests
//   restarted  ends at any time, starts from its last checkpoint, executes again what came since;
//              a page cache of a few pages; another zone, locale and content of fresh memory
//   recovered  misses requests, then fetches the pages that differ from another's checkpoint;
//              answers reads that nobody ordered
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/sqlfuzz/dice.h"
#include "tests/unit/app/bench_of_one.h"

namespace prytany::sqlfuzz {

/// Keeps its handle, so that somebody can do to it what no request may.
class OpenHandle final : public app::Application {
 public:
  void opened(sqlite3* opened) override { db = opened; }
  Result<app::Authorized, wire::ErrorReply> authorize(sqlite3*, const wire::Identification&,
                                                      const app::Context&) override {
    return wire::ErrorReply{{"nobody"}, {}, {}, 0};
  }
  wire::Outcome execute(sqlite3*, const wire::Call&, const app::Context&) override {
    return wire::DoneReply{};
  }
  sqlite3* db = nullptr;
};

class Histories {
 public:
  /// The seed decides what befalls the replicas, and when.
  explicit Histories(std::uint64_t seed);
  ~Histories();
  Histories(const Histories&) = delete;
  Histories& operator=(const Histories&) = delete;

  struct Step {
    wire::Outcome outcome;
    std::optional<std::string> difference;  // between replicas, in words
  };
  /// Executes this as an administrator's next request.
  Step ask(const wire::Operation& operation);
  Step sql(const std::vector<std::string>& statements);
  /// Goes on to the next checkpoint, whose digests are compared.
  std::optional<std::string> settle();

  /// A planted fault: done to the handle of `restarted` before each request.
  void sabotage(std::function<void(sqlite3*)> fault) { fault_ = std::move(fault); }

  /// What happened so far.
  struct Events {
    std::uint64_t requests = 0;
    std::uint64_t restarts = 0;
    std::uint64_t replayed = 0;  // requests executed again after restarts
    std::uint64_t recoveries = 0;
    std::uint64_t checkpoints = 0;
    std::uint64_t reads = 0;      // not ordered
    std::uint64_t explained = 0;  // before they were asked: plans, costs, and nothing changed
  };
  [[nodiscard]] const Events& events() const { return events_; }
  /// The root of the last checkpoint.
  [[nodiscard]] crypto::Digest root() const { return straight_->last_root(); }

 private:
  Step run(const wire::Batch& batch);
  app::Executed execute_on_restarted(const wire::Batch& batch);
  void restart();
  std::optional<std::string> pass_checkpoint();
  void read_unordered(wire::Operation operation);

  Dice dice_;
  std::function<void(sqlite3*)> fault_;
  OpenHandle handle_;
  std::unique_ptr<app::Replica> straight_;
  std::unique_ptr<app::Replica> restarted_;
  std::unique_ptr<app::Replica> recovered_;
  app::Client admin_;
  Bytes image_;                       // of the last checkpoint of `restarted`
  std::vector<wire::Batch> journal_;  // since
  bool away_ = false;                 // `recovered` misses what is asked
  Events events_;
};

}  // namespace prytany::sqlfuzz
