// One of four replicas lies to its clients with its real key: nothing it says is taken, and it is
// named (docs/design.md section 7; Castro & Liskov TOCS 2002 section 4.1: f+1 equal answers).
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "server/cli/http_get.h"
#include "tests/cluster/test_cluster.h"

namespace prytany::cluster_tests {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::vector<std::string> lie_about_results = {"--lie=tally", "--lie=receipt"};
const std::string true_page = "<!doctype html><body><h1>Poll</h1></body>";

/// A poll with receipts: the least that a liar can lie about.
void write_application(const fs::path& folder) {
  const auto put = [&](const std::string& name, const std::string& text) {
    fs::create_directories((folder / name).parent_path());
    std::ofstream(folder / name) << text;
  };
  put("prytany.json", R"({"name": "poll", "version": "1"})");
  put("schema/001_poll.sql", "CREATE TABLE votes(receipt TEXT PRIMARY KEY, choice TEXT);");
  put("procedures/vote.sql",
      "-- @param choice text(20)\n-- @roles admin\n"
      "SELECT ensure(:choice <> 'nobody', 'no_such_choice', 'nobody is not on the list');\n"
      "SELECT 'R-' || hex(randomblob(6)) AS \":receipt\";\n"
      "INSERT INTO votes VALUES(:receipt, :choice);\n"
      "SELECT :receipt AS receipt;");
  put("procedures/tally.sql",
      "-- @public\n-- @read-only\n"
      "SELECT choice, count(*) AS votes FROM votes GROUP BY choice ORDER BY choice;");
  put("procedures/receipts.sql",
      "-- @roles admin\n-- @read-only\nSELECT receipt FROM votes ORDER BY receipt;");
  put("web/index.html", true_page);
  put("web/app/main.js", "export const poll = 1;\n");
}

class Liar : public testing::Test {
 protected:
  Liar() {
    write_application(cluster_.folder() + "/poll");
    const Ran installed = run({"install", cluster_.folder() + "/poll", "--cluster",
                               cluster_.genesis(), "--key", cluster_.admin_key()});
    EXPECT_EQ(installed.exit_code, 0) << installed.errors;
  }
  /// Hears everybody, so that who differs is always named.
  Client join(const std::string& name) {
    Options options = cluster_.admin(name);
    options.linger = std::chrono::seconds(5);
    return Client(options);
  }
  Ran prytany(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--cluster", cluster_.genesis()});
    return run(arguments);
  }
  cli::HttpPage fetch(unsigned replica, const std::string& path) const {
    const auto address = wire::address_from(cluster_.url(replica).substr(7));
    const auto page = cli::http_page(*address, path, 5'000'000);
    EXPECT_TRUE(page.ok()) << page.error().message;
    return page.ok() ? *page : cli::HttpPage{};
  }

  TestCluster cluster_;
};

TEST_F(Liar, is_contradicted_and_named_whichever_replica_it_is) {
  std::size_t votes = 0;
  for (unsigned liar = 0; liar < 4; ++liar) {
    SCOPED_TRACE("replica " + std::to_string(liar) + " lies");
    cluster_.lie(liar, lie_about_results);
    Client client = join("voter");
    std::vector<std::string> receipts;
    for (int i = 0; i < 3; ++i) {
      const Answer vote = client.call("vote", {{"choice", "Aspasia"}});
      receipts.push_back(vote.value<std::string>());
      ++votes;
      EXPECT_THAT(receipts.back(), testing::StartsWith("R-"));
      EXPECT_THAT(vote.agreement.differed, ElementsAre(liar));
      EXPECT_EQ(vote.agreement.agreed.size(), 3U);
    }
    // The receipts are those that the database holds, not those that the liar gave.
    const Answer stored = client.call("receipts");
    for (const std::string& receipt : receipts)
      EXPECT_THAT(stored.rows, Contains(ElementsAre(Value(receipt))));
    EXPECT_THAT(stored.agreement.differed, ElementsAre(liar));
    const Answer tally = Cluster(cluster_.genesis(), std::chrono::seconds(5)).read("tally");
    EXPECT_THAT(tally.rows, ElementsAre(ElementsAre(Value("Aspasia"),
                                                    Value(static_cast<std::int64_t>(votes)))));
    EXPECT_THAT(tally.agreement.differed, ElementsAre(liar));
    for (unsigned id = 0; id < 4; ++id)
      EXPECT_EQ(client.standings()[id].differed > 0, id == liar) << "standing of " << id;
    cluster_.tell_the_truth(liar);
  }
}

TEST_F(Liar, cannot_refuse_nor_end_sessions_nor_keep_anybody_from_joining) {
  for (unsigned liar = 0; liar < 4; ++liar) {
    SCOPED_TRACE("replica " + std::to_string(liar) + " lies");
    cluster_.lie(liar, {"--lie=refusal", "--lie=ended", "--lie=join", "--lie=token"});
    for (int round = 0; round < 4; ++round) {
      Client client = join("joiner-" + std::to_string(round));
      EXPECT_EQ(client.role(), "admin");
      EXPECT_NE(client.session_id(), 999'999U);
      const Answer vote = client.call("vote", {{"choice", "Ephialtes"}});
      EXPECT_THAT(vote.value<std::string>(), testing::StartsWith("R-"));
      EXPECT_THAT(vote.agreement.differed, ElementsAre(liar));
      EXPECT_EQ(client.execute("SELECT 6 * 7").value<int>(), 42) << "the session goes on";
    }
    cluster_.tell_the_truth(liar);
  }
}

TEST_F(Liar, cannot_make_a_refusal_look_like_a_vote) {
  cluster_.lie(0, lie_about_results);
  Client client = join("refused");
  const auto refused = client.try_call("vote", {{"choice", "nobody"}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "no_such_choice");
  EXPECT_GE(client.standings()[0].differed, 1U);
}

TEST_F(Liar, that_answers_first_changes_nothing) {
  cluster_.lie(3, lie_about_results);
  Options options = cluster_.admin("hasty");
  options.linger = std::chrono::milliseconds(0);  // the first f+1 that agree will do
  Client client(options);
  std::size_t heard_first = 0;
  for (std::int64_t i = 0; i < 30; ++i) {
    // What it cannot know yet it makes up; the second time it starts from what was true.
    EXPECT_EQ(client.execute("SELECT ?", i / 2).value<std::int64_t>(), i / 2);
    const Answer same = client.execute("SELECT 'true' AS word");
    EXPECT_EQ(same.value<std::string>(), "true");
    EXPECT_THAT(same.agreement.agreed, Not(Contains(3U)));
    heard_first += same.agreement.differed.size();
  }
  EXPECT_GT(heard_first, 15U) << "its voice was there before the result was taken";
}

TEST_F(Liar, speaks_for_nobody_but_itself_in_a_status) {
  cluster_.lie(2, {"--lie=status"});
  Cluster cluster(cluster_.genesis());
  const auto status = cluster.status();
  for (const ReplicaStatus& replica : status) {
    ASSERT_TRUE(replica.reachable);
    EXPECT_EQ(replica.last_executed > 1'000'000, replica.id == 2U);
    EXPECT_EQ(replica.view == 7, replica.id == 2U);
  }
}

TEST_F(Liar, that_is_silent_is_counted_as_silent) {
  cluster_.lie(0, {"--lie=silence"});
  Options options = cluster_.admin("patient");
  options.linger = std::chrono::milliseconds(300);
  Client client(options);
  const Answer vote = client.call("vote", {{"choice", "Aspasia"}});
  EXPECT_THAT(vote.agreement.agreed, ElementsAre(1U, 2U, 3U));
  EXPECT_THAT(vote.agreement.silent, ElementsAre(0U));
}

TEST_F(Liar, may_lie_about_one_procedure_or_now_and_then) {
  cluster_.lie(2, {"--lie=receipt", "--procedure=vote", "--every=2"});
  Client client = join("sometimes");
  std::size_t lies = 0;
  for (int i = 0; i < 6; ++i) {
    EXPECT_THAT(client.call("receipts").agreement.differed, IsEmpty());
    lies += client.call("vote", {{"choice", "Aspasia"}}).agreement.differed.size();
  }
  EXPECT_EQ(lies, 3U);
}

TEST_F(Liar, is_named_on_the_command_line) {
  cluster_.lie(2, lie_about_results);
  const Ran sql = prytany({"sql", "SELECT 'true' AS word", "--key", cluster_.admin_key()});
  EXPECT_EQ(sql.exit_code, 0) << sql.errors;
  EXPECT_THAT(sql.output, HasSubstr("true"));
  EXPECT_THAT(sql.output, HasSubstr("contradicted: 2"));
  const Ran call = prytany(
      {"call", "vote", "choice=Aspasia", "--json", "--verbose", "--key", cluster_.admin_key()});
  EXPECT_EQ(call.exit_code, 0) << call.errors;
  EXPECT_THAT(call.output, HasSubstr("\"differed\":[2]"));
  EXPECT_THAT(call.errors, HasSubstr("replica 2 differs from 0,1,3"));
  const Ran read = prytany({"call", "tally", "--json"});
  EXPECT_EQ(read.exit_code, 0) << read.errors;
  EXPECT_THAT(read.output, HasSubstr("[\"Aspasia\",1]"));
  EXPECT_THAT(read.output, HasSubstr("\"differed\":[2]"));
}

// ---- pages --------------------------------------------------------------------------------------

class LiarWithPages : public Liar {
 protected:
  LiarWithPages() { cluster_.lie(2, {"--lie=pages"}); }
  std::string out() const { return cluster_.folder() + "/out"; }
};

TEST_F(LiarWithPages, gives_a_genesis_that_only_its_fingerprint_tells_from_ours) {
  const std::string forged = cluster_.folder() + "/forged.json";
  std::ofstream(forged) << fetch(2, "/genesis.json").body;
  EXPECT_EQ(fetch(1, "/genesis.json").body, text_of(cluster_.genesis()));
  const std::string fingerprint = Cluster(cluster_.genesis()).fingerprint();
  EXPECT_NE(Cluster(forged).fingerprint(), fingerprint);

  const Ran refused = run({"call", "tally", "--cluster", forged, "--fingerprint", fingerprint});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.errors, HasSubstr("fingerprint"));
  const Ran good = prytany({"call", "tally", "--fingerprint", fingerprint});
  EXPECT_EQ(good.exit_code, 0) << good.errors;
  // Who believes it finds no replica that holds its keys.
  Options deceived = cluster_.admin("deceived");
  deceived.genesis = forged;
  deceived.timeout = std::chrono::seconds(2);
  EXPECT_THROW(Client{deceived}, NoQuorum);
}

TEST_F(LiarWithPages, serves_a_forged_page_which_is_not_written_and_is_named) {
  ASSERT_THAT(fetch(2, "/").body, HasSubstr("forged by one server"));
  ASSERT_EQ(fetch(1, "/").body, true_page);
  const Ran pages = prytany({"pages", "--out", out()});
  EXPECT_EQ(pages.exit_code, 0) << pages.errors;
  EXPECT_EQ(text_of(out() + "/index.html"), true_page);
  EXPECT_EQ(text_of(out() + "/app/main.js"), "export const poll = 1;\n");
  EXPECT_EQ(text_of(out() + "/genesis.json"), text_of(cluster_.genesis()));
  EXPECT_THAT(text_of(out() + "/SHA256SUMS"), HasSubstr("  app/main.js\n"));
  EXPECT_THAT(pages.output, HasSubstr("contradicted: 2"));
  EXPECT_THAT(pages.errors, HasSubstr("replica 2 lists other pages"));
  EXPECT_THAT(pages.errors, HasSubstr("replica 2 serves 3 pages that the others contradict"));

  const Ran again = prytany({"pages", "--out", out()});
  EXPECT_EQ(again.exit_code, 2) << "a folder with content is not written to";
}

TEST_F(LiarWithPages, is_named_in_json_and_without_a_quorum_nothing_is_written) {
  const Ran pages = prytany({"pages", "--json", "--out", out()});
  EXPECT_EQ(pages.exit_code, 0) << pages.errors;
  EXPECT_THAT(pages.output, HasSubstr("\"listing\":{\"agreed\":[0,1,3],\"differed\":[2]"));
  EXPECT_THAT(pages.output, HasSubstr("\"path\":\"index.html\""));
  for (const unsigned id : {0U, 1U, 3U}) cluster_.kill(id);
  const Ran alone = prytany({"pages", "--timeout", "2", "--out", out() + "-alone"});
  EXPECT_EQ(alone.exit_code, 3);
  EXPECT_FALSE(fs::exists(out() + "-alone"));
}

// ---- the demo -----------------------------------------------------------------------------------

TEST(LiarDemo, ends_with_the_right_result_and_says_who_was_contradicted_how_often) {
  const Ran demo = run({"demo", "--app", PRYTANY_SOURCE_DIR "/examples/evote", "--liar", "2",
                        "--show", "echo $PRYTANY_URL of $PRYTANY_CLUSTER, not $PRYTANY_LIAR"});
  EXPECT_EQ(demo.exit_code, 0) << demo.errors;
  EXPECT_THAT(demo.output, testing::ContainsRegex("http://127.*genesis.json, not 2"));
  EXPECT_THAT(demo.output, testing::ContainsRegex(
                               "Server 2 was contradicted [0-9]+ times by the others; the result "
                               "is right"));
}

TEST(LongLiarDemo, fails_when_what_it_shows_fails) {
  const Ran demo = run({"demo", "--app", PRYTANY_SOURCE_DIR "/examples/evote", "--liar", "0",
                        "--show", "test $PRYTANY_LIAR = 1"});
  EXPECT_EQ(demo.exit_code, 1);
  EXPECT_THAT(demo.errors, HasSubstr("--show"));
}

}  // namespace
}  // namespace prytany::cluster_tests
