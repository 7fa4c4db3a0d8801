#include "tests/sim/history_checker.h"

#include <algorithm>

namespace prytany::sim {

void HistoryChecker::answered(const std::string& client, Mark mark, Seq seq) {
  ++judged_;
  if (seq <= mark)
    violations_.add("linearizability", client + " was answered as executed at n" +
                                           std::to_string(seq.value) +
                                           ", but asked when somebody had been answered for n" +
                                           std::to_string(mark.value));
  highest_answered_ = std::max(highest_answered_, seq);
}

}  // namespace prytany::sim
