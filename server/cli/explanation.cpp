#include "server/cli/explanation.h"

#include <sqlite3.h>

#include "server/app/engine.h"
#include "server/app/executor.h"
#include "server/app/sql_application.h"
#include "server/app/tables.h"
#include "server/base/ensure.h"
#include "vfs/agreed_source.h"

namespace prytany::cli {
namespace {

constexpr int busy_timeout_ms = 2000;

struct CloseStateFile {
  void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
};
using StateFileHandle = std::unique_ptr<sqlite3, CloseStateFile>;

struct FreeImage {
  void operator()(unsigned char* image) const { sqlite3_free(image); }
};

/// An image that is in memory already; nothing of it is ever written.
class ImageDisk final : public vfs::StateDisk {
 public:
  ImageDisk(std::unique_ptr<unsigned char, FreeImage> image, std::uint64_t bytes)
      : image_(std::move(image)), pages_(static_cast<vfs::PageIndex>(bytes / vfs::page_bytes)) {}

  Result<void> load(vfs::ImageSink& sink) override {
    if (auto begun = sink.begin(pages_, -1, 0); !begun) return begun;
    for (vfs::PageIndex page = 0; page < pages_; ++page)
      sink.page(page, vfs::PageView(image_.get() + vfs::byte_offset(page), vfs::page_bytes));
    image_.reset();
    return {};
  }
  void begin_commit(vfs::Commit commit) override { last_ = commit.number; }
  Result<vfs::DiskProgress> progress() override { return vfs::DiskProgress{last_, last_}; }

 private:
  std::unique_ptr<unsigned char, FreeImage> image_;
  vfs::PageIndex pages_;
  std::uint64_t last_ = 0;
};

/// Runs `sql`, whose rows `take` takes; false if it cannot be run.
template <class Take>
bool each_row(sqlite3* handle, const char* sql, Take take) {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v2(handle, sql, -1, &raw, nullptr) != SQLITE_OK) return false;
  app::Statement statement(raw);
  int rc = 0;
  while ((rc = statement.step()) == SQLITE_ROW) take(statement);
  return rc == SQLITE_DONE;
}

}  // namespace

Result<TrialState> read_state(const std::string& path) {
  sqlite3* raw = nullptr;
  const int rc = sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READONLY, "unix");
  const StateFileHandle handle(raw);
  if (rc != SQLITE_OK) return Error{"cannot open " + path + ": " + sqlite3_errmsg(raw)};
  sqlite3_busy_timeout(raw, busy_timeout_ms);
  TrialState state;
  std::int64_t format = 0;
  // One read transaction, so that the image is the one that was looked at.
  const bool read =
      each_row(raw, "BEGIN", [](const app::Statement&) {}) &&
      each_row(raw, "SELECT format, agreed_us FROM prytany_state",
               [&](const app::Statement& row) {
                 format = row.integer(0);
                 state.agreed = AgreedTime{row.integer(1)};
               }) &&
      each_row(raw, "SELECT path, content FROM prytany_application_files ORDER BY path",
               [&](const app::Statement& row) {
                 state.application.files.items.push_back(
                     {{std::string(row.text(0))}, {to_bytes(row.blob(1))}});
               });
  if (!read)
    return Error{path + " is no state.db of a replica: " + std::string(sqlite3_errmsg(raw))};
  if (format != app::tables_format)
    return Error{path + " cannot be read: " + app::refused_format(format)};
  sqlite3_int64 bytes = 0;
  std::unique_ptr<unsigned char, FreeImage> image(sqlite3_serialize(raw, "main", &bytes, 0));
  if (image == nullptr || bytes % static_cast<sqlite3_int64>(vfs::page_bytes) != 0)
    return Error{path + " cannot be read as a whole: is there enough memory?"};
  state.disk = std::make_unique<ImageDisk>(std::move(image), static_cast<std::uint64_t>(bytes));
  auto store = vfs::PageStore::open(*state.disk);
  if (!store) return store.error();
  state.store = std::move(*store);
  return state;
}

app::Explanation explain_call(vfs::PageStore& store, const wire::Call& call,
                              const std::string& role, AgreedTime agreed) {
  app::Engine engine(store, 0, nullptr);
  engine.open();
  const auto application = app::SqlApplication::load(engine);
  ENSURE(application != nullptr);
  const std::string principal = role + ":explained";
  const Digest seed = crypto::sha256("prytany explain", wire::encode(call));
  vfs::AgreedSource source;
  source.set(agreed.value, seed);

  app::RequestState& state = engine.state();
  state.agreed = agreed;
  state.random = app::RandomStream(seed);
  // A session that is not in the table, as one that has just begun.
  state.session = SessionId{~std::uint64_t{0} >> 1};
  state.principal = principal;
  state.role = role;
  state.start();
  state.work_max = application->steps_max(app::ExecutorConfig{}.steps_per_request_max);
  state.database_pages_before = store.size() / vfs::page_bytes;
  state.total_changes_before = sqlite3_total_changes64(engine.handle());
  sqlite3_set_last_insert_rowid(engine.handle(), 0);

  const vfs::AgreedScope scope(source);
  return app::explain(engine, [&] { return application->call(engine, call, role); });
}

}  // namespace prytany::cli
