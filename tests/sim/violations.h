// What was found wrong. The first violation ends a run: what follows it proves nothing.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace prytany::sim {

class Violations {
 public:
  /// `checker`: a stable word ("agreement"); `text`: what was seen, with the numbers needed to
  /// look.
  void add(const std::string& checker, const std::string& text) {
    if (all_.size() < kept_max) all_.push_back(checker + ": " + text);
  }
  [[nodiscard]] bool none() const { return all_.empty(); }
  [[nodiscard]] const std::vector<std::string>& all() const { return all_; }

 private:
  static constexpr std::size_t kept_max = 20;
  std::vector<std::string> all_;
};

}  // namespace prytany::sim
