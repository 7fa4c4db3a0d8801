// `prytany dev` as a page in a browser meets it: its own pages, and the buttons that hurt a
// replica.
#include <gmock/gmock.h>
#include <sys/socket.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "server/cli/demo_checks.h"
#include "tests/cluster/background.h"
#include "tests/cluster/test_cluster.h"

namespace prytany::cluster_tests {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

/// What a server answers to these bytes, until it closes or `enough` is there.
std::string answer_of(std::uint16_t port, const std::string& text, const std::string& enough = "") {
  const auto address = net::numeric_address("127.0.0.1", port);
  const net::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto* to = static_cast<const sockaddr*>(static_cast<const void*>(&address->storage));
  if (::connect(fd.get(), to, address->length) != 0) return "no connection";
  EXPECT_EQ(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(text.size()));
  std::string answer;
  std::array<char, 4096> piece{};
  while (enough.empty() || answer.find(enough) == std::string::npos) {
    const ssize_t n = ::recv(fd.get(), piece.data(), piece.size(), 0);
    if (n <= 0) break;
    answer.append(piece.data(), static_cast<std::size_t>(n));
  }
  return answer;
}

class DevPage : public testing::Test {
 protected:
  explicit DevPage(const std::vector<std::string>& more = {})
      : base_(cli::free_base_port(23'000, 4)) {
    const std::filesystem::path app = folder_.path() + "/app";
    std::filesystem::create_directories(app / "web");
    std::filesystem::create_directories(app / "procedures");
    std::ofstream(app / "prytany.json") << R"({"name": "greeter", "version": "1"})";
    std::ofstream(app / "web/index.html") << "<body>Good day</body>";
    std::ofstream(app / "procedures/greeting.sql")
        << "-- @public\n-- @read-only\nSELECT 'Good day' AS greeting;";
    std::vector<std::string> words = {"dev",
                                      "--app",
                                      app.string(),
                                      "--dir",
                                      folder_.path() + "/c",
                                      "--base-port",
                                      std::to_string(base_),
                                      "--log",
                                      "error"};
    words.insert(words.end(), more.begin(), more.end());
    server_ = std::make_unique<Background>(words);
    const std::string ready = server_->line_with("READY");
    const std::size_t token = ready.find("/?dev=");
    EXPECT_NE(token, std::string::npos) << ready;
    token_ = ready.substr(token + 6);
    const std::size_t colon = ready.rfind(':', token);
    port_ = static_cast<std::uint16_t>(std::stoi(ready.substr(colon + 1)));
  }
  ~DevPage() override { EXPECT_EQ(server_->end(SIGTERM), 0); }

  std::string request(const std::string& what, const std::string& more = "") const {
    return answer_of(port_, what + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port_) +
                                "\r\n" + more + "\r\n");
  }
  /// As the page does, to which the browser adds cookie and Origin.
  std::string press(const std::string& path) const {
    return request("POST " + path, cookie() + "Origin: http://127.0.0.1:" + std::to_string(port_) +
                                       "\r\nContent-Length: 0\r\n");
  }
  std::string state() const { return request("GET /dev/replicas", cookie()); }
  std::string cookie() const {
    return "Cookie: prytany_dev_" + std::to_string(port_) + "=" + token_ + "\r\n";
  }
  /// The public answer; replicas that were just started are given time to be heard again.
  Agreement agreement(const std::function<bool(const Agreement&)>& wanted) const {
    Answer answer;
    for (int i = 0; i < 100; ++i) {
      Cluster cluster(folder_.path() + "/c/genesis.json");
      answer = cluster.read("greeting");
      EXPECT_EQ(answer.value<std::string>(), "Good day");
      if (wanted(answer.agreement)) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return answer.agreement;
  }

  TestFolder folder_;
  std::uint16_t base_;
  std::unique_ptr<Background> server_;
  std::uint16_t port_ = 0;
  std::string token_;
};

TEST_F(DevPage, serves_the_applications_pages_and_gives_the_token_as_a_cookie) {
  const std::string first = request("GET /?dev=" + token_);
  EXPECT_THAT(first, StartsWith("HTTP/1.1 303"));
  EXPECT_THAT(first, HasSubstr("set-cookie: prytany_dev_" + std::to_string(port_) + "=" + token_));
  EXPECT_THAT(request("GET /"), HasSubstr("<body>Good day</body>"));
  EXPECT_THAT(request("GET /index.html"), HasSubstr("content-type: text/html"));
  EXPECT_THAT(request("HEAD /"), Not(HasSubstr("Good day")));
  EXPECT_THAT(request("GET /nowhere.html"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(request("GET /genesis.json"), HasSubstr("\"development\""));
}

TEST_F(DevPage, may_open_a_websocket_to_every_replica_and_other_pages_may_not) {
  const auto upgrade = [&](const std::string& origin) {
    return answer_of(base_,
                     "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                     "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: prytany.v1\r\n"
                     "Origin: " +
                         origin + "\r\n\r\n",
                     "\r\n\r\n");
  };
  EXPECT_THAT(upgrade("http://127.0.0.1:" + std::to_string(port_)), HasSubstr(" 101 "));
  EXPECT_THAT(upgrade("http://127.0.0.1:1"), HasSubstr(" 403 "));
}

TEST_F(DevPage, kills_a_replica_and_starts_it_again_and_nothing_is_lost) {
  EXPECT_THAT(press("/dev/replicas/1/kill"), HasSubstr(R"({"id":1,"running":false)"));
  const auto without = [](const Agreement& a) { return a.agreed.size() == 3; };
  EXPECT_THAT(agreement(without).agreed, ElementsAre(0U, 2U, 3U));
  EXPECT_THAT(request("GET /"), HasSubstr("Good day"));
  EXPECT_THAT(press("/dev/replicas/1/start"), HasSubstr(R"({"id":1,"running":true)"));
  const auto all = [](const Agreement& a) { return a.agreed.size() == 4; };
  EXPECT_THAT(agreement(all).agreed, ElementsAre(0U, 1U, 2U, 3U));
}

TEST_F(DevPage, lets_a_replica_lie_and_stop_lying) {
  EXPECT_THAT(state(), HasSubstr(R"("lying":false,"state":"running","actions":["kill","lie"])"));
  EXPECT_THAT(press("/dev/replicas/2/lie"),
              HasSubstr(R"({"id":2,"running":true,"lying":true,"state":"lying",)"
                        R"("actions":["kill","stop_lying"]})"));
  const auto lies = [](const Agreement& a) { return !a.differed.empty() && a.agreed.size() == 3; };
  EXPECT_THAT(agreement(lies).differed, ElementsAre(2U));
  // A liar that is killed takes its replica with it, and its folder is free again.
  EXPECT_THAT(press("/dev/replicas/2/kill"), HasSubstr(R"({"id":2,"running":false)"));
  EXPECT_THAT(press("/dev/replicas/2/lie?lies=pages"), HasSubstr(R"({"id":2,"running":true)"));
  const auto honest = [](const Agreement& a) { return a.agreed.size() == 4; };
  EXPECT_THAT(agreement(honest).agreed, Contains(2U)) << "now it lies about pages alone";
  EXPECT_THAT(answer_of(static_cast<std::uint16_t>(base_ + 2),
                        "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              HasSubstr("forged"));
  EXPECT_THAT(request("GET /"), Not(HasSubstr("forged")));
  press("/dev/replicas/2/stop_lying");
  EXPECT_THAT(agreement(honest).differed, IsEmpty());
}

TEST_F(DevPage, has_no_buttons_for_others_and_replicas_have_none_at_all) {
  EXPECT_THAT(request("GET /dev/replicas"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(request("POST /dev/replicas/1/kill"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(request("POST /dev/replicas/1/kill",
                      cookie() + "Origin: http://127.0.0.1:" + std::to_string(base_) + "\r\n"),
              StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(state(), Not(HasSubstr(R"("running":false)"))) << "nothing has happened";
  for (const std::string what : {"GET /dev/replicas", "POST /dev/replicas/1/kill"}) {
    const std::string answer =
        answer_of(base_, what + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + cookie() +
                             "Origin: http://127.0.0.1:" + std::to_string(port_) +
                             "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(answer, testing::ContainsRegex("HTTP/1.1 40[45]")) << what;
  }
}

TEST_F(DevPage, outlives_callers_that_say_nothing_or_nonsense) {
  EXPECT_THAT(answer_of(port_, "hello\r\n\r\n"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(answer_of(port_, "GET / HTTP/1.1\r\nX: " + std::string(100'000, 'x')),
              StartsWith("HTTP/1.1 400"));
  std::vector<net::Fd> mute;
  const auto address = net::numeric_address("127.0.0.1", port_);
  for (int i = 0; i < 200; ++i) mute.push_back(std::move(*net::start_connect(*address)));
  EXPECT_THAT(request("GET /"), HasSubstr("Good day"));
}

class DevWatch : public DevPage {
 protected:
  DevWatch() : DevPage({"--watch"}) {}
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_.path() + "/app/" + name) << text;
  }
  std::string greeting() const {
    return Cluster(folder_.path() + "/c/genesis.json").read("greeting").value<std::string>();
  }
};

TEST_F(DevWatch, installs_what_has_changed_and_goes_on_with_what_was_before_a_broken_edit) {
  const std::string head = "-- @public\n-- @read-only\n";
  write("procedures/greeting.sql", head + "SELECT 'Good evening' AS greeting;");
  EXPECT_THAT(server_->line_with("WATCH"), HasSubstr("has changed and is installed"));
  EXPECT_EQ(greeting(), "Good evening");

  write("procedures/greeting.sql", head + "SELECT nowhere AS greeting;");
  const std::string refused = server_->line_with("WATCH");
  EXPECT_THAT(refused, HasSubstr("what was before goes on"));
  EXPECT_THAT(refused, HasSubstr("procedures/greeting.sql, statement 1: no such column: nowhere"));
  EXPECT_EQ(greeting(), "Good evening");
  std::filesystem::remove(folder_.path() + "/app/prytany.json");
  EXPECT_THAT(server_->line_with("WATCH"), HasSubstr("what was before goes on"));

  write("prytany.json", R"({"name": "greeter", "version": "2"})");
  write("procedures/greeting.sql", head + "SELECT 'Good night' AS greeting;");
  write("web/index.html", "<body>Good night</body>");
  EXPECT_THAT(server_->line_with("WATCH"), HasSubstr("is installed"));
  EXPECT_EQ(greeting(), "Good night");
  std::string shown;
  for (int i = 0; i < 100 && shown.find("Good night") == std::string::npos; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    shown = request("GET /");
  }
  EXPECT_THAT(shown, HasSubstr("<body>Good night</body>"));
}

TEST(DevCommandLine, refuses_to_watch_nothing) {
  const Ran ran = run({"dev", "--watch"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.errors, HasSubstr("--app DIR"));
}

}  // namespace
}  // namespace prytany::cluster_tests
