// Somebody's own application in the simulator, and its tests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/sim/account_book.h"
#include "tests/sim/script.h"
#include "tests/sim/world.h"

namespace prytany::sim {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

std::string script_hex(const wire::Operation& operation) { return to_hex(wire::encode(operation)); }
std::string expected_hex(const wire::Outcome& outcome) { return to_hex(wire::encode(outcome)); }

wire::Call script_call(const std::string& name, const std::string& account = {},
                       std::int64_t amount = 0) {
  wire::Call call{{name}, {}};
  if (!account.empty()) call.arguments.items.push_back({{"account"}, wire::TextValue{account}});
  if (amount != 0) call.arguments.items.push_back({{"amount"}, amount});
  return call;
}

/// What `balance` gives of an account.
wire::Outcome balance_of(const std::string& account, std::int64_t balance) {
  wire::ResultSet set;
  set.columns.items = {{"name"}, {"balance"}};
  set.rows.items.push_back({{wire::TextValue{account}, balance}});
  return wire::ResultSets{{set}};
}

std::string script_step(const std::string& place, const std::string& rest) {
  return R"({"place":")" + place + R"(",)" + rest + "}";
}
std::string ask_step(const std::string& place, int actor, const wire::Operation& asked,
                     const std::string& expected = {}) {
  return script_step(place, R"("do":"ask","actor":)" + std::to_string(actor) + R"(,"operation":")" +
                                script_hex(asked) + "\"" +
                                (expected.empty() ? "" : R"(,"expected":")" + expected + "\""));
}

std::string script_line(const std::string& steps,
                        const wire::Install& application = installable()) {
  return R"({"test":"book.sql:1 money","begin_us":1767225600000000,"application":")" +
         script_hex(application) + R"(","actors":[{"name":"admin","key":")" + std::string(64, '1') +
         R"("},{"name":"anna","key":")" + std::string(64, '2') + R"("},{"name":"bob","key":")" +
         std::string(64, '3') + R"("}],"steps":[)" + steps + "]}\n";
}

/// Anna pays in, eight days pass, and she pays in again.
std::string money_steps(std::int64_t in_the_end) {
  const std::string anna_joins = script_step("book.sql:2", R"("do":"join","actor":1)");
  const std::string bob_joins = script_step("book.sql:3", R"("do":"join","actor":2)");
  return anna_joins + "," + ask_step("book.sql:4", 1, script_call("deposit", "hers", 5)) + "," +
         bob_joins + "," + ask_step("book.sql:5", 2, script_call("throw")) + "," +
         script_step("book.sql:6", R"("do":"clock","forward_us":691200000000)") + "," +
         ask_step("book.sql:7", 1, script_call("deposit", "hers", 7)) + "," +
         ask_step("book.sql:8", 1, script_call("balance", "hers"),
                  expected_hex(balance_of("hers", in_the_end))) +
         "," +
         script_step("book.sql:9",
                     R"("do":"read","operation":")" + script_hex(script_call("statement")) + "\"");
}

std::vector<Script> scripts_from(const std::string& text) {
  auto scripts = read_scripts(text);
  EXPECT_TRUE(scripts.ok()) << scripts.error().message;
  return scripts ? std::move(*scripts) : std::vector<Script>(1);
}

RunResult simulate_script(const Script& script, std::uint64_t seed, Plant plant = Plant::none) {
  Options options;
  options.seed = seed;
  options.script = &script;
  options.plant = plant;
  return simulate(options);
}

TEST(Script, has_clients_and_what_they_do) {
  const auto scripts = scripts_from(script_line(money_steps(12)));
  ASSERT_EQ(scripts.size(), 1U);
  const Script& script = scripts.front();
  ASSERT_EQ(script.actors.size(), 3U);
  EXPECT_EQ(script.actors[1].name, "anna");
  EXPECT_EQ(script.actors[1].key[0], 0x22);
  EXPECT_THAT(script.actors[0].asks, IsEmpty());
  EXPECT_EQ(script.actors[1].asks.size(), 3U);
  EXPECT_EQ(script.public_reads.size(), 1U);
  EXPECT_EQ(script.application, installable());
  ASSERT_EQ(script.steps.size(), 8U);
  EXPECT_EQ(script.steps[4].forward_us, 691'200'000'000);
  EXPECT_TRUE(script.steps[6].expected.has_value());
}

TEST(Script, that_is_none_is_refused_with_its_line) {
  const auto refused = [](const std::string& text) {
    const auto read = read_scripts(text);
    return read ? "" : read.error().message;
  };
  const std::string good = script_line("");
  EXPECT_THAT(refused(""), HasSubstr("no test"));
  EXPECT_THAT(refused(good + "{}\n"), HasSubstr("line 2"));
  EXPECT_THAT(refused("nothing"), HasSubstr("line 1"));
  EXPECT_THAT(refused(script_line(script_step("a:1", R"("do":"sing")"))), HasSubstr("a step is"));
  EXPECT_THAT(refused(script_line(script_step("a:1", R"("do":"join","actor":3)"))),
              HasSubstr("nobody's"));
  EXPECT_THAT(refused(script_line(ask_step("a:1", 1, wire::Null{}))), HasSubstr("before joining"));
  EXPECT_THAT(refused(script_line(script_step("a:1", R"("do":"ask","operation":"ff")"))),
              HasSubstr("cannot be read"));
  std::string stranger = good;
  stranger.replace(stranger.find(std::string(64, '2')), 64, "22");
  EXPECT_THAT(refused(stranger), HasSubstr("32 bytes"));
}

TEST(Script, holds_under_faults_and_is_one_run_for_one_seed) {
  const auto scripts = scripts_from(script_line(money_steps(12)));
  std::uint64_t kills = 0;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const RunResult result = simulate_script(scripts.front(), seed);
    EXPECT_THAT(result.violations, IsEmpty()) << seed << " " << result.parameters;
    EXPECT_GE(result.counters.requests, 200U);
    kills += result.counters.kills;
  }
  EXPECT_GT(kills, 0U);
  const Digest first = simulate_script(scripts.front(), 2).trace_hash;
  EXPECT_EQ(first, simulate_script(scripts.front(), 2).trace_hash);
}

TEST(Script, with_an_answer_that_is_another_one_fails_where_it_stands) {
  const auto scripts = scripts_from(script_line(money_steps(13)));
  const RunResult result = simulate_script(scripts.front(), 1);
  EXPECT_THAT(result.violations,
              Contains(testing::AllOf(StartsWith("expectation"), HasSubstr("book.sql:8"),
                                      HasSubstr("12"), HasSubstr("13"))));
}

TEST(Script, waits_until_eight_days_have_passed_on_all_replicas) {
  const wire::Operation late = wire::Execute{
      {{{{"SELECT ensure(now() >= 1767225600000000 + 691200000000, 'EARLY', 'early')"}, {}, {}}}},
      true};
  const auto expected = expected_hex(wire::ErrorReply{{"EARLY"}, {"early"}, {}, 1});
  const auto days = [&](const std::string& us, const std::string& outcome) {
    return scripts_from(
        script_line(script_step("book.sql:6", R"("do":"clock","forward_us":)" + us) + "," +
                    ask_step("book.sql:7", 0, late, outcome)));
  };
  const auto passed = days("691200000000", expected);
  EXPECT_THAT(simulate_script(passed.front(), 3).violations, Not(IsEmpty())) << "it is late enough";
  const auto before = days("1000000", expected);
  EXPECT_THAT(simulate_script(before.front(), 3).violations, IsEmpty()) << "it is early";
}

TEST(Script, of_an_application_that_admits_nobody_yet_ends_all_the_same) {
  wire::Install application = installable();
  for (wire::ApplicationFile& file : application.files.items)
    if (file.path.text == "prytany.json")
      file.content.bytes = to_bytes(
          as_bytes(R"({"name": "account_book", "version": "1", "roles": {"member": {}}})"));
  const auto scripts = scripts_from(script_line(money_steps(12), application));
  EXPECT_THAT(simulate_script(scripts.front(), 1).violations, IsEmpty());
}

TEST(Script, has_checkers_that_find_a_planted_fault) {
  const auto scripts = scripts_from(script_line(money_steps(12)));
  for (const Plant plant : {Plant::deaf_client, Plant::page_byte})
    EXPECT_THAT(simulate_script(scripts.front(), 1, plant).violations, Not(IsEmpty()));
}

/// Of whoever comes with a certificate or an ID token.
wire::Install book_of_people() {
  wire::Install book = installable();
  const std::string authorize =
      "-- @param kind text\n-- @param name text\n-- @param credential blob\n"
      "-- @param issuer text optional\n-- @param subject text optional\n"
      "-- @param claims text optional\n-- @read-only\n"
      "SELECT ensure(:subject IS NOT 'eve', 'unwanted', 'not you');\n"
      "SELECT coalesce(:kind || ' ' || :subject, 'a key'), 'member';\n";
  book.files.items.push_back({{"procedures/authorize.sql"}, {to_bytes(as_bytes(authorize))}});
  std::ranges::sort(book.files.items, {}, [](const auto& file) { return file.path.text; });
  return book;
}

std::string identified_join(int actor, const std::string& kind, const std::string& subject,
                            const std::optional<wire::Outcome>& expected) {
  const wire::Identity identity{{kind}, {"issuer"}, {subject}, {"{}"}, {}};
  return script_step("people.sql:" + std::to_string(actor),
                     R"("do":"join","actor":)" + std::to_string(actor) + R"(,"identity":")" +
                         to_hex(wire::encode(identity)) + "\"" +
                         (expected ? R"(,"expected":")" + expected_hex(*expected) + "\"" : ""));
}

TEST(Script, lets_replicas_vouch_for_whom_a_test_says_that_its_clients_are) {
  const auto joined_as = [](const std::string& principal) {
    return wire::Outcome(wire::JoinedReply{{}, {principal}, {"member"}, {}});
  };
  const std::string steps =
      identified_join(1, "certificate", "anna", joined_as("certificate anna")) + "," +
      ask_step("people.sql:3", 1, script_call("deposit", "hers", 5)) + "," +
      identified_join(2, "id_token", "eve", std::nullopt);
  const auto scripts = scripts_from(script_line(steps, book_of_people()));
  ASSERT_TRUE(scripts.front().has_identities());
  EXPECT_GT(scripts.front().steps[0].identity->expires, scripts.front().begin);
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const RunResult result = simulate_script(scripts.front(), seed);
    EXPECT_THAT(result.violations, IsEmpty()) << seed;
  }
  const std::string other = identified_join(1, "certificate", "anna", joined_as("somebody else"));
  const auto wrong = scripts_from(script_line(other, book_of_people()));
  EXPECT_THAT(simulate_script(wrong.front(), 1).violations,
              Contains(StartsWith("expectation: people.sql:1")));
}

}  // namespace
}  // namespace prytany::sim
