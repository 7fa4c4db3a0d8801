#include "server/app/expansion.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>
#include <vector>

namespace prytany::app {
namespace {

constexpr std::size_t nowhere = ~std::size_t{0};
constexpr Expanded beyond_bounds{expanded_words_max + 1, expanded_depth_max + 1};
/// Of definitions, one within another: each use looks through all of them.
constexpr std::size_t same_names_max = 1000;

char small(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// As SQLite's tokenizer: a name may have digits, $ and all that is not ASCII.
bool in_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$' || (static_cast<unsigned char>(c) & 0x80) != 0;
}

/// One after the other, without blanks and comments.
struct SqlWord {
  std::string_view text;
  [[nodiscard]] bool is(char sign) const { return text.size() == 1 && text[0] == sign; }
  [[nodiscard]] bool is_quoted() const {
    return std::string_view("\"'`[").find(text[0]) != std::string_view::npos;
  }
  [[nodiscard]] bool is_name() const { return in_name(text[0]) || is_quoted(); }
  /// `keyword` in small letters. Not where it is quoted.
  [[nodiscard]] bool is(std::string_view keyword) const {
    return std::ranges::equal(text, keyword, {}, small);
  }
  [[nodiscard]] std::string name() const;
};

std::string SqlWord::name() const {
  std::string_view rest = text;
  const char quote = is_quoted() ? text[0] : '\0';
  if (quote != '\0') rest.remove_prefix(1);
  if (quote != '\0' && !rest.empty() && rest.back() == (quote == '[' ? ']' : quote))
    rest.remove_suffix(1);
  std::string name;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    name += small(rest[i]);
    if (rest[i] == quote && quote != '[' && i + 1 < rest.size() && rest[i + 1] == quote) ++i;
  }
  return name;
}

std::size_t end_of_quoted(std::string_view sql, std::size_t at) {
  const char quote = sql[at] == '[' ? ']' : sql[at];
  for (++at; at < sql.size(); ++at) {
    if (sql[at] != quote) continue;
    if (quote == ']' || at + 1 == sql.size() || sql[at + 1] != quote) return at + 1;
    ++at;
  }
  return at;
}

/// Where a blank or a comment that begins here ends; `at`: none does.
std::size_t past_blank(std::string_view sql, std::size_t at) {
  if (std::string_view(" \t\r\n\f").find(sql[at]) != std::string_view::npos) return at + 1;
  const std::string_view rest = sql.substr(at);
  std::size_t end = at;
  if (rest.starts_with("--")) end = sql.find('\n', at);
  if (rest.starts_with("/*")) {
    end = sql.find("*/", at + 2);
    if (end != std::string_view::npos) end += 2;
  }
  return std::min(end, sql.size());
}

/// CREATE TEMP TRIGGER is refused elsewhere.
bool makes_a_trigger(const std::vector<SqlWord>& words) {
  return words.size() > 1 && words[0].is("create") && words[1].is("trigger");
}

/// Of the first statement. A trigger has several within it, so all of what is there.
std::vector<SqlWord> sql_words(std::string_view sql) {
  std::vector<SqlWord> words;
  bool is_trigger = false;
  for (std::size_t at = 0; at < sql.size();) {
    if (sql[at] == ';' && !words.empty() && !is_trigger) break;
    if (const std::size_t past = past_blank(sql, at); past != at) {
      at = past;
      continue;
    }
    std::size_t end = at + 1;
    if (SqlWord{sql.substr(at, 1)}.is_quoted()) {
      end = end_of_quoted(sql, at);
    } else if (in_name(sql[at])) {
      while (end < sql.size() && in_name(sql[end])) ++end;
    }
    words.push_back({sql.substr(at, end - at)});
    at = end;
    if (words.size() == 2) is_trigger = makes_a_trigger(words);
  }
  return words;
}

/// What ends a FROM. None of these is ever a name unless it is quoted.
bool ends_from(const SqlWord& word) {
  static constexpr auto keywords =
      std::to_array<std::string_view>({"where", "group", "order", "having", "limit", "union",
                                       "except", "intersect", "set", "select", "values"});
  return std::ranges::any_of(keywords, [&](std::string_view each) { return word.is(each); });
}

class SqlText {
 public:
  SqlText(std::string_view sql, SchemaNames& schema) : words_(sql_words(sql)), schema_(schema) {
    find_definitions();
    find_uses();
  }
  Expanded all() { return expanded({.end = words_.size()}, 0); }

 private:
  /// A common table expression: its words, and those that may name it.
  struct Definition {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::size_t seen_from = 0;
    std::size_t seen_until = 0;
    std::size_t owner = 0;  // as of the uses that are its own
    bool measured = false;
    Expanded expanded = {};
  };
  struct Use {
    std::size_t at;
    std::size_t owner;  // where the innermost select of a definition begins that it is in; 0: none
    std::string name;
  };

  void find_definitions();
  void define(std::size_t as, const std::vector<std::size_t>& partner,
              const std::vector<std::size_t>& around);
  void find_uses();
  [[nodiscard]] bool is_use(std::size_t at, bool in_from) const;
  [[nodiscard]] bool begins_from(std::size_t at) const {
    return words_[at].is(',') || words_[at].is('(') || words_[at].is("from") ||
           words_[at].is("join");
  }
  Expanded expanded(const Definition& of, std::size_t levels);
  Expanded named(const Use& use, std::size_t levels);

  std::vector<SqlWord> words_;
  SchemaNames& schema_;
  std::unordered_map<std::string, std::vector<Definition>> definitions_;
  std::vector<Use> uses_;          // ascending
  std::vector<std::size_t> ends_;  // of definitions that are selects, by where they begin; or 0
};

/// NAME AS (...), NAME (...) AS (...), with or without NOT MATERIALIZED. Other things look so, too
/// (generated columns, windows), and nobody uses them as tables.
void SqlText::find_definitions() {
  std::vector<std::size_t> partner(words_.size(), nowhere);
  std::vector<std::size_t> around(words_.size(), nowhere);  // the parenthesis that it is in
  std::vector<std::size_t> open;
  ends_.assign(words_.size(), 0);
  for (std::size_t i = 0; i < words_.size(); ++i) {
    if (words_[i].is(')') && !open.empty()) {
      partner[i] = open.back();
      partner[open.back()] = i;
      open.pop_back();
    }
    if (!open.empty()) around[i] = open.back();
    if (words_[i].is('(')) open.push_back(i);
  }
  for (std::size_t i = 1; i < words_.size(); ++i)
    if (words_[i].is("as")) define(i, partner, around);
}

void SqlText::define(std::size_t as, const std::vector<std::size_t>& partner,
                     const std::vector<std::size_t>& around) {
  std::size_t begin = as + 1;
  while (begin < words_.size() && (words_[begin].is("not") || words_[begin].is("materialized")))
    ++begin;
  if (begin >= words_.size() || !words_[begin].is('(')) return;
  std::size_t name = as - 1;
  if (words_[name].is(')')) {
    if (partner[name] == nowhere || partner[name] == 0) return;
    name = partner[name] - 1;
  }
  if (!words_[name].is_name()) return;
  const std::size_t end = partner[begin] == nowhere ? words_.size() : partner[begin];
  // What is in a select is SQLite's to copy only where the name is used. (A window's definition
  // looks the same, and is there in any case; but it is no select.)
  const bool selects = begin + 1 < words_.size() &&
                       (words_[begin + 1].is("select") || words_[begin + 1].is("values"));
  if (selects) ends_[begin] = end;
  const std::size_t outer = around[name];
  const bool closed = outer != nowhere && partner[outer] != nowhere;
  definitions_[words_[name].name()].push_back(
      {.begin = begin,
       .end = end,
       .seen_from = outer == nowhere ? 0 : outer,
       .seen_until = closed ? partner[outer] : words_.size()});
}

void SqlText::find_uses() {
  std::vector<bool> from{false};  // in each parenthesis that is open: whether this is a FROM
  std::vector<std::size_t> owners{0};
  std::vector<std::size_t> owner_at(words_.size(), 0);
  for (std::size_t i = 0; i < words_.size(); ++i) {
    const SqlWord& word = words_[i];
    if (i > 0 && owners.back() != 0 && i == ends_[owners.back()]) owners.pop_back();
    if (ends_[i] != 0) owners.push_back(i);
    owner_at[i] = owners.back();
    if (word.is('(')) {
      from.push_back(i > 0 && from.back() && begins_from(i - 1));
    } else if (word.is(')')) {
      if (from.size() > 1) from.pop_back();
    } else if (word.is("from") || word.is("join")) {
      from.back() = true;
    } else if (word.is(';')) {
      from.assign(1, false);
    } else if (ends_from(word)) {
      from.back() = false;
    } else if (word.is_name() && is_use(i, from.back())) {
      uses_.push_back({i, owners.back(), word.name()});
    }
  }
  for (auto& [name, all] : definitions_)
    for (Definition& each : all) each.owner = owner_at[each.begin];
}

bool SqlText::is_use(std::size_t at, bool in_from) const {
  while (at >= 2 && words_[at - 1].is('.')) at -= 2;  // main.t
  if (at == 0) return false;
  const SqlWord& before = words_[at - 1];
  if ((in_from && begins_from(at - 1)) || before.is("in")) return true;
  // A view with INSTEAD OF triggers is read where it is written.
  return before.is("into") || before.is("update") ||
         (at > 2 && words_[at - 3].is("update") && words_[at - 2].is("or"));
}

void add(Expanded& to, const Expanded& part) {
  to.words = std::min(to.words + part.words, expanded_words_max + 1);
  to.depth = std::max(to.depth, part.depth + 1);
}

Expanded SqlText::expanded(const Definition& of, std::size_t levels) {
  if (levels > expanded_depth_max) return beyond_bounds;
  Expanded sum{.words = std::min(of.end - of.begin, expanded_words_max + 1)};
  auto use = std::ranges::lower_bound(uses_, of.begin, {}, &Use::at);
  for (; use != uses_.end() && use->at < of.end; ++use)
    if (use->owner == of.owner) add(sum, named(*use, levels + 1));
  return sum;
}

/// The innermost of that name, or else the schema's.
Expanded SqlText::named(const Use& use, std::size_t levels) {
  Definition* found = nullptr;
  const auto all = definitions_.find(use.name);
  if (all != definitions_.end() && all->second.size() > same_names_max) return beyond_bounds;
  if (all != definitions_.end())
    for (Definition& each : all->second)
      if (each.seen_from <= use.at && use.at < each.seen_until &&
          (found == nullptr || each.seen_from >= found->seen_from))
        found = &each;
  if (found == nullptr) return schema_.of(use.name).value_or(Expanded{});
  // One that names itself is a recursion, which SQLite does not copy.
  if (found->begin <= use.at && use.at < found->end) return {};
  if (!found->measured) {
    found->measured = true;  // names that go in a circle are refused by SQLite
    found->expanded = expanded(*found, levels);
  }
  return found->expanded;
}

/// As SQLite reads a schema: the word is never a name unless it is quoted.
std::size_t foreign_keys(const std::vector<SqlWord>& words) {
  return static_cast<std::size_t>(
      std::ranges::count_if(words, [](const SqlWord& word) { return word.is("references"); }));
}

/// What it makes more of, of triggers and foreign keys.
std::size_t chained_by(const std::vector<SqlWord>& words) {
  if (makes_a_trigger(words)) return 1;
  return words[0].is("create") || words[0].is("alter") ? foreign_keys(words) : 0;
}

/// Nothing that begins so fires a trigger. (DROP TABLE obeys foreign keys, but fires none either.)
bool only_reads(const SqlWord& first) {
  static constexpr auto keywords =
      std::to_array<std::string_view>({"select", "values", "pragma", "create", "alter", "drop"});
  return std::ranges::any_of(keywords, [&](std::string_view each) { return first.is(each); });
}

std::string in_small_letters(std::string_view name) {
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(), small);
  return lower;
}

}  // namespace

void SchemaNames::clear() {
  objects_.clear();
  triggers_.clear();
  references_ = 0;
}

void SchemaNames::add(std::string_view name, std::string_view sql, bool is_view) {
  Object& object = objects_[in_small_letters(name)];
  references_ -= object.references;
  object = {std::string(sql), is_view, Measured::no, {}, 0};
  if (!is_view) object.references = foreign_keys(sql_words(sql));
  references_ += object.references;
}

void SchemaNames::add_trigger(std::string_view name, std::string_view sql) {
  triggers_[in_small_letters(name)] = {std::string(sql), Measured::no, {}};
}

void SchemaNames::measure() {
  for (auto& [name, object] : objects_) measure(object);
}

void SchemaNames::note(std::string_view sql) {
  const std::vector<SqlWord> words = sql_words(sql);
  if (words.size() < 3) return;
  // A column more, of a table that is measured again at the next commit.
  if (words[0].is("alter")) references_ += foreign_keys(words);
  const bool is_view = words[1].is("view");
  const bool is_trigger = makes_a_trigger(words);
  if (!words[0].is("create") || (!is_view && !is_trigger && !words[1].is("table"))) return;
  std::size_t at = 2;
  if (words[at].is("if")) at += 3;
  while (at + 2 < words.size() && words[at + 1].is('.')) at += 2;
  if (at >= words.size()) return;
  if (is_trigger) return add_trigger(words[at].name(), sql);
  add(words[at].name(), sql, is_view);
  // Others may have named it before it was there.
  for (auto& [name, object] : objects_) object.measured = Measured::no;
  for (auto& [name, trigger] : triggers_) trigger.measured = Measured::no;
}

bool SchemaNames::triggers_fit() {
  Expanded sum;
  for (auto& [name, trigger] : triggers_) {
    if (trigger.measured == Measured::no) trigger.expanded = expand(trigger.sql);
    trigger.measured = Measured::yes;
    ::prytany::app::add(sum, trigger.expanded);
  }
  return sum.fits();
}

Fit SchemaNames::fit(std::string_view sql) {
  if (!expand(sql).fits()) return Fit::statement_too_large;
  // So short that it cannot make too many.
  if (triggers_.empty() && references_ == 0 && sql.size() < chained_max) return Fit::fits;
  const std::vector<SqlWord> words = sql_words(sql);
  if (words.empty()) return Fit::fits;
  const std::size_t more = chained_by(words);
  if (more > 0 && chained() + more > chained_max) return Fit::schema_too_large;
  if (only_reads(words[0])) return Fit::fits;
  return chained() <= chained_max && triggers_fit() ? Fit::fits : Fit::schema_too_large;
}

/// A view may name what was made after it; those that go in a circle SQLite refuses.
void SchemaNames::measure(Object& object) {
  if (object.measured != Measured::no) return;
  object.measured = Measured::under_way;
  ++levels_;
  object.expanded =
      object.is_view ? expand(object.sql) : Expanded{.words = sql_words(object.sql).size()};
  --levels_;
  object.measured = Measured::yes;
}

std::optional<Expanded> SchemaNames::of(const std::string& lower_name) {
  const auto found = objects_.find(lower_name);
  if (found == objects_.end()) return std::nullopt;
  // Too deep for SQLite, and for us.
  constexpr std::size_t levels_max = 4 * expanded_depth_max;
  if (found->second.measured == Measured::no && levels_ > levels_max) return beyond_bounds;
  measure(found->second);
  return found->second.expanded;
}

Expanded SchemaNames::expand(std::string_view sql) { return SqlText(sql, *this).all(); }

}  // namespace prytany::app
