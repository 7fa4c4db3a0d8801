// How often a host may ask for what costs a replica much before anybody has agreed to it, and how
// often all together.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "server/wire/ids.h"

namespace prytany::node {

class Turnstile {
 public:
  struct Rule {
    std::uint64_t burst;
    std::uint64_t per_second;
  };
  Turnstile(Rule of_host, Rule of_all)
      : of_host_(of_host), of_all_(of_all), all_{of_all.burst * whole, {}} {}

  /// Times rise.
  bool admit(const std::string& host, Time now);

 private:
  /// Of turns, in millionths: as many come back in a microsecond as the rate says for a second.
  struct Store {
    std::uint64_t millionths;
    Time at;
  };
  static bool take(Store& store, Rule rule, Time now);
  static bool refill(Store& store, Rule rule, Time now);
  bool forget_the_rested(Time now);

  static constexpr std::uint64_t whole = 1'000'000;

  Rule of_host_;
  Rule of_all_;
  std::map<std::string, Store> hosts_;
  Store all_;
};

}  // namespace prytany::node
