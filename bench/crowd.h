// C sessions, each with connections of its own, that ask what a workload says, and what came of it.
// Who decides when they ask is a loop: closed_loop.h, open_loop.h.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "bench/histogram.h"
#include "bench/timeline.h"
#include "bench/workload.h"
#include "clientlib/loop.h"

namespace prytany::bench {

/// Microseconds of a clock that only rises.
std::uint64_t now_us();

class Crowd {
 public:
  struct Size {
    unsigned clients = 1;
    unsigned depth = 1;  // outstanding in each, at most
    client::Connections connections = client::Connections::all;
    std::size_t waiting = 100'000;  // beyond these in each, at most: more are refused
  };
  /// All outlived by these three. `tally` goes on from what it holds.
  Crowd(client::Loop& loop, const Workload& workload, Size size, Tally& tally);
  /// Waits for what is outstanding, and lets the sessions leave.
  ~Crowd();
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  /// Opens and joins all sessions, some at a time.
  Result<void> join(std::uint64_t timeout_us);
  /// In place of join(), where genesis lists the clients: their sessions are numbered from `first`.
  /// Requires: as many keys as clients.
  void attach(const std::vector<crypto::Signer>& keys, SessionId first);
  /// The client's next question; its latency counts from `due_us`. From any thread. `after` runs
  /// on the loop's.
  void ask(unsigned client, std::uint64_t due_us, std::function<void()> after);
  /// In between, answers are counted.
  void begin_window();
  void end_window();
  /// Until nothing is outstanding.
  void drain();
  /// So many errors, that going on would only repeat them.
  [[nodiscard]] bool hopeless() const;
  [[nodiscard]] Size size() const { return size_; }

  // After drain():
  [[nodiscard]] std::uint64_t operations() const { return latency_.count(); }
  /// Asked in the window, answered there or later.
  [[nodiscard]] std::uint64_t due() const { return due_; }
  [[nodiscard]] std::uint64_t errors() const { return errors_; }
  /// Due in the window, and refused at once: too many waited. No errors.
  [[nodiscard]] std::uint64_t refused() const { return refused_; }
  [[nodiscard]] const Histogram& latency() const { return latency_; }
  [[nodiscard]] const Timeline& timeline() const { return timeline_; }
  /// What the first error was, for people.
  [[nodiscard]] const std::string& first_error() const { return first_error_; }

 private:
  void answered(const Question& question, std::uint64_t due_us,
                const client::Completion& completion);
  [[nodiscard]] client::SessionOptions session_options() const;
  std::string judge(const Question& question, const client::Completion& completion);

  client::Loop& loop_;
  const Workload& workload_;
  Size size_;
  std::vector<client::Seat> seats_;
  std::vector<std::atomic<std::uint64_t>> asked_;  // by client
  std::atomic<bool> counting_{false};
  std::atomic<std::uint64_t> errors_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> due_{0};

  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t outstanding_ = 0;
  Timeline timeline_;

  // The loop's thread, and after drain() anyone.
  Tally& tally_;
  Histogram latency_;
  std::string first_error_;
};

/// Above all request numbers that a session of genesis used before: the time.
std::uint64_t number_by_clock();
/// Blocks until one operation is answered.
client::Completion ask(client::Loop& loop, client::Seat seat, wire::Operation operation,
                       std::uint64_t timeout_us);
/// Blocks until the session has joined.
client::Completion join(client::Loop& loop, client::Seat seat, const crypto::Signer& credential,
                        const std::string& name, std::uint64_t timeout_us);
/// Empty when the completion is a good answer; else what is wrong.
std::string problem_of(const client::Completion& completion);

}  // namespace prytany::bench
