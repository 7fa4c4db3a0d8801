#include "tests/sqllogictest/run.h"

#include <algorithm>
#include <deque>

#include "server/app/sandbox.h"
#include "server/cli/sql.h"
#include "tests/sqllogictest/expectation.h"
#include "tests/sqllogictest/oracle.h"

namespace prytany::slt {
namespace {

/// A session keeps this much of its last replies, for those who ask again, and at least the newest
/// (docs/reference/errors.md: reply_forgotten). Half of it is left for what JSON adds.
constexpr std::size_t replies_bytes_max = 512 << 10;

/// What a result takes, roughly.
std::size_t bytes_of(const Outcome& outcome) {
  std::size_t bytes = 100;
  for (const Row& row : outcome.rows)
    for (const Value& value : row) {
      const auto* text = std::get_if<std::string>(&value.storage());
      const auto* blob = std::get_if<Blob>(&value.storage());
      bytes += 10 + (text != nullptr ? text->size() : 0) + (blob != nullptr ? blob->size() : 0);
    }
  return bytes;
}

/// Of SQL, what a report needs.
std::string beginning_of(const std::string& sql) {
  constexpr std::size_t bytes_max = 4096;
  return sql.size() <= bytes_max ? sql : sql.substr(0, bytes_max) + "...";
}

class Run {
 public:
  Run(const std::vector<Record>& script, const Ask& ask, unsigned depth, bool strict)
      : script_(script),
        ask_(ask),
        depth_(depth),
        depth_now_(depth),
        strict_(strict),
        oracle_(script) {}

  Counts run() {
    for (std::size_t i = 0; i < script_.size() && !lost_; ++i) {
      const Record& record = script_[i];
      const bool reads = record.is_query && only_reads(record.sql);
      const std::vector<std::string> parts = parts_of(record);
      if (!record.is_query && app::is_blank(record.sql)) {
        take_all();
        if (!lost_) settle(i, {});  // comments alone are nothing that could go wrong
        continue;
      }
      if (parts.size() > 1) {
        take_all();
        if (!lost_) settle(i, in_turn(parts));
        continue;
      }
      if (!reads && !waiting_.empty() && waiting_.back().reads) take_all();
      while (!waiting_.empty() && waiting_.size() >= depth_now_) take_first();
      if (!lost_) waiting_.push_back({i, reads, parts[0], ask_(parts[0])});
    }
    take_all();
    // A cluster that does not answer has not passed what it was not asked.
    counts_.failed += script_.size() - counts_.records();
    return std::move(counts_);
  }

 private:
  struct Waiting {
    std::size_t record;
    bool reads;  // and so changes nothing
    std::string sql;
    std::future<Outcome> outcome;
  };

  /// SQLite's own runner gives the text of a statement to sqlite3_exec(): several may be in it.
  static std::vector<std::string> parts_of(const Record& record) {
    if (record.is_query || record.sql.find(';') == std::string::npos) return {record.sql};
    std::vector<std::string> parts = cli::split_statements(record.sql);
    if (parts.empty()) parts.push_back(record.sql);
    return parts;
  }
  Outcome in_turn(const std::vector<std::string>& parts) {
    Outcome last;
    for (const std::string& sql : parts) {
      last = ask_(sql).get();
      if (!last.ok()) break;
    }
    return last;
  }

  void take_first() {
    Waiting first = std::move(waiting_.front());
    waiting_.pop_front();
    Outcome outcome = first.outcome.get();
    if (lost_) return;
    // Where results are large, fewer are asked for at once: they must fit what a session keeps.
    const std::size_t fit = std::max<std::size_t>(replies_bytes_max / bytes_of(outcome), 1);
    depth_now_ = std::min<std::size_t>(depth_, fit);
    if (outcome.unanswered && first.reads) {
      // It changed nothing, nor does what was asked since: so it may be asked again, when nothing
      // else is on the way.
      for (Waiting& other : waiting_) other.outcome.wait();
      outcome = ask_(first.sql).get();
    }
    if (outcome.seq != 0 && outcome.seq < written_) return overtook(first.record);
    if (!first.reads) written_ = std::max(written_, outcome.seq);
    settle(first.record, outcome);
  }
  void take_all() {
    while (!waiting_.empty()) take_first();
  }

  /// What it found, and what others find from now on, is not what the script means.
  void overtook(std::size_t at) {
    ++counts_.failed;
    counts_.reports.push_back(script_[at].place +
                              ": failed: it ran before a statement before it, as only a change of "
                              "the primary can make it; --depth 1 asks one by one");
    lost_ = true;
  }

  void settle(std::size_t at, const Outcome& outcome) {
    const Record& record = script_[at];
    if (is_excused(outcome.code)) {
      oracle_.refused(at, outcome.code);
      return refuse(record, outcome.code, outcome.code);
    }
    const auto complaint = judge(record, outcome, labels_);
    if (!complaint) {
      ++counts_.passed;
      return;
    }
    const auto excuse = oracle_.excuse(at, outcome);
    if (excuse && excuse->refused) return refuse(record, "in consequence", excuse->why);
    const bool passed = excuse && !strict_;
    ++(passed ? counts_.passed : counts_.failed);
    if (passed) ++counts_.as_sqlite;
    counts_.reports.push_back(record.place + (passed ? ": passed, as " + excuse->why : ": failed") +
                              ": " + *complaint + "\n  " + beginning_of(record.sql));
    lost_ = outcome.unanswered;
  }

  void refuse(const Record& record, const std::string& kind, const std::string& why) {
    ++counts_.refused;
    ++counts_.refused_by_code[kind];
    counts_.reports.push_back(record.place + ": refused: " + why);
  }

  const std::vector<Record>& script_;
  const Ask& ask_;
  unsigned depth_;
  std::size_t depth_now_;
  bool strict_;
  Oracle oracle_;
  Labels labels_;
  std::deque<Waiting> waiting_;
  Counts counts_;
  std::uint64_t written_ = 0;  // the highest seq of a statement
  bool lost_ = false;
};

}  // namespace

Counts run_script(const std::vector<Record>& script, const Ask& ask, unsigned depth, bool strict) {
  return Run(script, ask, depth, strict).run();
}

}  // namespace prytany::slt
