#include <gtest/gtest.h>

#include "server/wire/codec.h"
#include "tests/unit/app/bench_of_one.h"

namespace prytany::app {
namespace {

TEST(Executor, runs_sql_of_an_administrator_and_keeps_the_rows) {
  Replica replica;
  Client admin = replica.join(test_key(100));
  EXPECT_EQ(code_of(replica.sql(admin, "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)")), "");
  EXPECT_EQ(code_of(replica.sql(admin, "INSERT INTO t VALUES(1, 'one'), (2, 'two')")), "");
  EXPECT_EQ(rows_of(replica.sql(admin, "SELECT * FROM t ORDER BY a DESC")), "2|two\n1|one");
}

TEST(Executor, creates_and_fills_indexes_and_refuses_to_rebuild_them) {
  Replica replica;
  Client admin = replica.join(test_key(100));
  replica.sql(admin, "CREATE TABLE t(a, b)");
  replica.sql(admin, "INSERT INTO t VALUES(1, 'one'), (2, 'two')");
  EXPECT_EQ(code_of(replica.sql(admin, "CREATE UNIQUE INDEX by_a ON t(a)")), "");
  EXPECT_EQ(code_of(replica.sql(admin, "CREATE INDEX IF NOT EXISTS by_a ON t(a)")), "");
  EXPECT_EQ(rows_of(replica.sql(admin, "SELECT b FROM t INDEXED BY by_a WHERE a = 2")), "two");
  EXPECT_EQ(code_of(replica.sql(admin, "REINDEX by_a")), "refused_reindex");
  EXPECT_EQ(code_of(replica.sql(admin, "REINDEX")), "refused_reindex");
}

TEST(Executor, starts_again_from_its_image_at_a_checkpoint_and_goes_on_alike) {
  Replica a;
  Client admin = a.join(test_key(100));
  a.sql(admin, "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)");
  while (a.executor().executed().value % Replica::checkpoint_interval != 0)
    a.sql(admin, "INSERT INTO t(b) VALUES(hex(randomblob(8)))");
  Replica b(nullptr, a.image());
  EXPECT_EQ(b.executor().executed(), a.executor().executed());
  EXPECT_EQ(b.executor().agreed(), a.executor().agreed());
  Client twin = admin;
  for (int i = 0; i < 20; ++i) {
    const std::string sql = "INSERT INTO t(b) VALUES(random() || CURRENT_TIMESTAMP)";
    EXPECT_EQ(a.sql(admin, sql), b.sql(twin, sql));
  }
  EXPECT_EQ(a.last_root(), b.last_root());
  EXPECT_EQ(a.image(), b.image());
}

}  // namespace
}  // namespace prytany::app
