// The canonical binary encoding: one value, one byte string. Everything hashed, signed or MACed is
// this.
//
//   integers, Strong     big-endian, fixed width
//   bool                 one byte, 0 or 1
//   double               IEEE 754 bits, big-endian, no NaN
//   enum                 one byte, checked by valid()
//   Body<Max>, Text<Max> u32 length, bytes
//   optional             bool, then the value
//   List<T, Max>         u32 count, elements
//   variant              u8 index, then the alternative
//   std::array, Digest   its bytes
//   struct               its fields, as fields() lists them
//
// Decoding is total (any bytes give a value or a reason), canonical (encode(decode(b)) == b;
// trailing bytes are refused) and grows memory with the bytes received, never with the bytes
// promised.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "server/base/bytes.h"
#include "server/base/result.h"
#include "server/base/strong.h"
#include "server/crypto/digest.h"
#include "server/crypto/sign.h"

namespace prytany::wire {

/// Bytes whose bound is part of the type.
template <std::size_t Max>
struct Body {
  Bytes bytes;
  auto operator<=>(const Body&) const = default;
  [[nodiscard]] ByteView view() const { return bytes; }
};

/// Text (UTF-8, checked where people typed it, not here) whose bound is part of the type.
template <std::size_t Max>
struct Text {
  std::string text;
  auto operator<=>(const Text&) const = default;
};

/// A list whose bound is part of the type.
template <class T, std::size_t Max>
struct List {
  std::vector<T> items;
  bool operator==(const List&) const = default;
  auto begin() const { return items.begin(); }
  auto end() const { return items.end(); }
  [[nodiscard]] std::size_t size() const { return items.size(); }
  [[nodiscard]] bool empty() const { return items.empty(); }
};

/// Why bytes or a text are not a message. A value, counted and dropped. Both point to literals.
struct Malformed {
  const char* reason;
  const char* field = nullptr;  // of JSON: which one
  /// "number: missing".
  [[nodiscard]] std::string text() const {
    return field == nullptr ? std::string(reason) : std::string(field) + ": " + reason;
  }
};

class Writer {
 public:
  Writer() = default;
  /// Behind what is there; in its memory, as far as that goes.
  explicit Writer(Bytes&& behind) : out_(std::move(behind)), size_(out_.size()) {}

  void raw(ByteView bytes) {
    if (!bytes.empty()) std::memcpy(room(bytes.size()), bytes.data(), bytes.size());
  }
  template <std::unsigned_integral U>
  void number(U value) {
    std::uint8_t* const bytes = room(sizeof(U));
    for (std::size_t i = 0; i < sizeof(U); ++i)
      bytes[i] = static_cast<std::uint8_t>(value >> (8 * (sizeof(U) - 1 - i)));
  }
  /// All of it; until more is written.
  [[nodiscard]] ByteView view() const { return {out_.data(), size_}; }
  [[nodiscard]] Bytes take() && {
    out_.resize(size_);
    return std::move(out_);
  }

 private:
  /// Appending to a vector costs ten times what copying eight bytes does: so there is room ahead.
  std::uint8_t* room(std::size_t bytes) {
    if (out_.size() - size_ < bytes) grow(bytes);
    std::uint8_t* const at = out_.data() + size_;
    size_ += bytes;
    return at;
  }
  void grow(std::size_t bytes) {
    // Most of what is written is short: one allocation, where doubling would take six.
    constexpr std::size_t short_bytes = 256;
    const std::size_t wanted = size_ + std::max(bytes, short_bytes);
    if (wanted > out_.capacity()) out_.reserve(std::max(wanted, 2 * out_.capacity()));
    out_.resize(wanted);
  }

  Bytes out_;  // what is written, and room for more
  std::size_t size_ = 0;
};

/// Fails once and stays failed. `take` is the only place where bounds are checked.
class Reader {
 public:
  explicit Reader(ByteView bytes) : rest_(bytes) {}

  ByteView take(std::size_t n) {
    if (failed_ != nullptr || n > rest_.size()) {
      fail("truncated");
      return {};
    }
    const ByteView taken = rest_.first(n);
    rest_ = rest_.subspan(n);
    return taken;
  }
  template <std::unsigned_integral U>
  U number() {
    U value = 0;
    for (const std::uint8_t byte : take(sizeof(U))) {
      value = static_cast<U>(static_cast<U>(value << 8) | byte);
    }
    return value;
  }
  void fail(const char* reason) {
    if (failed_ == nullptr) failed_ = reason;
    rest_ = {};
  }
  [[nodiscard]] bool failed() const { return failed_ != nullptr; }
  [[nodiscard]] const char* reason() const { return failed_; }
  [[nodiscard]] bool empty() const { return rest_.empty(); }
  [[nodiscard]] std::size_t left() const { return rest_.size(); }

 private:
  ByteView rest_;
  const char* failed_ = nullptr;
};

template <class T>
concept Message = requires(T& t) { T::fields(t); };

// Declared first, so that messages may nest in any order.
template <class T>
void put(Writer& w, const T& value);
template <class T>
void get(Reader& r, T& value);

namespace detail {

template <class T>
struct Coder;  // one specialisation per shape

template <std::integral I>
struct Coder<I> {
  using U = std::make_unsigned_t<I>;
  static void put(Writer& w, I value) { w.number(static_cast<U>(value)); }
  static void get(Reader& r, I& value) { value = static_cast<I>(r.number<U>()); }
};

template <>
struct Coder<bool> {
  static void put(Writer& w, bool value) { w.number<std::uint8_t>(value ? 1 : 0); }
  static void get(Reader& r, bool& value) {
    const auto byte = r.number<std::uint8_t>();
    if (byte > 1) r.fail("boolean out of range");
    value = byte == 1;
  }
};

template <>
struct Coder<double> {
  static void put(Writer& w, double value) { w.number(std::bit_cast<std::uint64_t>(value)); }
  static void get(Reader& r, double& value) {
    value = std::bit_cast<double>(r.number<std::uint64_t>());
    // No SQL value is one (SQLite stores NULL instead), and JSON cannot say which of many it was.
    if (value != value) r.fail("not a number");
  }
};

template <class E>
  requires std::is_enum_v<E>
struct Coder<E> {
  static_assert(sizeof(E) == 1);
  static void put(Writer& w, E value) { w.number(static_cast<std::uint8_t>(value)); }
  static void get(Reader& r, E& value) {
    value = static_cast<E>(r.number<std::uint8_t>());
    if (!r.failed() && !valid(value)) r.fail("enumerator out of range");  // valid() by lookup of E
  }
};

template <class Tag, class Rep>
struct Coder<Strong<Tag, Rep>> {
  static void put(Writer& w, Strong<Tag, Rep> s) { Coder<Rep>::put(w, s.value); }
  static void get(Reader& r, Strong<Tag, Rep>& s) { Coder<Rep>::get(r, s.value); }
};

template <std::size_t N>
struct Coder<std::array<std::uint8_t, N>> {
  static void put(Writer& w, const std::array<std::uint8_t, N>& a) { w.raw(a); }
  static void get(Reader& r, std::array<std::uint8_t, N>& a) {
    const ByteView taken = r.take(N);
    if (!r.failed()) std::copy(taken.begin(), taken.end(), a.begin());
  }
};

template <class T>
  requires std::same_as<T, crypto::Digest> || std::same_as<T, crypto::PublicKey> ||
           std::same_as<T, crypto::Signature>
struct Coder<T> {
  static void put(Writer& w, const T& t) { Coder<decltype(t.bytes)>::put(w, t.bytes); }
  static void get(Reader& r, T& t) { Coder<decltype(t.bytes)>::get(r, t.bytes); }
};
template <std::size_t N>
struct Coder<const std::array<std::uint8_t, N>> : Coder<std::array<std::uint8_t, N>> {};

inline std::size_t bounded(Reader& r, std::size_t max) {
  const std::size_t n = r.number<std::uint32_t>();
  if (n > max) r.fail("longer than allowed");
  return r.failed() ? 0 : n;
}

template <std::size_t Max>
struct Coder<Body<Max>> {
  static void put(Writer& w, const Body<Max>& b) {
    ENSURE(b.bytes.size() <= Max);
    w.number(static_cast<std::uint32_t>(b.bytes.size()));
    w.raw(b.bytes);
  }
  static void get(Reader& r, Body<Max>& b) {
    const ByteView taken = r.take(bounded(r, Max));
    b.bytes.assign(taken.begin(), taken.end());
  }
};

template <std::size_t Max>
struct Coder<Text<Max>> {
  static void put(Writer& w, const Text<Max>& t) {
    ENSURE(t.text.size() <= Max);
    w.number(static_cast<std::uint32_t>(t.text.size()));
    w.raw(as_bytes(t.text));
  }
  static void get(Reader& r, Text<Max>& t) { t.text = as_text(r.take(bounded(r, Max))); }
};

template <class T, std::size_t Max>
struct Coder<List<T, Max>> {
  static void put(Writer& w, const List<T, Max>& list) {
    ENSURE(list.items.size() <= Max);
    w.number(static_cast<std::uint32_t>(list.items.size()));
    for (const T& item : list.items) wire::put(w, item);
  }
  static void get(Reader& r, List<T, Max>& list) {
    const std::size_t n = bounded(r, Max);
    list.items.clear();
    // No more memory than bytes that came, whatever number they promise.
    list.items.reserve(std::min(n, r.left() / sizeof(T)));
    for (std::size_t i = 0; i < n && !r.failed(); ++i) {
      if (r.empty()) return r.fail("truncated");  // every element takes at least a byte
      wire::get(r, list.items.emplace_back());
    }
  }
};

template <class T>
struct Coder<std::optional<T>> {
  static void put(Writer& w, const std::optional<T>& value) {
    wire::put(w, value.has_value());
    if (value) wire::put(w, *value);
  }
  static void get(Reader& r, std::optional<T>& value) {
    bool present = false;
    wire::get(r, present);
    if (present && !r.failed()) wire::get(r, value.emplace());
  }
};

template <class... Ts>
struct Coder<std::variant<Ts...>> {
  static void put(Writer& w, const std::variant<Ts...>& value) {
    w.number(static_cast<std::uint8_t>(value.index()));
    std::visit([&](const auto& alternative) { wire::put(w, alternative); }, value);
  }
  static void get(Reader& r, std::variant<Ts...>& value) {
    const std::size_t index = r.number<std::uint8_t>();
    if (index >= sizeof...(Ts)) return r.fail("unknown alternative");
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (void)((I == index ? (wire::get(r, value.template emplace<I>()), true) : false) || ...);
    }(std::index_sequence_for<Ts...>{});
  }
};

template <>
struct Coder<std::monostate> {
  static void put(Writer&, std::monostate) {}
  static void get(Reader&, std::monostate&) {}
};

template <Message M>
struct Coder<M> {
  static void put(Writer& w, const M& m) {
    std::apply([&](const auto&... field) { (wire::put(w, field), ...); }, M::fields(m));
  }
  static void get(Reader& r, M& m) {
    std::apply([&](auto&... field) { (wire::get(r, field), ...); }, M::fields(m));
  }
};

}  // namespace detail

template <class T>
void put(Writer& w, const T& value) {
  detail::Coder<T>::put(w, value);
}
template <class T>
void get(Reader& r, T& value) {
  if (!r.failed()) detail::Coder<T>::get(r, value);
}

template <class T>
Bytes encode(const T& value) {
  Writer w;
  put(w, value);
  return std::move(w).take();
}

/// sha256(domain, encodings of the values), for what is hashed and not kept: they take no memory of
/// their own.
template <class... Ts>
crypto::Digest encoded_digest(std::string_view domain, const Ts&... values) {
  constexpr std::size_t kept_max = 64 << 10;
  thread_local Bytes scratch;
  Bytes memory = std::exchange(scratch, {});
  memory.clear();
  Writer w(std::move(memory));
  (put(w, values), ...);
  const crypto::Digest digest = crypto::sha256(domain, w.view());
  memory = std::move(w).take();
  if (memory.capacity() <= kept_max) scratch = std::move(memory);
  return digest;
}

/// The whole of `bytes` or nothing.
template <class T>
Result<T, Malformed> decode(ByteView bytes) {
  Reader r(bytes);
  T value{};
  get(r, value);
  if (r.failed()) return Malformed{r.reason()};
  if (!r.empty()) return Malformed{"trailing bytes"};
  return value;
}

}  // namespace prytany::wire
