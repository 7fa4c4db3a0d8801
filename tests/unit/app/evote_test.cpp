// The election in examples/evote, driven through the executor: every rule, every refusal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "server/app/folder.h"
#include "tests/unit/app/bench_of_one.h"

namespace prytany::app {
namespace {

using testing::HasSubstr;

const std::string evote_folder = std::string(PRYTANY_SOURCE_DIR) + "/examples/evote";

wire::Value blob(const crypto::PublicKey& key) { return wire::BlobValue{to_bytes(key.bytes)}; }

class Evote : public testing::Test {
 protected:
  Evote() : admin(replica.join(test_key(100))) {
    auto install = load_application_folder(evote_folder);
    EXPECT_TRUE(install) << (install ? "" : install.error().message);
    const wire::Outcome outcome = replica.ask(admin, *install);
    EXPECT_EQ(code_of(outcome), "") << message_of(outcome);
  }

  std::string call(Client& client, const std::string& procedure,
                   std::vector<wire::Argument> arguments = {}) {
    return code_of(replica.call(client, procedure, std::move(arguments)));
  }
  std::string rows(const std::string& procedure, std::vector<wire::Argument> arguments = {}) {
    return rows_of(replica.executor().public_read({{procedure}, {std::move(arguments)}}));
  }

  /// Voter number i (from 1) has the id "V<i>" and the key test_key(i).
  std::string import(int i) {
    return call(admin, "import_voter",
                {argument("id", text("V" + std::to_string(i))),
                 argument("name", text("Voter " + std::to_string(i))),
                 argument("district", text(i % 2 == 0 ? "Plaka" : "Kypseli")),
                 argument("key", blob(test_key(static_cast<std::uint8_t>(i)).public_key()))});
  }
  std::string add_question(const std::string& question, int least, int most, int blank) {
    return rows_of(replica.call(
        admin, "add_question",
        {argument("text", text(question)), argument("choose_min", integer(least)),
         argument("choose_max", integer(most)), argument("allow_blank", integer(blank))}));
  }
  std::string add_candidate(int question, const std::string& name) {
    return rows_of(
        replica.call(admin, "add_candidate",
                     {argument("question", integer(question)), argument("name", text(name))}));
  }
  std::string cast(Client& voter, const std::string& ballot) {
    const wire::Outcome outcome =
        replica.call(voter, "cast_ballot", {argument("ballot", text(ballot))});
    return rows_of(outcome).starts_with("error") ? code_of(outcome) : rows_of(outcome);
  }

  void draft(int voters) {
    EXPECT_EQ(call(admin, "create_election", {argument("title", text("Council"))}), "");
    EXPECT_EQ(add_question("President", 1, 1, 1), "1");
    EXPECT_EQ(add_question("Two of the board", 2, 2, 0), "2");
    EXPECT_EQ(add_candidate(1, "Eleni"), "1");
    EXPECT_EQ(add_candidate(1, "Giorgos"), "2");
    EXPECT_EQ(add_candidate(2, "Anna"), "3");
    EXPECT_EQ(add_candidate(2, "Petros"), "4");
    EXPECT_EQ(add_candidate(2, "Zoe"), "5");
    for (int i = 1; i <= voters; ++i) EXPECT_EQ(import(i), "");
  }
  void open(int voters) {
    draft(voters);
    EXPECT_EQ(call(admin, "freeze_election"), "");
    EXPECT_EQ(call(admin, "open_election"), "");
  }
  Client voter(int i) { return replica.join(test_key(static_cast<std::uint8_t>(i))); }

  Replica replica;
  Client admin;
};

TEST_F(Evote, counts_what_was_cast) {
  open(4);
  Client one = voter(1);
  Client two = voter(2);
  Client three = voter(3);
  const std::string receipt = cast(one, R"({"1": [1], "2": [3, 4]})");
  EXPECT_EQ(receipt.size(), 14U) << receipt;
  EXPECT_EQ(cast(two, R"({"2": [5, 3], "1": [1]})").size(), 14U);
  EXPECT_EQ(cast(three, R"({"1": [], "2": [3, 5]})").size(), 14U);
  EXPECT_EQ(rows("turnout"), "|4|3\nKypseli|2|2\nPlaka|2|1");
  EXPECT_EQ(call(admin, "close_election"), "");
  EXPECT_EQ(rows_of(replica.call(admin, "tally")),
            "1|1|Eleni|2\n1|0|(blank)|1\n1|2|Giorgos|0\n2|3|Anna|3\n2|5|Zoe|2\n2|4|Petros|1");
  EXPECT_THAT(rows("results"), HasSubstr("not_published"));
  EXPECT_THAT(rows("published_ballots"), HasSubstr("not_published"));
  EXPECT_EQ(call(admin, "publish"), "");
  EXPECT_EQ(rows("results"),
            "1|1|Eleni|2\n1|0|(blank)|1\n1|2|Giorgos|0\n2|3|Anna|3\n2|5|Zoe|2\n2|4|Petros|1");
  EXPECT_EQ(rows("published_ballots"), "1|0|1\n1|1|2\n2|3 4|1\n2|3 5|2");
}

TEST_F(Evote, shows_a_receipt_on_the_bulletin_board_however_it_is_typed) {
  open(2);
  Client one = voter(1);
  const std::string receipt = cast(one, R"({"1": [2], "2": [4, 5]})");
  const auto find = [&](const std::string& typed) {
    return rows("find_receipt", {argument("receipt", text(typed))});
  };
  EXPECT_EQ(find(receipt), receipt + "|1|0");
  std::string typed = receipt;
  for (char& c : typed) c = static_cast<char>(std::tolower(c));
  typed.erase(4, 1);
  EXPECT_EQ(find(typed), receipt + "|1|0");
  EXPECT_EQ(find("0000-0000-0000"), "0000-0000-0000|0|0");
  EXPECT_EQ(find("oooo-iiii-LLLL"), "0000-1111-1111|0|0");
  EXPECT_EQ(rows("bulletin_board", {argument("count", integer(10))}), receipt);
  EXPECT_EQ(
      rows("bulletin_board", {argument("after", text(receipt)), argument("count", integer(10))}),
      "");
  EXPECT_THAT(rows("bulletin_board", {argument("count", integer(0))}), HasSubstr("bad_count"));
}

TEST_F(Evote, refuses_a_second_ballot_and_keeps_the_first) {
  open(1);
  Client one = voter(1);
  EXPECT_EQ(cast(one, R"({"1": [1], "2": [3, 4]})").size(), 14U);
  EXPECT_EQ(cast(one, R"({"1": [2], "2": [3, 4]})"), "already_voted");
  Client again = replica.join(test_key(1), "", 77);
  EXPECT_EQ(cast(again, R"({"1": [2], "2": [3, 4]})"), "already_voted");
  EXPECT_EQ(call(admin, "close_election"), "");
  EXPECT_EQ(rows_of(replica.call(admin, "tally")),
            "1|1|Eleni|1\n1|0|(blank)|0\n1|2|Giorgos|0\n2|3|Anna|1\n2|4|Petros|1\n2|5|Zoe|0");
}

TEST_F(Evote, refuses_a_ballot_that_does_not_follow_the_rules) {
  open(1);
  Client one = voter(1);
  EXPECT_EQ(cast(one, "not json"), "bad_ballot");
  EXPECT_EQ(cast(one, "[1]"), "bad_ballot");
  EXPECT_EQ(cast(one, R"({"1": 1, "2": [3, 4]})"), "bad_ballot");
  EXPECT_EQ(cast(one, R"({"1": [1]})"), "question_missing");
  EXPECT_EQ(cast(one, R"({"1": [1], "2": [3, 4], "3": []})"), "unknown_question");
  EXPECT_EQ(cast(one, R"({"1": [1], "1": [2], "2": [3, 4]})"), "question_missing");
  EXPECT_EQ(cast(one, R"({"01": [1], "2": [3, 4]})"), "unknown_question");
  EXPECT_EQ(cast(one, R"({"1": [3], "2": [3, 4]})"), "unknown_candidate");
  EXPECT_EQ(cast(one, R"({"1": ["1"], "2": [3, 4]})"), "unknown_candidate");
  EXPECT_EQ(cast(one, R"({"1": [0], "2": [3, 4]})"), "unknown_candidate");
  EXPECT_EQ(cast(one, R"({"1": [1], "2": [3, 3]})"), "candidate_twice");
  EXPECT_EQ(cast(one, R"({"1": [1], "2": []})"), "blank_not_allowed");
  EXPECT_EQ(cast(one, R"({"1": [1], "2": [3]})"), "wrong_number_of_choices");
  EXPECT_EQ(cast(one, R"({"1": [1, 2], "2": [3, 4]})"), "wrong_number_of_choices");
  EXPECT_EQ(cast(one, R"({"1": [1], "2": [3, 4, 5]})"), "wrong_number_of_choices");
  EXPECT_EQ(rows("turnout").substr(0, 4), "|1|0");
  EXPECT_EQ(cast(one, R"({"1": [1], "2": [3, 4]})").size(), 14U);
}

TEST_F(Evote, takes_ballots_only_while_it_is_open) {
  draft(1);
  Client one = voter(1);
  const std::string ballot = R"({"1": [1], "2": [3, 4]})";
  EXPECT_EQ(cast(one, ballot), "not_open");
  EXPECT_EQ(call(admin, "freeze_election"), "");
  EXPECT_EQ(cast(one, ballot), "not_open");
  EXPECT_EQ(call(admin, "open_election"), "");
  EXPECT_EQ(call(admin, "close_election"), "");
  EXPECT_EQ(cast(one, ballot), "closed");
}

TEST_F(Evote, ends_voting_at_the_closing_time_which_can_only_be_put_off) {
  draft(3);
  EXPECT_EQ(call(admin, "freeze_election"), "");
  const auto until = [&](const char* procedure, std::int64_t us, const char* reason) {
    std::vector<wire::Argument> arguments = {argument("closes_us", integer(us))};
    if (reason != nullptr) arguments.push_back(argument("reason", text(reason)));
    return call(admin, procedure, std::move(arguments));
  };
  const std::string ballot = R"({"1": [1], "2": [3, 4]})";
  const std::int64_t end = replica.now().value + 3'600'000'000;
  EXPECT_EQ(until("open_election", replica.now().value - 1, nullptr), "bad_time");
  EXPECT_EQ(until("extend_election", end, "no"), "wrong_state");
  EXPECT_EQ(until("open_election", end, nullptr), "");
  EXPECT_EQ(until("extend_election", end - 1, "earlier"), "bad_time");
  EXPECT_EQ(until("extend_election", end + 1, " "), "bad_reason");
  EXPECT_EQ(code_of(replica.sql(admin, "UPDATE election SET closes_us = closes_us - 1")),
            "only_later");
  EXPECT_EQ(code_of(replica.sql(admin, "UPDATE election SET closes_us = NULL")), "only_later");
  Client one = voter(1);
  EXPECT_EQ(cast(one, ballot).size(), 14U);
  EXPECT_TRUE(replica.execute(wire::Batch{}, 3'600'000'000).replies.empty());
  Client two = voter(2);
  EXPECT_EQ(cast(two, ballot), "closed");
  EXPECT_EQ(code_of(replica.sql(admin, "INSERT INTO ballots(receipt) VALUES('AAAA-BBBB-CCCC')")),
            "closed");
  EXPECT_EQ(until("extend_election", replica.now().value + 1'000'000'000, "the power failed"), "");
  EXPECT_EQ(cast(two, ballot).size(), 14U);
  EXPECT_THAT(rows("audit_log", {argument("count", integer(100))}), HasSubstr("the power failed"));
  EXPECT_EQ(call(admin, "close_election"), "");
  EXPECT_EQ(code_of(replica.sql(admin, "UPDATE election SET closes_us = closes_us + 1")),
            "only_later");
}

TEST_F(Evote, does_not_extend_what_has_no_closing_time) {
  open(1);
  EXPECT_EQ(call(admin, "extend_election",
                 {argument("closes_us", integer(replica.now().value + 1'000'000)),
                  argument("reason", text("why not"))}),
            "no_closing_time");
}

TEST_F(Evote, records_test_ballots_that_everybody_sees_and_nobody_counts) {
  open(2);
  Client one = voter(1);
  const auto test = [&](const std::string& ballot, int spoil = 1) {
    const wire::Outcome outcome = replica.call(
        one, "cast_ballot", {argument("ballot", text(ballot)), argument("spoil", integer(spoil))});
    return code_of(outcome).empty() ? rows_of(outcome) : code_of(outcome);
  };
  EXPECT_EQ(test(R"({"1": [1], "2": [3]})"), "wrong_number_of_choices") << "the same rules";
  EXPECT_EQ(test(R"({"1": [1], "2": [3, 4]})", 2), "bad_ballot");
  const std::string receipt = test(R"({ "1": [1], "2": [3, 4] })");
  EXPECT_EQ(receipt.size(), 14U) << receipt;
  EXPECT_EQ(rows("find_receipt", {argument("receipt", text(receipt))}), receipt + "|0|1");
  EXPECT_EQ(rows("test_ballots", {argument("count", integer(10))}),
            receipt + R"(|{"1":[1],"2":[3,4]})");
  EXPECT_EQ(rows("bulletin_board", {argument("count", integer(10))}), "");
  EXPECT_EQ(rows("turnout").substr(0, 4), "|2|0");
  EXPECT_EQ(rows_of(replica.call(one, "my_status")), "V1|Voter 1|Kypseli|open|0|1");
  EXPECT_EQ(test(R"({"1": [], "2": [3, 5]})").size(), 14U);
  EXPECT_EQ(test(R"({"1": [2], "2": [3, 5]})").size(), 14U);
  EXPECT_EQ(test(R"({"1": [2], "2": [3, 5]})"), "no_more_tests");
  EXPECT_EQ(cast(one, R"({"1": [2], "2": [4, 5]})").size(), 14U);
  EXPECT_EQ(test(R"({"1": [2], "2": [3, 5]})"), "already_voted");
  for (const char* sql : {"DELETE FROM test_ballots", "UPDATE test_ballots SET ballot = '{}'"})
    EXPECT_EQ(code_of(replica.sql(admin, sql)), "ballots_stay") << sql;
  EXPECT_EQ(code_of(replica.sql(admin, "INSERT INTO ballots(receipt) VALUES('" + receipt + "')")),
            "try_again");
  EXPECT_EQ(call(admin, "close_election"), "");
  EXPECT_EQ(rows_of(replica.call(admin, "tally")),
            "1|2|Giorgos|1\n1|0|(blank)|0\n1|1|Eleni|0\n2|4|Petros|1\n2|5|Zoe|1\n2|3|Anna|0");
}

TEST_F(Evote, replaces_a_lost_code_of_a_voter_who_has_not_voted) {
  open(2);
  const auto renew = [&](const std::string& id, std::uint8_t key, const std::string& reason) {
    return call(admin, "replace_key",
                {argument("id", text(id)), argument("key", blob(test_key(key).public_key())),
                 argument("reason", text(reason))});
  };
  Client one = voter(1);
  EXPECT_EQ(cast(one, R"({"1": [1], "2": [3, 4]})").size(), 14U);
  EXPECT_EQ(renew("V1", 60, "lost"), "already_voted");
  EXPECT_EQ(renew("V9", 60, "lost"), "unknown_voter");
  EXPECT_EQ(renew("V2", 1, "lost"), "key_in_use");
  EXPECT_EQ(renew("V2", 60, " "), "bad_reason");
  EXPECT_EQ(renew("V2", 60, "the letter was lost"), "");
  const auto join = [&](std::uint8_t key) {
    return code_of(replica
                       .execute(join_request(replica.config(), test_key(key), test_key(key), "",
                                             replica.now()))
                       .outcome);
  };
  EXPECT_EQ(join(2), "not_on_the_roll");
  Client two = replica.join(test_key(60));
  EXPECT_EQ(cast(two, R"({"1": [1], "2": [3, 4]})").size(), 14U);
  EXPECT_THAT(rows("audit_log", {argument("count", integer(100))}),
              HasSubstr("replace code|V2: the letter was lost"));
  EXPECT_EQ(call(admin, "close_election"), "");
  EXPECT_EQ(renew("V2", 61, "late"), "wrong_state");
}

TEST_F(Evote, gives_an_open_session_no_rights_once_its_code_was_replaced) {
  open(1);
  Client thief = voter(1);
  EXPECT_EQ(call(admin, "replace_key",
                 {argument("id", text("V1")), argument("key", blob(test_key(60).public_key())),
                  argument("reason", text("the letter was stolen"))}),
            "");
  const std::string ballot = R"({"1": [1], "2": [3, 4]})";
  EXPECT_EQ(cast(thief, ballot), "key_not_valid");
  EXPECT_EQ(call(thief, "my_status"), "key_not_valid");
  Client owner = replica.join(test_key(60));
  EXPECT_EQ(cast(thief, ballot), "key_not_valid") << "nor once the other is there";
  EXPECT_EQ(rows("turnout").substr(0, 4), "|1|0");
  EXPECT_EQ(cast(owner, ballot).size(), 14U);
}

TEST_F(Evote, gives_a_dismissed_official_no_rights_in_an_open_session) {
  draft(1);
  const auto appoint = [&](std::uint8_t key) {
    return call(
        admin, "appoint_official",
        {argument("name", text("Chair: A/B")), argument("key", blob(test_key(key).public_key()))});
  };
  EXPECT_EQ(appoint(50), "");
  Client official = replica.join(test_key(50));
  EXPECT_EQ(call(official, "checklist"), "");
  EXPECT_EQ(call(admin, "dismiss_official", {argument("name", text("Chair: A/B"))}), "");
  const auto refused = [&] {
    EXPECT_EQ(call(official, "checklist"), "key_not_valid");
    EXPECT_EQ(call(official, "freeze_election"), "key_not_valid");
    EXPECT_EQ(call(official, "create_election", {argument("title", text("Mine"))}),
              "key_not_valid");
  };
  refused();
  EXPECT_EQ(appoint(51), "") << "another person, of the same name";
  refused();
  Client other = replica.join(test_key(51));
  EXPECT_EQ(call(other, "freeze_election"), "");
}

TEST_F(Evote, refuses_a_ballot_of_another_paper_than_the_present_one) {
  draft(1);
  const std::string stale = rows("ballot_paper");
  EXPECT_EQ(call(admin, "remove_candidate", {argument("candidate", integer(5))}), "");
  EXPECT_EQ(add_candidate(2, "Dave"), "6") << "a number that was used is not used again";
  EXPECT_EQ(call(admin, "freeze_election"), "");
  EXPECT_EQ(call(admin, "open_election"), "");
  const auto version_of = [](const std::string& paper) {
    return std::stoi(paper.substr(paper.rfind('|') + 1));
  };
  Client one = voter(1);
  const auto cast_on = [&](int version) {
    return code_of(replica.call(one, "cast_ballot",
                                {argument("ballot", text(R"({"1": [1], "2": [3, 4]})")),
                                 argument("paper", integer(version))}));
  };
  const int now = version_of(rows("ballot_paper"));
  EXPECT_EQ(version_of(stale) + 2, now);
  EXPECT_EQ(cast_on(version_of(stale)), "paper_changed");
  EXPECT_EQ(code_of(replica.call(one, "cast_ballot",
                                 {argument("ballot", text(R"({"1": [1], "2": [3, 5]})"))})),
            "unknown_candidate");
  EXPECT_EQ(cast_on(now), "");
}

TEST_F(Evote, freezes_only_what_is_ready) {
  EXPECT_EQ(call(admin, "freeze_election"), "no_election");
  EXPECT_EQ(call(admin, "open_election"), "no_election");
  EXPECT_EQ(call(admin, "create_election", {argument("title", text("  "))}), "bad_title");
  EXPECT_EQ(call(admin, "create_election", {argument("title", text("Council"))}), "");
  EXPECT_EQ(call(admin, "freeze_election"), "not_ready");
  EXPECT_THAT(rows_of(replica.call(admin, "checklist")), HasSubstr("there are no questions"));
  EXPECT_EQ(add_question("President", 1, 2, 1), "1");
  EXPECT_EQ(add_candidate(1, "Eleni"), "1");
  EXPECT_EQ(call(admin, "freeze_election"), "not_ready");
  EXPECT_THAT(rows_of(replica.call(admin, "checklist")), HasSubstr("1 candidates for 2 choices"));
  EXPECT_EQ(add_candidate(1, "Anna"), "2");
  EXPECT_EQ(call(admin, "freeze_election"), "not_ready");
  EXPECT_EQ(rows_of(replica.call(admin, "checklist")), "nobody is on the roll: import_voters");
  EXPECT_EQ(import(1), "");
  EXPECT_EQ(rows_of(replica.call(admin, "checklist")), "");
  EXPECT_EQ(call(admin, "freeze_election"), "");
}

TEST_F(Evote, lets_a_draft_be_corrected_and_nothing_after_it) {
  draft(1);
  EXPECT_THAT(add_candidate(1, "Eleni"), HasSubstr("already_there"));
  EXPECT_THAT(add_candidate(9, "Eleni"), HasSubstr("unknown_question"));
  EXPECT_THAT(add_candidate(1, " "), HasSubstr("bad_candidate"));
  EXPECT_THAT(add_question("What?", 0, 1, 1), HasSubstr("bad_question"));
  EXPECT_THAT(add_question("What?", 2, 1, 1), HasSubstr("bad_question"));
  EXPECT_THAT(add_question("What?", 1, 1, 2), HasSubstr("bad_question"));
  EXPECT_THAT(add_question(" ", 1, 1, 1), HasSubstr("bad_question"));
  EXPECT_EQ(add_question("What?", 1, 1, 1), "3");
  EXPECT_EQ(call(admin, "remove_question", {argument("question", integer(3))}), "");
  EXPECT_EQ(call(admin, "remove_question", {argument("question", integer(3))}), "unknown_question");
  EXPECT_EQ(add_candidate(2, "Ilias"), "6");
  EXPECT_EQ(call(admin, "remove_candidate", {argument("candidate", integer(6))}), "");
  EXPECT_EQ(call(admin, "remove_candidate", {argument("candidate", integer(6))}),
            "unknown_candidate");
  EXPECT_EQ(call(admin, "create_election", {argument("title", text("City council"))}), "");
  EXPECT_EQ(rows("election").substr(0, 20), "City council||draft|");
  EXPECT_EQ(call(admin, "freeze_election"), "");
  EXPECT_THAT(add_question("What?", 1, 1, 1), HasSubstr("wrong_state"));
  EXPECT_THAT(add_candidate(1, "Late"), HasSubstr("wrong_state"));
  EXPECT_EQ(call(admin, "remove_question", {argument("question", integer(1))}), "wrong_state");
  EXPECT_EQ(call(admin, "remove_candidate", {argument("candidate", integer(1))}), "wrong_state");
  EXPECT_EQ(call(admin, "create_election", {argument("title", text("Other"))}), "wrong_state");
  EXPECT_EQ(import(2), "wrong_state");
  EXPECT_EQ(call(admin, "freeze_election"), "wrong_state");
}

TEST_F(Evote, moves_one_step_at_a_time) {
  draft(1);
  EXPECT_EQ(call(admin, "open_election"), "wrong_state");
  EXPECT_EQ(call(admin, "close_election"), "wrong_state");
  EXPECT_EQ(call(admin, "tally"), "wrong_state");
  EXPECT_EQ(call(admin, "publish"), "wrong_state");
  EXPECT_EQ(call(admin, "freeze_election"), "");
  EXPECT_EQ(call(admin, "open_election"), "");
  EXPECT_EQ(call(admin, "tally"), "wrong_state");
  EXPECT_EQ(call(admin, "close_election"), "");
  EXPECT_EQ(call(admin, "publish"), "not_tallied");
  EXPECT_EQ(call(admin, "tally"), "");
  EXPECT_EQ(call(admin, "tally"), "") << "counting again is allowed until it is published";
  EXPECT_EQ(call(admin, "publish"), "");
  EXPECT_EQ(call(admin, "tally"), "wrong_state");
}

TEST_F(Evote, imports_a_batch_whole_or_not_at_all_and_names_the_bad_row) {
  EXPECT_EQ(call(admin, "create_election", {argument("title", text("Council"))}), "");
  const auto import_rows = [&](const std::string& json) {
    return replica.call(admin, "import_voters", {argument("rows", text(json))});
  };
  const auto row = [](const std::string& id, int key) {
    return R"({"id":")" + id + R"(","name":"N","district":"D","key":")" +
           test_key(static_cast<std::uint8_t>(key)).public_key().hex() + R"("})";
  };
  EXPECT_EQ(rows_of(import_rows("[" + row("A", 1) + "," + row("B", 2) + "]")), "2|2");
  EXPECT_EQ(code_of(import_rows("{")), "bad_rows");
  EXPECT_EQ(code_of(import_rows("{}")), "bad_rows");
  EXPECT_EQ(code_of(import_rows("[1]")), "bad_voter");
  EXPECT_THAT(message_of(import_rows("[" + row("C", 3) + R"(,{"id":"D"}])")), HasSubstr("row 2"));
  EXPECT_EQ(code_of(import_rows(R"([{"id":"C","name":"N","district":"D","key":"zz"}])")),
            "bad_key");
  EXPECT_EQ(code_of(import_rows(R"([{"id":"C","name":"N","district":"D"}])")), "bad_key");
  EXPECT_EQ(code_of(import_rows("[" + row("A", 3) + "]")), "duplicate_voter");
  EXPECT_EQ(code_of(import_rows("[" + row("C", 3) + "," + row("C", 4) + "]")), "duplicate_voter");
  EXPECT_EQ(code_of(import_rows("[" + row("C", 1) + "]")), "key_in_use");
  EXPECT_EQ(code_of(import_rows("[" + row("C", 3) + "," + row("D", 3) + "]")), "key_in_use");
  EXPECT_EQ(rows("turnout").substr(0, 4), "|2|0");
  // Who does not know whether an import came through repeats it.
  EXPECT_EQ(rows_of(import_rows("[" + row("A", 1) + "," + row("E", 5) + "]")), "2|3");
}

TEST_F(Evote, refuses_bad_rows_of_the_roll) {
  draft(1);
  EXPECT_EQ(import(1), "duplicate_voter");
  const auto import_one = [&](const std::string& id, Bytes key) {
    return call(
        admin, "import_voter",
        {argument("id", text(id)), argument("name", text("Name")),
         argument("district", text("Plaka")), argument("key", wire::BlobValue{std::move(key)})});
  };
  EXPECT_EQ(import_one("V9", Bytes(31, 1)), "bad_key");
  EXPECT_EQ(import_one("V9", Bytes(33, 1)), "value_too_long");
  EXPECT_EQ(import_one(" ", Bytes(32, 1)), "bad_voter");
  EXPECT_EQ(import_one("V9", to_bytes(test_key(1).public_key().bytes)), "key_in_use");
}

TEST_F(Evote, knows_voters_and_officials_by_their_keys) {
  draft(2);
  const auto join = [&](std::uint8_t key) {
    return replica
        .execute(join_request(replica.config(), test_key(key), test_key(key), "", replica.now()))
        .outcome;
  };
  const auto joined = std::get<wire::JoinedReply>(join(1));
  EXPECT_EQ(joined.principal.text, "voter:V1:" + test_key(1).public_key().hex().substr(0, 32));
  EXPECT_EQ(joined.role.text, "voter");
  EXPECT_EQ(code_of(join(50)), "not_on_the_roll");
  const auto appoint = [&](const std::string& name, std::uint8_t key) {
    return call(admin, "appoint_official",
                {argument("name", text(name)), argument("key", blob(test_key(key).public_key()))});
  };
  EXPECT_EQ(appoint("Chair", 50), "");
  EXPECT_EQ(appoint("Chair", 51), "already_appointed");
  EXPECT_EQ(appoint("Other", 50), "already_appointed");
  EXPECT_EQ(appoint("Other", 1), "key_in_use");
  EXPECT_EQ(std::get<wire::JoinedReply>(join(50)).principal.text,
            "official:Chair:" + test_key(50).public_key().hex().substr(0, 32));
  EXPECT_EQ(call(admin, "dismiss_official", {argument("name", text("Chair"))}), "");
  EXPECT_EQ(call(admin, "dismiss_official", {argument("name", text("Chair"))}), "unknown_official");
  EXPECT_EQ(code_of(join(50)), "not_on_the_roll");
}

TEST_F(Evote, gives_each_role_its_own_procedures) {
  draft(1);
  EXPECT_EQ(
      call(admin, "appoint_official",
           {argument("name", text("Chair")), argument("key", blob(test_key(50).public_key()))}),
      "");
  Client official = replica.join(test_key(50));
  Client one = voter(1);
  for (const char* procedure :
       {"freeze_election", "open_election", "close_election", "tally", "publish", "checklist",
        "create_election", "appoint_official", "extend_election", "replace_key"})
    EXPECT_EQ(call(one, procedure), "not_allowed") << procedure;
  EXPECT_EQ(call(official, "appoint_official"), "not_allowed");
  EXPECT_EQ(call(official, "cast_ballot"), "not_allowed");
  EXPECT_EQ(call(admin, "cast_ballot"), "not_allowed");
  EXPECT_EQ(call(one, "authorize"), "unknown_procedure");
  EXPECT_EQ(call(official, "freeze_election"), "");
  EXPECT_EQ(rows_of(replica.call(one, "my_status")), "V1|Voter 1|Kypseli|frozen|0|0");
  EXPECT_EQ(rows_of(replica.call(one, "turnout")), "|1|0\nKypseli|1|0");
  EXPECT_EQ(code_of(replica.sql(one, "SELECT 1")), "not_allowed");
  wire::Execute read = execute_of("SELECT count(*) FROM voters");
  EXPECT_EQ(code_of(replica.ask(official, read)), "not_allowed");
  read.read_only = true;
  EXPECT_EQ(rows_of(replica.ask(official, read)), "1");
}

TEST_F(Evote, excludes_a_voter_with_a_reason) {
  open(3);
  Client two = voter(2);
  Client three = voter(3);
  const auto exclude = [&](const std::string& id, const std::string& reason) {
    return call(admin, "exclude_voter",
                {argument("id", text(id)), argument("reason", text(reason))});
  };
  EXPECT_EQ(cast(three, R"({"1": [1], "2": [3, 4]})").size(), 14U);
  EXPECT_EQ(exclude("V2", " "), "bad_reason");
  EXPECT_EQ(exclude("V9", "moved away"), "unknown_voter");
  EXPECT_EQ(exclude("V3", "moved away"), "already_voted");
  EXPECT_EQ(exclude("V2", "moved away"), "");
  const wire::Outcome excluded =
      replica.call(two, "cast_ballot", {argument("ballot", text(R"({"1": [1], "2": [3, 4]})"))});
  EXPECT_EQ(code_of(excluded), "excluded");
  EXPECT_THAT(message_of(excluded), HasSubstr(": moved away"));
  const wire::Outcome refused =
      replica.execute(join_request(replica.config(), test_key(2), test_key(2), "", replica.now()))
          .outcome;
  EXPECT_EQ(code_of(refused), "excluded");
  EXPECT_THAT(message_of(refused), HasSubstr("moved away"));
  EXPECT_EQ(rows("turnout").substr(0, 4), "|2|1");
  EXPECT_THAT(rows_of(replica.call(admin, "roll", {argument("count", integer(10))})),
              HasSubstr("V2|Voter 2|Plaka|moved away|0\nV3|Voter 3|Kypseli|NULL|1"));
  EXPECT_EQ(call(admin, "close_election"), "");
  EXPECT_EQ(exclude("V1", "late"), "wrong_state");
}

TEST_F(Evote, logs_what_officials_did_and_never_a_ballot) {
  open(1);
  Client one = voter(1);
  EXPECT_EQ(cast(one, R"({"1": [1], "2": [3, 4]})").size(), 14U);
  const std::string log = rows("audit_log", {argument("count", integer(100))});
  EXPECT_THAT(log, HasSubstr("|admin:"));
  EXPECT_THAT(log, HasSubstr("|create election|Council"));
  EXPECT_THAT(log, HasSubstr("|freeze|2 questions, 5 candidates, 1 voters"));
  EXPECT_THAT(log, HasSubstr("|open|"));
  EXPECT_THAT(log, testing::Not(HasSubstr("voter:V1")));
  EXPECT_EQ(code_of(replica.sql(admin, "DELETE FROM audit")), "audit_stays");
}

TEST_F(Evote, separates_voters_from_ballots_in_the_tables) {
  open(1);
  Client one = voter(1);
  const std::string receipt = cast(one, R"({"1": [1], "2": [3, 4]})");
  const std::string columns =
      "SELECT group_concat(name, ' ') FROM pragma_table_info('"
      "%"
      "')";
  const auto columns_of = [&](const std::string& table) {
    std::string sql = columns;
    sql.replace(sql.find('%'), 1, table);
    return rows_of(replica.sql(admin, sql));
  };
  EXPECT_EQ(columns_of("participation"), "voter district");
  EXPECT_EQ(columns_of("ballots"), "receipt");
  EXPECT_EQ(columns_of("choices"), "receipt question candidate");
}

}  // namespace
}  // namespace prytany::app
