// Public procedures by plain HTTP, from the other side of a socket.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/net/gateway.h"
#include "tests/unit/net/recorder.h"

namespace prytany::net {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

class HttpRead : public testing::Test {
 protected:
  HttpRead() : poller_(std::move(*Poller::create())) {
    auto listener = listen_on("127.0.0.1", 0);
    EXPECT_TRUE(listener.ok());
    port_ = local_port(*listener);
    auto created = Gateway::create({}, poller_, std::move(*listener), upstream_);
    EXPECT_TRUE(created.ok());
    gateway_ = std::move(*created);
  }
  bool soon(const std::function<bool()>& done) {
    return eventually(
        [this] {
          gateway_->flush();
          poller_.wait(std::min(gateway_->deadline(), SystemClock().now() + 2'000));
          gateway_->run();
        },
        done);
  }
  void ask(RawSocket& socket, const std::string& path, const std::string& method = "GET") {
    socket.say(method + " " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  std::string heard(RawSocket& socket, const std::string& end) {
    EXPECT_TRUE(soon([&] { return socket.hear().ends_with(end); })) << socket.hear();
    const std::string all = socket.hear();
    socket.forget(all.size());
    return all;
  }

  Recorder upstream_;
  Poller poller_;
  std::uint16_t port_ = 0;
  std::unique_ptr<Gateway> gateway_;
};

TEST_F(HttpRead, passes_the_question_on_and_the_answer_back_when_it_comes) {
  RawSocket socket(port_);
  ask(socket, "/read/turnout?station=7&of=Nord%20%26%20S%C3%BCd");
  ASSERT_TRUE(soon([&] { return upstream_.reads.size() == 1; }));
  EXPECT_EQ(upstream_.reads[0].host, "127.0.0.1");
  EXPECT_EQ(upstream_.reads[0].procedure, "turnout");
  EXPECT_THAT(upstream_.reads[0].arguments, ElementsAre("station=7",
                                                        "of=Nord & S\xc3\xbc"
                                                        "d"));
  gateway_->reply(upstream_.reads[0].asked, R"({"type":"read_reply","executed":"5"})");
  EXPECT_THAT(upstream_.closed, SizeIs(1)) << "nobody answers it again";
  const std::string answer = heard(socket, "}");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, HasSubstr("content-type: application/json"));
  EXPECT_THAT(answer, HasSubstr("access-control-allow-origin: *"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n{\"type\":\"read_reply\",\"executed\":\"5\"}"));
  // The connection is good for another.
  ask(socket, "/read/turnout");
  ASSERT_TRUE(soon([&] { return upstream_.reads.size() == 2; }));
  EXPECT_THAT(upstream_.reads[1].arguments, IsEmpty());
  const std::string large(3'000'000, 'x');
  gateway_->reply(upstream_.reads[1].asked, large + "end");
  EXPECT_THAT(heard(socket, "end"), HasSubstr("content-length: 3000003"));
}

TEST_F(HttpRead, tells_who_is_refused_to_come_again) {
  RawSocket socket(port_);
  ask(socket, "/read/turnout");
  ASSERT_TRUE(soon([&] { return upstream_.reads.size() == 1; }));
  gateway_->reply(upstream_.reads[0].asked, R"({"type":"refused","code":"overloaded"})");
  EXPECT_THAT(heard(socket, "}"), StartsWith("HTTP/1.1 503"));
}

TEST_F(HttpRead, says_what_is_wrong_with_a_question) {
  upstream_.read_complaint = "each argument is name=value";
  RawSocket socket(port_);
  ask(socket, "/read/turnout?what");
  ASSERT_TRUE(soon([&] { return socket.hear().find("name=value") != std::string::npos; }));
  EXPECT_THAT(socket.hear(), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(upstream_.closed, IsEmpty()) << "it never began";
  RawSocket other(port_);
  ask(other, "/read/turnout", "HEAD");
  ASSERT_TRUE(soon([&] { return other.hear().find("\r\n\r\n") != std::string::npos; }));
  EXPECT_THAT(other.hear(), StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(upstream_.reads, SizeIs(1));
}

TEST_F(HttpRead, that_is_not_answered_in_time_is_given_up) {
  RawSocket socket(port_);
  ask(socket, "/read/turnout");
  ASSERT_TRUE(soon([&] { return upstream_.reads.size() == 1; }));
  const auto given_up = [&] { return upstream_.closed.size() == 1; };
  ASSERT_TRUE(soon(given_up) || soon(given_up));
  EXPECT_EQ(upstream_.closed[0], upstream_.reads[0].asked);
  gateway_->reply(upstream_.reads[0].asked, "too late");
  EXPECT_TRUE(soon([&] { return socket.closed(); }));
  EXPECT_EQ(socket.hear(), "");
}

TEST_F(HttpRead, forgets_who_did_not_wait) {
  auto socket = std::make_unique<RawSocket>(port_);
  ask(*socket, "/read/turnout");
  ASSERT_TRUE(soon([&] { return upstream_.reads.size() == 1; }));
  socket.reset();
  gateway_->reply(upstream_.reads[0].asked, "nobody hears this");
  EXPECT_THAT(upstream_.closed, SizeIs(1));
  EXPECT_TRUE(soon([&] { return gateway_->counters().sockets == 0; }));
}

TEST_F(HttpRead, ends_with_its_gateway) {
  RawSocket socket(port_);
  ask(socket, "/read/turnout");
  ASSERT_TRUE(soon([&] { return upstream_.reads.size() == 1; }));
  gateway_.reset();
  EXPECT_TRUE(eventually([] {}, [&] { return socket.closed(); }));
}

}  // namespace
}  // namespace prytany::net
