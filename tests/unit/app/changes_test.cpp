// The change log: what requests tell those who watch, in order, kept, bounded, and for whom.
#include "server/app/changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "server/app/bundle.h"
#include "tests/unit/app/bench_of_one.h"

namespace prytany::app {
namespace {

using testing::HasSubstr;

wire::ApplicationFile file_of(const std::string& path, const std::string& content) {
  return {{path}, {to_bytes(as_bytes(content))}};
}

wire::Install auction(const std::string& more = "") {
  wire::Install install;
  install.files.items = {
      file_of("procedures/bid.sql",
              "-- @param amount integer\n-- @roles member\n"
              "INSERT INTO bids(amount) VALUES(:amount) RETURNING amount;\n"
              "SELECT ensure(:amount < 1000, 'too_high', 'no'), notify('bids', :amount);\n"),
      file_of("procedures/fill.sql",
              "-- @param many integer\n-- @roles member\n"
              "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < :many) "
              "INSERT INTO bids(amount) SELECT x FROM c;\n"),
      file_of("prytany.json", R"({"name": "auction", "version": "1", "roles": {
        "member": {"authorize": "anyone"}, "clerk": {"sql": "write"}},
        "topics": {"bids": {"roles": ["member"], "description": "each bid"}, "desk": {},
        "all": {"roles": "any"}}, "limits": {"changes": 5})" +
                                  more + "}"),
      file_of("schema/001_bids.sql",
              "CREATE TABLE bids(id INTEGER PRIMARY KEY, amount INTEGER);\n"
              "CREATE TRIGGER seen AFTER INSERT ON bids BEGIN SELECT notify('all'); END;"),
  };
  return install;
}

class ChangeLog : public testing::Test {
 protected:
  Client joined_member() {
    EXPECT_EQ(code_of(replica.ask(admin, auction())), "");
    return replica.join(test_key(5), "kim");
  }
  std::string code(const std::string& sql) { return code_of(replica.sql(admin, sql)); }
  std::string log(const char* columns = "position, topic, value") {
    return rows_of(replica.sql(admin, std::string("SELECT ") + columns + " FROM prytany_changes"));
  }
  std::string bid(std::int64_t amount) {
    return rows_of(replica.call(member, "bid", {argument("amount", integer(amount))}));
  }
  /// "position topic value", by spaces.
  static std::string said(const std::vector<wire::Change>& changes) {
    std::string text;
    for (const wire::Change& c : changes) {
      const auto* number = std::get_if<std::int64_t>(&c.value);
      text += (text.empty() ? "" : "|") + std::to_string(c.position) + " " + c.topic.text + " " +
              (number == nullptr ? "-" : std::to_string(*number));
    }
    return text;
  }
  void next_checkpoint() {
    while (replica.executor().executed().value % Replica::checkpoint_interval != 0)
      replica.execute(wire::Batch{});
  }

  Replica replica;
  Client admin = replica.join(test_key(100), "desk", 1);
  Client member = joined_member();
};

TEST_F(ChangeLog, has_what_a_procedure_and_a_trigger_told_in_order) {
  EXPECT_EQ(bid(7), "7") << "SELECT ensure(), notify() is no result";
  EXPECT_EQ(bid(8), "8");
  EXPECT_EQ(log(), "1|all|NULL\n2|bids|7\n3|all|NULL\n4|bids|8");
  EXPECT_EQ(replica.executor().last_change(), 4U);
  const wire::Change second = replica.executor().changes(0, {"bids"}).items.at(1);
  EXPECT_EQ(second.seq, Seq{replica.executor().executed().value - 1}) << "log() came after it";
  EXPECT_EQ(second.agreed, AgreedTime{replica.executor().agreed().value - 1000});
}

TEST_F(ChangeLog, tells_with_a_batch_what_it_changed) {
  wire::Batch batch;
  for (int i = 1; i <= 3; ++i)
    batch.requests.items.push_back(
        request_of(member, member.next_number++,
                   wire::Call{{"bid"}, {{argument("amount", integer(i == 2 ? 2000 : i))}}}));
  const Executed executed = replica.execute(batch);
  EXPECT_EQ(said(executed.changes), "1 all -|2 bids 1|3 all -|4 bids 3");
  EXPECT_EQ(executed.changes[0].seq, replica.executor().executed());
  EXPECT_TRUE(replica.execute(wire::Batch{}).changes.empty());
}

TEST_F(ChangeLog, knows_nothing_of_a_request_that_failed) {
  EXPECT_THAT(bid(1000), HasSubstr("too_high"));
  EXPECT_EQ(code("SELECT notify('desk', 1)"), "");
  wire::Execute both = execute_of("SELECT notify('desk', 2)");
  both.statements.items.push_back({{"INSERT INTO nothing VALUES(1)"}, {}, {}});
  EXPECT_NE(code_of(replica.ask(admin, both)), "");
  EXPECT_EQ(log(), "1|desk|1");
}

TEST_F(ChangeLog, knows_nothing_of_a_request_whose_commit_failed) {
  EXPECT_EQ(code("CREATE TABLE parents(id INTEGER PRIMARY KEY)"), "");
  EXPECT_EQ(code("CREATE TABLE kids(p REFERENCES parents DEFERRABLE INITIALLY DEFERRED)"), "");
  wire::Execute late = execute_of("INSERT INTO kids VALUES(1)");
  late.statements.items.push_back({{"SELECT notify('desk', 1)"}, {}, {}});
  EXPECT_EQ(code_of(replica.ask(admin, late)), "SQLITE_CONSTRAINT_FOREIGNKEY");
  EXPECT_EQ(replica.executor().last_change(), 0U);
  EXPECT_EQ(code("SELECT notify('desk', 2)"), "");
  EXPECT_EQ(log(), "1|desk|2");
}

TEST_F(ChangeLog, knows_nothing_of_a_step_that_failed_alone) {
  wire::Transaction steps;
  const auto step = [&](const std::string& sql) {
    steps.steps.items.push_back({{{sql}, {}, {}}, {}, true});
  };
  step("SELECT notify('desk')");
  step("SELECT notify('desk'), notify('all'), notify('bids', 1), ensure(0, 'no', 'no')");
  step("SELECT notify('all')");
  step("SELECT notify('desk')");
  EXPECT_EQ(code_of(replica.ask(admin, steps)), "");
  EXPECT_EQ(log(), "1|desk|NULL\n2|all|NULL");
}

TEST_F(ChangeLog, tells_once_in_a_request_what_has_no_value) {
  EXPECT_EQ(code_of(replica.call(member, "fill", {argument("many", integer(2000))})), "");
  EXPECT_EQ(log(), "1|all|NULL");
  EXPECT_EQ(code("SELECT notify('desk', NULL), notify('desk'), notify('all'), notify('desk')"), "");
  EXPECT_EQ(log(), "1|all|NULL\n2|desk|NULL\n3|all|NULL");
}

TEST_F(ChangeLog, keeps_the_newest) {
  for (int i = 1; i <= 4; ++i) EXPECT_EQ(bid(i), std::to_string(i));
  EXPECT_EQ(log("min(position), max(position), count(*)"), "4|8|5");
  const ChangesPart part = replica.executor().changes(1, {"bids"});
  EXPECT_EQ(part.from, 3U) << "what follows 1 is kept no more";
  EXPECT_EQ(said(part.items), "4 bids 2|6 bids 3|8 bids 4");
  EXPECT_EQ(code("SELECT notify('bids', value) FROM json_each('[1,2,3,4,5,6,7]')"), "");
  EXPECT_EQ(log("min(position), max(position), count(*)"), "11|15|5");
}

TEST_F(ChangeLog, keeps_no_more_than_its_bytes) {
  wire::Install larger = auction();
  larger.files.items[2] = file_of("prytany.json", R"({"name": "auction", "version": "2",
    "roles": {"member": {}}, "topics": {"desk": {}}, "limits": {"changes": 65536}})");
  larger.files.items.erase(larger.files.items.begin(), larger.files.items.begin() + 2);
  EXPECT_EQ(code_of(replica.ask(admin, larger)), "");
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(code("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 1000) "
                   "SELECT min(notify('desk', zeroblob(4096))) FROM c"),
              "");
  EXPECT_EQ(log("max(position), sum(length(value) + 68) <= 8 << 20, count(*) > 2000"), "4000|1|1");
}

TEST_F(ChangeLog, gives_those_of_some_topics_and_how_far_it_looked) {
  for (int i = 1; i <= 2; ++i) EXPECT_EQ(bid(i), std::to_string(i));
  EXPECT_EQ(said(replica.executor().changes(0, {"all", "bids"}).items),
            "1 all -|2 bids 1|3 all -|4 bids 2");
  EXPECT_EQ(said(replica.executor().changes(2, {"bids"}).items), "4 bids 2");
  const ChangesPart none = replica.executor().changes(1, {"desk"});
  EXPECT_TRUE(none.items.empty());
  EXPECT_EQ(none.from, 1U);
  EXPECT_EQ(none.upto, 4U);
  EXPECT_EQ(replica.executor().changes(4, {"bids"}).upto, 4U);
}

TEST_F(ChangeLog, is_part_of_the_state_and_goes_on_after_a_restart) {
  EXPECT_EQ(bid(7), "7");
  next_checkpoint();
  Replica twin(nullptr, replica.image());
  EXPECT_EQ(said(twin.executor().changes(0, {"bids"}).items), "2 bids 7");
  Client twins = member;
  EXPECT_EQ(rows_of(twin.call(twins, "bid", {argument("amount", integer(8))})), "8");
  EXPECT_EQ(bid(8), "8");
  for (Replica* each : {&replica, &twin})
    while (each->executor().executed().value % Replica::checkpoint_interval != 0)
      each->execute(wire::Batch{});
  EXPECT_EQ(replica.last_root(), twin.last_root());
  Replica fetching;
  fetching.recover(replica);
  EXPECT_EQ(said(fetching.executor().changes(2, {"bids"}).items), "4 bids 8");
}

TEST_F(ChangeLog, refuses_what_cannot_be_told) {
  EXPECT_EQ(code("SELECT notify('weather')"), "unknown_topic");
  EXPECT_EQ(code("SELECT notify(5)"), "unknown_topic");
  EXPECT_EQ(code("SELECT notify(NULL, 1)"), "unknown_topic");
  EXPECT_EQ(code("SELECT notify('desk', zeroblob(4097))"), "change_too_large");
  EXPECT_EQ(code("SELECT notify('desk', CAST(x'ff' AS TEXT))"), "not_utf8");
  EXPECT_EQ(code("SELECT notify('desk', 9e999)"), "not_a_number");
  EXPECT_EQ(code("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 1025) "
                 "SELECT notify('desk', x) FROM c"),
            "too_many_changes");
  EXPECT_EQ(code("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "
                 "SELECT count(notify('desk')) FROM c"),
            "budget_exceeded");
  EXPECT_EQ(replica.executor().last_change(), 0U);
  Replica bare;
  Client nobody = bare.join(test_key(100), "", 1);
  EXPECT_EQ(code_of(bare.sql(nobody, "SELECT notify('desk')")), "unknown_topic");
}

TEST_F(ChangeLog, is_written_by_nothing_that_says_it_only_reads) {
  wire::Execute reading = execute_of("SELECT notify('desk')");
  reading.read_only = true;
  EXPECT_EQ(code_of(replica.ask(admin, reading)), "not_read_only");
  const auto read = replica.executor().session_read(admin.session, admin.key.public_key(),
                                                    wire::encode(wire::Operation(reading)));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(code_of(*read), "not_read_only");
  EXPECT_EQ(code("CREATE VIEW loud AS SELECT notify('desk') AS x"), "");
  wire::Execute view = execute_of("SELECT x FROM loud");
  view.read_only = true;
  EXPECT_EQ(code_of(replica.ask(admin, view)), "not_read_only");
  wire::Install lying = auction();
  lying.files.items[0] =
      file_of("procedures/bid.sql", "-- @public\n-- @read-only\nSELECT notify('bids');");
  EXPECT_EQ(code_of(replica.ask(admin, lying)), "not_read_only");
}

TEST_F(ChangeLog, is_read_by_all_sql_and_written_by_none) {
  EXPECT_EQ(bid(7), "7");
  for (const char* sql : {"INSERT INTO prytany_changes VALUES(9, 1, 1, 'all', 1)",
                          "UPDATE prytany_changes SET value = 1", "DELETE FROM prytany_changes",
                          "DROP TABLE prytany_changes"})
    EXPECT_EQ(code(sql), "refused_reserved") << sql;
  EXPECT_EQ(log("count(*), max(seq) > 0, max(agreed_us) > 0"), "2|1|1");
}

TEST_F(ChangeLog, is_watched_by_the_roles_that_a_topic_lists_and_by_those_with_sql) {
  const auto refused = [&](const Client& who, const std::vector<std::string>& topics) {
    return replica.executor()
        .refuse_watching(who.session, who.key.public_key(), topics)
        .value_or("welcome");
  };
  EXPECT_EQ(refused(member, {"bids", "all"}), "welcome");
  EXPECT_EQ(refused(member, {"bids", "desk"}), "not_allowed");
  EXPECT_EQ(refused(member, {"weather"}), "unknown_topic");
  EXPECT_EQ(refused(admin, {"desk"}), "welcome");
  Client thief = member;
  thief.key = test_key(6);
  EXPECT_EQ(refused(thief, {"all"}), "wrong_key");
  replica.ask(member, wire::Leave{});
  EXPECT_EQ(refused(member, {"all"}), "unknown_session");
}

TEST_F(ChangeLog, may_be_longer_than_an_application_may_grow) {
  Replica tight(nullptr, {}, [](ExecutorConfig& c) { c.application_pages_max = 60; });
  Client desk = tight.join(test_key(100), "desk", 1);
  EXPECT_EQ(code_of(tight.ask(desk, auction())), "");
  std::string full;
  for (int i = 0; i < 100 && full.empty(); ++i)
    full = code_of(tight.sql(desk, "INSERT INTO bids SELECT NULL, zeroblob(3000)"));
  EXPECT_EQ(full, "SQLITE_FULL");
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(code_of(tight.sql(desk, "SELECT notify('desk', zeroblob(4096))")), "");
  EXPECT_EQ(rows_of(tight.sql(desk, "SELECT count(*) FROM prytany_changes")), "5");
}

// ---- tables -------------------------------------------------------------------------------------

wire::Install shelf(const std::string& version, const std::string& topics,
                    const std::string& migration = "") {
  wire::Install install;
  install.files.items = {
      file_of("prytany.json", R"({"name": "shelf", "version": ")" + version +
                                  R"(", "roles": {"member": {}}, "topics": )" + topics + "}"),
      file_of("schema/001_books.sql",
              "CREATE TABLE books(id INTEGER PRIMARY KEY, title TEXT UNIQUE) STRICT;\n"
              "CREATE TABLE loans(book REFERENCES books ON DELETE CASCADE, who, "
              "PRIMARY KEY(book)) WITHOUT ROWID;\n"),
  };
  if (!migration.empty()) install.files.items.push_back(file_of("schema/002_more.sql", migration));
  return install;
}

class WatchedTables : public testing::Test {
 protected:
  static constexpr const char* both = R"({"b": {"table": "books"}, "l": {"table": "LOANS"}})";
  std::string code(const std::string& sql) { return code_of(replica.sql(admin, sql)); }
  /// The topics that the statement told.
  std::string told_by(const std::string& sql) {
    const std::uint64_t before = replica.executor().last_change();
    EXPECT_EQ(code(sql), "") << sql;
    std::string text;
    for (const wire::Change& c : replica.executor().changes(before, {"b", "l"}).items)
      text += c.topic.text;
    return text;
  }
  Replica replica;
  Client admin = replica.join(test_key(100), "desk", 1);
};

TEST_F(WatchedTables, tell_of_every_way_to_change_them_once_for_a_request) {
  ASSERT_EQ(code_of(replica.ask(admin, shelf("1", both))), "");
  EXPECT_EQ(replica.executor().last_change(), 2U) << "an installation may have changed them";
  EXPECT_EQ(told_by("INSERT INTO books VALUES(1, 'a'), (2, 'b'), (3, 'c')"), "b");
  EXPECT_EQ(told_by("UPDATE books SET title = title || '.'"), "b");
  EXPECT_EQ(told_by("INSERT INTO loans VALUES(1, 'kim'), (2, 'zoe')"), "l");
  EXPECT_EQ(told_by("INSERT OR REPLACE INTO books VALUES(4, 'c.')"), "b") << "which removes 3";
  EXPECT_EQ(told_by("INSERT INTO books VALUES(4, 'd') ON CONFLICT DO UPDATE SET title = 'd'"), "b");
  EXPECT_EQ(told_by("INSERT OR IGNORE INTO books VALUES(4, 'e')"), "");
  EXPECT_EQ(told_by("UPDATE OR REPLACE loans SET book = 2 WHERE book = 1"), "l");
  EXPECT_EQ(told_by("DELETE FROM books WHERE id = 2"), "lb") << "with its loan";
  EXPECT_EQ(told_by("UPDATE books SET title = 'x' WHERE id = 99"), "");
  EXPECT_EQ(told_by("DELETE FROM books"), "b") << "whole";
  EXPECT_EQ(told_by("SELECT count(*) FROM books"), "");
}

TEST_F(WatchedTables, follow_the_application) {
  ASSERT_EQ(code_of(replica.ask(admin, shelf("1", both))), "");
  EXPECT_EQ(code("DROP TABLE loans"), "refused_reserved") << "that is a migration's to do";
  EXPECT_EQ(code("CREATE TRIGGER prytany_watch_x AFTER INSERT ON books BEGIN SELECT 1; END"),
            "refused_reserved");
  EXPECT_EQ(code("ALTER TABLE loans RENAME COLUMN who TO whom"), "");
  EXPECT_EQ(told_by("INSERT INTO books(id, title) VALUES(1, 'a')"), "b");
  ASSERT_EQ(code_of(replica.ask(
                admin, shelf("2", R"({"l": {"table": "books"}, "b": {}})", "DROP TABLE loans;"))),
            "");
  EXPECT_EQ(told_by("DELETE FROM books"), "l");
  ASSERT_EQ(code_of(replica.ask(admin, shelf("3", R"({"b": {}})", "DROP TABLE loans;"))), "");
  EXPECT_EQ(told_by("INSERT INTO books(id, title) VALUES(1, 'a')"), "");
  for (const char* nothing : {"desks", "prytany_state", "sqlite_schema"})
    EXPECT_EQ(code_of(replica.ask(
                  admin, shelf("4", R"({"b": {"table": ")" + std::string(nothing) + R"("}})",
                               "DROP TABLE loans;"))),
              "bad_application")
        << nothing;
}

TEST_F(WatchedTables, are_watched_by_replicas_of_any_history_alike) {
  ASSERT_EQ(code_of(replica.ask(admin, shelf("1", both))), "");
  while (replica.executor().executed().value % Replica::checkpoint_interval != 0)
    replica.execute(wire::Batch{});
  Replica twin(nullptr, replica.image());
  Client twins = admin;
  EXPECT_EQ(code_of(twin.sql(twins, "INSERT INTO books VALUES(1, 'a')")), "");
  EXPECT_EQ(told_by("INSERT INTO books VALUES(1, 'a')"), "b");
  for (Replica* each : {&replica, &twin})
    while (each->executor().executed().value % Replica::checkpoint_interval != 0)
      each->execute(wire::Batch{});
  EXPECT_EQ(replica.last_root(), twin.last_root());
}

TEST(Topics, are_refused_when_prytany_json_is_wrong_about_them) {
  const auto wrong = [](const std::string& topics) {
    const auto read =
        read_manifest(R"({"name": "a", "version": "1", "roles": {"member": {}}, )" + topics + "}");
    return read ? std::string("fine") : read.error().message;
  };
  EXPECT_EQ(wrong(R"("topics": {"a": {}, "b": {"roles": ["member", "admin"]}})"), "fine");
  EXPECT_THAT(wrong(R"("topics": [])"), HasSubstr("'topics' must be an object"));
  EXPECT_THAT(wrong(R"("topics": {"A b": {}})"), HasSubstr("a topic is a word"));
  EXPECT_THAT(wrong(R"("topics": {"a": 1})"), HasSubstr("must be an object"));
  EXPECT_THAT(wrong(R"("topics": {"a": {"roles": ["nobody"]}})"), HasSubstr("does not list"));
  EXPECT_THAT(wrong(R"("topics": {"a": {"roles": "all"}})"), HasSubstr("\"any\" or a list"));
  EXPECT_THAT(wrong(R"("topics": {"a": {"role": "any"}})"), HasSubstr("unknown member 'role'"));
  EXPECT_THAT(wrong(R"("limits": {"changes": 0})"), HasSubstr("'changes' must be"));
  std::string many;
  for (int i = 0; i <= 64; ++i) many += (i == 0 ? "\"t" : ", \"t") + std::to_string(i) + "\": {}";
  EXPECT_THAT(wrong("\"topics\": {" + many + "}"), HasSubstr("more than 64 topics"));
}

}  // namespace
}  // namespace prytany::app
