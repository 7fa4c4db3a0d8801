// How many tags and signatures this thread has made and checked, which costs the same number of
// operations on any machine. For people and benches: nothing is decided by it.
#pragma once

#include <cstdint>

namespace prytany::crypto {

struct Counts {
  std::uint64_t tags_made = 0;
  std::uint64_t tags_checked = 0;
  std::uint64_t signatures_made = 0;
  std::uint64_t signatures_checked = 0;

  /// Since then.
  Counts operator-(const Counts& earlier) const {
    return {tags_made - earlier.tags_made, tags_checked - earlier.tags_checked,
            signatures_made - earlier.signatures_made,
            signatures_checked - earlier.signatures_checked};
  }
  Counts& operator+=(const Counts& more) {
    tags_made += more.tags_made;
    tags_checked += more.tags_checked;
    signatures_made += more.signatures_made;
    signatures_checked += more.signatures_checked;
    return *this;
  }
  bool operator==(const Counts&) const = default;
};

/// Of this thread, so that counting costs an addition and no synchronisation.
inline Counts& counted() {
  static constinit thread_local Counts counts;
  return counts;
}

}  // namespace prytany::crypto
