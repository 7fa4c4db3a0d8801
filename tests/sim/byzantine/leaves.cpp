#include "tests/sim/byzantine/leaves.h"

#include <algorithm>
#include <type_traits>

namespace prytany::sim {

namespace {

/// Mostly one more or less; now and then the ends of what can be said.
template <class N>
void nudge(N& number, Rng& rng) {
  using U = std::make_unsigned_t<N>;
  switch (rng.below(8)) {
    case 0: number = 0; break;
    case 1: number = static_cast<N>(~U{0}); break;
    case 2: number = static_cast<N>(rng.next()); break;
    case 3:
    case 4: number = static_cast<N>(static_cast<U>(number) - 1); break;
    default: number = static_cast<N>(static_cast<U>(number) + 1);
  }
}

void flip(std::span<std::uint8_t> bytes, Rng& rng) {
  if (bytes.empty()) return;
  bytes[rng.below(bytes.size())] ^= static_cast<std::uint8_t>(1U << rng.below(8));
}

struct Change {
  Rng& rng;
  void operator()(bool* flag) const { *flag = !*flag; }
  void operator()(double* number) const { *number += 1; }
  void operator()(std::span<std::uint8_t> bytes) const { flip(bytes, rng); }
  void operator()(const Bounded<Bytes>& bytes) const {
    if (!bytes.value->empty() && rng.chance(200'000)) {
      bytes.value->pop_back();
    } else {
      flip(*bytes.value, rng);
    }
  }
  void operator()(const Bounded<std::string>& text) const {
    *text.value = text.value->empty() ? "x" : text.value->substr(1);
  }
  void operator()(const Reshape& reshape) const { reshape(rng); }
  template <class N>
  void operator()(N* number) const {
    nudge(*number, rng);
  }
};

/// `a` becomes `b`, and the other way round. False: they are not of one kind.
struct Swap {
  template <class N>
  bool operator()(N* a, N* b) const {
    std::swap(*a, *b);
    return true;
  }
  template <class T>
  bool operator()(const Bounded<T>& a, const Bounded<T>& b) const {
    if (a.value->size() > b.max || b.value->size() > a.max) return false;
    std::swap(*a.value, *b.value);
    return true;
  }
  bool operator()(std::span<std::uint8_t> a, std::span<std::uint8_t> b) const {
    if (a.size() != b.size()) return false;
    std::swap_ranges(a.begin(), a.end(), b.begin());
    return true;
  }
  template <class A, class B>
  bool operator()(const A&, const B&) const {
    return false;
  }
};

constexpr unsigned tries = 8;

}  // namespace

void change(Leaf& leaf, Rng& rng) { std::visit(Change{rng}, leaf); }

bool swap_two(Leaves& leaves, Rng& rng) {
  if (leaves.size() < 2) return false;
  for (unsigned i = 0; i < tries; ++i) {
    const std::size_t a = rng.below(leaves.size());
    const std::size_t b = rng.below(leaves.size());
    if (a != b && std::visit(Swap{}, leaves[a], leaves[b])) return true;
  }
  return false;
}

bool take_from(Leaves& leaves, Leaves& earlier, Rng& rng) {
  const std::size_t common = std::min(leaves.size(), earlier.size());
  for (unsigned i = 0; i < tries && common > 0; ++i) {
    const std::size_t at = rng.below(common);
    if (std::visit(Swap{}, leaves[at], earlier[at])) return true;
  }
  return false;
}

}  // namespace prytany::sim
