// GET /read/PROCEDURE on real replicas: f+1 signatures over one answer, checked with nothing but
// genesis.json.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "server/cli/http_get.h"
#include "server/crypto/sign.h"
#include "server/wire/client_json.h"
#include "server/wire/genesis.h"
#include "tests/cluster/test_cluster.h"

namespace prytany::cluster_tests {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::string read_of(const TestCluster& cluster, unsigned replica, const std::string& what) {
  const auto answer = cli::http_get(
      {"127.0.0.1", static_cast<std::uint16_t>(cluster.base_port() + replica)}, what, 10'000'000);
  return answer ? *answer : answer.error().message;
}

TEST(HttpReads, are_signed_by_each_replica_and_the_same_on_all) {
  TestCluster cluster;
  const Ran installed = run({"install", PRYTANY_SOURCE_DIR "/examples/guestbook", "--cluster",
                             cluster.genesis(), "--key", cluster.admin_key()});
  ASSERT_EQ(installed.exit_code, 0) << installed.errors;
  Client admin(cluster.admin("host"));
  admin.execute("INSERT INTO entries(guest, text, at) VALUES('anna', 'by plain HTTP', 'now')");

  const auto genesis = wire::genesis_from_json(text_of(cluster.genesis()));
  ASSERT_TRUE(genesis.ok());
  const Digest cluster_id = wire::genesis_digest(genesis->genesis);
  const Digest question = wire::read_digest(wire::PublicRead{0, {{"entries"}, {}}});
  for (unsigned id = 0; id < cluster.size(); ++id) {
    // A replica that is behind for a moment answers from its past.
    std::string text;
    for (int i = 0; i < 100 && text.find("by plain HTTP") == std::string::npos; ++i)
      text = read_of(cluster, id, "/read/entries");
    const auto said = wire::to_client_json(text);
    ASSERT_TRUE(said.ok()) << text;
    const auto& reply = std::get<wire::PublicReadReply>(said->message);
    EXPECT_EQ(reply.question, question);
    EXPECT_EQ(std::get<wire::ResultSets>(reply.outcome).items.at(0).rows.size(), 1U);
    const json members = json::parse(text);
    EXPECT_EQ(members["replica"], id);
    const auto bytes = from_hex(members["signature"].get<std::string>());
    crypto::Signature signature;
    ASSERT_TRUE(bytes && bytes->size() == signature.bytes.size());
    std::ranges::copy(*bytes, signature.bytes.begin());
    const auto& key = genesis->genesis.members.items.at(id).key;
    const ReplicaId self{static_cast<std::uint16_t>(id)};
    EXPECT_TRUE(crypto::verify(key, wire::signed_read_bytes(cluster_id, self, reply), signature));
    wire::PublicReadReply other = reply;
    other.executed = other.executed + 1;
    EXPECT_FALSE(crypto::verify(key, wire::signed_read_bytes(cluster_id, self, other), signature));
  }
}

TEST(HttpReads, answer_mistakes_with_what_to_do) {
  TestCluster cluster;
  EXPECT_THAT(read_of(cluster, 1, "/read/entries"), HasSubstr("no_application"));
  const Ran installed = run({"install", PRYTANY_SOURCE_DIR "/examples/guestbook", "--cluster",
                             cluster.genesis(), "--key", cluster.admin_key()});
  ASSERT_EQ(installed.exit_code, 0) << installed.errors;
  const auto soon = [&](const std::string& what, const std::string& wanted) {
    std::string text;
    for (int i = 0; i < 100 && text.find(wanted) == std::string::npos; ++i)
      text = read_of(cluster, 1, what);
    EXPECT_THAT(text, HasSubstr(wanted)) << what;
  };
  soon("/read/nothing", "unknown_procedure");
  soon("/read/sign?text=Hello", "there is no public procedure");
  soon("/read/entries?of=7", "\"type\":\"error\"");
}

}  // namespace
}  // namespace prytany::cluster_tests
