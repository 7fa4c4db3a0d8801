#include "tests/fuzz/json_mutation.h"

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <random>
#include <vector>

namespace prytany::fuzz {
namespace {

using Json = nlohmann::ordered_json;

class Mutation {
 public:
  explicit Mutation(std::uint32_t seed) : random_(seed) {}

  std::optional<std::string> of(std::string_view text) {
    // Deeper ones are for changes of bytes.
    Json json = Json::parse(
        text, [](int depth, Json::parse_event_t, const Json&) { return depth < 32; }, false);
    if (json.is_discarded()) return std::nullopt;
    list(json);
    for (std::size_t changes = 1 + below(3); changes > 0; --changes) change(json);
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
  }

 private:
  std::size_t below(std::size_t n) { return random_() % n; }

  void list(Json& json) {
    nodes_.push_back(&json);
    if (!json.is_string() && !json.is_object()) telling_.push_back(&json);
    if (json.is_structured())
      for (Json& child : json) list(child);
  }

  /// What was listed is not valid any more when something was added or erased.
  void change(Json& whole) {
    const bool any = telling_.empty() || below(2) == 0;
    Json& node = any ? *nodes_[below(nodes_.size())] : *telling_[below(telling_.size())];
    if (node.is_structured() && !node.empty()) {
      change_structure(node);
    } else if (below(8) == 0) {
      node = Json(*nodes_[below(nodes_.size())]);
    } else {
      change_leaf(node);
    }
    nodes_.clear();
    telling_.clear();
    list(whole);
  }

  void change_structure(Json& node) {
    auto at = node.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(below(node.size())));
    auto other = node.begin();
    std::advance(other, static_cast<std::ptrdiff_t>(below(node.size())));
    switch (below(4)) {
      case 0: node.erase(at); break;
      case 1: std::swap(*at, *other); break;
      case 2: *at = Json(*other); break;
      default:
        if (node.is_array())
          node.push_back(Json(*at));
        else
          node["another"] = Json(*at);
    }
  }

  void change_leaf(Json& node) {
    if (node.is_boolean()) {
      node = !node.get<bool>();
    } else if (node.is_number_integer()) {
      change_number(node);
    } else if (node.is_string()) {
      change_text(node.get_ref<std::string&>());
    } else {
      static const std::array<Json, 5> any{Json(), Json(0), Json(""), Json::array(),
                                           Json::object()};
      node = any[below(any.size())];
    }
  }

  void change_number(Json& node) {
    const auto value = node.get<std::uint64_t>();
    switch (below(6)) {
      case 0: node = value + 1; break;
      case 1: node = value - 1; break;
      case 2: node = below(8); break;
      case 3: node = (std::uint64_t{1} << below(64)) - below(2); break;
      case 4: node = -static_cast<std::int64_t>(below(3)); break;
      default: node = static_cast<double>(value) + 0.5; break;
    }
  }

  void change_text(std::string& text) {
    const std::size_t at = below(text.size() + 1);
    switch (below(7)) {
      // Any character up to DEL, above all those that must be escaped.
      case 0: text.insert(at, 1, static_cast<char>(below(below(2) == 0 ? 32 : 128))); break;
      case 1: text.insert(at, "\xC3\xA4\xE2\x82\xAC"); break;
      case 2: text.resize(at); break;
      case 3: text += text.substr(at); break;
      case 4:
        if (!text.empty()) text[at % text.size()] = "0123456789abcdefAB.:/-+"[below(23)];
        break;
      case 5: text = std::to_string((std::uint64_t{1} << below(64)) - below(2)); break;
      default:
        if (!text.empty()) text.erase(at % text.size(), 1 + below(3));
    }
  }

  std::minstd_rand random_;
  std::vector<Json*> nodes_;
  std::vector<Json*> telling_;  // of them, numbers and lists: fewer than texts, and more matters
};

}  // namespace

std::optional<std::string> mutate_json(std::string_view text, std::uint32_t seed) {
  return Mutation(seed).of(text);
}

}  // namespace prytany::fuzz
