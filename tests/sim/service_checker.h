// How soon a primary is replaced that serves late, and whether the next one serves all alike
// (docs/decisions/0025, and 0012: sessions are taken in turn).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include "server/wire/ids.h"
#include "tests/sim/violations.h"

namespace prytany::sim {

class ServiceChecker {
 public:
  explicit ServiceChecker(Violations& violations) : violations_(violations) {}

  /// From now on clients ask all the time.
  void begins(Time now);
  /// A view begins that is not the first.
  void replaced(Time now);
  /// By what was ordered.
  void answered(std::size_t client, Time asked, Time now);
  /// So many views were entered up to now.
  void entered(std::size_t views, Time now);
  /// Nobody asks for more.
  void ends() { over_ = true; }

  /// The first primary is slow all the time: it must be replaced within so long. False: it may
  /// still be so, or there is not enough yet to compare.
  bool judge_primary(Time now, std::uint64_t within_us);
  /// All ask alike but `others`, and nothing is wrong since the first primary was replaced: nobody
  /// may have been served so many times as often as anybody else.
  void judge_turns(const std::set<std::size_t>& others);

  /// Whoever leads: what clients wait for is, on average over each `within_us` of a view, no longer
  /// than `mean_us`. False: fewer than `enough_spans` of these have been.
  bool judge_service(Time now, std::uint64_t mean_us, std::uint64_t within_us);

  /// The longest of these averages.
  [[nodiscard]] std::uint64_t longest_mean_us() const { return longest_mean_us_; }

  /// How long it took, if it came to be.
  [[nodiscard]] std::optional<std::uint64_t> replaced_after_us() const;

  /// So many times the least.
  static constexpr std::uint64_t times_max = 3;

 private:
  /// Answers to all since then.
  static constexpr std::uint64_t enough = 200;
  /// Who asks alike was served so often at least, or there is nothing to be compared.
  static constexpr std::uint64_t most_min = 30;

  static constexpr std::uint64_t enough_spans = 2;

  struct Span {
    Time since;
    std::uint64_t waited_us = 0;
    std::uint64_t answers = 0;
  };

  Violations& violations_;
  Span span_;
  std::uint64_t spans_ = 0;
  std::size_t views_ = 0;
  std::uint64_t longest_mean_us_ = 0;
  std::optional<Time> begun_;
  std::optional<Time> replaced_;
  std::uint64_t since_ = 0;  // answers
  bool over_ = false;
  std::set<std::size_t> met_;
  std::map<std::size_t, std::uint64_t> served_;  // since all of them are there
};

}  // namespace prytany::sim
