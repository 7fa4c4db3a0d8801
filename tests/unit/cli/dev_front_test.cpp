// Who may press the buttons of `prytany dev`, and who not. No replica runs here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "server/cli/dev_front.h"
#include "server/cli/init.h"

namespace prytany::cli {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr std::uint16_t port = 27'399;

class Front : public testing::Test {
 protected:
  Front() : folder_(std::filesystem::temp_directory_path() / "prytany-front-XXXXXX") {
    if (::mkdtemp(folder_.data()) == nullptr) throw std::runtime_error("no temporary folder");
    InitOptions init;
    init.folder = folder_;
    init.base_port = 27'200;
    EXPECT_TRUE(init_cluster(init).ok());
    auto opened = LocalCluster::open({folder_, {}, "error", "/nonexistent/prytany", {}});
    EXPECT_TRUE(opened.ok());
    cluster_ = std::make_unique<LocalCluster>(std::move(*opened));
    front_ = std::make_unique<DevFront>(*cluster_, DevFront::Setting{port, "secret", "{}"});
  }
  ~Front() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  /// As the page itself asks.
  static HttpRequest ask(const std::string& method, const std::string& path) {
    return {method,
            path,
            "",
            {{"host", "127.0.0.1:27399"},
             {"origin", "http://127.0.0.1:27399"},
             {"cookie", "other=1; prytany_dev_27399=secret"}}};
  }
  unsigned status(const HttpRequest& request) { return front_->answer(request).status; }

  std::string folder_;
  std::unique_ptr<LocalCluster> cluster_;
  std::unique_ptr<DevFront> front_;
};

TEST_F(Front, tells_who_runs_and_what_may_be_done_to_whom_knows_the_token) {
  const HttpReply reply = front_->answer(ask("GET", "/dev/replicas"));
  EXPECT_EQ(reply.status, 200U);
  EXPECT_EQ(reply.media_type, "application/json");
  EXPECT_THAT(reply.body, HasSubstr(R"("can_lie":false)"));
  EXPECT_THAT(reply.body, HasSubstr(R"({"id":3,"running":false,"lying":false,"state":"stopped",)"
                                    R"("actions":["start"]})"));
}

TEST_F(Front, is_not_there_without_the_token) {
  for (const std::string cookie :
       {"", "prytany_dev_27399=", "prytany_dev_27399=secre", "prytany_dev_27399=secret2",
        "prytany_dev_7199=secret", "xprytany_dev_27399=secret"}) {
    HttpRequest request = ask("GET", "/dev/replicas");
    request.headers["cookie"] = cookie;
    EXPECT_EQ(status(request), 404U) << cookie;
    request = ask("POST", "/dev/replicas/1/kill");
    request.headers["cookie"] = cookie;
    EXPECT_EQ(status(request), 404U) << cookie;
  }
}

TEST_F(Front, gives_the_cookie_for_the_token_of_the_printed_address_only) {
  EXPECT_EQ(front_->url(), "http://127.0.0.1:27399/?dev=secret");
  HttpRequest request = ask("GET", "/");
  request.headers.erase("cookie");
  request.query = "dev=secret";
  const HttpReply reply = front_->answer(request);
  EXPECT_EQ(reply.status, 303U);
  const std::string text = to_text(reply, true);
  EXPECT_THAT(text, AllOf(HasSubstr("\r\nlocation: /\r\n"),
                          HasSubstr("prytany_dev_27399=secret; Path=/dev; HttpOnly; "
                                    "SameSite=Strict")));
  request.path = "//evil.example";
  EXPECT_THAT(to_text(front_->answer(request), true), HasSubstr("\r\nlocation: /\r\n"));
  request.query = "dev=guess";
  EXPECT_THAT(to_text(front_->answer(request), true), Not(HasSubstr("set-cookie")));
}

TEST_F(Front, does_nothing_for_pages_of_other_origins) {
  for (const std::string origin :
       {"", "null", "http://127.0.0.1:27200", "https://127.0.0.1:27399", "http://evil.example",
        "http://localhost:27399", "http://127.0.0.1:27399.evil.example"}) {
    HttpRequest request = ask("POST", "/dev/replicas/1/kill");
    request.headers["origin"] = origin;
    EXPECT_EQ(status(request), 403U) << origin;
  }
  HttpRequest request = ask("POST", "/dev/replicas/1/kill");
  EXPECT_EQ(status(request), 200U);
  request.headers["host"] = "localhost:27399";
  request.headers["origin"] = "http://localhost:27399";
  EXPECT_EQ(status(request), 200U);
}

TEST_F(Front, answers_to_no_other_name_of_this_machine) {
  for (const std::string host : {"", "evil.example:27399", "127.0.0.1", "127.0.0.1:27398",
                                 "127.0.0.1:273990", "0.0.0.0:27399"}) {
    for (const char* path : {"/", "/dev/replicas", "/genesis.json"}) {
      HttpRequest request = ask("GET", path);
      request.headers["host"] = host;
      EXPECT_EQ(status(request), 403U) << host << path;
    }
  }
}

TEST_F(Front, changes_something_only_when_posted_to_about_a_replica_that_exists) {
  EXPECT_EQ(status(ask("GET", "/dev/replicas/1/kill")), 405U);
  EXPECT_EQ(status(ask("POST", "/dev/replicas")), 405U);
  EXPECT_EQ(status(ask("POST", "/dev/replicas/4/kill")), 404U);
  EXPECT_EQ(status(ask("POST", "/dev/replicas/-1/kill")), 404U);
  EXPECT_EQ(status(ask("POST", "/dev/replicas/99999999999/kill")), 404U);
  EXPECT_EQ(status(ask("POST", "/dev/replicas/1")), 404U);
  EXPECT_EQ(status(ask("POST", "/dev/replicas/1/format")), 409U);
  EXPECT_EQ(status(ask("POST", "/dev/replicas/1/lie")), 409U) << "prytany-liar is not there";
  EXPECT_EQ(status(ask("POST", "/index.html")), 405U);
}

TEST_F(Front, serves_no_page_that_fewer_than_f_plus_one_replicas_serve) {
  EXPECT_EQ(status(ask("GET", "/")), 503U) << "nobody runs";
  const HttpReply genesis = front_->answer(ask("GET", "/genesis.json"));
  EXPECT_EQ(genesis.body, "{}") << "the folder's own";
}

TEST(Lies, are_named_one_by_one) {
  EXPECT_THAT(lies_from("tally,receipt").value(), ElementsAre("--lie=tally", "--lie=receipt"));
  for (const char* wrong : {"", "tally,", "truth", "tally --every=1", "--every"})
    EXPECT_FALSE(lies_from(wrong).ok()) << wrong;
}

TEST(HttpRequests, are_read_from_their_head) {
  const auto request = http_request_from(
      "POST /dev/replicas/2/lie?lies=tally HTTP/1.1\r\nHost: a:1\r\nCookie:  x=1 \r\nhost: b");
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->method, "POST");
  EXPECT_EQ(request->path, "/dev/replicas/2/lie");
  EXPECT_EQ(request->query, "lies=tally");
  EXPECT_EQ(request->header("host"), "a:1") << "the first counts";
  EXPECT_EQ(request->header("cookie"), "x=1");
  EXPECT_EQ(request->header("origin"), "");
}

TEST(HttpRequests, that_are_none_are_refused) {
  for (const char* wrong : {"", "GET", "GET /", "GET / SPDY/1", "GET http://a/ HTTP/1.1",
                            "GET / HTTP/1.1\r\nno colon", "GET / HTTP/1.1\r\n: no name"})
    EXPECT_FALSE(http_request_from(wrong).ok()) << wrong;
}

}  // namespace
}  // namespace prytany::cli
