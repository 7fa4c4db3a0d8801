#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/cli/pages.h"
#include "server/crypto/digest.h"

namespace prytany::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

std::string sha256(const std::string& text) { return crypto::sha256(as_bytes(text)).hex(); }

Answer listing(const std::vector<std::string>& paths) {
  Answer answer;
  answer.columns = {"path", "media_type", "bytes", "sha256"};
  for (const std::string& path : paths)
    answer.rows.push_back({Value(path), Value("text/html"), Value(3), Value(sha256("abc"))});
  return answer;
}

TEST(Pages, are_taken_as_they_are_listed_and_who_serves_others_is_named) {
  const ListedPage page{"index.html", sha256("true")};
  const JudgedPage judged = judge(
      page, {Served("true"), Served("forged"), Served(Error{"no connection"}), Served("true")});
  EXPECT_EQ(judged.content, "true");
  EXPECT_THAT(judged.agreed, ElementsAre(0U, 3U));
  EXPECT_THAT(judged.differed, ElementsAre(1U));
  EXPECT_THAT(judged.silent, ElementsAre(2U));
  EXPECT_THAT(contradicted({judged, judged}), ElementsAre(Pair(1U, 2U)));
}

TEST(Pages, that_nobody_serves_as_listed_have_no_content) {
  const ListedPage page{"index.html", sha256("true")};
  const JudgedPage judged = judge(page, {Served("forged"), Served("forged"), Served("forged")});
  EXPECT_EQ(judged.content, std::nullopt) << "however many serve it";
  EXPECT_THAT(judged.agreed, IsEmpty());
}

TEST(Pages, have_paths_that_stay_in_their_folder) {
  const auto good = listed_pages(listing({"index.html", "app/main-2.js"}));
  ASSERT_TRUE(good.ok());
  EXPECT_EQ(good->at(1).path, "app/main-2.js");
  EXPECT_EQ(good->at(1).sha256, sha256("abc"));
  for (const char* bad :
       {"", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", ".ssh/keys", "a\\b"})
    EXPECT_FALSE(listed_pages(listing({bad})).ok()) << bad;
}

TEST(Pages, leave_out_what_a_replica_serves_of_its_own) {
  const auto pages = listed_pages(listing({"genesis.json", "index.html", "status"}));
  ASSERT_TRUE(pages.ok());
  ASSERT_EQ(pages->size(), 1U);
  EXPECT_EQ(pages->at(0).path, "index.html");
}

TEST(Pages, are_not_read_from_an_answer_of_another_shape) {
  Answer other;
  other.columns = {"n"};
  EXPECT_FALSE(listed_pages(other).ok());
}

}  // namespace
}  // namespace prytany::cli
