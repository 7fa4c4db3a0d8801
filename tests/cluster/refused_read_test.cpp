// GET /read/PROCEDURE that is refused, of a replica and of `prytany gateway`: nobody learns whether
// a procedure that is not public exists, each mistake has its own code, what a replica refuses as
// an answer is signed like one, and whoever asks rightly afterwards is answered.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>

#include "server/cli/demo_checks.h"
#include "server/cli/http_get.h"
#include "server/crypto/sign.h"
#include "server/wire/client_json.h"
#include "server/wire/genesis.h"
#include "tests/cluster/background.h"
#include "tests/cluster/test_cluster.h"

namespace prytany::cluster_tests {
namespace {

using testing::HasSubstr;

/// Each answer's status, code, and whether it is signed.
constexpr const char* asking_script = R"python(
import http.client, json, sys

def ask(path, method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=30)
    connection.request(method, "/read/" + path)
    reply = connection.getresponse()
    body = reply.read()
    try:
        said = json.loads(body)
    except ValueError:
        said = {}
    answer = said.get("error") or said.get("outcome") or {}
    print(path[:20], reply.status, answer.get("code"), "signed" if "signature" in said else "")

for path in ["nothing", "stock", "item", "item?number=x", "item?number=7&of=1",
             "item?number=7&number=8", "item?number", "item?number=%zz", "", "x" * 300]:
    ask(path)
ask("item?number=7", "POST")
ask("item?number=7")
)python";

class RefusedReads : public testing::Test {
 protected:
  RefusedReads() {
    write("prytany.json",
          R"({"name":"shop","version":"1","roles":{"guest":{"authorize":"anyone"}}})");
    write("schema/001_items.sql",
          "CREATE TABLE items(id INTEGER PRIMARY KEY, name TEXT);\n"
          "INSERT INTO items VALUES(7, 'pen');\n");
    write("procedures/item.sql",
          "-- @param number integer\n-- @public\n-- @read-only\n"
          "SELECT name FROM items WHERE id = :number;\n");
    write("procedures/stock.sql", "-- @roles guest\n-- @read-only\nSELECT count(*) FROM items;\n");
    write("ask.py", asking_script);
    const Ran installed = run({"install", folder_.path(), "--cluster", cluster_.genesis(), "--key",
                               cluster_.admin_key()});
    EXPECT_EQ(installed.exit_code, 0) << installed.errors;
    for (unsigned id = 0; id < cluster_.size(); ++id) wait_for_item(id);
  }
  void write(const std::string& name, const std::string& text) const {
    const std::filesystem::path path = folder_.path() + "/" + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  [[nodiscard]] std::string get(unsigned replica, const std::string& path) const {
    const auto port = static_cast<std::uint16_t>(cluster_.base_port() + replica);
    const auto answer = cli::http_get({"127.0.0.1", port}, path, 10'000'000);
    return answer ? *answer : answer.error().message;
  }
  /// Until this replica, too, has executed what was installed.
  void wait_for_item(unsigned replica) const {
    std::string text;
    for (int i = 0; i < 200 && text.find("\"pen\"") == std::string::npos; ++i)
      text = get(replica, "/read/item?number=7");
    EXPECT_THAT(text, HasSubstr("\"pen\""));
  }
  [[nodiscard]] std::string asked_at(std::uint16_t port) const {
    const std::string out = folder_.path() + "/out";
    const std::string command = "no_proxy='*' python3 " + folder_.path() + "/ask.py " +
                                std::to_string(port) + " > " + out + " 2>&1";
    EXPECT_EQ(std::system(command.c_str()), 0) << text_of(out);
    return text_of(out);
  }

  TestFolder folder_;
  TestCluster cluster_;
};

TEST_F(RefusedReads, of_a_replica_are_answers_that_it_signs_or_no_question_at_all) {
  const std::string expected =
      "nothing 200 unknown_procedure signed\n"
      "stock 200 unknown_procedure signed\n"
      "item 200 missing_parameter signed\n"
      "item?number=x 200 wrong_type signed\n"
      "item?number=7&of=1 200 unknown_parameter signed\n"
      "item?number=7&number 200 unknown_parameter signed\n"
      "item?number 400 None \n"
      "item?number=%zz 403 None \n"
      " 400 None \n"
      "xxxxxxxxxxxxxxxxxxxx 400 None \n"
      "item?number=7 405 None \n"
      "item?number=7 200 None signed\n";
  for (const unsigned id : {0U, 3U})
    EXPECT_EQ(asked_at(static_cast<std::uint16_t>(cluster_.base_port() + id)), expected) << id;
}

TEST_F(RefusedReads, are_worth_something_by_f_plus_1_signatures_over_one_outcome) {
  const auto genesis = wire::genesis_from_json(text_of(cluster_.genesis()));
  ASSERT_TRUE(genesis.ok());
  const Digest cluster_id = wire::genesis_digest(genesis->genesis);
  std::optional<wire::Outcome> first;
  for (unsigned id = 0; id < cluster_.size(); ++id) {
    const std::string text = get(id, "/read/stock");
    const auto said = wire::to_client_json(text);
    ASSERT_TRUE(said.ok()) << text;
    const auto& reply = std::get<wire::PublicReadReply>(said->message);
    EXPECT_EQ(reply.question, wire::read_digest(wire::PublicRead{0, {{"stock"}, {}}}));
    EXPECT_EQ(first.value_or(reply.outcome), reply.outcome);
    first = reply.outcome;
    const std::string mark = "\"signature\":\"";
    const auto hex = from_hex(text.substr(text.find(mark) + mark.size(), 128));
    crypto::Signature signature;
    ASSERT_TRUE(hex && hex->size() == signature.bytes.size()) << text;
    std::ranges::copy(*hex, signature.bytes.begin());
    const ReplicaId self{static_cast<std::uint16_t>(id)};
    EXPECT_TRUE(crypto::verify(genesis->genesis.members.items.at(id).key,
                               wire::signed_read_bytes(cluster_id, self, reply), signature));
  }
  const auto& error = std::get<wire::ErrorReply>(first.value());
  EXPECT_EQ(error.code.text, "unknown_procedure");
  // As of one that is not there.
  EXPECT_EQ(error.message.text, "there is no public procedure 'stock'");
  EXPECT_THAT(get(0, "/read/stocks"), HasSubstr("there is no public procedure 'stocks'"));
}

TEST_F(RefusedReads, of_a_gateway_are_statuses_also_when_a_replica_is_gone) {
  const std::string key = folder_.path() + "/guest.pem";
  ASSERT_EQ(std::system(("openssl genpkey -algorithm ed25519 -out " + key + " 2>&1").c_str()), 0);
  std::filesystem::permissions(
      key, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  const std::uint16_t port = cli::free_base_port(24'000, 4);
  Background gateway({"gateway", "--cluster", cluster_.genesis(), "--key", key, "--listen",
                      "127.0.0.1:" + std::to_string(port), "--timeout", "5"});
  ASSERT_THAT(gateway.line_with("READY"), HasSubstr(":" + std::to_string(port)));
  const std::string expected =
      "nothing 404 unknown_procedure \n"
      "stock 404 unknown_procedure \n"
      "item 400 missing_parameter \n"
      "item?number=x 400 wrong_type \n"
      "item?number=7&of=1 400 unknown_parameter \n"
      "item?number=7&number 400 malformed \n"
      "item?number 400 malformed \n"
      "item?number=%zz 400 malformed \n"
      " 404 no_such_path \n"
      "xxxxxxxxxxxxxxxxxxxx 404 no_such_path \n"
      "item?number=7 405 wrong_method \n"
      "item?number=7 200 None \n";
  EXPECT_EQ(asked_at(port), expected);
  cluster_.kill(2);
  EXPECT_EQ(asked_at(port), expected) << "f+1 of the others say so";
  EXPECT_EQ(gateway.end(SIGTERM), 0);
}

}  // namespace
}  // namespace prytany::cluster_tests
