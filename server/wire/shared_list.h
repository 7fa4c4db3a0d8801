// SharedList: a List whose copies share one body. A batch is held by a slot, a journal record, a
// message to every peer and an Execute at once: sharing makes each of them a pointer. It reads like
// a List; whoever changes one that others hold gets a copy of its own first, so it still behaves as
// a value.
#pragma once

#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

#include "server/wire/codec.h"

namespace prytany::wire {

template <class T>
class SharedItems {
 public:
  using value_type = T;
  using const_iterator = typename std::vector<T>::const_iterator;

  SharedItems() = default;
  SharedItems(std::vector<T> items)  // NOLINT(google-explicit-constructor): assigned like a vector
      : body_(items.empty() ? nullptr : std::make_shared<std::vector<T>>(std::move(items))) {}
  SharedItems(std::initializer_list<T> items) : SharedItems(std::vector<T>(items)) {}

  [[nodiscard]] const std::vector<T>& get() const {
    static const std::vector<T> none;
    return body_ ? *body_ : none;
  }
  [[nodiscard]] auto begin() const { return get().begin(); }
  [[nodiscard]] auto end() const { return get().end(); }
  [[nodiscard]] std::size_t size() const { return body_ ? body_->size() : 0; }
  [[nodiscard]] bool empty() const { return size() == 0; }
  const T& operator[](std::size_t i) const { return get()[i]; }
  [[nodiscard]] const T& at(std::size_t i) const { return get().at(i); }
  [[nodiscard]] const T& front() const { return get().front(); }
  [[nodiscard]] const T& back() const { return get().back(); }

  /// To change it: our own copy from now on.
  std::vector<T>& own() {
    if (!body_) {
      body_ = std::make_shared<std::vector<T>>();
    } else if (body_.use_count() > 1) {
      body_ = std::make_shared<std::vector<T>>(*body_);
    }
    return *body_;
  }
  void push_back(T item) { own().push_back(std::move(item)); }
  template <class... Args>
  T& emplace_back(Args&&... args) {
    return own().emplace_back(std::forward<Args>(args)...);
  }
  void reserve(std::size_t n) { own().reserve(n); }
  void clear() { body_.reset(); }

  bool operator==(const SharedItems& other) const {
    return body_ == other.body_ || get() == other.get();
  }

 private:
  std::shared_ptr<std::vector<T>> body_;  // null: empty
};

template <class T, std::size_t Max>
struct SharedList {
  SharedItems<T> items;
  bool operator==(const SharedList&) const = default;
  [[nodiscard]] auto begin() const { return items.begin(); }
  [[nodiscard]] auto end() const { return items.end(); }
  [[nodiscard]] std::size_t size() const { return items.size(); }
  [[nodiscard]] bool empty() const { return items.empty(); }
};

namespace detail {

template <class T, std::size_t Max>
struct Coder<SharedList<T, Max>> {
  static void put(Writer& w, const SharedList<T, Max>& list) {
    ENSURE(list.size() <= Max);
    w.number(static_cast<std::uint32_t>(list.size()));
    for (const T& item : list) wire::put(w, item);
  }
  static void get(Reader& r, SharedList<T, Max>& list) {
    List<T, Max> items;
    Coder<List<T, Max>>::get(r, items);
    list.items = std::move(items.items);
  }
};

}  // namespace detail
}  // namespace prytany::wire
