// The fuzzer: that it says much, that it says the same again, and that it finds what is planted.
#include <gtest/gtest.h>

#include <map>

#include "tests/sqlfuzz/campaign.h"
#include "tests/sqlfuzz/generator.h"

namespace prytany::sqlfuzz {
namespace {

TEST(Generator, says_the_same_for_the_same_seed_and_something_else_for_another) {
  Generator one(7);
  Generator two(7);
  Generator other(8);
  int different = 0;
  for (int i = 0; i < 200; ++i) {
    const auto said = one.next();
    EXPECT_EQ(said, two.next());
    different += said == other.next() ? 0 : 1;
    for (Generator* generator : {&one, &two, &other}) generator->tell(i % 3 != 0);
  }
  EXPECT_GT(different, 150);
}

TEST(Generator, says_all_kinds_of_things) {
  std::map<std::string, int> said;
  // Tables are made anew now and then only: several seeds say more of them than a long one.
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    Generator generator(seed);
    for (int i = 0; i < 500; ++i) {
      for (const std::string& sql : generator.next())
        for (const char* word : {"CREATE TABLE",
                                 "CREATE INDEX",
                                 "CREATE VIEW",
                                 "CREATE TRIGGER",
                                 "ALTER TABLE",
                                 "DROP ",
                                 "INSERT",
                                 "ON CONFLICT DO UPDATE",
                                 "UPDATE ",
                                 "DELETE ",
                                 "RETURNING",
                                 "WITH RECURSIVE",
                                 " OVER (",
                                 "GROUP BY",
                                 " UNION ",
                                 " JOIN ",
                                 "json_",
                                 "randomblob(",
                                 "WITHOUT ROWID",
                                 "FOREIGN KEY",
                                 "AUTOINCREMENT",
                                 " COLLATE ",
                                 "CURRENT_TIMESTAMP",
                                 "ANALYZE"})
          if (sql.find(word) != std::string::npos) ++said[word];
      generator.tell(i % 4 != 0);
    }
  }
  EXPECT_EQ(said.size(), 24U);
  for (const auto& [word, times] : said) EXPECT_GE(times, 3) << word;
}

TEST(Campaign, finds_nothing_where_nothing_is_planted_and_answers_most_requests) {
  SeedCounts all;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SeedCounts counts;
    EXPECT_EQ(run_seed(seed, {}, counts).value_or(""), "") << "seed " << seed;
    all.requests += counts.requests;
    all.answered += counts.answered;
    all.restarts += counts.restarts;
    all.recoveries += counts.recoveries;
  }
  EXPECT_GT(all.answered, all.requests / 3);
  EXPECT_LT(all.answered, all.requests);
  EXPECT_GT(all.restarts, 50U);
  EXPECT_GT(all.recoveries, 20U);
}

TEST(CampaignChecker, finds_every_planted_fault_and_again_by_its_seed) {
  for (const char* plant : {"freed-bytes", "row-order", "random"}) {
    ASSERT_TRUE(is_plant(plant));
    CampaignOptions options;
    options.plant = plant;
    int found = 0;
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      SeedCounts counts;
      const auto first = run_seed(seed, options, counts);
      if (!first) continue;
      ++found;
      EXPECT_EQ(run_seed(seed, options, counts), first);
    }
    EXPECT_GE(found, 4) << plant;
  }
  EXPECT_FALSE(is_plant("nothing"));
}

}  // namespace
}  // namespace prytany::sqlfuzz
