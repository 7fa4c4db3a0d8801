// Rows on their way into a table: requests of many rows, several of them outstanding, in the order
// of the file, each row once.
//
// What makes it once is in the replicated database. Each request moves a row of `import_progress`
// from the number of rows that were in before to the number after it, fails unless it was there,
// and inserts between the two, all in one transaction. So a request that was sent twice, came late
// or overtook another changes nothing, and whoever wants to know how far an import is asks the
// cluster.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include <prytany/client.h>

#include "server/cli/command.h"
#include "server/cli/import_rows.h"
#include "server/wire/operations.h"

namespace prytany::cli {

struct ImportRow {
  std::size_t line = 0;
  std::vector<wire::Value> values;
  std::size_t bytes = 0;  // of its part of a request, about
};

struct ImportJob {
  std::string path;    // for messages
  std::string digest;  // of the file's bytes, hex
  std::string table;
  std::uint64_t total = 0;  // rows
  bool skip_refused = false;
};

struct ImportProgress {
  std::uint64_t rows = 0;     // of the file, in its order, that are dealt with
  std::uint64_t refused = 0;  // of them, not in the table
};

using ImportAnswers = Expected<std::vector<Answer>>;

class ImportSender {
 public:
  /// Sends a request; requests are numbered in the order of these calls.
  using Submit = std::function<std::future<ImportAnswers>(wire::Execute)>;
  /// The file's next row; nothing at its end.
  using NextRow = std::function<Result<std::optional<ImportRow>, Failure>()>;
  using Tell = std::function<void(const ImportProgress&)>;

  /// `plan` outlives it.
  ImportSender(const ImportPlan& plan, ImportJob job, Submit submit, NextRow next_row, Tell tell);

  /// Makes the tables of imports if they are missing, and says how far this one is. Fails if
  /// another file's import into the table was begun and not finished, unless `beside` it.
  Result<ImportProgress, Failure> begin(bool beside);
  /// From there to the end. The Failure says what to do; what is in then stays in.
  Result<ImportProgress, Failure> run();

  /// The first of the rows that were refused, as "LINE: why (code)".
  Result<std::vector<std::string>, Failure> refused_rows(std::size_t most);

 private:
  struct Chunk {
    std::uint64_t from = 0;
    std::uint64_t to = 0;
    std::future<ImportAnswers> answers;
  };

  [[nodiscard]] ImportAnswers ask(wire::Execute execute) {
    return submit_(std::move(execute)).get();
  }
  [[nodiscard]] wire::Statement advance(std::uint64_t from, std::uint64_t to, bool refused) const;
  [[nodiscard]] wire::Execute request(const Chunk& chunk) const;
  Status fill();
  Status settle();
  Status recover(const Chunk& chunk, const ErrorInfo& error);
  Status narrow(const Chunk& chunk, const ErrorInfo& error);
  Status pass_over(const ErrorInfo& error);
  Status look();
  Status drop_to(std::uint64_t index);
  Status need(std::uint64_t index);
  [[nodiscard]] std::uint64_t rows_wanted() const;
  [[nodiscard]] std::size_t depth() const;
  [[nodiscard]] const ImportRow& row(std::uint64_t index) const {
    return window_[static_cast<std::size_t>(index - window_begin_)];
  }
  [[nodiscard]] std::string place(std::uint64_t index) const {
    return job_.path + ":" + std::to_string(row(index).line);
  }

  const ImportPlan& plan_;
  ImportJob job_;
  Submit submit_;
  NextRow next_row_;
  Tell tell_;
  ImportProgress progress_;         // as the cluster has said
  std::deque<ImportRow> window_;    // read, and not known to be in
  std::uint64_t window_begin_ = 0;  // which row of the file the first one is
  std::uint64_t sent_ = 0;          // the next row to be sent
  std::deque<Chunk> outstanding_;   // in the order of the file
  std::uint64_t rows_max_ = 0;      // of one request
  std::uint64_t suspect_end_ = 0;   // there is a row before it that is refused
  unsigned stalls_ = 0;             // times in a row that nothing had moved
};

}  // namespace prytany::cli
