// C clients, each a session with connections of its own, keep D requests outstanding and do not
// think.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "bench/histogram.h"
#include "bench/workload.h"
#include "clientlib/loop.h"

namespace prytany::bench {

class ClosedLoop {
 public:
  struct Load {
    unsigned clients = 1;
    unsigned depth = 1;
  };
  /// Outlived by both.
  ClosedLoop(client::Loop& loop, const Workload& workload, Load load);
  /// Lets the sessions leave.
  ~ClosedLoop();

  /// Opens and joins all sessions, at most `at_once` at a time.
  Result<void> join(std::uint64_t timeout_us);
  void start();
  /// From now on, until end_window(), answers are counted.
  void begin_window();
  void end_window();
  /// Sends no more, and waits for what is outstanding.
  void stop();

  /// Valid after stop().
  [[nodiscard]] std::uint64_t operations() const { return latency_.count(); }
  [[nodiscard]] std::uint64_t errors() const { return errors_; }
  [[nodiscard]] const Histogram& latency() const { return latency_; }
  /// What the first error was, for people.
  [[nodiscard]] const std::string& first_error() const { return first_error_; }

 private:
  void send(unsigned client);
  void answered(unsigned client, std::uint64_t sent_us, const client::Completion& completion);

  client::Loop& loop_;
  const Workload& workload_;
  Load load_;
  std::vector<client::Seat> seats_;
  std::atomic<bool> counting_{false};
  std::atomic<bool> stopping_{false};

  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t outstanding_ = 0;

  // The loop's thread, and after stop() anyone.
  std::vector<std::uint64_t> sent_;  // by client
  Histogram latency_;
  std::uint64_t errors_ = 0;
  std::string first_error_;
};

/// Blocks until one operation is answered.
client::Completion ask(client::Loop& loop, client::Seat seat, wire::Operation operation,
                       std::uint64_t timeout_us);
/// Blocks until the session has joined.
client::Completion join(client::Loop& loop, client::Seat seat, const crypto::Signer& credential,
                        const std::string& name, std::uint64_t timeout_us);
/// Empty when the completion is a good answer; else what is wrong.
std::string problem_of(const client::Completion& completion);

}  // namespace prytany::bench
