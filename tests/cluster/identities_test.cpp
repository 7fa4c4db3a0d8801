// Real replicas, and people with certificates and ID tokens: examples/guild.
#include <gmock/gmock.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include "server/crypto/digest.h"
#include "tests/cluster/test_cluster.h"
#include "tests/unit/crypto/foreign_identities.h"

namespace prytany::cluster_tests {
namespace {

using crypto::foreign::TestCertificate;
using crypto::foreign::TestKey;
using crypto::foreign::Wanted;
using testing::HasSubstr;

std::int64_t wall_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

class Guild : public testing::Test {
 protected:
  void SetUp() override {
    const Ran installed = run({"install", PRYTANY_SOURCE_DIR "/examples/guild", "--cluster",
                               cluster.genesis(), "--key", cluster.admin_key()});
    ASSERT_EQ(installed.exit_code, 0) << installed.errors;
    admin.call("trust_authority", {{"fingerprint", crypto::sha256(root.der()).hex()},
                                   {"name", "the guild's own"},
                                   {"certificate", root.pem()}});
    admin.call(
        "trust_issuer",
        {{"issuer", "https://id.example"}, {"audience", "guild"}, {"keys", issuer_key.jwk("one")}});
  }

  std::string file(const std::string& name, const std::string& text) {
    const std::string path = folder.path() + "/" + name;
    std::ofstream(path) << text;
    std::filesystem::permissions(
        path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    return path;
  }
  Credential certificate(const TestKey& key, const Wanted& wanted = {}) {
    const TestCertificate made = root.issue(root_key, key, wanted, wall_s());
    fingerprint = crypto::sha256(made.der()).hex();
    return Credential::certificate(file("anna.pem", made.pem()), file("anna.key", key.pem()));
  }
  std::string token_for(const std::string& nonce, std::int64_t life_s = 300,
                        const std::string& audience = "guild") {
    return crypto::foreign::id_token(
        issuer_key, "RS256", R"({"alg":"RS256","kid":"one"})",
        R"({"iss":"https://id.example","sub":"u-5","aud":")" + audience + R"(","email":)" +
            R"("Bob@Guild.example","email_verified":true,"exp":)" +
            std::to_string(wall_s() + life_s) + R"(,"nonce":")" + nonce + "\"}");
  }
  Options with(Credential credential) {
    Options options;
    options.genesis = cluster.genesis();
    options.credential = std::move(credential);
    options.timeout = std::chrono::seconds(10);
    return options;
  }
  /// "" if it may join.
  std::string code_of_joining(Credential credential) {
    try {
      Client client(with(std::move(credential)));
      client.leave();
      return {};
    } catch (const ClientError& error) {
      return error.info().code;
    }
  }

  TestCluster cluster;
  TestFolder folder;
  Client admin{cluster.admin("office")};
  TestKey root_key = TestKey::p256();
  TestCertificate root = TestCertificate::self_signed(
      root_key, {"Guild Root", "Guild", "", -3600, 360'000, true, ""}, wall_s());
  TestKey issuer_key = TestKey::rsa();
  std::string fingerprint;
};

TEST_F(Guild, members_join_with_certificates_of_its_authority) {
  for (const TestKey& key : {TestKey::p256(), TestKey::ed25519(), TestKey::rsa(3072)}) {
    Client anna(with(certificate(key)));
    EXPECT_EQ(anna.principal(), "member:anna@guild.example");
    EXPECT_EQ(anna.call("write_note", {{"text", "here"}}).rows.at(0).at(1),
              Value("member:anna@guild.example"));
    anna.leave();
  }
  Wanted old;
  old.from_s = -7200;
  old.until_s = -60;
  EXPECT_EQ(code_of_joining(certificate(TestKey::p256(), old)), "proof_expired");
  const Credential good = certificate(TestKey::p256());
  EXPECT_EQ(code_of_joining(good), "");
  admin.call("report_lost", {{"fingerprint", fingerprint}, {"member", "anna@guild.example"}});
  EXPECT_EQ(code_of_joining(good), "certificate_lost");
  const Credential another = certificate(TestKey::p256());
  EXPECT_EQ(code_of_joining(another), "");
  admin.call("distrust_authority", {{"fingerprint", crypto::sha256(root.der()).hex()}});
  EXPECT_EQ(code_of_joining(another), "untrusted_issuer");
  EXPECT_EQ(code_of_joining(Credential::generated()), "certificate_needed");
}

TEST_F(Guild, members_join_with_id_tokens_of_its_issuer_which_nobody_else_can_use) {
  std::string last;
  const auto ask = [&](const std::string& nonce) { return last = token_for(nonce); };
  Client bob(with(Credential::id_token(ask)));
  EXPECT_EQ(bob.principal(), "member:bob@guild.example");
  EXPECT_EQ(bob.role(), "member");
  bob.call("write_note", {{"text", "there"}});
  // Whoever has seen it, a replica for instance, has another key.
  const auto stolen = [&](const std::string&) { return last; };
  EXPECT_EQ(code_of_joining(Credential::id_token(stolen)), "not_bound");
  const auto late = [&](const std::string& nonce) { return token_for(nonce, -5); };
  EXPECT_EQ(code_of_joining(Credential::id_token(late)), "proof_expired");
  const auto shop = [&](const std::string& nonce) { return token_for(nonce, 300, "shop"); };
  EXPECT_EQ(code_of_joining(Credential::id_token(shop)), "wrong_audience");
  const auto none = [](const std::string&) { return std::string(); };
  EXPECT_EQ(code_of_joining(Credential::id_token(none)), "usage");
  EXPECT_THROW(Credential::id_token(nullptr), Usage);
  // Withdrawn at once for new joins; who is there stays.
  admin.call("distrust_issuer", {{"issuer", "https://id.example"}});
  EXPECT_EQ(code_of_joining(Credential::id_token(ask)), "untrusted_issuer");
  EXPECT_EQ(bob.call("notes").rows.size(), 1U);
}

TEST_F(Guild, joins_go_on_while_a_replica_is_down_and_states_stay_one) {
  cluster.kill(3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(code_of_joining(certificate(TestKey::p256())), "");
  cluster.restart(3);
  EXPECT_EQ(code_of_joining(certificate(TestKey::p256())), "");
  const std::uint64_t seq = admin.execute("SELECT 1").seq;
  for (int i = 0; i < 140; ++i) admin.execute("SELECT 1");
  cluster.expect_one_state(seq);
}

TEST_F(Guild, the_command_line_takes_both) {
  (void)certificate(TestKey::p256());
  const std::vector<std::string> call = {"call",   "write_note", "text=hello",
                                         "--json", "--cluster",  cluster.genesis()};
  const auto with_options = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = call;
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  };
  Ran ran = with_options(
      {"--certificate", folder.path() + "/anna.pem", "--key", folder.path() + "/anna.key"});
  EXPECT_EQ(ran.exit_code, 0) << ran.errors;
  EXPECT_THAT(ran.output, HasSubstr("member:anna@guild.example"));
  ran = with_options({"--certificate", folder.path() + "/anna.pem", "--key", cluster.admin_key()});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.errors, HasSubstr("is not the key of the first certificate"));
  ran = with_options({"--certificate", folder.path() + "/anna.pem"});
  EXPECT_EQ(ran.exit_code, 2);

  const std::string key = file("bob.key", TestKey::ed25519().pem());
  const Ran nonce = run({"nonce", "--key", key, "--cluster", cluster.genesis()});
  ASSERT_EQ(nonce.exit_code, 0) << nonce.errors;
  const std::string text = nonce.output.substr(0, nonce.output.find('\n'));
  EXPECT_EQ(text.size(), 43U);
  ran = with_options({"--id-token", file("token", token_for(text) + "\n"), "--key", key});
  EXPECT_EQ(ran.exit_code, 0) << ran.errors;
  EXPECT_THAT(ran.output, HasSubstr("member:bob@guild.example"));
  const std::string other = file("eve.key", TestKey::ed25519().pem());
  ran = with_options({"--id-token", folder.path() + "/token", "--key", other});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.errors, HasSubstr("not_bound"));
}

}  // namespace
}  // namespace prytany::cluster_tests
