// How often a host may ask for what costs this replica a millisecond before anybody has agreed to
// it, and how often all together.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "server/wire/ids.h"

namespace prytany::node {

class Turnstile {
 public:
  /// Times rise.
  bool admit(const std::string& host, Time now);

 private:
  /// Of turns, in millionths: as many come back in a microsecond as the rate says for a second.
  struct Store {
    std::uint64_t millionths;
    Time at;
  };
  struct Rule {
    std::uint64_t burst;
    std::uint64_t per_second;
  };
  static bool take(Store& store, Rule rule, Time now);
  static bool refill(Store& store, Rule rule, Time now);
  bool forget_the_rested(Time now);

  static constexpr std::uint64_t whole = 1'000'000;
  // An office behind one address begins its day at once.
  static constexpr Rule of_host = {50, 10};
  static constexpr Rule of_all = {200, 200};

  std::map<std::string, Store> hosts_;
  Store all_{of_all.burst * whole, {}};
};

}  // namespace prytany::node
