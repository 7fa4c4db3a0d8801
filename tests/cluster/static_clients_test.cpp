// Real replicas whose clients genesis lists: nobody joins.
#include <gmock/gmock.h>

#include <filesystem>

#include "server/crypto/key_file.h"
#include "tests/cluster/test_cluster.h"

namespace prytany::cluster_tests {
namespace {

using testing::HasSubstr;

TEST(StaticClients, work_from_the_beginning_and_again_after_they_were_started_anew) {
  const TestFolder folder;
  const crypto::Signer key = crypto::Signer::generate();
  ASSERT_TRUE(crypto::write_key_file(folder.path() + "/station.key", key).ok());
  Shape shape;
  shape.checkpoint_interval = 16;
  shape.static_clients = {{{"station 1"}, {"sensor"}, key.public_key()}};
  TestCluster cluster(shape);
  Options station = cluster.admin("");
  station.credential = Credential::file(folder.path() + "/station.key");
  {
    Client admin(cluster.admin(""));
    EXPECT_EQ(admin.session_id(), 1U);
    EXPECT_EQ(admin.principal(), "administrator");
    admin.execute("CREATE TABLE t(a INTEGER)");
    for (int i = 0; i < 40; ++i) admin.execute("INSERT INTO t VALUES(?)", i);
    Client one(station);
    EXPECT_EQ(one.session_id(), 2U);
    EXPECT_EQ(one.role(), "sensor");
    const auto refused = one.try_execute("SELECT 1");
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, "not_allowed") << "its role has no SQL";
    one.leave();
  }
  // Its numbers are forgotten; the replicas', one of which was gone for a while, are not.
  cluster.kill(2);
  Client again(cluster.admin(""));
  for (int i = 40; i < 80; ++i) again.execute("INSERT INTO t VALUES(?)", i);
  cluster.restart(2);
  const Answer last = again.execute("SELECT count(*), sum(a) FROM t");
  EXPECT_EQ(last.rows.at(0).at(0), Value(80));
  EXPECT_EQ(last.rows.at(0).at(1), Value(79 * 80 / 2));
  for (int i = 0; i < 20; ++i) again.execute("SELECT 1");
  cluster.expect_one_state(last.seq);

  Options stranger = cluster.admin("");
  stranger.credential = Credential::generated();
  EXPECT_THROW(Client{stranger}, Usage);
  const Ran shown = run({"genesis", "verify", cluster.genesis()});
  EXPECT_THAT(shown.output, HasSubstr("station 1  role sensor"));
}

}  // namespace
}  // namespace prytany::cluster_tests
