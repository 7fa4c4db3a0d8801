// Result: a value, or the reason why there is none. (std::expected comes with C++23.)
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "server/base/ensure.h"

namespace prytany {

/// A reason in words, for people: says what was wrong and, where it can, what to do.
struct Error {
  std::string message;
  /// What was promised here may be forgotten, so trying again is wrong.
  bool disk_loss = false;
  bool operator==(const Error&) const = default;
};

template <class T, class E = Error>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(E error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  /// Requires: ok().
  T& value() & {
    ENSURE(ok());
    return std::get<0>(state_);
  }
  const T& value() const& {
    ENSURE(ok());
    return std::get<0>(state_);
  }
  T&& value() && {
    ENSURE(ok());
    return std::get<0>(std::move(state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  /// Requires: !ok().
  const E& error() const {
    ENSURE(!ok());
    return std::get<1>(state_);
  }

 private:
  std::variant<T, E> state_;
};

/// What may fail and returns nothing.
template <class E>
class [[nodiscard]] Result<void, E> {
 public:
  Result() = default;
  Result(E error) : error_(std::move(error)) {}

  [[nodiscard]] bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  /// Requires: !ok().
  const E& error() const {
    ENSURE(!ok());
    return *error_;
  }

 private:
  std::optional<E> error_;
};

}  // namespace prytany
