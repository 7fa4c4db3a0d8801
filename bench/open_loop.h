// Operations that are due when a schedule says, whether or not earlier ones were answered: latency
// counts from when an operation was due, so that a stall is felt by all that were due in it.
#pragma once

#include <thread>

#include "bench/crowd.h"
#include "bench/dice.h"

namespace prytany::bench {

/// When operations are due, in microseconds after the first moment.
class Schedule {
 public:
  enum class Arrivals { fixed, poisson };
  /// `rate` a second.
  Schedule(double rate, Arrivals arrivals, std::uint64_t seed)
      : pause_us_(1e6 / rate), arrivals_(arrivals), dice_(seed) {}
  std::uint64_t next_us();

 private:
  double pause_us_;
  Arrivals arrivals_;
  Dice dice_;
  double due_us_ = 0;
};

class OpenLoop {
 public:
  /// Outlived by `crowd`, which has joined; its clients are asked in turn.
  OpenLoop(Crowd& crowd, Schedule schedule) : crowd_(crowd), schedule_(schedule) {}
  ~OpenLoop() { stop(); }
  OpenLoop(const OpenLoop&) = delete;
  OpenLoop& operator=(const OpenLoop&) = delete;

  void start();
  /// Sends no more, and waits for what is outstanding.
  void stop();
  /// How late operations were handed over, after stop(): the generator's own doing.
  [[nodiscard]] const Histogram& lag() const { return lag_; }

 private:
  void run();

  Crowd& crowd_;
  Schedule schedule_;
  std::atomic<bool> stopping_{false};
  Histogram lag_;
  std::thread thread_;
};

}  // namespace prytany::bench
