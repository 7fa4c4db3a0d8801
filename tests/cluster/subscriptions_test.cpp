// Subscriptions on real replicas: in order, without gap or repetition, also when replicas are
// killed and when the subscriber comes back; and what docs/how-to/subscriptions.md says.
#include <gmock/gmock.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <regex>
#include <thread>

#include "tests/cluster/test_cluster.h"

namespace prytany::cluster_tests {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class Subscriptions : public testing::Test {
 protected:
  /// The application of the how-to, from its blocks.
  static fs::path auction(const TestFolder& folder) {
    const std::string text = text_of(PRYTANY_SOURCE_DIR "/docs/how-to/subscriptions.md");
    const std::regex file(
        R"(\n?`(prytany\.json|schema/[^`]*|procedures/[^`]*)`:\n\n```(?:json|sql)\n)");
    const fs::path app = fs::path(folder.path()) / "auction";
    unsigned files = 0;
    for (std::sregex_iterator it(text.begin(), text.end(), file), end; it != end; ++it, ++files) {
      const auto begin = static_cast<std::size_t>(it->position(0) + it->length(0));
      const fs::path path = app / (*it)[1].str();
      fs::create_directories(path.parent_path());
      std::ofstream(path) << text.substr(begin, text.find("```", begin) - begin);
    }
    EXPECT_EQ(files, 4U);
    return app;
  }
  void install() {
    const Ran ran = run({"install", auction(folder_).string(), "--cluster", cluster_.genesis(),
                         "--key", cluster_.admin_key()});
    ASSERT_EQ(ran.exit_code, 0) << ran.errors;
  }
  [[nodiscard]] Client member() const {
    Options options;
    options.genesis = cluster_.genesis();
    options.timeout = 30s;
    return Client(options);
  }
  static std::int64_t bid_of(const std::optional<Change>& change) {
    if (!change || change->missed) return -1;
    return change->value.as<std::int64_t>();
  }

  TestFolder folder_;
  TestCluster cluster_;
};

TEST_F(Subscriptions, tell_what_commits_and_nothing_else_and_go_on_where_one_was) {
  ASSERT_NO_FATAL_FAILURE(install());
  Client client = member();
  Subscription bids = client.subscribe({"bids"}, 0);
  client.call("bid", {{"amount", 5}});
  EXPECT_THROW(client.call("bid", {{"amount", 4}}), ApplicationError);
  client.call("bid", {{"amount", 6}});
  EXPECT_EQ(bid_of(bids.next(20s)), 5);
  EXPECT_EQ(bids.position(), 1U);
  EXPECT_EQ(bid_of(bids.next(20s)), 6);
  EXPECT_FALSE(bids.next(300ms)) << "the bid that was refused is not told";
  Subscription again = member().subscribe({"bids"}, 1);
  EXPECT_THROW(
      {
        while (again.next(20s)) {
        }
      },
      Refused)
      << "its client has gone";
  Client other = member();
  Subscription later = other.subscribe({"bids"}, 1);
  const auto change = later.next(20s);
  EXPECT_EQ(bid_of(change), 6);
  EXPECT_EQ(change->topic, "bids");
  EXPECT_EQ(change->position, 2U);
  EXPECT_GT(change->seq, 0U);
  EXPECT_GT(change->agreed_us, 1'600'000'000'000'000);
}

TEST_F(Subscriptions, begin_with_what_is_newest_when_nothing_else_is_said) {
  ASSERT_NO_FATAL_FAILURE(install());
  Client client = member();
  client.call("bid", {{"amount", 5}});
  Subscription bids = client.subscribe({"bids"});
  for (int i = 0; i < 200 && !bids.position(); ++i) (void)bids.next(50ms);
  EXPECT_EQ(bids.position(), 1U);
  client.call("bid", {{"amount", 7}});
  EXPECT_EQ(bid_of(bids.next(20s)), 7);
}

TEST_F(Subscriptions, keep_a_query_live) {
  ASSERT_NO_FATAL_FAILURE(install());
  Client client = member();
  Client bidder = member();
  LiveQuery highest(client, "highest", {}, {"bids"});
  const auto amount = [](const std::optional<Answer>& answer) {
    return answer ? answer->value<std::int64_t>() : -1;
  };
  EXPECT_EQ(amount(highest.next(20s)), 0);
  EXPECT_EQ(amount(highest.next(300ms)), -1) << "nothing has changed";
  bidder.call("bid", {{"amount", 5}});
  EXPECT_EQ(amount(highest.next(20s)), 5);
  for (int i = 6; i <= 20; ++i) bidder.call("bid", {{"amount", i}});
  std::int64_t last = 0;
  for (int asked = 0; last < 20 && asked < 20; ++asked) last = amount(highest.next(20s));
  EXPECT_EQ(last, 20);
}

TEST_F(Subscriptions, are_refused_to_who_may_not_watch) {
  ASSERT_NO_FATAL_FAILURE(install());
  Client client = member();
  Subscription none = client.subscribe({"weather"});
  try {
    (void)none.next(30s);
    FAIL() << "there is no such topic";
  } catch (const Refused& error) {
    EXPECT_EQ(error.code(), "unknown_topic");
  }
  EXPECT_THROW((void)client.subscribe({}).next(5s), Usage);
}

TEST_F(Subscriptions, miss_nothing_and_repeat_nothing_while_replicas_are_killed) {
  ASSERT_NO_FATAL_FAILURE(install());
  constexpr int bids_made = 120;
  std::atomic<int> made = 0;
  std::thread bidder([&] {
    Client client = member();
    for (int i = 1; i <= bids_made; ++i) {
      client.call("bid", {{"amount", i}});
      made = i;
    }
  });
  std::thread reader([&] {
    Client client = member();
    Subscription bids = client.subscribe({"bids"}, 0);
    for (int i = 1; i <= bids_made; ++i) {
      const auto change = bids.next(60s);
      EXPECT_EQ(bid_of(change), i);
      EXPECT_TRUE(change && change->position == static_cast<std::uint64_t>(i));
      if (!change) break;
      if (i % 40 == 0) {  // comes back, as another session
        const auto position = bids.position();
        client = member();
        bids = client.subscribe({"bids"}, position);
      }
    }
  });
  // Processes end with the thread that started them: this one.
  const auto wait_for = [&](int so_many) {
    while (made < so_many) std::this_thread::sleep_for(5ms);
  };
  wait_for(20);
  cluster_.kill(0);  // the primary
  wait_for(50);
  cluster_.restart(0);
  wait_for(70);
  cluster_.kill(2);
  wait_for(100);
  cluster_.restart(2);
  bidder.join();
  reader.join();
}

}  // namespace
}  // namespace prytany::cluster_tests
