// What the liar says instead of the truth. Pure: a true answer in, a false one out, or nothing
// where there is nothing to lie about.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "server/wire/client_messages.h"
#include "server/wire/values.h"

namespace prytany::liar {

enum class Lie {
  tally,    // numbers in the rows of results
  receipt,  // texts in the rows of results
  refusal,  // an error code in place of a result, and a refusal before it
  join,     // another session, with another role, than was given
  token,    // join tokens that have run out, rightly signed
  ended,    // "your session has ended", after every answer
  status,   // its own view, numbers and digest
  pages,    // genesis.json, the application's pages, and what is said about their digests
  silence,  // greets, and never answers
};

struct Lies {
  std::set<Lie> told;
  std::set<std::string> procedures;  // only about these; empty: about everything
  std::set<std::string> columns;     // only these columns; empty: all
  std::uint64_t every = 1;           // only about each N-th question
  std::string code = "already_voted";

  [[nodiscard]] bool tells(Lie lie) const { return told.contains(lie); }
};

/// What was asked, as far as a liar wants to know.
struct Question {
  enum class Kind { join, call, execute, other };
  Kind kind = Kind::other;
  std::string procedure;  // of a call
};
Question question_of(const wire::RequestBody& body);

/// A lie in place of `truth`; nothing where these lies leave it as it is.
std::optional<wire::Outcome> forge(const Lies& lies, const Question& question,
                                   const wire::Outcome& truth);

/// A lie about a question whose true answer is not known yet, so that the liar answers first;
/// nothing if these lies have no word for it.
std::optional<wire::Outcome> invent(const Lies& lies, const Question& question);

/// Each letter and digit is the next one: it looks like what it was, and is something else.
std::string forged_text(const std::string& text);

wire::StatusReply forged_status(wire::StatusReply status);

}  // namespace prytany::liar
