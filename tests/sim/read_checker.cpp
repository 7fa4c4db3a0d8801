#include "tests/sim/read_checker.h"

#include <algorithm>

namespace prytany::sim {

void ReadChecker::saw(SeenRead read) {
  ++seen_;
  open_.push_back(std::move(read));
}

void ReadChecker::state_after(Seq seq, const Ask& ask) {
  for (auto read = open_.begin(); read != open_.end();) {
    if (read->ceiling < seq) {
      complain(*read);
      read = open_.erase(read);
      continue;
    }
    // Who ended before it began has the first word: until then this one waits for a later state.
    const bool waits = open_.front().ended < read->began;
    if (read->floor <= seq && !waits && ask(*read) == read->outcome) {
      read = open_.erase(read);
    } else {
      ++read;
    }
  }
}

void ReadChecker::finish() {
  for (const SeenRead& read : open_) complain(read);
  open_.clear();
}

void ReadChecker::complain(const SeenRead& read) {
  violations_.add("linearizability", read.client + " read what no state between n" +
                                         std::to_string(read.floor.value) + " and n" +
                                         std::to_string(read.ceiling.value) +
                                         " holds, from where earlier reads left it");
}

}  // namespace prytany::sim
