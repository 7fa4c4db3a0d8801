// Load on a real cluster: sessions that insert rows and count what was acknowledged.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/cluster/test_cluster.h"

namespace prytany::cluster_tests {

/// Sessions that insert numbers of their own into work(inserter, n), one after the other, until
/// told to stop.
class Inserters {
 public:
  Inserters(TestCluster& cluster, int count) : shared_(cluster.genesis()) {
    for (int i = 0; i < count; ++i)
      clients_.push_back(
          std::make_unique<Client>(shared_, cluster.admin("inserter-" + std::to_string(i))));
    for (int i = 0; i < count; ++i) threads_.emplace_back([this, i] { work(i); });
  }
  ~Inserters() { stop(); }
  void stop() {
    stopping_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  void wait_for_more(int count) const {
    const int until = acknowledged_ + count;
    while (acknowledged_ < until && failure().empty())
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  int acknowledged() const { return acknowledged_; }
  std::uint64_t last_seq() const { return last_seq_; }
  std::string failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
  }

 private:
  void work(int inserter) {
    for (int n = 0; !stopping_; ++n) {
      auto answer = clients_[static_cast<std::size_t>(inserter)]->try_execute(
          "INSERT INTO work(inserter, n) VALUES(?, ?)", inserter, n);
      if (!answer) {
        const std::lock_guard lock(mutex_);
        failure_ = answer.error().message;
        return;
      }
      ++acknowledged_;
      if (n % 8 == 7 && !reads_right(inserter, n + 1)) return;
      std::uint64_t seen = last_seq_;
      while (seen < answer->seq && !last_seq_.compare_exchange_weak(seen, answer->seq)) {
      }
    }
  }

  /// What was acknowledged to it, it reads.
  bool reads_right(int inserter, int count) {
    auto answer = clients_[static_cast<std::size_t>(inserter)]->try_execute(
        "SELECT count(*) FROM work WHERE inserter = ?", inserter);
    if (answer && answer->value<int>() == count) return true;
    const std::lock_guard lock(mutex_);
    failure_ = answer ? "inserter " + std::to_string(inserter) + " reads " +
                            std::to_string(answer->value<int>()) + " of its " +
                            std::to_string(count) + " rows"
                      : answer.error().message;
    return false;
  }

  Cluster shared_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::thread> threads_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> acknowledged_{0};
  std::atomic<std::uint64_t> last_seq_{0};
  mutable std::mutex mutex_;
  std::string failure_;
};

}  // namespace prytany::cluster_tests
