#include "vfs/vfs.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <random>

#include "tests/unit/vfs/memory_files.h"
#include "tests/unit/vfs/support.h"
#include "vfs/agreed_source.h"

namespace prytany::vfs {
namespace {

Database open_on(PageStore& store) {
  Result<Database> database = open_database(store);
  EXPECT_TRUE(database.ok());
  return std::move(*database);
}

// Requests that grow, shrink, overflow, fail and roll back; equal for equal seeds.
std::vector<std::string> script(std::uint64_t seed, int requests) {
  std::mt19937_64 random(seed);
  const auto number = [&](std::uint64_t below) { return std::to_string(random() % below); };
  std::vector<std::string> statements{
      "CREATE TABLE a(k INTEGER PRIMARY KEY, v BLOB, t TEXT)",
      "CREATE INDEX a_v ON a(v)",
      "CREATE TABLE b(x UNIQUE, y REFERENCES a(k))",
      "CREATE TRIGGER tr AFTER DELETE ON a BEGIN DELETE FROM b WHERE y = old.k; END",
  };
  for (int i = 0; i < requests; ++i) {
    switch (random() % 9) {
      case 0:
      case 1:
        statements.push_back("INSERT INTO a(v, t) VALUES(randomblob(" + number(9000) +
                             "), datetime('now'))");
        break;
      case 2:
        statements.push_back(
            "WITH n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n WHERE i < 40) "
            "INSERT INTO a(v, t) SELECT randomblob(100), 'row ' || i FROM n");
        break;
      case 3: statements.push_back("DELETE FROM a WHERE k % 7 = " + number(7)); break;
      case 4:
        statements.push_back("UPDATE a SET v = randomblob(" + number(300) +
                             ") WHERE k % 5 = " + number(5));
        break;
      case 5:
        statements.push_back("INSERT OR IGNORE INTO b SELECT k % 31, k FROM a LIMIT " + number(60));
        break;
      case 6:  // fails half way
        statements.push_back("INSERT INTO b SELECT k % 5, k FROM a");
        break;
      case 7:
        statements.push_back("CREATE TABLE c" + std::to_string(i) + " AS SELECT * FROM a LIMIT 20");
        break;
      default: statements.push_back("DELETE FROM b");
    }
  }
  return statements;
}

struct Outcome {
  std::vector<Digest> roots;
  std::string content;
};

// One transaction per request, rolled back where it fails, a checkpoint every ten.
Outcome run_script(std::uint64_t seed, int cache_pages, bool reopen, bool fetch) {
  NoDisk disk;
  const auto store = new_store(disk);
  Outcome run;
  const auto open = [&] {
    Database database = open_on(*store);
    execute(database.get(), "PRAGMA cache_size=" + std::to_string(cache_pages));
    if (fetch) execute(database.get(), "PRAGMA mmap_size=1000000000");
    return database;
  };
  Database database = open();
  std::uint64_t n = 0;
  AgreedSource agreed;
  for (const std::string& statement : script(seed, 150)) {
    agreed.set(1'700'000'000'000'000 + static_cast<std::int64_t>(n) * 1'000'000,
               crypto::sha256("test.request", as_bytes(statement)));
    const AgreedScope scope(agreed);
    execute(database.get(), "BEGIN");
    const bool ok =
        sqlite3_exec(database.get(), statement.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
    if (sqlite3_get_autocommit(database.get()) == 0)
      execute(database.get(), ok ? "COMMIT" : "ROLLBACK");
    if (++n % 10 != 0) continue;
    if (reopen) {
      database.reset();
      run.roots.push_back(store->checkpoint(Label{n}));
      database = open();
    } else {
      run.roots.push_back(store->checkpoint(Label{n}));
    }
  }
  EXPECT_EQ(query(database.get(), "PRAGMA integrity_check"), "ok\n");
  run.content = query(database.get(), "SELECT k, hex(v), t FROM a ORDER BY k");
  return run;
}

TEST(Vfs, gives_equal_bytes_whatever_the_cache_the_reopening_and_the_way_of_reading) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const Outcome first = run_script(seed, 2000, false, false);
    EXPECT_EQ(first.roots, run_script(seed, 10, false, false).roots)
        << "small cache, seed " << seed;
    EXPECT_EQ(first.roots, run_script(seed, 10, true, false).roots) << "reopened, seed " << seed;
    EXPECT_EQ(first.roots, run_script(seed, 2000, true, true).roots) << "xFetch, seed " << seed;
    EXPECT_EQ(first.content, run_script(seed, 2000, true, true).content);
  }
  EXPECT_NE(run_script(1, 2000, false, false).roots, run_script(2, 2000, false, false).roots);
}

TEST(Vfs, holds_what_plain_sqlite_would_hold) {
  NoDisk disk;
  const auto store = new_store(disk);
  const Database replicated = open_on(*store);
  const TemporaryFolder folder;
  const PlainDatabase plain = open_plain(folder.file("plain.db"));
  execute(plain.get(), "PRAGMA synchronous=OFF");
  for (std::string statement : script(5, 150)) {
    // Time and randomness are where the two must differ.
    for (const char* word : {"randomblob", "datetime"}) {
      const auto at = statement.find(word);
      if (at != std::string::npos) statement.replace(at, std::string(word).size(), "quote");
    }
    const int ours = sqlite3_exec(replicated.get(), statement.c_str(), nullptr, nullptr, nullptr);
    const int theirs = sqlite3_exec(plain.get(), statement.c_str(), nullptr, nullptr, nullptr);
    ASSERT_EQ(ours, theirs) << statement;
  }
  for (const char* sql : {"SELECT k, hex(v), t FROM a ORDER BY k", "SELECT * FROM b ORDER BY x",
                          "SELECT type, name, sql FROM sqlite_schema ORDER BY name"})
    EXPECT_EQ(query(replicated.get(), sql), query(plain.get(), sql));
  // And the image is a database file.
  store->checkpoint(Label{1});
  const Bytes image = image_of(*store, Label{1});
  MemoryFolder copy;
  copy.files.push_back({image, {}, {}});
  copy.names["copy.db"] = 0;
  copy.copy_to(folder.path());
  EXPECT_EQ(query(open_plain(folder.file("copy.db")).get(), "PRAGMA integrity_check"), "ok\n");
}

TEST(Vfs, leaves_the_bytes_of_never_ran_when_a_request_fails) {
  NoDisk disk;
  const auto store = new_store(disk);
  const Database database = open_on(*store);
  for (const std::string& statement : script(6, 100)) query(database.get(), statement);
  execute(database.get(), "DELETE FROM a WHERE k % 2 = 0");
  const Digest before = store->checkpoint(Label{1});
  for (const char* failing : {"UPDATE a SET v = zeroblob(5000)", "DELETE FROM a", "DROP TABLE a",
                              "CREATE TABLE z AS SELECT * FROM a"}) {
    execute(database.get(), "BEGIN");
    execute(database.get(), failing);
    execute(database.get(), "ROLLBACK");
  }
  EXPECT_EQ(store->checkpoint(Label{2}), before);
  EXPECT_EQ(store->use().retained_pages, 0u);
}

TEST(Vfs, takes_time_and_randomness_from_the_scope_in_force) {
  NoDisk disk;
  const auto store = new_store(disk);
  const Database database = open_on(*store);
  const std::string now = "SELECT strftime('%Y-%m-%d %H:%M:%f','now'), julianday('now')";
  const std::string dice = "SELECT random(), hex(randomblob(20))";
  EXPECT_EQ(query(database.get(), now), "1970-01-01 00:00:00.000|2440587.5\n");

  AgreedSource agreed;
  agreed.set(1'234'567'890'123'999, crypto::sha256("test", as_bytes("a")));
  std::string first;
  std::string second;
  {
    const AgreedScope scope(agreed);
    EXPECT_EQ(query(database.get(), now).substr(0, 23), "2009-02-13 23:31:30.123");
    first = query(database.get(), dice);
    second = query(database.get(), dice);
  }
  EXPECT_NE(first, second);
  query(database.get(), dice);  // must leave no trace
  agreed.set(1'234'567'890'123'999, crypto::sha256("test", as_bytes("a")));
  {
    const AgreedScope scope(agreed);
    EXPECT_EQ(query(database.get(), dice), first);
    EXPECT_EQ(query(database.get(), dice), second);
  }
  agreed.set(1'234'567'890'123'999, crypto::sha256("test", as_bytes("b")));
  {
    const AgreedScope scope(agreed);
    EXPECT_NE(query(database.get(), dice), first);
  }
}

TEST(AgreedSource, gives_the_same_stream_however_it_is_cut) {
  AgreedSource whole;
  whole.set(5, crypto::sha256("test", as_bytes("seed")));
  Bytes all(1000);
  whole.fill(all);
  AgreedSource cut;
  cut.set(5, crypto::sha256("test", as_bytes("seed")));
  Bytes pieces;
  for (std::size_t n = 0; pieces.size() < all.size(); n = (n + 7) % 45) {
    Bytes piece(std::min(n, all.size() - pieces.size()));
    cut.fill(piece);
    pieces.insert(pieces.end(), piece.begin(), piece.end());
  }
  EXPECT_EQ(pieces, all);
}

TEST(AgreedSource, counts_time_before_1970_downwards_without_a_jump) {
  AgreedSource source;
  const auto ms = [&](std::int64_t us) {
    source.set(us, {});
    return source.julian_ms() - 210'866'760'000'000;
  };
  EXPECT_EQ(ms(0), 0);
  EXPECT_EQ(ms(999), 0);
  EXPECT_EQ(ms(-1), -1);
  EXPECT_EQ(ms(-1000), -1);
  EXPECT_EQ(ms(-1001), -2);
}

TEST(Vfs, lets_several_stores_live_in_one_process) {
  std::vector<std::unique_ptr<NoDisk>> disks;
  std::vector<std::unique_ptr<PageStore>> stores;
  std::vector<Database> databases;
  for (int i = 0; i < 4; ++i) {
    disks.push_back(std::make_unique<NoDisk>());
    stores.push_back(new_store(*disks.back()));
    databases.push_back(open_on(*stores.back()));
  }
  for (const std::string& statement : script(7, 80)) {
    for (int i = 0; i < 4; ++i) {
      AgreedSource agreed;
      agreed.set(1'000'000, crypto::sha256("test", as_bytes(statement)));
      const AgreedScope scope(agreed);
      query(databases[static_cast<std::size_t>(i)].get(), statement);
    }
  }
  const Digest root = stores[0]->checkpoint(Label{1});
  for (const auto& store : stores)
    EXPECT_EQ(store->retains(Label{1}) ? store->root(Label{1}) : store->checkpoint(Label{1}), root);
}

TEST(Vfs, opens_nothing_but_the_main_database) {
  NoDisk disk;
  const auto store = new_store(disk);
  const Database database = open_on(*store);
  EXPECT_EQ(query(database.get(), "ATTACH 'elsewhere.db' AS other").substr(0, 6), "error:");
  sqlite3* other = nullptr;
  EXPECT_EQ(sqlite3_open_v2("/prytany/none", &other, SQLITE_OPEN_READWRITE, "prytany"),
            SQLITE_CANTOPEN);
  sqlite3_close(other);
  // Sorts larger than any cache stay in memory.
  execute(database.get(), "PRAGMA cache_size=5");
  execute(database.get(),
          "CREATE TABLE s AS WITH n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n WHERE i < 20000) "
          "SELECT i * 7919 % 20011 AS x FROM n");
  EXPECT_EQ(query(database.get(), "SELECT x FROM s ORDER BY x DESC LIMIT 1"), "20010\n");
  EXPECT_EQ(query(database.get(), "PRAGMA journal_mode"), "memory\n");
}

TEST(Vfs, answers_a_full_capacity_as_a_fault_not_as_a_full_database) {
  NoDisk disk;
  const auto store = new_store(disk, 20 * page_bytes);
  const Database database = open_on(*store);
  execute(database.get(), "CREATE TABLE t(x)");
  EXPECT_EQ(sqlite3_exec(database.get(), "INSERT INTO t VALUES(zeroblob(200000))", nullptr, nullptr,
                         nullptr),
            SQLITE_IOERR);
}

TEST(Vfs, reads_a_restarted_replicas_state_as_it_was_written) {
  MemoryFolder folder;
  {
    MemoryFiles files(folder);
    InlineDisk disk(files);
    const auto store = new_store(disk);
    {
      const Database database = open_on(*store);
      execute(database.get(), "CREATE TABLE t(x); INSERT INTO t VALUES(42)");
    }
    store->checkpoint(Label{1});
    ASSERT_TRUE(store->begin_commit(Label{1}).ok());
    const Database database = open_on(*store);
    execute(database.get(), "INSERT INTO t VALUES(43)");  // never committed to disk
  }
  MemoryFiles files(folder);
  InlineDisk disk(files);
  const auto store = new_store(disk);
  EXPECT_EQ(query(open_on(*store).get(), "SELECT x FROM t"), "42\n");
}

}  // namespace
}  // namespace prytany::vfs
