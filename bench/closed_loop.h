// Every client of a crowd keeps its D requests outstanding, and does not think.
#pragma once

#include "bench/crowd.h"

namespace prytany::bench {

class ClosedLoop {
 public:
  /// Outlived by `crowd`, which has joined.
  explicit ClosedLoop(Crowd& crowd) : crowd_(crowd) {}
  ~ClosedLoop() { stop(); }
  ClosedLoop(const ClosedLoop&) = delete;
  ClosedLoop& operator=(const ClosedLoop&) = delete;

  void start();
  /// Sends no more, and waits for what is outstanding.
  void stop();

 private:
  void ask(unsigned client);

  Crowd& crowd_;
  std::atomic<bool> stopping_{false};
};

}  // namespace prytany::bench
