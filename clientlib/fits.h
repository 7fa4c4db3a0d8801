// fits(): whether a value built from a caller's input keeps the bounds that its types promise. The
// encoder treats a broken bound as a bug; here it is only an input that is too large.
#pragma once

#include <optional>
#include <tuple>
#include <variant>

#include "server/wire/codec.h"

namespace prytany::client {

// Declared first, because they call each other.
template <class T>
[[nodiscard]] bool fits(const T& value);

namespace detail {

template <class T>
struct Fits {
  static bool check(const T& value) {
    if constexpr (wire::Message<T>) {
      return std::apply([](const auto&... field) { return (client::fits(field) && ...); },
                        T::fields(value));
    } else {
      return true;
    }
  }
};
template <std::size_t Max>
struct Fits<wire::Body<Max>> {
  static bool check(const wire::Body<Max>& body) { return body.bytes.size() <= Max; }
};
template <std::size_t Max>
struct Fits<wire::Text<Max>> {
  static bool check(const wire::Text<Max>& text) { return text.text.size() <= Max; }
};
template <class T, std::size_t Max>
struct Fits<wire::List<T, Max>> {
  static bool check(const wire::List<T, Max>& list) {
    if (list.items.size() > Max) return false;
    for (const T& item : list.items) {
      if (!client::fits(item)) return false;
    }
    return true;
  }
};
template <class... Ts>
struct Fits<std::variant<Ts...>> {
  static bool check(const std::variant<Ts...>& value) {
    return std::visit([](const auto& alternative) { return client::fits(alternative); }, value);
  }
};
template <class T>
struct Fits<std::optional<T>> {
  static bool check(const std::optional<T>& value) { return !value || client::fits(*value); }
};

}  // namespace detail

template <class T>
bool fits(const T& value) {
  return detail::Fits<T>::check(value);
}

}  // namespace prytany::client
