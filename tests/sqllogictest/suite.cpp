#include "tests/sqllogictest/suite.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>

#include "tests/sqllogictest/run.h"

namespace prytany::slt {
namespace {

namespace fs = std::filesystem;
using Starting = Result<std::unique_ptr<ClusterDatabase>>;
using SteadyClock = std::chrono::steady_clock;

double seconds_since(SteadyClock::time_point begin) {
  return std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

struct Totals {
  std::size_t passed = 0;
  std::size_t failed = 0;
  std::size_t refused = 0;
  std::size_t as_sqlite = 0;
  double seconds = 0;  // in which records ran
  std::map<std::string, std::size_t> refused_by_code;
};

/// One script's run, of which the end (a stable checkpoint, the digests) is waited for while the
/// next script runs.
struct Ending {
  std::string name;
  Counts counts;
  double seconds = 0;
  std::future<Result<std::string>> digests;
};

class Suite {
 public:
  Suite(const SuiteOptions& options, const std::vector<std::string>& scripts)
      : options_(options), scripts_(scripts) {}

  SuiteResult run() {
    if (!scripts_.empty()) start();
    for (std::size_t i = 0; i < scripts_.size(); ++i) {
      Starting database = std::move(*next_);
      next_.reset();
      // The next one's processes start while this one's records run.
      if (i + 1 < scripts_.size()) start();
      one(scripts_[i], std::move(database));
    }
    finish();
    return tell_totals();
  }

 private:
  void start() {
    // Those before may not have taken theirs yet, or not given them back.
    constexpr unsigned ports = 200;
    constexpr unsigned first_port = 26'000;
    constexpr unsigned turns = 100;
    const unsigned port = first_port + (started_++ % turns) * ports;
    next_.emplace(ClusterDatabase::start(options_.cluster, static_cast<std::uint16_t>(port)));
  }

  void one(const std::string& path, Starting database) {
    const std::string name = fs::path(path).filename().string();
    const auto script = read_script(path, engine);
    if (!script) return cannot(name, script.error().message);
    if (script->empty()) return without_records(name);
    if (!database) return cannot(name, database.error().message);
    const std::shared_ptr<ClusterDatabase> cluster = std::move(*database);
    if (auto opened = cluster->open(); !opened) return cannot(name, opened.error().message);
    const auto begin = SteadyClock::now();
    Ending ending;
    ending.name = name;
    ending.counts = run_script(
        *script, [&](const std::string& sql) { return cluster->ask(sql); }, options_.depth,
        options_.strict);
    ending.seconds = seconds_since(begin);
    ending.digests = std::async(std::launch::async, [cluster] { return cluster->close(); });
    finish();
    ending_ = std::move(ending);
  }

  /// The end of the script before.
  void finish() {
    if (!ending_) return;
    const Result<std::string> digests = ending_->digests.get();
    Counts& counts = ending_->counts;
    if (!digests) {
      ++counts.failed;
      counts.reports.push_back(ending_->name + ": failed: " + digests.error().message);
    }
    tell(*ending_, digests ? *digests : "digests not compared");
    totals_.passed += counts.passed;
    totals_.failed += counts.failed;
    totals_.refused += counts.refused;
    totals_.as_sqlite += counts.as_sqlite;
    totals_.seconds += ending_->seconds;
    for (const auto& [code, n] : counts.refused_by_code) totals_.refused_by_code[code] += n;
    ending_.reset();
  }

  void tell(const Ending& ending, const std::string& digests) const {
    const auto& reports = ending.counts.reports;
    for (std::size_t i = 0; i < std::min(reports.size(), options_.shown); ++i)
      std::printf("%s\n", reports[i].c_str());
    if (reports.size() > options_.shown)
      std::printf("... and %zu more\n", reports.size() - options_.shown);
    const auto records = static_cast<double>(ending.counts.records());
    std::printf("%s: %zu passed, %zu failed, %zu refused; %s; %.1f s, %.0f records/s\n",
                ending.name.c_str(), ending.counts.passed, ending.counts.failed,
                ending.counts.refused, digests.c_str(), ending.seconds,
                ending.seconds > 0 ? records / ending.seconds : 0);
    std::fflush(stdout);
  }

  void cannot(const std::string& name, const std::string& why) {
    finish();
    std::printf("%s: failed: %s\n", name.c_str(), why.c_str());
    std::fflush(stdout);
    ++totals_.failed;
  }

  /// As those are that halt for this engine, or are for others.
  void without_records(const std::string& name) {
    finish();
    std::printf("%s: it has no record for engine %s\n", name.c_str(), engine);
    std::fflush(stdout);
  }

  [[nodiscard]] SuiteResult tell_totals() const {
    for (const auto& [code, n] : totals_.refused_by_code)
      std::printf("refused %6zu  %s\n", n, code.c_str());
    if (totals_.as_sqlite > 0)
      std::printf("%zu of those passed are not as their script says, but as SQLite itself does\n",
                  totals_.as_sqlite);
    const std::size_t records = totals_.passed + totals_.failed + totals_.refused;
    if (totals_.seconds > 0)
      std::printf("%zu scripts, %zu records in %.1f s with durability %s: %.0f records/s\n",
                  scripts_.size(), records, totals_.seconds, options_.cluster.durability.c_str(),
                  static_cast<double>(records) / totals_.seconds);
    std::printf("%zu passed, %zu failed, %zu refused\n", totals_.passed, totals_.failed,
                totals_.refused);
    if (totals_.failed > 0) return SuiteResult::failed;
    return records > 0 ? SuiteResult::good : SuiteResult::no_records;
  }

  const SuiteOptions& options_;
  const std::vector<std::string>& scripts_;
  std::optional<Starting> next_;
  unsigned started_ = 0;
  std::optional<Ending> ending_;
  Totals totals_;
};

}  // namespace

Result<std::vector<std::string>> scripts_in(const std::vector<std::string>& paths) {
  std::vector<std::string> scripts;
  for (const std::string& path : paths) {
    if (!fs::exists(path)) return Error{path + " does not exist"};
    if (!fs::is_directory(path)) {
      scripts.push_back(path);
      continue;
    }
    std::vector<std::string> inside;
    for (const auto& entry : fs::recursive_directory_iterator(path))
      if (entry.is_regular_file() && entry.path().extension() == ".test")
        inside.push_back(entry.path().string());
    if (inside.empty()) return Error{"there is no .test file in " + path};
    std::ranges::sort(inside);
    scripts.insert(scripts.end(), inside.begin(), inside.end());
  }
  return scripts;
}

SuiteResult run_suite(const SuiteOptions& options, const std::vector<std::string>& scripts) {
  return Suite(options, scripts).run();
}

}  // namespace prytany::slt
