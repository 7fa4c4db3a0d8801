// What programs may say to `prytany gateway`, what it means, and what they are told.
#include "server/cli/gateway_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "clientlib/convert.h"

namespace prytany::cli {
namespace {

using nlohmann::json;

HttpRequest post(const std::string& path, const std::string& body) {
  return {"POST",
          path,
          "",
          {{"host", "127.0.0.1:7070"}, {"content-type", "application/json; charset=utf-8"}},
          body};
}
HttpRequest get(const std::string& path, const std::string& query = "") {
  return {"GET", path, query, {{"host", "localhost:7070"}}};
}
Result<GatewayQuestion, HttpReply> question(const HttpRequest& request) {
  return gateway_question_from(request, {"127.0.0.1", "localhost", "[::1]"});
}
/// "404 no_such_path" of what is refused; "asked" otherwise.
std::string refusal(const HttpRequest& request) {
  const auto asked = question(request);
  if (asked) return "asked";
  const json body = json::parse(asked.error().body);
  EXPECT_EQ(body["error"]["may_have_run"], false);
  return std::to_string(asked.error().status) + " " + body["error"]["code"].get<std::string>();
}
AskSession session_question(const HttpRequest& request) {
  auto asked = question(request);
  EXPECT_TRUE(asked.ok());
  return std::get<AskSession>(*asked);
}

TEST(GatewayJson, a_call_is_a_path_and_an_object_of_arguments) {
  const AskSession asked = session_question(
      post("/call/cast%20vote", R"({"choice":9007199254740993,":who":"7","x":null,"r":1.5,)"
                                R"("b":{"base64":"AQID"}})"));
  const Arguments arguments = {{"choice", std::int64_t{9'007'199'254'740'993}},
                               {"who", "7"},
                               {"x", nullptr},
                               {"r", 1.5},
                               {"b", Blob{std::byte{1}, std::byte{2}, std::byte{3}}}};
  EXPECT_EQ(asked.operation, wire::Operation(client::to_wire("cast vote", arguments)));
  EXPECT_FALSE(asked.reads);
}

TEST(GatewayJson, sql_has_named_arguments_or_positional_ones_and_may_say_that_it_reads) {
  const AskSession named =
      session_question(post("/sql", R"({"sql":"SELECT :n","arguments":{"n":1}})"));
  EXPECT_EQ(named.operation,
            wire::Operation(client::to_wire({Statement{"SELECT :n", {}, {{"n", 1}}}}, false)));
  const AskSession positional =
      session_question(post("/sql", R"({"sql":"SELECT ?","arguments":["a"],"read_only":true})"));
  EXPECT_EQ(positional.operation,
            wire::Operation(client::to_wire({Statement{"SELECT ?", {"a"}, {}}}, true)));
  EXPECT_TRUE(positional.reads);
}

TEST(GatewayJson, a_transaction_is_several_statements_in_one_request) {
  const AskSession asked = session_question(
      post("/transaction", R"({"steps":[{"sql":"DELETE FROM a"},{"sql":"SELECT 1"}]})"));
  EXPECT_EQ(asked.operation,
            wire::Operation(client::to_wire(std::vector<Step>{
                {{"DELETE FROM a", {}, {}}, {}, false}, {{"SELECT 1", {}, {}}, {}, false}})));
}

TEST(GatewayJson, a_step_has_a_condition_on_those_before_it_and_may_be_allowed_to_fail) {
  const AskSession asked = session_question(post(
      "/transaction",
      R"({"steps":[{"sql":"A","arguments":[1],"may_fail":true},{"sql":"B","when":{"error":0}},)"
      R"({"sql":"C","when":{"all":[{"ok":0},{"not":{"any":[{"changed":1},{"rows":0}]}}]}}]})"));
  EXPECT_EQ(
      asked.operation,
      wire::Operation(client::to_wire(
          {Step{{"A", {1}, {}}, {}, true}, Step{{"B", {}, {}}, When::error(0), false},
           Step{{"C", {}, {}}, When::ok(0) && !(When::changed(1) || When::rows(0)), false}})));
  const AskSession reads =
      session_question(post("/transaction", R"({"steps":[{"sql":"SELECT 1"}],"read_only":true})"));
  EXPECT_TRUE(std::get<wire::Transaction>(reads.operation).read_only);
  EXPECT_FALSE(reads.reads) << "only single statements and calls are read without an order";
}

TEST(GatewayJson, a_condition_that_is_none_is_refused) {
  const auto with = [](const std::string& when) {
    return refusal(post("/transaction", R"({"steps":[{"sql":"A","when":)" + when + "}]}"));
  };
  EXPECT_EQ(with(R"({"ok":0})"), "asked");  // that it is too early is for the replicas to say
  for (const char* when : {"[]", "{}", "null", "true", "0", R"({"ok":0,"error":0})", R"({"ok":-1})",
                           R"({"ok":65536})", R"({"ok":"0"})", R"({"fine":0})", R"({"not":0})",
                           R"({"all":{"ok":0}})", R"({"any":[{}]})", R"({"all":[{"ok":0},1]})"})
    EXPECT_EQ(with(when), "400 malformed") << when;
  std::string many = R"({"all":[{"ok":0})";
  for (int i = 1; i < 63; ++i) many += R"(,{"ok":0})";
  EXPECT_EQ(with(many + "]}"), "asked");
  EXPECT_EQ(with(many + R"(,{"ok":0}]})"), "400 malformed") << "65 parts";
  EXPECT_EQ(refusal(post("/transaction", R"({"steps":[{"sql":"A","may_fail":1}]})")),
            "400 malformed");
}

TEST(GatewayJson, a_public_procedure_is_read_with_arguments_as_on_the_command_line) {
  const auto asked = question(get("/read/find", "n=5&name=Anna+B%C3%A4r&code=%2200%22&x:=null"));
  ASSERT_TRUE(asked.ok());
  const Arguments arguments = {
      {"n", 5}, {"name", "Anna B\xC3\xA4r"}, {"code", "00"}, {"x", nullptr}};
  EXPECT_EQ(std::get<ReadPublic>(*asked).call, client::to_wire("find", arguments));
  EXPECT_TRUE(std::holds_alternative<AskStatus>(*question(get("/status"))));
}

TEST(GatewayJson, who_is_not_a_program_on_this_machine_is_refused) {
  HttpRequest request = post("/call/a", "{}");
  EXPECT_EQ(refusal(request), "asked");
  for (const char* host : {"", "evil.example", "evil.example:7070", "127.0.0.1.evil.example",
                           "[::2]:7070", "localhost.:7070"}) {
    request.headers["host"] = host;
    EXPECT_EQ(refusal(request), "403 foreign_host") << host;
  }
  request.headers["host"] = "[::1]:7070";
  EXPECT_EQ(refusal(request), "asked");
  request.headers["origin"] = "http://127.0.0.1:7070";
  EXPECT_EQ(refusal(request), "403 foreign_page");
  HttpRequest image = get("/read/a");
  image.headers["sec-fetch-site"] = "cross-site";
  EXPECT_EQ(refusal(image), "403 foreign_page");
  // What a page may send without asking first.
  HttpRequest form = post("/call/a", "{}");
  form.headers["content-type"] = "text/plain";
  EXPECT_EQ(refusal(form), "415 not_json");
}

TEST(GatewayJson, refuses_what_it_cannot_ask_as_it_was_meant) {
  EXPECT_EQ(refusal(get("/")), "404 no_such_path");
  EXPECT_EQ(refusal(get("/read/")), "404 no_such_path");
  EXPECT_EQ(refusal(post("/call/%zz", "{}")), "404 no_such_path");
  EXPECT_EQ(refusal(get("/call/a")), "405 wrong_method");
  EXPECT_EQ(refusal(post("/read/a", "{}")), "405 wrong_method");
  EXPECT_EQ(refusal(get("/read/a", "n=%4")), "400 malformed");
  EXPECT_EQ(refusal(get("/read/a", "n=1&n=2")), "400 malformed");
  EXPECT_EQ(refusal(get("/read/a", "n")), "400 malformed");
  for (const char* body :
       {"", "{", "[]", "1", R"({"a":true})", R"({"a":[1]})", R"({"a":{"b":1}})", R"({"a":1,"a":2})",
        R"({"":1})", R"({"a":9223372036854775808})", R"({"a":100000000000000000000})"})
    EXPECT_EQ(refusal(post("/call/a", body)), "400 malformed") << body;
  for (const char* body :
       {"{}", R"({"sql":1})", R"({"sql":"SELECT 1","argument":{}})",
        R"({"sql":"SELECT 1","arguments":1})", R"({"sql":"SELECT 1","read_only":1})"})
    EXPECT_EQ(refusal(post("/sql", body)), "400 malformed") << body;
  for (const char* body :
       {"{}", R"({"steps":[]})", R"({"steps":[1]})", R"({"steps":[{"sql":"SELECT 1","when":[]}]})"})
    EXPECT_EQ(refusal(post("/transaction", body)), "400 malformed") << body;
}

/// "code: message" of what is refused.
std::string complaint(const HttpRequest& request) {
  const auto asked = question(request);
  if (asked) return "asked";
  const json error = json::parse(asked.error().body)["error"];
  return error["code"].get<std::string>() + ": " + error["message"].get<std::string>();
}

TEST(GatewayJson, says_what_is_wrong_with_which_part) {
  const std::vector<std::pair<HttpRequest, std::string>> cases = {
      {post("/call/add", R"({"a":{"x":1}})"),
       R"(malformed: argument a: neither a value nor {"base64":"..."} of a blob)"},
      {post("/call/add", R"({"a":true})"),
       "malformed: argument a: SQL has neither true nor false: write 1 or 0"},
      {post("/call/add", R"({"a":")" + std::string((1 << 20) + 1, 'x') + R"("})"),
       "too_large: argument a: longer than the 1048576 bytes that a value has"},
      {post("/sql", R"({"sql":"SELECT ?,?","arguments":[1,[]]})"),
       R"(malformed: argument 2: neither a value nor {"base64":"..."} of a blob)"},
      {post("/sql", R"({"sql":")" + std::string((256 << 10) + 1, ' ') + R"("})"),
       "too_large: sql: a statement has at most 262144 bytes"},
      {post("/sql", R"({"sql":"SELECT 1","argument":{}})"),
       "malformed: a field that is not known here: argument (known: arguments, read_only, sql)"},
      {post("/transaction", R"({"steps":[{"sql":"A","when":{"all":[]}}]})"),
       "malformed: when: all and any take at least one condition"},
      {post("/call/add", ""), "malformed: empty, which is not JSON"},
      {post("/call/add", R"({"a":1e400})"),
       "malformed: not JSON: no number, or one beyond 64 bits"},
      {post("/call/add", "{\"a\":\"\xff\"}"), "malformed: not JSON: not UTF-8"},
      {post("/call/add", R"({"a":"\ud800"})"),
       "malformed: not JSON: a string with what may not stand in one"},
      {post("/call/add", R"({"a":1}x)"), "malformed: not JSON"},
  };
  for (const auto& [request, expected] : cases) EXPECT_EQ(complaint(request), expected);
}

TEST(GatewayJson, media_types_are_compared_whole_and_without_regard_to_case) {
  HttpRequest request = post("/call/add", "{}");
  for (const char* type : {"Application/JSON", "application/json ;charset=utf-8"}) {
    request.headers["content-type"] = type;
    EXPECT_EQ(refusal(request), "asked") << type;
  }
  for (const char* type : {"application/jsonl", "application/jso", "text/plain", ""}) {
    request.headers["content-type"] = type;
    EXPECT_EQ(refusal(request), "415 not_json") << type;
  }
}

TEST(GatewayJson, an_answer_looks_as_everywhere) {
  Answer answer;
  answer.columns = {"n", "b"};
  answer.rows = {{std::int64_t{9'007'199'254'740'993}, Blob{std::byte{255}}}, {1, nullptr}};
  answer.seq = 7;
  answer.agreement.agreed = {0, 2};
  const HttpReply reply = gateway_reply(Expected<Answer>(answer));
  EXPECT_EQ(reply.status, 200U);
  EXPECT_EQ(reply.media_type, "application/json");
  const json body = json::parse(reply.body);
  EXPECT_EQ(body["columns"], json::array({"n", "b"}));
  EXPECT_EQ(body["rows"].dump(), R"([["9007199254740993",{"base64":"/w=="}],[1,null]])");
  EXPECT_EQ(body["seq"], 7);
  EXPECT_EQ(body["agreed"], json::array({0, 2}));

  const HttpReply reply_of_steps = gateway_reply(Expected<std::vector<StepAnswer>>(
      {{true, answer, "", ""}, {false, {}, "SQLITE_CONSTRAINT", "why"}, {false, {}, "", ""}}));
  const json steps = json::parse(reply_of_steps.body)["steps"];
  json ran = body;
  ran.update({{"ran", true}, {"skipped", false}, {"error", nullptr}});
  EXPECT_EQ(steps[0], ran);
  EXPECT_EQ(steps[1]["error"], (json{{"code", "SQLITE_CONSTRAINT"}, {"message", "why"}}));
  EXPECT_EQ(steps[1]["ran"], false);
  EXPECT_EQ(steps[1]["skipped"], false);
  EXPECT_EQ(steps[2]["skipped"], true);
  EXPECT_EQ(steps[2]["rows"], json::array());
  EXPECT_EQ(steps[2]["error"], nullptr);
}

TEST(GatewayJson, an_error_has_a_status_and_says_whether_it_may_have_run) {
  const auto status = [](ErrorKind kind, const std::string& code) {
    return gateway_reply(Expected<Answer>(ErrorInfo{kind, code, "why", "p", 2, true})).status;
  };
  EXPECT_EQ(status(ErrorKind::application, "already_voted"), 422U);
  EXPECT_EQ(status(ErrorKind::application, "SQLITE_ERROR"), 422U);
  EXPECT_EQ(status(ErrorKind::application, "SQLITE_CONSTRAINT_UNIQUE"), 409U);
  EXPECT_EQ(status(ErrorKind::application, "unknown_procedure"), 404U);
  EXPECT_EQ(status(ErrorKind::application, "wrong_type"), 400U);
  EXPECT_EQ(status(ErrorKind::application, "not_allowed"), 403U);
  EXPECT_EQ(status(ErrorKind::usage, "too_large"), 400U);
  EXPECT_EQ(status(ErrorKind::refused, "overloaded"), 503U);
  EXPECT_EQ(status(ErrorKind::no_quorum, "no_quorum"), 503U);
  EXPECT_EQ(status(ErrorKind::outcome_unknown, "outcome_unknown"), 504U);

  const HttpReply unknown =
      gateway_error({ErrorKind::outcome_unknown, "outcome_unknown", "why", {}, 0, true});
  EXPECT_EQ(json::parse(unknown.body)["error"]["may_have_run"], true);
  const HttpReply said = gateway_error({ErrorKind::application, "no", "why", "cast", 2, true});
  EXPECT_EQ(json::parse(said.body),
            json::parse(R"({"error":{"code":"no","message":"why","procedure":"cast",)"
                        R"("statement":2,"may_have_run":false}})"));
}

}  // namespace
}  // namespace prytany::cli
