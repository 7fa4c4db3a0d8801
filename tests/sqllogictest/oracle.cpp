#include "tests/sqllogictest/oracle.h"

#include <sqlite3.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "server/app/sandbox.h"

namespace prytany::slt {
namespace {

/// The words of `sql` that name something, in lower case; not those in texts.
std::set<std::string> names_in(const std::string& sql) {
  std::set<std::string> names;
  std::string word;
  bool in_text = false;
  for (const char c : sql + " ") {
    if (c == '\'') in_text = !in_text;
    if (in_text) continue;
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_') {
      word.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
      continue;
    }
    const bool is_number = !word.empty() && std::isdigit(static_cast<unsigned char>(word[0])) != 0;
    if (!word.empty() && !is_number &&
        sqlite3_keyword_check(word.c_str(), static_cast<int>(word.size())) == 0)
      names.insert(word);
    word.clear();
  }
  return names;
}

/// What decides whether the second database did as the cluster did.
bool is_alike(const Record& record, const Outcome& cluster, const Outcome& plain) {
  if (cluster.ok() != plain.ok()) return false;
  if (!cluster.ok()) return cluster.message == plain.message;
  if (!record.is_query) return true;
  if (cluster.columns != plain.columns || cluster.columns != record.types.size()) return false;
  return rendered(record, cluster.rows) == rendered(record, plain.rows);
}

}  // namespace

bool only_reads(const std::string& sql) {
  const std::string word = app::first_word(sql);
  return word == "SELECT" || word == "VALUES";
}

const std::vector<std::string_view>& excused_codes() {
  static const std::vector<std::string_view> codes = {
      "not_a_number",        "not_utf8",          "refused_analyze",      "refused_attach",
      "refused_explain",     "refused_function",  "refused_pragma",       "refused_reindex",
      "refused_reserved",    "refused_statement", "refused_statistics",   "refused_temporary",
      "refused_transaction", "refused_vacuum",    "refused_virtual_table"};
  return codes;
}
bool is_excused(const std::string& code) {
  return std::ranges::binary_search(excused_codes(), std::string_view(code));
}

void Oracle::refused(std::size_t record, const std::string& code) {
  refused_.push_back({record, code});
}

void Oracle::catch_up(std::size_t end) {
  for (; seen_ < end; ++seen_) {
    const Record& record = script_[seen_];
    if (record.is_query && only_reads(record.sql)) continue;  // it left nothing behind
    (void)all_.ask(record.sql);
    const bool left_out =
        std::ranges::any_of(refused_, [&](const Refused& r) { return r.record == seen_; });
    if (!left_out) (void)without_.ask(record.sql);
  }
}

std::optional<Excuse> Oracle::excuse(std::size_t record, const Outcome& outcome) {
  if (outcome.unanswered) return std::nullopt;
  catch_up(record);
  const Record& failing = script_[record];
  Labels none;
  if (!judge(failing, outcome, none)) return std::nullopt;  // only its label is wrong
  const Outcome all = all_.ask(failing.sql);
  const Outcome without = without_.ask(failing.sql);
  seen_ = record + 1;
  if (!is_alike(failing, outcome, without)) return std::nullopt;
  if (!judge(failing, all, none)) return Excuse{true, "because " + cause(failing, outcome)};
  // A result that is not the one that is written there is a failure, whoever else computes it.
  const bool told_otherwise = outcome.ok() && !failing.expected.empty();
  if (told_otherwise || !is_alike(failing, outcome, all)) return std::nullopt;
  return Excuse{false, std::string("SQLite ") + sqlite3_libversion() + " does the same"};
}

std::string Oracle::cause(const Record& record, const Outcome& outcome) const {
  const auto told = [&](const Refused& r) {
    return script_[r.record].place + " was refused (" + r.code + ")";
  };
  const auto names = names_in(record.sql + " " + outcome.message);
  for (auto r = refused_.rbegin(); r != refused_.rend(); ++r) {
    const auto theirs = names_in(script_[r->record].sql);
    if (std::ranges::any_of(theirs, [&](const auto& name) { return names.contains(name); }))
      return told(*r);
  }
  std::string all;
  for (const Refused& r : refused_) all += (all.empty() ? "" : ", ") + told(r);
  return all;
}

}  // namespace prytany::slt
