// Values, rows and answers: SQLite's five storage classes as C++ types. Nothing is guessed: a
// column is read as the type it has, or Usage is thrown.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <prytany/errors.h>

namespace prytany {

using Blob = std::vector<std::byte>;

namespace detail {
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
}  // namespace detail

/// NULL, INTEGER (64 bits), REAL, TEXT (UTF-8) or BLOB.
class Value {
 public:
  using Storage = std::variant<std::monostate, std::int64_t, double, std::string, Blob>;

  Value() = default;
  Value(std::nullptr_t) {}
  Value(std::nullopt_t) {}
  /// A bool becomes 0 or 1. Throws Usage beyond 64 signed bits.
  template <std::integral I>
  Value(I value) : storage_(in_range(value)) {}
  template <std::floating_point F>
  Value(F value) : storage_(static_cast<double>(value)) {}
  Value(const char* text) : storage_(std::string(text)) {}
  Value(std::string_view text) : storage_(std::string(text)) {}
  Value(std::string text) : storage_(std::move(text)) {}
  Value(Blob blob) : storage_(std::move(blob)) {}
  Value(std::span<const std::byte> blob) : storage_(Blob(blob.begin(), blob.end())) {}
  template <class T>
  Value(const std::optional<T>& value) {
    if (value) *this = Value(*value);
  }

  [[nodiscard]] bool is_null() const { return storage_.index() == 0; }
  [[nodiscard]] const Storage& storage() const { return storage_; }
  /// "null", "integer", "real", "text" or "blob".
  [[nodiscard]] const char* type_name() const;

  /// As an integer type, bool, double (also from an INTEGER), std::string, std::string_view, Blob,
  /// std::span<const std::byte>, Value, or std::optional of these (empty for NULL). Views live as
  /// long as this. Throws Usage when the value is of another type or does not fit.
  template <class T>
  [[nodiscard]] T as() const;

  bool operator==(const Value&) const = default;

 private:
  template <std::integral I>
  static std::int64_t in_range(I value) {
    if constexpr (std::unsigned_integral<I> && sizeof(I) >= sizeof(std::int64_t)) {
      if (value > static_cast<I>(std::numeric_limits<std::int64_t>::max()))
        throw Usage("an integer beyond SQLite's 64 signed bits");
    }
    return static_cast<std::int64_t>(value);
  }
  template <class T>
  const T& get(const char* wanted) const {
    if (const T* value = std::get_if<T>(&storage_)) return *value;
    throw Usage(std::string("a value of type ") + type_name() + " was read as " + wanted);
  }

  Storage storage_;
};

template <class T>
T Value::as() const {
  if constexpr (detail::is_optional<T>) {
    if (is_null()) return std::nullopt;
    return as<typename T::value_type>();
  } else if constexpr (std::same_as<T, Value>) {
    return *this;
  } else if constexpr (std::same_as<T, bool>) {
    return get<std::int64_t>("bool") != 0;
  } else if constexpr (std::integral<T>) {
    const std::int64_t value = get<std::int64_t>("integer");
    if (!std::in_range<T>(value)) throw Usage("an integer does not fit the type it was read as");
    return static_cast<T>(value);
  } else if constexpr (std::floating_point<T>) {
    if (const auto* integer = std::get_if<std::int64_t>(&storage_)) return static_cast<T>(*integer);
    return static_cast<T>(get<double>("real"));
  } else if constexpr (std::same_as<T, std::string> || std::same_as<T, std::string_view>) {
    return get<std::string>("text");
  } else {
    static_assert(std::same_as<T, Blob> || std::same_as<T, std::span<const std::byte>>,
                  "a type that SQLite does not store");
    return get<Blob>("blob");
  }
}

/// Who stood behind a result when it was taken: ids of replicas, from 0.
struct Agreement {
  std::vector<unsigned> agreed;
  std::vector<unsigned> differed;
  std::vector<unsigned> silent;
  bool operator==(const Agreement&) const = default;
};

using Row = std::vector<Value>;

template <class... Ts>
class Rows;

/// What a statement or a procedure gave.
struct Answer {
  std::vector<std::string> columns;
  std::vector<Row> rows;
  std::int64_t changes = 0;
  std::int64_t last_insert_rowid = 0;
  std::uint64_t seq = 0;  // its place in the cluster's total order
  std::int64_t agreed_us =
      0;  // the time it ran at: microseconds since 1970, equal on every replica; 0: not ordered
  Agreement agreement;

  /// Rows as tuples: `for (auto [id, name] : answer.as<std::int64_t, std::string>())`.
  template <class... Ts>
  [[nodiscard]] Rows<Ts...> as() &&;
  template <class... Ts>
  [[nodiscard]] Rows<Ts...> as() const&;
  /// The only column of the only row. Throws Usage if there is more, or less.
  template <class T>
  [[nodiscard]] T value() const {
    if (rows.size() != 1 || rows[0].size() != 1)
      throw Usage("one value was expected, and there are " + std::to_string(rows.size()) +
                  " rows of " + std::to_string(columns.size()) + " columns");
    return rows[0][0].as<T>();
  }
};

/// An answer's rows as typed tuples. Views in them live as long as this.
template <class... Ts>
class Rows {
 public:
  explicit Rows(Answer answer) : answer_(std::move(answer)) {
    if (!answer_.rows.empty() && answer_.columns.size() != sizeof...(Ts))
      throw Usage("rows of " + std::to_string(answer_.columns.size()) + " columns were read as " +
                  std::to_string(sizeof...(Ts)));
  }

  class Iterator {
   public:
    using value_type = std::tuple<Ts...>;
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    explicit Iterator(const Row* row) : row_(row) {}
    value_type operator*() const { return convert(std::index_sequence_for<Ts...>{}); }
    Iterator& operator++() {
      ++row_;
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++row_;
      return before;
    }
    bool operator==(const Iterator&) const = default;

   private:
    template <std::size_t... I>
    value_type convert(std::index_sequence<I...>) const {
      return value_type{(*row_)[I].template as<Ts>()...};
    }
    const Row* row_ = nullptr;
  };

  [[nodiscard]] Iterator begin() const { return Iterator(answer_.rows.data()); }
  [[nodiscard]] Iterator end() const { return Iterator(answer_.rows.data() + answer_.rows.size()); }
  [[nodiscard]] std::size_t size() const { return answer_.rows.size(); }
  [[nodiscard]] bool empty() const { return answer_.rows.empty(); }
  /// The only row. Throws Usage if there is not exactly one.
  [[nodiscard]] std::tuple<Ts...> one() const {
    if (size() != 1) throw Usage("one row was expected, and there are " + std::to_string(size()));
    return *begin();
  }
  [[nodiscard]] const Answer& answer() const { return answer_; }

 private:
  Answer answer_;
};

template <class... Ts>
Rows<Ts...> Answer::as() && {
  return Rows<Ts...>(std::move(*this));
}
template <class... Ts>
Rows<Ts...> Answer::as() const& {
  return Rows<Ts...>(*this);
}

}  // namespace prytany
