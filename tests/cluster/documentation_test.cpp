// What the documents tell people to type, typed: the application of README and that of the
// tutorial, taken from the pages themselves.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "server/crypto/key_file.h"
#include "tests/cluster/test_cluster.h"

namespace prytany::cluster_tests {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

std::string page(const std::string& path) {
  std::ifstream in(std::string(PRYTANY_SOURCE_DIR "/") + path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void write(const fs::path& path, const std::string& content) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << content;
}

/// What stands between the fences of the first block of this language at or after `from`.
std::string block(const std::string& text, const std::string& language, std::size_t from = 0) {
  const std::string fence = "```" + language + "\n";
  const std::size_t begin = text.find(fence, from) + fence.size();
  return text.substr(begin, text.find("```", begin) - begin);
}

class Documentation : public testing::Test {
 protected:
  Ran as_admin(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(),
                     {"--cluster", cluster_.genesis(), "--key", cluster_.admin_key()});
    return run(arguments);
  }
  Ran as(const std::string& key, std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--json", "--cluster", cluster_.genesis(), "--key", key});
    return run(arguments);
  }
  /// A member's key, made as the tutorial makes it.
  std::string new_key(const std::string& name) const {
    const std::string path = folder_.path() + "/" + name + ".pem";
    const std::string command = "openssl genpkey -algorithm ed25519 -out " + path + " 2>&1";
    EXPECT_EQ(std::system(command.c_str()), 0);
    fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
    return path;
  }
  static std::string error_code(const Ran& ran) {
    return json::parse(ran.output.empty() ? ran.errors : ran.output)["error"]["code"];
  }

  TestFolder folder_;
  TestCluster cluster_;
};

TEST_F(Documentation, the_application_on_the_first_screen_of_README_works) {
  const std::string text = page("README.md");
  const fs::path app = folder_.path() + "/ledger";
  std::smatch manifest;
  ASSERT_TRUE(std::regex_search(text, manifest, std::regex("`prytany.json` = `([^`]+)`")));
  write(app / "prytany.json", manifest[1]);
  // One block, in which a comment with a path begins each file.
  std::istringstream lines(block(text, "sql"));
  std::map<std::string, std::string> files;
  std::string current;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("-- schema/") || line.starts_with("-- procedures/")) {
      current = line.substr(3);
    } else {
      files[current] += line + "\n";
    }
  }
  EXPECT_EQ(files.size(), 4U);
  for (const auto& [path, content] : files) write(app / path, content);

  const Ran installed = as_admin({"install", app.string()});
  ASSERT_EQ(installed.exit_code, 0) << installed.errors;
  const std::string key = new_key("member");
  EXPECT_EQ(error_code(as(key, {"call", "transfer", "to=nobody", "amount=-1"})), "bad_amount");
  EXPECT_EQ(error_code(as(key, {"call", "transfer", "to=nobody", "amount=1"})), "no_account");
  // Who joins as "anyone" is known by the key, in hex.
  const auto signer = crypto::read_key_file(key);
  ASSERT_TRUE(signer.ok());
  const std::string member = signer->public_key().hex();
  ASSERT_EQ(as_admin({"call", "issue", "to=shop", "amount=0"}).exit_code, 0);
  EXPECT_EQ(error_code(as(key, {"call", "transfer", "to=shop", "amount=1"})), "too_little")
      << "who has nothing can give nothing";
  EXPECT_NE(as(key, {"call", "issue", "to=" + member, "amount=100"}).exit_code, 0);
  ASSERT_EQ(as_admin({"call", "issue", "to=" + member, "amount=100"}).exit_code, 0);
  EXPECT_EQ(as(key, {"call", "transfer", "to=shop", "amount=30"}).exit_code, 0);
  EXPECT_EQ(error_code(as(key, {"call", "transfer", "to=shop", "amount=71"})), "too_little");
  const Ran balances = run({"call", "balances", "--json", "--cluster", cluster_.genesis()});
  ASSERT_EQ(balances.exit_code, 0) << balances.errors;
  EXPECT_EQ(json::parse(balances.output)["rows"],
            json::array({json::array({member, 70}), json::array({"shop", 30})}));
}

TEST_F(Documentation, the_application_of_the_tutorial_answers_as_the_tutorial_says) {
  const std::string text = page("docs/tutorial/first-application.md");
  const fs::path app = folder_.path() + "/guestbook";
  // A path in backticks begins a line, and a block with its content follows.
  const std::regex file(
      R"(\n`((?:prytany\.json|schema/|procedures/)[^`]*)`[^`]*(?:`[^`]+`[^`]*)*?```(json|sql)\n)");
  unsigned files = 0;
  for (std::sregex_iterator it(text.begin(), text.end(), file), end; it != end; ++it) {
    write(app / (*it)[1].str(), block(text, (*it)[2], static_cast<std::size_t>(it->position(0))));
    ++files;
  }
  EXPECT_EQ(files, 5U);

  const Ran installed = as_admin({"install", app.string()});
  ASSERT_EQ(installed.exit_code, 0) << installed.errors;
  const std::string me = new_key("me");
  const Ran signed_once = as(me, {"call", "sign", "text=Hello"});
  ASSERT_EQ(signed_once.exit_code, 0) << signed_once.errors;
  EXPECT_EQ(json::parse(signed_once.output)["columns"], json::array({"id", "at"}));
  const Ran again = as(me, {"call", "sign", "text=Again"});
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_EQ(error_code(again), "already_signed");
  EXPECT_THAT(text, HasSubstr("prytany: you have signed already"));
  const Ran entries = run({"call", "entries", "--cluster", cluster_.genesis()});
  ASSERT_EQ(entries.exit_code, 0) << entries.errors;
  EXPECT_THAT(entries.output, HasSubstr("Hello"));
}

}  // namespace
}  // namespace prytany::cluster_tests
