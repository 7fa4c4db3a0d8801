// Honest clients whose every answer is looked at: what was acknowledged to them they read, nobody
// waits for long, and what they saw and when goes to the checker of histories.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/cluster/test_cluster.h"
#include "tests/sim/history_checker.h"

namespace prytany::cluster_tests {

class Witnesses {
 public:
  using Clock = std::chrono::steady_clock;

  /// Requires: a table work(inserter, n).
  Witnesses(TestCluster& cluster, int count, const std::string& name = "witness")
      : shared_(cluster.genesis()), acknowledged_(static_cast<std::size_t>(count)) {
    for (int i = 0; i < count; ++i)
      clients_.push_back(
          std::make_unique<Client>(shared_, cluster.admin(name + "-" + std::to_string(i))));
    for (int i = 0; i < count; ++i) threads_.emplace_back([this, i] { work(i); });
  }
  ~Witnesses() { stop(); }
  Witnesses(const Witnesses&) = delete;
  Witnesses& operator=(const Witnesses&) = delete;

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  [[nodiscard]] int acknowledged() const {
    const std::lock_guard lock(mutex_);
    int all = 0;
    for (const int each : acknowledged_) all += each;
    return all;
  }
  [[nodiscard]] std::uint64_t last_seq() const {
    const std::lock_guard lock(mutex_);
    return last_seq_;
  }
  /// Since the last time that this was asked; what is still awaited, too.
  [[nodiscard]] std::chrono::milliseconds take_longest() {
    const std::lock_guard lock(mutex_);
    auto longest = std::exchange(longest_, Clock::duration{});
    for (const auto& [who, since] : waiting_) longest = std::max(longest, Clock::now() - since);
    return std::chrono::duration_cast<std::chrono::milliseconds>(longest);
  }
  /// What was not as it should be; empty: nothing.
  [[nodiscard]] std::vector<std::string> complaints() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> all = violations_.all();
    all.insert(all.end(), failures_.begin(), failures_.end());
    return all;
  }
  [[nodiscard]] std::uint64_t judged() const {
    const std::lock_guard lock(mutex_);
    return history_.judged();
  }

 private:
  bool stopping() const {
    const std::lock_guard lock(mutex_);
    return stopping_;
  }

  template <class... Values>
  std::optional<Answer> ask(int who, const std::string& sql, const Values&... values) {
    sim::HistoryChecker::Mark mark;
    {
      const std::lock_guard lock(mutex_);
      mark = history_.invoked();
      waiting_[who] = Clock::now();
    }
    auto answer = clients_[static_cast<std::size_t>(who)]->try_execute(sql, values...);
    const std::lock_guard lock(mutex_);
    longest_ = std::max(longest_, Clock::now() - waiting_.extract(who).mapped());
    if (!answer) {
      failures_.push_back("witness " + std::to_string(who) + ": " + answer.error().message);
      return std::nullopt;
    }
    history_.answered("witness " + std::to_string(who), mark, Seq{answer->seq});
    last_seq_ = std::max(last_seq_, answer->seq);
    return *answer;
  }

  void work(int who) {
    const int own = next_inserter_++;
    for (int n = 0; !stopping(); ++n) {
      if (!ask(who, "INSERT INTO work(inserter, n) VALUES(?, ?)", own, n)) return;
      {
        const std::lock_guard lock(mutex_);
        ++acknowledged_[static_cast<std::size_t>(who)];
      }
      if (n % 4 != 3) continue;
      const auto read = ask(who, "SELECT count(*) FROM work WHERE inserter = ?", own);
      if (!read) return;
      if (read->template value<int>() == n + 1) continue;
      const std::lock_guard lock(mutex_);
      failures_.push_back("witness " + std::to_string(who) + " reads " +
                          std::to_string(read->template value<int>()) + " of its " +
                          std::to_string(n + 1) + " rows");
      return;
    }
  }

  static inline std::atomic<int> next_inserter_{1};  // over all witnesses of one cluster

  Cluster shared_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::thread> threads_;
  mutable std::mutex mutex_;
  std::vector<int> acknowledged_;
  std::map<int, Clock::time_point> waiting_;
  Clock::duration longest_{};
  std::uint64_t last_seq_ = 0;
  sim::Violations violations_;
  sim::HistoryChecker history_{violations_};
  std::vector<std::string> failures_;
  bool stopping_ = false;
};

}  // namespace prytany::cluster_tests
