// The fields of a message, whatever message it is: where they are, to be changed one by one. What
// fields() of the wire's types list is all that is needed; a new message type is covered by itself.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "server/wire/messages.h"
#include "tests/sim/rng.h"

namespace prytany::sim {

/// A list or an optional value: something to be taken out of it, put in twice, or swapped in it.
using Reshape = std::function<void(Rng&)>;
/// A value of any length up to that.
template <class T>
struct Bounded {
  T* value;
  std::size_t max;
};
using Leaf = std::variant<std::uint64_t*, std::int64_t*, std::uint32_t*, std::uint16_t*,
                          std::uint8_t*, bool*, double*, std::span<std::uint8_t>, Bounded<Bytes>,
                          Bounded<std::string>, Reshape>;
using Leaves = std::deque<Leaf>;  // a vector of these makes g++ 12 warn of an overflow that is none

template <class T>
void collect(T& value, Leaves& out);

namespace detail {

/// One of its items goes, comes twice, or changes places with another.
template <std::size_t Max, class T>
void reshape(std::vector<T>& items, Rng& rng) {
  if (items.empty()) return;
  const auto at = static_cast<std::ptrdiff_t>(rng.below(items.size()));
  switch (rng.below(3)) {
    case 0: items.erase(items.begin() + at); break;
    case 1:
      if (items.size() < Max) items.insert(items.begin() + at, T(*(items.begin() + at)));
      break;
    default: {
      using std::swap;
      swap(*(items.begin() + at), items[rng.below(items.size())]);
    }
  }
}

template <class T>
struct Collector {
  static void collect(T& value, Leaves& out) {
    if constexpr (wire::Message<T>) {
      std::apply([&](auto&... field) { (sim::collect(field, out), ...); }, T::fields(value));
    } else if constexpr (std::same_as<T, std::int64_t> || std::same_as<T, bool> ||
                         std::same_as<T, double> || std::unsigned_integral<T>) {
      out.emplace_back(&value);
    }
  }
};
template <class Tag, class Rep>
struct Collector<Strong<Tag, Rep>> {
  static void collect(Strong<Tag, Rep>& s, Leaves& out) { out.emplace_back(&s.value); }
};
template <class T>
  requires std::same_as<T, Digest> || std::same_as<T, crypto::PublicKey> ||
           std::same_as<T, crypto::Signature>
struct Collector<T> {
  static void collect(T& t, Leaves& out) { out.emplace_back(std::span<std::uint8_t>(t.bytes)); }
};
template <std::size_t N>
struct Collector<std::array<std::uint8_t, N>> {
  static void collect(std::array<std::uint8_t, N>& a, Leaves& out) {
    out.emplace_back(std::span<std::uint8_t>(a));
  }
};
template <std::size_t Max>
struct Collector<wire::Body<Max>> {
  static void collect(wire::Body<Max>& b, Leaves& out) {
    out.emplace_back(Bounded<Bytes>{&b.bytes, Max});
  }
};
template <std::size_t Max>
struct Collector<wire::Text<Max>> {
  static void collect(wire::Text<Max>& t, Leaves& out) {
    out.emplace_back(Bounded<std::string>{&t.text, Max});
  }
};
template <class T, std::size_t Max>
struct Collector<wire::List<T, Max>> {
  static void collect(wire::List<T, Max>& list, Leaves& out) {
    out.emplace_back(Reshape([&list](Rng& rng) { reshape<Max>(list.items, rng); }));
    for (T& item : list.items) sim::collect(item, out);
  }
};
template <class T, std::size_t Max>
struct Collector<wire::SharedList<T, Max>> {
  static void collect(wire::SharedList<T, Max>& list, Leaves& out) {
    if (list.empty()) return;
    std::vector<T>& items = list.items.own();
    out.emplace_back(Reshape([&items](Rng& rng) { reshape<Max>(items, rng); }));
    for (T& item : items) sim::collect(item, out);
  }
};
template <class T>
struct Collector<std::optional<T>> {
  static void collect(std::optional<T>& value, Leaves& out) {
    out.emplace_back(Reshape([&value](Rng&) {
      if (value) {
        value.reset();
      } else {
        value.emplace();
      }
    }));
    if (value) sim::collect(*value, out);
  }
};
template <class... Ts>
struct Collector<std::variant<Ts...>> {
  static void collect(std::variant<Ts...>& value, Leaves& out) {
    std::visit([&](auto& alternative) { sim::collect(alternative, out); }, value);
  }
};

}  // namespace detail

template <class T>
void collect(T& value, Leaves& out) {
  detail::Collector<T>::collect(value, out);
}

/// All fields of `message`, which must outlive them and keep its shape until one is changed.
template <class M>
Leaves leaves_of(M& message) {
  Leaves leaves;
  collect(message, leaves);
  return leaves;
}

/// A number one more or less, a bit flipped, a list reshaped.
void change(Leaf& leaf, Rng& rng);
/// Two values of one kind change places: false if there are none.
bool swap_two(Leaves& leaves, Rng& rng);
/// One value becomes what stands in its place in `earlier`: false if there is none of its kind.
bool take_from(Leaves& leaves, Leaves& earlier, Rng& rng);

}  // namespace prytany::sim
