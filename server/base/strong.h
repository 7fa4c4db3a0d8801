// Strong<Tag, Rep>: numbers that do not mix. A view is not a sequence number.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <ostream>

namespace prytany {

template <class Tag, class Rep = std::uint64_t>
struct Strong {
  using rep = Rep;
  Rep value{};

  constexpr Strong() = default;
  constexpr explicit Strong(Rep v) : value(v) {}

  constexpr auto operator<=>(const Strong&) const = default;

  constexpr Strong operator+(Rep n) const { return Strong{static_cast<Rep>(value + n)}; }
  constexpr Strong operator-(Rep n) const { return Strong{static_cast<Rep>(value - n)}; }
  /// The distance between two of a kind is a plain number. Requires: *this >= other.
  constexpr Rep operator-(Strong other) const { return static_cast<Rep>(value - other.value); }
  constexpr Strong& operator++() {
    ++value;
    return *this;
  }

  friend std::ostream& operator<<(std::ostream& out, Strong s) { return out << +s.value; }
};

}  // namespace prytany

template <class Tag, class Rep>
struct std::hash<prytany::Strong<Tag, Rep>> {
  std::size_t operator()(prytany::Strong<Tag, Rep> s) const noexcept {
    return std::hash<Rep>{}(s.value);
  }
};
