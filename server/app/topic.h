// Topics: what clients may watch (docs/reference/subscriptions.md).
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "server/wire/values.h"

namespace prytany::app {

struct Topic {
  std::string description;
  std::set<std::string> roles;  // who may watch it; whoever may read with SQL may, too
  bool any_role = false;        // every session
  std::string table;            // whose changes tell it, once for each request; empty: none
};
/// By name.
using Topics = std::map<std::string, Topic, std::less<>>;

/// What a request tells those who watch, once it has committed.
struct Notice {
  std::string topic;
  wire::Value value;
};

}  // namespace prytany::app
