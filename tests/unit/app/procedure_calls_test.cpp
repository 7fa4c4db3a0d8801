// Procedures that call procedures, and what each may take (docs/reference/procedures.md).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "server/app/call_statement.h"
#include "tests/unit/app/bench_of_one.h"

namespace prytany::app {
namespace {

using testing::HasSubstr;

// ---- CALL, taken apart --------------------------------------------------------------------------

/// "procedure(name=expression|...)->into,...", and what follows; or what is wrong.
std::string parts_of(std::string_view sql) {
  std::string_view rest;
  const auto call = read_call(sql, &rest);
  if (!call) return call.error().code + ": " + call.error().message;
  std::string out = call->procedure + "(";
  for (const auto& argument : call->arguments)
    out += argument.name + "=" + std::string(argument.expression) + "|";
  out += ")->";
  for (const std::string& name : call->into) out += name + ",";
  return out + " rest:" + std::string(rest);
}

TEST(CallStatement, has_named_arguments_and_values_that_take_the_result) {
  EXPECT_EQ(parts_of("CALL p();"), "p()-> rest:");
  EXPECT_EQ(parts_of(" -- why\n call p ( ) ; SELECT 1"), "p()-> rest: SELECT 1");
  EXPECT_EQ(parts_of("CALL p(:a, b => :c + 1) INTO :x, :Y_2"), "p(a=:a|b=:c + 1|)->x,Y_2, rest:");
  EXPECT_EQ(parts_of("/* a */CALL p(a=>(SELECT max(x, 1) FROM t), b => f(1, ')'))into:z;"),
            "p(a=(SELECT max(x, 1) FROM t)|b=f(1, ')')|)->z, rest:");
}

TEST(CallStatement, ends_its_expressions_where_sqlite_would) {
  EXPECT_EQ(parts_of("CALL p(a => 'it''s, ) ; --', b => \"x)\" || [y,)] || `z(`);"),
            "p(a='it''s, ) ; --'|b=\"x)\" || [y,)] || `z(`|)-> rest:");
  EXPECT_EQ(parts_of("CALL p(a => 1 -- ), b\n , b => 2 /* ; ) */ + 3 -- end\n);"),
            "p(a=1|b=2 /* ; ) */ + 3|)-> rest:");
  EXPECT_EQ(parts_of("CALL p(a => 1.5e3, b => x'00', c => :a >= 2);"),
            "p(a=1.5e3|b=x'00'|c=:a >= 2|)-> rest:");
}

TEST(CallStatement, is_refused_when_it_is_written_in_another_way) {
  for (const char* wrong : {"CALL",
                            "CALL p",
                            "CALL p(",
                            "CALL p(a => 1",
                            "CALL p(a => 1;)",
                            "CALL p(a => )",
                            "CALL p(a =>, b => 1)",
                            "CALL p(1)",
                            "CALL p(:a + 1)",
                            "CALL p(a => 1,)",
                            "CALL p(,)",
                            "CALL p(a = 1)",
                            "CALL p(a => 'x)",
                            "CALL p(a => 1 /* )",
                            "CALL p(a => ((1))",
                            "CALL p(a => 1, a => 2)",
                            "CALL p() INTO",
                            "CALL p() INTO x",
                            "CALL p() INTO :x,",
                            "CALL p() AS x",
                            "CALL p() SELECT 1",
                            "CALL p(a => 1))",
                            "CALL 'p'()",
                            "CALL p() INTO :$x",
                            "SELECT 1"})
    EXPECT_THAT(parts_of(wrong), HasSubstr("malformed_call: ")) << wrong;
  EXPECT_THAT(parts_of("CALL p(1)"), HasSubstr("parameter => expression"));
  EXPECT_THAT(parts_of("CALL p(a => 1 /* )"), HasSubstr("not closed"));
  std::string many = "CALL p(a0 => 0";
  for (int i = 1; i <= 256; ++i) many += ", a" + std::to_string(i) + " => 0";
  EXPECT_THAT(parts_of(many + ");"), HasSubstr("too many"));
}

// ---- called -------------------------------------------------------------------------------------

class CallingEachOther : public testing::Test {
 protected:
  /// The application with these procedures, by name; who calls is a member.
  wire::Outcome install(const std::map<std::string, std::string>& procedures,
                        const std::string& limits = "{}") {
    std::map<std::string, std::string> files = {
        {"prytany.json", R"({"name": "bank", "version": "1", "limits": )" + limits +
                             R"(, "roles": {"member": {"authorize": "anyone"}, "clerk": {}}})"},
        {"schema/001_bank.sql",
         "CREATE TABLE accounts(id INTEGER PRIMARY KEY, balance INTEGER NOT NULL);\n"
         "CREATE TABLE log(line TEXT);\nINSERT INTO accounts VALUES(1, 100), (2, 0);"}};
    for (const auto& [name, text] : procedures) files["procedures/" + name + ".sql"] = text;
    wire::Install install;
    for (const auto& [path, content] : files)
      install.files.items.push_back({{path}, {to_bytes(as_bytes(content))}});
    return replica.ask(admin, install);
  }
  void must_install(const std::map<std::string, std::string>& procedures,
                    const std::string& limits = "{}") {
    const wire::Outcome done = install(procedures, limits);
    ASSERT_EQ(code_of(done), "") << message_of(done);
    member = replica.join(test_key(1));
  }
  wire::Outcome call(const std::string& name, std::vector<wire::Argument> arguments = {}) {
    return replica.call(member, name, std::move(arguments));
  }
  std::string sql(const std::string& statement) { return rows_of(replica.sql(admin, statement)); }
  /// "code procedure statement" of a refusal.
  static std::string blamed(const wire::Outcome& outcome) {
    const auto* error = std::get_if<wire::ErrorReply>(&outcome);
    if (error == nullptr) return "nobody";
    return error->code.text + " " + error->procedure.text + " " + std::to_string(error->statement);
  }
  Replica replica;
  Client admin = replica.join(test_key(100));
  Client member{test_key(1), {}, 1};
};

const std::string put =
    "-- @param id integer\n-- @param amount integer\n-- @internal\n"
    "UPDATE accounts SET balance = balance + :amount WHERE id = :id "
    "RETURNING balance AS \":balance\";\n"
    "SELECT ensure(:balance >= 0, 'no_cover', 'account ' || :id);\n"
    "CALL note(line => 'put ' || :amount);\n"
    "SELECT :balance AS balance, :id AS account;";
const std::string note =
    "-- @param line text(20)\n-- @internal\n"
    "INSERT INTO log(line) VALUES(:line);";
const std::string transfer =
    "-- @param amount integer\n-- @roles member\n"
    "CALL put(id => 1, amount => -:amount) INTO :left, :from;\n"
    "CALL put(id => 2, :amount);\n"
    "UPDATE log SET line = line || ' from ' || :from || ' with ' || :left;";

TEST_F(CallingEachOther, is_one_transaction_whose_result_is_the_last_that_returns_rows) {
  must_install({{"put", put}, {"note", note}, {"transfer", transfer}});
  const wire::Outcome outcome = call("transfer", {argument("amount", integer(30))});
  EXPECT_EQ(rows_of(outcome), "30|2") << message_of(outcome);
  EXPECT_EQ(std::get<wire::ResultSets>(outcome).items[0].changes, 6);
  EXPECT_EQ(sql("SELECT balance FROM accounts"), "70\n30");
  EXPECT_EQ(sql("SELECT line FROM log"), "put -30 from 1 with 70\nput 30 from 1 with 70");
}

TEST_F(CallingEachOther, undoes_everything_and_blames_the_inner_statement) {
  must_install({{"put", put}, {"note", note}, {"transfer", transfer}});
  const wire::Outcome outcome = call("transfer", {argument("amount", integer(101))});
  EXPECT_EQ(blamed(outcome), "no_cover put 2");
  EXPECT_EQ(message_of(outcome), "account 1");
  EXPECT_EQ(blamed(call("transfer", {argument("amount", integer(-101))})), "no_cover put 2");
  EXPECT_EQ(sql("SELECT balance FROM accounts"), "100\n0");
  EXPECT_EQ(sql("SELECT count(*) FROM log"), "0");
}

TEST_F(CallingEachOther, checks_arguments_as_a_client_is_checked) {
  must_install({{"note", note},
                {"typed", "-- @roles member\nCALL note(line => 1);"},
                {"null", "-- @roles member\nSELECT NULL AS \":line\";\nCALL note(:line);"},
                {"long", "-- @roles member\nSELECT 1;\nCALL note(line => hex(zeroblob(20)));"}});
  EXPECT_EQ(blamed(call("typed")), "wrong_type typed 1");
  EXPECT_THAT(message_of(call("typed")), HasSubstr("note: :line must be text"));
  EXPECT_EQ(blamed(call("null")), "missing_parameter null 2");
  EXPECT_EQ(blamed(call("long")), "value_too_long long 2");
}

TEST_F(CallingEachOther, takes_one_row_into_values_and_nulls_for_none) {
  const std::string rows =
      "-- @param n integer\n-- @internal\n-- @read-only\n"
      "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "
      "SELECT x, x * 2 FROM c LIMIT :n;";
  must_install({{"rows", rows},
                {"take",
                 "-- @param n integer\n-- @roles member\n-- @read-only\n"
                 "CALL rows(:n) INTO :a, :b;\nSELECT :a, :b;"}});
  EXPECT_EQ(rows_of(call("take", {argument("n", integer(1))})), "1|2");
  EXPECT_EQ(rows_of(call("take", {argument("n", integer(0))})), "NULL|NULL");
  EXPECT_EQ(blamed(call("take", {argument("n", integer(2))})), "many_rows take 1");
}

TEST_F(CallingEachOther, lets_in_whom_the_outer_procedure_lets_in) {
  must_install({{"secret", "-- @roles clerk\n-- @read-only\nSELECT session_role() AS role;"},
                {"inner", "-- @internal\n-- @read-only\nSELECT 1;"},
                {"open", "-- @roles member\n-- @read-only\nCALL secret();"},
                {"anybody", "-- @public\n-- @read-only\nCALL open();"}});
  EXPECT_EQ(code_of(call("secret")), "not_allowed");
  EXPECT_EQ(code_of(call("inner")), "not_allowed");
  EXPECT_EQ(code_of(replica.call(admin, "inner")), "not_allowed");
  EXPECT_EQ(code_of(replica.executor().public_read({{"inner"}, {}})), "unknown_procedure");
  EXPECT_EQ(rows_of(call("open")), "member") << "the session stays who it is";
  EXPECT_EQ(rows_of(replica.executor().public_read({{"anybody"}, {}})), "NULL");
}

TEST_F(CallingEachOther, works_in_authorize) {
  must_install({{"who",
                 "-- @param credential blob\n-- @internal\n-- @read-only\n"
                 "SELECT 'key ' || length(:credential) AS principal;"},
                {"authorize",
                 "-- @param kind text\n-- @param name text\n"
                 "-- @param credential blob\n-- @read-only\n"
                 "CALL who(:credential) INTO :who;\nSELECT :who, 'clerk';"}});
  EXPECT_EQ(replica.executor().session(member.session)->principal, "key 32");
}

struct WrongCall {
  std::string name;
  std::string text;
  std::string blamed;
  std::string says;
};
const WrongCall wrong_calls[] = {
    {"p", "CALL nothing();", "unknown_procedure p 1", "nothing"},
    {"p", "SELECT 1;\nCALL authorize();", "unknown_procedure p 2", "authorize"},
    {"p", "CALL prytany_pages();", "unknown_procedure p 1", ""},
    {"p", "CALL p();", "recursive_call p 1", "p would call itself"},
    {"p", "CALL note();", "missing_parameter p 1", "line => ..."},
    {"p", "CALL note(line => 'a', other => 1);", "unknown_parameter p 1", "'other'"},
    {"p", "CALL note(line => :line);", "wrong_parameters p 1", ":line is neither"},
    {"p", "CALL note(:line);", "wrong_parameters p 1", ":line is neither"},
    {"p", "CALL note(line => nothing);", "SQLITE_ERROR p 1", "nothing"},
    {"p", "CALL note(line => (1, 2));", "SQLITE_ERROR p 1", "row value"},
    {"p", "CALL note(line => 'a') INTO :x;", "wrong_parameters p 1", "returns 0 columns"},
    {"p", "CALL two() INTO :x;", "wrong_parameters p 1", "returns 2 columns, and INTO names 1"},
    {"p", "CALL two() INTO :x, :x;", "wrong_parameters p 1", ":x has a value already"},
    {"p", "SELECT 1 AS \":x\";\nCALL two() INTO :x, :y;", "wrong_parameters p 2", ":x has"},
    {"p", "CALL note(line => 'a'", "malformed_call p 1", "not closed"},
    {"p", "-- @read-only\nCALL note(line => 'a');", "not_read_only p 1", "note does not"},
    {"a", "CALL note(line => (SELECT bad));", "SQLITE_ERROR a 1", "bad"},
};

TEST_F(CallingEachOther, is_checked_when_it_is_installed) {
  for (const WrongCall& wrong : wrong_calls) {
    const wire::Outcome outcome =
        install({{"note", note},
                 {"two", "-- @internal\nSELECT 1, 2;"},
                 {"authorize",
                  "-- @param kind text\n-- @param name text\n"
                  "-- @param credential blob\n-- @read-only\nSELECT 'x', 'member';"},
                 {wrong.name, "-- @roles member\n" + wrong.text},
                 {"z", "-- @roles member\nCALL " + wrong.name + "();"}});
    EXPECT_EQ(blamed(outcome), wrong.blamed) << wrong.text;
    EXPECT_THAT(message_of(outcome), HasSubstr(wrong.says)) << wrong.text;
  }
  EXPECT_EQ(sql("SELECT name FROM sqlite_schema WHERE name = 'log'"), "")
      << "nothing was installed";
}

TEST_F(CallingEachOther, never_calls_itself_over_others) {
  const wire::Outcome outcome = install({{"a", "-- @roles member\nCALL b();"},
                                         {"b", "-- @internal\nSELECT 1;\nCALL c();"},
                                         {"c", "-- @internal\nCALL a();"}});
  EXPECT_EQ(blamed(outcome), "recursive_call c 1");
}

/// Procedures p1 ... pN, each of which calls the next, with names in the given order.
std::map<std::string, std::string> chain_of(int length, bool last_first) {
  std::map<std::string, std::string> chain;
  const auto name = [&](int i) {
    return "p" + std::to_string(100 + (last_first ? length - i : i));
  };
  for (int i = 1; i < length; ++i) chain[name(i)] = "-- @roles member\nCALL " + name(i + 1) + "();";
  chain[name(length)] = "-- @roles member\nSELECT 'deep';";
  return chain;
}

TEST_F(CallingEachOther, goes_eight_procedures_deep) {
  for (const bool last_first : {false, true}) {
    EXPECT_EQ(code_of(install(chain_of(9, last_first))), "calls_too_deep");
    must_install(chain_of(8, last_first));
    EXPECT_EQ(rows_of(call(last_first ? "p107" : "p101")), "deep");
  }
}

TEST_F(CallingEachOther, pays_for_every_statement_that_is_called) {
  // Four levels of thirty calls each: a million small statements, of which none takes a hundred
  // steps.
  std::map<std::string, std::string> tree;
  for (int level = 1; level < 5; ++level) {
    std::string& text = tree["p" + std::to_string(level)];
    text = "-- @roles member\n";
    for (int i = 0; i < 30; ++i) text += "CALL p" + std::to_string(level + 1) + "();\n";
  }
  tree["p5"] = "-- @internal\nSELECT 1;";
  must_install(tree, R"({"steps": 1000000})");
  EXPECT_EQ(code_of(call("p1")), "budget_exceeded");
  EXPECT_EQ(rows_of(call("p3")), "1");
}

TEST_F(CallingEachOther, works_on_after_ad_hoc_changes_of_the_schema) {
  must_install({{"put", put}, {"note", note}, {"transfer", transfer}});
  EXPECT_EQ(rows_of(call("transfer", {argument("amount", integer(1))})), "1|2");
  EXPECT_EQ(code_of(replica.sql(admin, "ALTER TABLE log ADD COLUMN x")), "");
  EXPECT_EQ(rows_of(call("transfer", {argument("amount", integer(1))})), "2|2");
  replica.executor().release();
  replica.executor().reload();
}

// ---- limits -------------------------------------------------------------------------------------

const std::string counts =
    "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT :n) ";

TEST_F(CallingEachOther, takes_no_more_than_its_own_limits) {
  const std::string head = "-- @param n integer\n-- @roles member\n-- @read-only\n";
  must_install({{"steps", "-- @limits steps=20000\n" + head + counts + "SELECT count(*) FROM c;"},
                {"rows", "-- @limits rows=3\n" + head + counts + "SELECT x FROM c;"},
                {"bytes", "-- @limits bytes=1000, rows=50\n" + head + "SELECT zeroblob(:n);"},
                {"free", head + counts + "SELECT count(*) FROM c;"}});
  const auto n = [](std::int64_t count) { return std::vector{argument("n", integer(count))}; };
  EXPECT_EQ(rows_of(call("free", n(5000))), "5000");
  EXPECT_EQ(rows_of(call("steps", n(100))), "100");
  EXPECT_EQ(blamed(call("steps", n(5000))), "budget_exceeded steps 1");
  EXPECT_THAT(message_of(call("steps", n(5000))), HasSubstr("more than 20000 steps"));
  EXPECT_EQ(rows_of(call("rows", n(3))), "1\n2\n3");
  EXPECT_EQ(blamed(call("rows", n(4))), "RESULT_TOO_LARGE rows 1");
  EXPECT_THAT(message_of(call("rows", n(4))), HasSubstr("more than 3 rows"));
  EXPECT_EQ(code_of(call("bytes", n(900))), "");
  EXPECT_EQ(code_of(call("bytes", n(1001))), "RESULT_TOO_LARGE");
  EXPECT_THAT(message_of(call("bytes", n(1001))), HasSubstr("50 rows or 1000 bytes"));
}

TEST_F(CallingEachOther, holds_the_called_ones_limits_and_the_callers) {
  const std::string count = "-- @param n integer\n-- @internal\n" + counts;
  must_install({{"small", "-- @limits steps=20000\n" + count + "SELECT count(*) FROM c;"},
                {"large", count + "SELECT x FROM c;"},
                {"inner",
                 "-- @param n integer\n-- @roles member\nCALL small(:n) INTO :count;\n"
                 "CALL small(n => 1);\nCALL large(n => 5000);"},
                {"outer",
                 "-- @limits steps=20000, rows=10\n-- @param n integer\n-- @roles member\n"
                 "CALL small(n => 1);\nCALL large(:n);"}});
  const auto n = [](std::int64_t count_to) {
    return std::vector{argument("n", integer(count_to))};
  };
  EXPECT_EQ(code_of(call("inner", n(100))), "") << "the limit of small ends with small";
  EXPECT_EQ(blamed(call("inner", n(5000))), "budget_exceeded small 1");
  EXPECT_THAT(message_of(call("inner", n(5000))), HasSubstr("more than 20000 steps"));
  EXPECT_EQ(blamed(call("outer", n(11))), "RESULT_TOO_LARGE large 1");
  EXPECT_EQ(blamed(call("outer", n(5000))), "RESULT_TOO_LARGE large 1");
}

TEST_F(CallingEachOther, never_loosens_the_applications_limits) {
  const std::string limits = R"({"steps": 20000, "rows": 3, "bytes": 500})";
  const std::string p = "-- @param n integer\n-- @roles member\n";
  for (const char* more : {"steps=20001", "rows=4", "bytes=501"}) {
    const wire::Outcome outcome =
        install({{"p", "-- @limits " + std::string(more) + "\n" + p + "SELECT :n;"}}, limits);
    EXPECT_EQ(code_of(outcome), "bad_application");
    EXPECT_THAT(message_of(outcome), HasSubstr("@limits " + std::string(more) + " is above the"));
  }
  must_install({{"rows", p + counts + "SELECT x FROM c;"},
                {"steps", "-- @limits rows=3\n" + p + counts + "SELECT count(*) FROM c;"},
                {"bytes", p + "SELECT zeroblob(:n);"}},
               limits);
  const auto n = [](std::int64_t count) { return std::vector{argument("n", integer(count))}; };
  EXPECT_EQ(code_of(call("rows", n(3))), "");
  EXPECT_EQ(code_of(call("rows", n(4))), "RESULT_TOO_LARGE");
  EXPECT_EQ(code_of(call("steps", n(5000))), "budget_exceeded");
  EXPECT_EQ(code_of(call("bytes", n(500))), "RESULT_TOO_LARGE");
}

TEST_F(CallingEachOther, refuses_heads_that_mean_nothing) {
  const std::map<std::string, std::string> wrong_heads = {
      {"-- @limits\n-- @roles member", "write: @limits"},
      {"-- @limits steps\n-- @roles member", "whole number above 0"},
      {"-- @limits steps=0\n-- @roles member", "whole number above 0"},
      {"-- @limits steps=1e6\n-- @roles member", "whole number above 0"},
      {"-- @limits steps=99999999999999999999\n-- @roles member", "whole number above 0"},
      {"-- @limits columns=3\n-- @roles member", "write: @limits"},
      {"-- @limits rows=3 rows=4\n-- @roles member", "limited twice"},
      {"-- @internal\n-- @roles member", "called by others only"},
      {"-- @internal\n-- @public\n-- @read-only", "called by others only"},
      {"-- @internal yes", "stands alone"},
  };
  for (const auto& [head, says] : wrong_heads) {
    const wire::Outcome outcome = install({{"p", head + "\nSELECT 1;"}});
    EXPECT_EQ(code_of(outcome), "bad_application") << head;
    EXPECT_THAT(message_of(outcome), HasSubstr(says)) << head;
  }
}

}  // namespace
}  // namespace prytany::app
