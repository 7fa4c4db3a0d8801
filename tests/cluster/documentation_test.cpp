// What the documents tell people to type, typed: the application of README and that of the
// tutorial, taken from the pages themselves.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <span>
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

// ---- docs/how-to/large-values.md: its C++, which the test finds in this file
// ----------------------

void put_file(prytany::Client& client, const std::string& name, std::span<const std::byte> file) {
  constexpr std::size_t piece = 256 << 10;
  const auto begun = client.call("begin_file", {{"name", name}, {"bytes", file.size()}});
  for (auto at = begun.value<std::size_t>(); at < file.size(); at += piece)
    client.call("put_piece", {{"name", name},
                              {"at", at},
                              {"content", file.subspan(at, std::min(piece, file.size() - at))}});
}

std::vector<std::byte> get_file(prytany::Client& client, const std::string& name) {
  std::vector<std::byte> file;
  while (true) {
    const auto part = client.call("read_file", {{"name", name}, {"at", file.size()}});
    for (auto [at, content] : part.as<std::size_t, prytany::Blob>())
      file.insert(file.end(), content.begin(), content.end());
    if (part.rows.size() < 3) return file;
  }
}

std::string without_blanks(std::string text) {
  std::erase_if(text, [](char c) { return c == ' ' || c == '\n'; });
  return text;
}

TEST_F(Documentation, a_value_beyond_the_limits_is_put_and_read_in_pieces) {
  const std::string text = page("docs/how-to/large-values.md");
  const std::string ours = without_blanks(page("tests/cluster/documentation_test.cpp"));
  const std::size_t second = text.find("std::vector<std::byte> get_file(");
  EXPECT_THAT(ours, HasSubstr(without_blanks(block(text, "cpp"))));
  EXPECT_THAT(ours, HasSubstr(without_blanks(block(text, "cpp", second - 10))));
  const fs::path app = folder_.path() + "/files";
  write(app / "prytany.json",
        R"({"name": "files", "version": "1", "roles": {"writer": {"authorize": "anyone"}}})");
  for (const std::string name : {"schema/001_files.sql", "procedures/begin_file.sql",
                                 "procedures/put_piece.sql", "procedures/read_file.sql"})
    write(app / name, block(text, "sql", text.find("`" + name + "`")));
  const Ran installed = as_admin({"install", app.string()});
  ASSERT_EQ(installed.exit_code, 0) << installed.errors;

  Options options = cluster_.admin("");
  options.credential = Credential::generated();
  Client client(options);
  std::vector<std::byte> file((3 << 20) + 12'345);
  for (std::size_t i = 0; i < file.size(); ++i) file[i] = static_cast<std::byte>(i * i >> 7);
  // Interrupted after a piece, and begun again.
  const std::span<const std::byte> all(file);
  client.call("begin_file", {{"name", "film"}, {"bytes", file.size()}});
  client.call("put_piece", {{"name", "film"}, {"at", 0}, {"content", all.first(1000)}});
  const auto early = client.try_call("read_file", {{"name", "film"}, {"at", 0}});
  ASSERT_FALSE(early.ok());
  EXPECT_EQ(early.error().code, "no_file") << "not complete yet";
  const auto again =
      client.try_call("put_piece", {{"name", "film"}, {"at", 0}, {"content", all.first(1000)}});
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, "wrong_place");
  put_file(client, "film", all);
  EXPECT_TRUE(get_file(client, "film") == file);
  const Ran whole = as_admin({"sql", "SELECT content FROM pieces", "--json"});
  EXPECT_EQ(error_code(whole), "RESULT_TOO_LARGE");
  // Nothing jams a file: no empty piece is taken, and an empty file is a file.
  client.call("begin_file", {{"name", "note"}, {"bytes", 10}});
  const std::vector<std::pair<std::size_t, std::string>> pieces = {
      {0, "empty_piece"}, {11, "too_large"}, {10, ""}};
  for (const auto& [bytes, code] : pieces) {
    const auto put =
        client.try_call("put_piece", {{"name", "note"}, {"at", 0}, {"content", all.first(bytes)}});
    EXPECT_EQ(put.ok() ? "" : put.error().code, code) << bytes;
  }
  const auto other = client.try_call("begin_file", {{"name", "note"}, {"bytes", 11}});
  EXPECT_EQ(other.ok() ? "" : other.error().code, "another_file");
  put_file(client, "empty", {});
  EXPECT_TRUE(get_file(client, "empty").empty());
}

// ---- docs/how-to/upgrade-an-application.md: its commands, in a shell ----------------------------

/// The lines of a block without a language: commands after "$ ", and what each must say.
struct Typed {
  std::string command;
  std::vector<std::string> output;
};
std::vector<Typed> typed_in(const std::string& lines) {
  std::vector<Typed> all;
  std::istringstream in(lines);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("$ ")) {
      all.push_back({line.substr(2), {}});
    } else if (!line.empty() && line != "...") {
      all.at(all.size() - 1).output.push_back(line);
    }
  }
  return all;
}

/// All blocks without a language, in order.
std::vector<std::string> plain_blocks(const std::string& text) {
  std::vector<std::string> all;
  bool inside = false;
  bool plain = false;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("```")) {
      inside = !inside;
      plain = inside && line == "```";
      if (plain) all.emplace_back();
    } else if (plain) {
      all.back() += line + "\n";
    }
  }
  return all;
}

/// Blanks and the dashes below a table's head are as wide as its values, and what a migration costs
/// depends on the data.
std::string without_widths(const std::string& line) {
  const std::string narrow = std::regex_replace(line, std::regex(" +|-{3,}"), " ");
  const std::string plain = std::regex_replace(narrow, std::regex("[0-9]+ (of|steps)"), "N $1");
  return plain.substr(0, plain.find_last_not_of(' ') + 1);
}

/// Each line of `wanted` is a line of `output`, in this order; "..." ends what may be anything.
std::string first_missing(const std::vector<std::string>& wanted, const std::string& output) {
  std::istringstream in(output);
  std::string line;
  for (const std::string& want : wanted) {
    const bool open_ended = want.ends_with("...");
    const std::string begin = without_widths(open_ended ? want.substr(0, want.size() - 3) : want);
    bool found = false;
    while (!found && std::getline(in, line)) {
      line = without_widths(line);
      found = open_ended ? line.starts_with(begin) : line == begin;
    }
    if (!found) return want;
  }
  return {};
}

class UpgradePage : public Documentation {
 protected:
  void SetUp() override {
    // `prytany` stands for `prytany` with these options.
    const fs::path shim = fs::path(folder_.path()) / "bin/prytany";
    write(shim, "#!/bin/sh\ncase $1 in test) exec " + program() + " \"$@\" ;; esac\nexec " +
                    program() + " \"$@\" --cluster " + cluster_.genesis() + " --key " +
                    cluster_.admin_key() + "\n");
    fs::permissions(shim, fs::perms::owner_all);
    fs::create_directory_symlink(PRYTANY_SOURCE_DIR "/examples", folder_.path() + "/examples");
  }
  std::string type(const std::string& command) const {
    const std::string all = "cd " + folder_.path() + " && PATH=" + folder_.path() +
                            "/bin:$PATH && export PATH && " + command + " > said 2>&1";
    EXPECT_NE(std::system(all.c_str()), -1);
    return text_of(folder_.path() + "/said");
  }
  void type_block(const std::string& lines) const {
    for (const Typed& typed : typed_in(lines)) {
      const std::string output = type(typed.command);
      EXPECT_EQ(first_missing(typed.output, output), "") << typed.command << "\n" << output;
    }
  }
};

TEST_F(UpgradePage, says_what_happens_when_its_commands_are_typed) {
  const std::string text = page("docs/how-to/upgrade-an-application.md");
  const std::vector<std::string> blocks = plain_blocks(text);
  ASSERT_EQ(blocks.size(), 6U);
  type_block(blocks[0]);
  for (const std::string entry : {"Good morning!", "What a day!", "Good day", "Good day"}) {
    const Ran entered = as(new_key("guest"), {"call", "sign", "text=" + entry});
    ASSERT_EQ(entered.exit_code, 0) << entered.errors;
  }
  const fs::path next = folder_.path() + "/guestbook-2";
  for (const std::string name :
       {"schema/002_stars.sql", "schema/002_stars.down.sql", "procedures/best.sql"})
    write(next / name, block(text, "sql", text.find("`" + name + "`")));
  const fs::path bad = folder_.path() + "/guestbook-3";
  fs::copy(next, bad, fs::copy_options::recursive);
  write(bad / "schema/003_once.sql", block(text, "sql", text.find("`schema/003_once.sql`")));
  for (std::size_t i = 1; i < blocks.size(); ++i) type_block(blocks[i]);
  const Ran gone = as_admin({"sql", "SELECT stars FROM entries"});
  EXPECT_THAT(gone.errors, HasSubstr("no such column: stars"));
  const Ran kept = as_admin({"sql", "SELECT count(*) FROM entries", "--json"});
  EXPECT_EQ(json::parse(kept.output)["rows"], json::parse("[[4]]"));
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
