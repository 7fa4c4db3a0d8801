// `prytany import` against real replicas: killed midway, run again, and every row is there once.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "tests/cluster/background.h"
#include "tests/cluster/test_cluster.h"

namespace prytany::cluster_tests {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class Import : public testing::Test {
 protected:
  Import() : client_(cluster_.admin("counter")) {
    client_.execute("CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT, about TEXT)");
  }
  std::string file(const std::string& text) const {
    const std::string path = folder_.path() + "/people.csv";
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  std::vector<std::string> words(const std::string& path) const {
    return {"import",           path,    "--table",           "people", "--cluster",
            cluster_.genesis(), "--key", cluster_.admin_key()};
  }
  std::int64_t number(const std::string& sql) {
    return client_.read(Statement{sql, {}, {}}).value<std::int64_t>();
  }
  Ran import(const std::string& path, const std::vector<std::string>& more = {}) const {
    auto all = words(path);
    all.insert(all.end(), more.begin(), more.end());
    return run(all);
  }

  TestFolder folder_;
  TestCluster cluster_;
  Client client_;
};

TEST_F(Import, that_is_killed_midway_and_run_again_leaves_each_row_once) {
  constexpr std::int64_t rows = 150'000;
  std::string text = "id,name,about\r\n";
  for (std::int64_t i = 1; i <= rows; ++i)
    text +=
        std::to_string(i) + ",\"name, " + std::to_string(i) + "\"," + std::string(60, 'x') + "\r\n";
  const std::string path = file(text);
  unsigned kills = 0;
  for (std::int64_t goal = 1; goal < rows && kills < 2; ++kills) {
    Background importer(words(path));
    std::int64_t done = 0;
    for (int i = 0; i < 2000 && done < goal; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      if (number("SELECT count(*) FROM sqlite_schema WHERE name = 'import_progress'") == 0)
        continue;
      done = number("SELECT coalesce(max(rows), 0) FROM import_progress");
    }
    ASSERT_GE(done, goal);
    EXPECT_EQ(importer.end(SIGKILL), -SIGKILL) << "it has finished before";
    EXPECT_EQ(number("SELECT (SELECT count(*) FROM people) = rows FROM import_progress"), 1);
    goal = done + 5'000;
  }
  const std::int64_t before = number("SELECT rows FROM import_progress");
  ASSERT_LT(before, rows) << "nothing was left for the last run: kill it sooner";
  const Ran last = import(path, {"--json"});
  ASSERT_EQ(last.exit_code, 0) << last.errors;
  const json said = json::parse(last.output);
  EXPECT_EQ(said["rows"], rows);
  EXPECT_GE(said["before"], before) << "what was on its way when it was killed may have come";
  EXPECT_GT(said["before"], 0);
  EXPECT_EQ(number("SELECT count(*) FROM people"), rows);
  EXPECT_EQ(number("SELECT sum(id) FROM people"), rows * (rows + 1) / 2);
  EXPECT_EQ(number("SELECT count(*) FROM people WHERE name = 'name, ' || id"), rows);
  const Ran again = import(path);
  EXPECT_EQ(again.exit_code, 0) << again.errors;
  EXPECT_THAT(again.output, HasSubstr("150000 rows, 150000 of them from an earlier run"));
  EXPECT_EQ(number("SELECT count(*) FROM people"), rows);
}

TEST_F(Import, goes_on_while_a_replica_is_down) {
  cluster_.kill(3);
  std::string text = "\xEF\xBB\xBFname,id\n";
  for (int i = 1; i <= 5'000; ++i) text += "n," + std::to_string(i) + "\n";
  EXPECT_EQ(import(file(text)).exit_code, 0);
  EXPECT_EQ(number("SELECT count(*) FROM people"), 5'000);
  cluster_.restart(3);
}

TEST_F(Import, says_what_cannot_be_used_and_sends_nothing) {
  const Ran bad = import(file("id,name\n1,\"two\nlines\"\nx,y\n2\n"), {"--json"});
  EXPECT_EQ(bad.exit_code, 2);
  const json error = json::parse(bad.errors)["error"];
  EXPECT_EQ(error["code"], "bad_rows");
  EXPECT_THAT(error["message"].get<std::string>(), HasSubstr("people.csv:4: id: 'x' is no number"));
  EXPECT_THAT(error["message"].get<std::string>(), HasSubstr("people.csv:5: there are 1 fields"));
  EXPECT_EQ(number("SELECT count(*) FROM people"), 0);
  EXPECT_EQ(import(file("id,nmae\n")).exit_code, 2);
  EXPECT_EQ(import(file("")).exit_code, 2);
  EXPECT_EQ(run({"import", file("id\n1\n"), "--table", "nobody", "--cluster", cluster_.genesis(),
                 "--key", cluster_.admin_key()})
                .exit_code,
            2);
}

TEST_F(Import, notes_rows_that_the_database_refuses_and_passes_them_over) {
  const std::string path = file("id,name\n1,a\n1,b\n2,c\n");
  const Ran stopped = import(path);
  EXPECT_EQ(stopped.exit_code, 1);
  EXPECT_THAT(stopped.errors, HasSubstr("people.csv:3: UNIQUE constraint failed"));
  const Ran done = import(path, {"--skip-refused"});
  EXPECT_EQ(done.exit_code, 1) << "not all is in";
  EXPECT_THAT(done.errors, HasSubstr("people.csv:3: UNIQUE constraint failed: people.id"));
  EXPECT_EQ(number("SELECT sum(id) FROM people"), 3);
}

}  // namespace
}  // namespace prytany::cluster_tests
