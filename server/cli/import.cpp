// prytany import: a CSV file into a table of the cluster, each row once.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>

#include "clientlib/cluster_impl.h"
#include "server/app/sql.h"
#include "server/cli/client_access.h"
#include "server/cli/client_commands.h"
#include "server/cli/import_sender.h"
#include "server/crypto/digest.h"
#include "server/net/socket.h"
#include "server/wire/json_writer.h"

namespace prytany::cli {
namespace {

// A request of one row, with its envelope and progress, stays below limits::request_bytes_max.
constexpr std::size_t row_bytes_max = 960 << 10;
constexpr std::size_t complaints_shown = 10;
constexpr auto tell_every = std::chrono::seconds(1);

struct ImportOptions {
  ClientOptions client;
  std::string file;
  std::string table;
  std::string null_text;
  bool has_null_text = false;
  bool skip_refused = false;
  bool beside = false;
};

/// A file that is read twice, and must be the same both times.
class ImportFile {
 public:
  static Result<ImportFile> open(const std::string& path) {
    ImportFile file;
    file.fd_ = net::Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.fd_.get() < 0 || ::fstat(file.fd_.get(), &file.first_) != 0)
      return Error{"cannot open " + path + ": " + std::strerror(errno)};
    if (!S_ISREG(file.first_.st_mode))
      return Error{path + " is no ordinary file, and must be one: it is read twice"};
    file.path_ = path;
    return file;
  }

  /// Its bytes from the beginning; `digest`, if given, is told of them.
  [[nodiscard]] CsvReader::Source pieces(std::shared_ptr<crypto::Hasher> digest) const {
    return [this, digest = std::move(digest), at = off_t{0},
            buffer = std::vector<char>(64 << 10)]() mutable -> Result<std::string_view> {
      const ssize_t n = ::pread(fd_.get(), buffer.data(), buffer.size(), at);
      if (n < 0) return Error{"cannot read " + path_ + ": " + std::strerror(errno)};
      struct stat now = {};
      if (::fstat(fd_.get(), &now) != 0 || now.st_size != first_.st_size ||
          now.st_mtim.tv_sec != first_.st_mtim.tv_sec ||
          now.st_mtim.tv_nsec != first_.st_mtim.tv_nsec)
        return Error{path_ + " was changed while it was read: begin again"};
      at += n;
      const std::string_view piece(buffer.data(), static_cast<std::size_t>(n));
      if (digest != nullptr) digest->add(as_bytes(piece));
      return piece;
    };
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  net::Fd fd_;
  struct stat first_ = {};
  std::string path_;
};

std::string complaint_text(const std::string& path, const CsvComplaint& complaint) {
  if (complaint.line == 0) return complaint.what;
  return path + ":" + std::to_string(complaint.line) + ": " + complaint.what;
}

/// The next record that is a row, as one.
Result<std::optional<ImportRow>, CsvComplaint> next_import_row(CsvReader& reader,
                                                               const ImportPlan& plan) {
  while (true) {
    auto record = reader.next();
    if (!record) return record.error();
    if (!*record) return std::optional<ImportRow>();
    if (!plan.is_row(**record)) continue;
    ImportRow row;
    row.line = (*record)->line;
    for (const CsvField& field : (*record)->fields) row.bytes += field.text.size() + 8;
    auto values = plan.values(**record);
    if (!values) return CsvComplaint{row.line, values.error().message};
    if (row.bytes > row_bytes_max)
      return CsvComplaint{row.line,
                          "this row has " + std::to_string(row.bytes) +
                              " bytes, too many for one request: put large values in pieces "
                              "(docs/how-to/large-values.md)"};
    row.values = std::move(*values);
    return std::optional(std::move(row));
  }
}

Result<CsvRecord> read_header(CsvReader& reader, const std::string& path) {
  auto header = reader.next();
  if (!header) return Error{complaint_text(path, header.error())};
  if (!*header) return Error{path + " is empty: its first line must name the columns"};
  return std::move(**header);
}

struct Examined {
  std::uint64_t rows = 0;
  std::string digest;
};

/// Reads all of it before anything is sent: a file with rows that cannot be used is refused whole.
Result<Examined> examine(const ImportFile& file, const ImportPlan& plan) {
  const auto digest = std::make_shared<crypto::Hasher>("prytany import");
  CsvReader reader(file.pieces(digest));
  if (auto header = read_header(reader, file.path()); !header) return header.error();
  Examined examined;
  std::size_t wrong = 0;
  std::string complaints;
  while (true) {
    const auto row = next_import_row(reader, plan);
    if (row && !*row) break;
    if (row) {
      ++examined.rows;
      continue;
    }
    if (++wrong <= complaints_shown)
      complaints += (wrong == 1 ? "" : "; ") + complaint_text(file.path(), row.error());
    // Where the file itself makes no sense any more, what follows would not either.
    if (reader.has_failed()) break;
  }
  if (wrong > complaints_shown)
    complaints += "; and " + std::to_string(wrong - complaints_shown) + " more";
  if (wrong > 0) return Error{"nothing was sent: " + complaints};
  examined.digest = digest->finish().hex();
  return examined;
}

struct ImportTable {
  std::string name;
  std::vector<TableColumn> columns;
};

Result<ImportTable, Failure> read_table(const Client& client, const std::string& wanted) {
  std::vector<Statement> statements(2);
  statements[0].sql =
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE";
  statements[0].positional = {wanted};
  statements[1].sql = "PRAGMA table_xinfo(" + quoted_name(wanted) + ")";
  const auto answers = ask(client, client::to_wire(statements, true));
  if (!answers) return answers.error();
  if (answers->at(0).rows.empty())
    return usage_failure("there is no table '" + app::clipped(wanted, 100) + "'");
  ImportTable table;
  table.name = answers->at(0).rows[0].at(0).as<std::string>();
  for (const Row& row : answers->at(1).rows)
    table.columns.push_back({row.at(1).as<std::string>(), row.at(2).as<std::string>(),
                             row.at(6).as<std::int64_t>() > 1});
  return table;
}

ImportSender::Submit submit_to(const Client& client) {
  return [&client](wire::Execute execute) {
    const auto promise = std::make_shared<std::promise<ImportAnswers>>();
    ClientAccess::of(client).submit(std::move(execute), [promise](const client::Completion& c) {
      promise->set_value(client::answers_of(c));
    });
    return promise->get_future();
  };
}

ImportSender::Tell tell_people(const ImportJob& job, bool json) {
  if (json) return [](const ImportProgress&) {};
  return [path = job.path, total = job.total,
          last = std::chrono::steady_clock::now()](const ImportProgress& progress) mutable {
    if (std::chrono::steady_clock::now() - last < tell_every) return;
    last = std::chrono::steady_clock::now();
    std::fprintf(stderr, "%s: %llu of %llu rows\n", path.c_str(),
                 static_cast<unsigned long long>(progress.rows),
                 static_cast<unsigned long long>(total));
  };
}

void print_import(const ImportJob& job, std::uint64_t begun_at, const ImportProgress& progress,
                  bool json) {
  if (json) {
    wire::JsonWriter writer;
    writer.begin_object();
    writer.key("table").text(job.table).key("file").word(job.digest);
    writer.key("rows").integer(static_cast<std::int64_t>(progress.rows));
    writer.key("before").integer(static_cast<std::int64_t>(begun_at));
    writer.key("refused").integer(static_cast<std::int64_t>(progress.refused));
    writer.end_object();
    std::printf("%s\n", std::move(writer).take().c_str());
    return;
  }
  std::printf("%s: %llu rows, %llu of them from an earlier run, %llu refused\n", job.path.c_str(),
              static_cast<unsigned long long>(progress.rows),
              static_cast<unsigned long long>(begun_at),
              static_cast<unsigned long long>(progress.refused));
}

Status report_import(ImportSender& sender, const ImportJob& job, std::uint64_t begun_at,
                     const ImportProgress& progress, bool json) {
  print_import(job, begun_at, progress, json);
  if (progress.refused == 0) return {};
  const auto lines = sender.refused_rows(complaints_shown);
  if (!lines) return lines.error();
  for (const std::string& line : *lines)
    if (!json) std::fprintf(stderr, "%s:%s\n", job.path.c_str(), line.c_str());
  return Failure{ExitCode::failed, "rows_refused",
                 std::to_string(progress.refused) +
                     " rows were refused and are not in the table; all of them: SELECT line, "
                     "code, message FROM import_refused WHERE file = '" +
                     job.digest + "'"};
}

Status run_import(const ImportOptions& options, bool json) {
  const auto file = ImportFile::open(options.file);
  if (!file) return usage_failure(file.error().message);
  CsvReader first_line(file->pieces(nullptr));
  const auto header = read_header(first_line, file->path());
  if (!header) return usage_failure(header.error().message);
  const auto client = join(options.client);
  if (!client) return client.error();
  const auto table = read_table(*client, options.table);
  if (!table) return table.error();
  std::optional<std::string> null_text;
  if (options.has_null_text) null_text = options.null_text;
  const auto plan = ImportPlan::make(table->name, table->columns, *header, null_text);
  if (!plan) return usage_failure(file->path() + ":1: " + plan.error().message);
  const auto examined = examine(*file, *plan);
  if (!examined) return Failure{ExitCode::usage, "bad_rows", examined.error().message};

  const ImportJob job{file->path(), examined->digest, table->name, examined->rows,
                      options.skip_refused};
  CsvReader reader(file->pieces(nullptr));
  if (auto again = read_header(reader, file->path()); !again)
    return usage_failure(again.error().message);
  const auto next_row = [&]() -> Result<std::optional<ImportRow>, Failure> {
    auto row = next_import_row(reader, *plan);
    if (!row) return usage_failure(complaint_text(file->path(), row.error()));
    return std::move(*row);
  };
  ImportSender sender(*plan, job, submit_to(*client), next_row, tell_people(job, json));
  const auto begun = sender.begin(options.beside);
  if (!begun) return begun.error();
  const auto done = sender.run();
  if (!done) return done.error();
  return report_import(sender, job, begun->rows, *done, json);
}

}  // namespace

void add_import(arguments::Command app, Chosen& chosen) {
  auto options = std::make_shared<ImportOptions>();
  arguments::Command command = app.add_command(
      "import", "Put the rows of a CSV file into a table; run again, it goes on where it stopped");
  command.add_option("FILE", options->file, "RFC 4180, UTF-8; its first line names columns")
      .required();
  command.add_option("--table", options->table, "The table").required();
  auto null_text = command.add_option("--null", options->null_text,
                                      "Fields that are this text, without quotes, are NULL");
  command.add_flag("--skip-refused", options->skip_refused,
                   "Note rows that the database refuses in import_refused, and go on");
  command.add_flag("--beside", options->beside,
                   "Begin although the import of another file into the table is not finished");
  add_client_options(command, options->client);
  add_json_flag(command, chosen);
  command.when_chosen([&chosen, options, null_text] {
    options->has_null_text = null_text.given();
    chosen.run = [options, &chosen] { return run_import(*options, chosen.json); };
  });
}

}  // namespace prytany::cli
