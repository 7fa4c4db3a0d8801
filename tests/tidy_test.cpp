// The style guide, executed. Each rule is a function from text to complaints; one test runs it over
// the tree, and a second one plants a violation, so that a rule that has gone blind is noticed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

using Complaints = std::vector<std::string>;

struct File {
  std::string path;  // from the root, with '/'
  std::string text;
};

// ---- Exceptions: they may only shrink -----------------------------------------------------------

/// "path:function" -> its length in lines. An entry that has become shorter must be lowered, and
/// one that is within the limit removed.
const std::map<std::string, int> long_functions = {};

// ---- Reading the tree ---------------------------------------------------------------------------

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

bool ends_with_any(std::string_view path, const std::vector<std::string_view>& endings) {
  return std::ranges::any_of(endings, [&](auto ending) { return path.ends_with(ending); });
}

bool is_cpp(std::string_view path) { return ends_with_any(path, {".h", ".cpp"}); }

/// Every text file that is ours.
const std::vector<File>& tree() {
  static const std::vector<File> files = [] {
    const std::set<std::string> foreign = {".git", "build", "third_party", "node_modules",
                                           "corpus"};
    const fs::path root = PRYTANY_SOURCE_DIR;
    std::vector<File> found;
    for (auto it = fs::recursive_directory_iterator(root); it != fs::end(it); ++it) {
      const std::string name = it->path().filename().string();
      if (it->is_directory() && foreign.contains(name)) it.disable_recursion_pending();
      if (!it->is_regular_file()) continue;
      const std::string path = fs::relative(it->path(), root).generic_string();
      const std::string text = read(it->path());
      if (text.find('\0') == std::string::npos) found.push_back({path, text});
    }
    std::ranges::sort(found, {}, &File::path);
    return found;
  }();
  return files;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string at(const File& file, std::size_t line) {
  return file.path + ":" + std::to_string(line);
}

/// C++ with comments, string and character literals blanked out; line breaks stay where they are.
class Blanker {
 public:
  explicit Blanker(std::string text) : text_(std::move(text)) {}

  std::string run() {
    while (at_ < text_.size()) {
      if (sees("//")) {
        blank_until("\n", false);
      } else if (sees("/*")) {
        blank_until("*/", true);
      } else if (sees("R\"") && !after_word()) {
        const std::size_t open = text_.find('(', at_);
        const std::string delimiter = text_.substr(at_ + 2, open - at_ - 2);
        blank_until(")" + delimiter + "\"", true);
      } else if (text_[at_] == '"' || (text_[at_] == '\'' && !after_word())) {
        blank_literal(text_[at_]);
      } else {
        ++at_;
      }
    }
    return std::move(text_);
  }

 private:
  bool sees(std::string_view what) const { return text_.compare(at_, what.size(), what) == 0; }
  /// Of 1'000, or of a name that ends in R.
  bool after_word() const {
    return at_ > 0 && std::isalnum(static_cast<unsigned char>(text_[at_ - 1])) != 0;
  }
  void blank(std::size_t end) {
    for (; at_ < std::min(end, text_.size()); ++at_) {
      if (text_[at_] != '\n') text_[at_] = ' ';
    }
  }
  void blank_until(const std::string& end, bool with_end) {
    const std::size_t found = text_.find(end, at_ + 2);
    blank(found == std::string::npos ? text_.size() : found + (with_end ? end.size() : 0));
  }
  void blank_literal(char quote) {
    std::size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != quote && text_[end] != '\n') {
      end += text_[end] == '\\' ? 2U : 1U;
    }
    // The quotes stay, so that "" is not mistaken for nothing at all.
    ++at_;
    blank(end);
    ++at_;
  }

  std::string text_;
  std::size_t at_ = 0;
};

std::string code_of(const File& file) { return Blanker(file.text).run(); }

/// Runs `rule` over the files that `wanted` selects.
template <class Wanted, class Rule>
Complaints over(Wanted wanted, Rule rule) {
  Complaints all;
  for (const File& file : tree()) {
    if (!wanted(file.path)) continue;
    for (std::string& complaint : rule(file)) all.push_back(std::move(complaint));
  }
  return all;
}

std::string report(const Complaints& complaints) {
  std::string text;
  for (const std::string& complaint : complaints) text += complaint + "\n";
  return text;
}
#define EXPECT_TIDY(complaints)                  \
  do {                                           \
    const Complaints found = (complaints);       \
    EXPECT_TRUE(found.empty()) << report(found); \
  } while (false)

// ---- Columns ------------------------------------------------------------------------------------

Complaints wide_lines(const File& file) {
  Complaints found;
  std::size_t number = 0;
  for (const std::string& line : lines_of(file.text)) {
    ++number;
    // Code points, not bytes: UTF-8's continuation bytes take no column.
    const auto columns = std::ranges::count_if(
        line, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
    if (columns > 100)
      found.push_back(at(file, number) + " has " + std::to_string(columns) + " columns");
  }
  return found;
}

TEST(Tidy, no_line_is_wider_than_100_columns) {
  EXPECT_TIDY(over(
      [](const std::string& path) {
        return is_cpp(path) || ends_with_any(path, {".cmake", "CMakeLists.txt", ".sh"});
      },
      wide_lines));
}
TEST(TidyProof, a_line_of_101_columns_is_found_and_one_of_100_umlauts_is_not) {
  std::string umlauts;
  for (int i = 0; i < 100; ++i) umlauts += "\xC3\xBC";
  EXPECT_THAT(wide_lines({"a.h", umlauts + "\n" + std::string(101, 'x')}),
              ElementsAre("a.h:2 has 101 columns"));
}

// ---- Who may include whom -----------------------------------------------------------------------

struct Room {
  std::vector<std::string> own;      // prefixes of our headers that it may include
  std::vector<std::string> foreign;  // prefixes of third-party headers that it may include
  std::vector<std::string> banned;   // prefixes of system headers that it may not
};

const std::vector<std::string> third_party = {"sqlite3",   "openssl/", "sodium",  "libwebsockets",
                                              "nlohmann/", "CLI/",     "spdlog/", "uv.h",
                                              "gtest/",    "gmock/"};
/// What the pure rooms do without: threads, clocks, files, chance, and order that is not an order.
const std::vector<std::string> impure = {
    "thread",    "mutex",      "shared_mutex", "condition_variable",
    "future",    "atomic",     "chrono",       "ctime",
    "time.h",    "random",     "fstream",      "iostream",
    "cstdio",    "filesystem", "unordered_",   "sys/",
    "netinet",   "arpa/",      "unistd.h",     "fcntl.h",
    "pthread.h", "semaphore",  "stop_token"};
/// What the glue leaves to the world.
const std::vector<std::string> worldly = {"sys/socket.h", "sys/epoll.h", "netinet/", "arpa/",
                                          "unistd.h",     "fcntl.h",     "poll.h",   "fstream"};

/// The table of docs/architecture.md. The longest prefix of a path that is listed here decides.
const std::map<std::string, Room>& rooms() {
  static const std::map<std::string, Room> table = [] {
    const std::vector<std::string> pure = {"server/base/", "server/crypto/", "server/wire/"};
    const auto with = [](std::vector<std::string> all, const std::vector<std::string>& more) {
      all.insert(all.end(), more.begin(), more.end());
      return all;
    };
    const std::vector<std::string> world_of = {"server/node/ports.h", "server/pbft/journal.h"};
    const std::vector<std::string> all_ours = {"server/",  "vfs/",   "clientlib/",
                                               "prytany/", "bench/", "tests/sim/"};
    return std::map<std::string, Room>{
        {"server/base/", {{"server/base/"}, {"spdlog/"}, {}}},
        {"server/crypto/", {{"server/base/", "server/crypto/"}, {"openssl/", "sodium"}, {}}},
        {"server/wire/", {pure, {"nlohmann/"}, impure}},
        {"server/pbft/", {with(pure, {"server/pbft/"}), {}, impure}},
        {"vfs/", {{"server/base/", "server/crypto/digest.h", "vfs/"}, {"sqlite3"}, {}}},
        {"server/app/", {with(pure, {"vfs/", "server/app/"}), {"sqlite3", "nlohmann/"}, worldly}},
        // The one file of this room that runs in the program `prytany install`, not in replicas.
        {"server/app/folder.cpp", {with(pure, {"server/app/"}), {"nlohmann/"}, {}}},
        {"server/node/",
         {with(pure, {"vfs/", "server/pbft/", "server/app/", "server/node/"}),
          {"nlohmann/"},
          worldly}},
        {"server/net/",
         {with(pure, with({"server/net/"}, world_of)), {"libwebsockets", "uv.h"}, {}}},
        {"server/store/", {with(pure, with({"server/store/"}, world_of)), {"nlohmann/"}, {}}},
        {"server/arguments/", {{"server/arguments/"}, {"CLI/"}, {}}},
        {"server/cli/", {all_ours, {"nlohmann/", "sqlite3"}, {}}},
        {"server/main.cpp", {{"server/cli/", "server/base/"}, {}, {}}},
        {"clientlib/include/", {{"prytany/"}, {}, {}}},
        {"clientlib/", {with(pure, {"clientlib/", "prytany/"}), {"nlohmann/"}, {}}},
        {"bench/", {all_ours, {"nlohmann/", "sqlite3"}, {}}},
        {"examples/",
         {{"prytany/", "server/app/", "server/cli/", "server/base/", "examples/"},
          {"sqlite3"},
          {}}},
        // The simulator has everything but the world that it replaces.
        {"tests/sim/",
         {with(pure, {"server/pbft/", "server/app/", "server/node/", "server/store/", "vfs/",
                      "clientlib/", "prytany/", "tests/sim/", "server/arguments/"}),
          {"sqlite3", "nlohmann/"},
          {"sys/socket.h", "sys/epoll.h", "thread", "random"}}},
        {"tests/",
         {{"server/", "vfs/", "clientlib/", "prytany/", "bench/", "tests/"}, third_party, {}}},
    };
  }();
  return table;
}

bool has_prefix(const std::string& name, const std::vector<std::string>& prefixes) {
  return std::ranges::any_of(prefixes, [&](const auto& p) { return name.starts_with(p); });
}

const Room* room_of(const std::string& path) {
  const Room* best = nullptr;
  std::size_t length = 0;
  for (const auto& [prefix, room] : rooms()) {
    if (path.starts_with(prefix) && prefix.size() > length) {
      best = &room;
      length = prefix.size();
    }
  }
  return best;
}

Complaints forbidden_includes(const File& file) {
  static const std::regex include(R"re(^\s*#\s*include\s*([<"])([^>"]+)[>"])re");
  const Room* room = room_of(file.path);
  if (room == nullptr) return {file.path + " is in no room of the include table"};
  Complaints found;
  std::size_t number = 0;
  for (const std::string& line : lines_of(file.text)) {
    ++number;
    std::smatch match;
    if (!std::regex_search(line, match, include)) continue;
    const std::string name = match[2];
    const bool ours = match[1] == "\"" || name.starts_with("prytany/");
    const bool foreign = !ours && has_prefix(name, third_party);
    const bool allowed = ours      ? has_prefix(name, room->own)
                         : foreign ? has_prefix(name, room->foreign)
                                   : !has_prefix(name, room->banned);
    if (!allowed) found.push_back(at(file, number) + " may not include " + name);
  }
  return found;
}

TEST(Tidy, every_file_includes_only_what_its_room_may_know) {
  EXPECT_TIDY(over(is_cpp, forbidden_includes));
}
TEST(TidyProof, a_forbidden_include_is_found_in_each_room) {
  const std::vector<std::pair<std::string, std::string>> planted = {
      {"server/base/a.h", "\"server/wire/ids.h\""},
      {"server/crypto/a.h", "\"server/wire/ids.h\""},
      {"server/wire/a.h", "\"server/pbft/slot.h\""},
      {"server/wire/a.h", "<sqlite3.h>"},
      {"server/pbft/a.h", "\"server/node/node.h\""},
      {"server/pbft/a.h", "\"server/app/executor.h\""},
      {"server/pbft/a.h", "<chrono>"},
      {"server/pbft/a.h", "<unordered_map>"},
      {"server/pbft/a.h", "<sys/time.h>"},
      {"server/pbft/a.h", "\"slot.h\""},
      {"vfs/a.h", "\"server/wire/ids.h\""},
      {"server/app/a.h", "\"server/pbft/replica.h\""},
      {"server/node/a.h", "<sys/socket.h>"},
      {"server/net/a.h", "\"server/pbft/replica.h\""},
      {"server/store/a.h", "\"server/node/node.h\""},
      {"server/store/a.h", "<openssl/evp.h>"},
      {"clientlib/a.h", "\"server/app/executor.h\""},
      {"clientlib/include/prytany/a.h", "<nlohmann/json.hpp>"},
      {"clientlib/include/prytany/a.h", "\"server/base/bytes.h\""},
      {"tests/sim/a.h", "\"server/net/link.h\""},
      {"attic/a.h", "<vector>"}};
  for (const auto& [path, name] : planted) {
    EXPECT_THAT(forbidden_includes({path, "#include " + name + "\n"}), SizeIs(1)) << path << name;
  }
  EXPECT_THAT(forbidden_includes({"server/pbft/a.h",
                                  "#include \"server/wire/ids.h\"\n"
                                  "#include <vector>\n"}),
              IsEmpty());
}

/// The same table for CMake: what a folder's target may link.
Complaints forbidden_links(const File& file) {
  static const std::map<std::string, std::set<std::string>> allowed = {
      {"prytany_base", {}},
      {"prytany_crypto", {"base"}},
      {"prytany_wire", {"base", "crypto"}},
      {"prytany_pbft", {"base", "crypto", "wire"}},
      {"prytany_vfs", {"base", "crypto", "sqlite"}},
      {"prytany_app", {"base", "crypto", "wire", "vfs", "sqlite"}},
      {"prytany_node", {"base", "crypto", "wire", "vfs", "pbft", "app"}},
      {"prytany_client", {"base", "crypto", "wire"}}};
  static const std::regex library(R"(prytany_library\(\s*(\w+)([^)]*)\))");
  static const std::regex dependency(R"(\bprytany_(\w+))");
  Complaints found;
  std::smatch match;
  if (!std::regex_search(file.text, match, library)) return found;
  const auto room = allowed.find(match[1]);
  if (room == allowed.end()) return found;
  const std::string rest = match[2];
  for (std::sregex_iterator it(rest.begin(), rest.end(), dependency), end; it != end; ++it) {
    if (!room->second.contains((*it)[1])) {
      found.push_back(file.path + ": " + room->first + " may not link " + (*it)[0].str());
    }
  }
  return found;
}

TEST(Tidy, every_target_links_only_what_its_room_may_know) {
  EXPECT_TIDY(over([](const std::string& path) { return path.ends_with("CMakeLists.txt"); },
                   forbidden_links));
}
TEST(TidyProof, a_protocol_that_links_the_node_is_found) {
  EXPECT_THAT(forbidden_links({"server/pbft/CMakeLists.txt",
                               "prytany_library(prytany_pbft DEPENDS prytany_base prytany_node)"}),
              ElementsAre(HasSubstr("may not link prytany_node")));
}

// ---- Words --------------------------------------------------------------------------------------

Complaints banned_words(const File& file) {
  static const std::regex banned(
      R"(\bunordered_\w*|\brand\s*\(|\bchrono\b|\bfloat\b|\breinterpret_cast\b|\bstd::thread\b)");
  Complaints found;
  std::size_t number = 0;
  for (const std::string& line : lines_of(code_of(file))) {
    ++number;
    std::smatch match;
    if (std::regex_search(line, match, banned))
      found.push_back(at(file, number) + ": " + match.str());
  }
  return found;
}

TEST(Tidy, the_core_and_the_wire_use_no_clock_no_chance_no_thread_and_no_hash_order) {
  EXPECT_TIDY(over(
      [](const std::string& path) {
        return is_cpp(path) &&
               (path.starts_with("server/pbft/") || path.starts_with("server/wire/"));
      },
      banned_words));
}
TEST(TidyProof, each_banned_word_is_found_in_code_and_none_in_comments_or_strings) {
  for (const char* code : {"std::unordered_map<int, int> m;", "int i = rand();", "float x;",
                           "auto t = std::chrono::seconds(1);", "std::thread t;",
                           "auto* p = reinterpret_cast<int*>(q);"}) {
    EXPECT_THAT(banned_words({"server/pbft/a.cpp", code}), SizeIs(1)) << code;
  }
  EXPECT_THAT(banned_words({"server/pbft/a.cpp",
                            "// not a float\n/* rand() */ f(\"std::thread\");\n"
                            "int floating = operand(1'000); char c = '\"';"}),
              IsEmpty());
}

Complaints markers(const File& file) {
  // Spelt in halves, so that this file does not find itself.
  static const std::regex marker(
      "\\b(TO"
      "DO|FIX"
      "ME|X"
      "XX|HA"
      "CK)\\b");
  Complaints found;
  std::size_t number = 0;
  for (const std::string& line : lines_of(file.text)) {
    ++number;
    if (std::regex_search(line, marker)) found.push_back(at(file, number) + ": " + line);
  }
  return found;
}

TEST(Tidy, nothing_is_left_for_later) {
  EXPECT_TIDY(over([](const std::string&) { return true; }, markers));
}
TEST(TidyProof, a_leftover_marker_is_found) {
  EXPECT_THAT(markers({"a.md",
                       "fine\n// TO"
                       "DO later\n"}),
              SizeIs(1));
  EXPECT_THAT(markers({"a.js",
                       "/* FIX"
                       "ME */"}),
              SizeIs(1));
  EXPECT_THAT(markers({"a.sh", "mktemp a-XXXXXX"}), IsEmpty());
}

Complaints registry_hosts(const File& file) {
  static const std::regex host(
      "registry\\.[a-z]+\\.|npm"
      "js\\.(org|com)|yarn"
      "pkg\\.com|py"
      "pi\\.org|deb\\.deb"
      "ian\\.org|"
      "\"resol"
      "ved\"\\s*:\\s*\"http");
  Complaints found;
  std::size_t number = 0;
  for (const std::string& line : lines_of(file.text)) {
    ++number;
    if (std::regex_search(line, host)) found.push_back(at(file, number) + ": " + line);
  }
  return found;
}

TEST(Tidy, packages_are_named_and_never_by_host) {
  EXPECT_TIDY(over([](const std::string&) { return true; }, registry_hosts));
}
TEST(TidyProof, a_registry_host_is_found) {
  EXPECT_THAT(registry_hosts({"package-lock.json",
                              "\"resol"
                              "ved\": \"https://example.invalid/a\""}),
              SizeIs(1));
  EXPECT_THAT(registry_hosts({"a.sh",
                              "curl https://registry."
                              "npm"
                              "js.org/a"}),
              SizeIs(1));
  EXPECT_THAT(registry_hosts({"a.sh", "npm pack sqlite3@5.1.7"}), IsEmpty());
}

Complaints macros(const File& file) {
  static const std::regex define(R"(^\s*#\s*define\s+(\w+))");
  Complaints found;
  std::size_t number = 0;
  for (const std::string& line : lines_of(file.text)) {
    ++number;
    std::smatch match;
    if (std::regex_search(line, match, define) && match[1] != "ENSURE") {
      found.push_back(at(file, number) + " defines the macro " + match[1].str());
    }
  }
  return found;
}
bool is_product(const std::string& path) {
  return is_cpp(path) && has_prefix(path, {"server/", "vfs/", "clientlib/"});
}

TEST(Tidy, the_only_macro_is_ENSURE) { EXPECT_TIDY(over(is_product, macros)); }
TEST(TidyProof, another_macro_is_found) {
  EXPECT_THAT(macros({"server/a.h", "#define ENSURE(x) x\n#define MAX 3\n"}), SizeIs(1));
}

Complaints unguarded(const File& file) {
  static const std::regex once(R"((^|\n)#pragma once\n)");
  if (std::regex_search(file.text, once)) return {};
  return {file.path + " has no #pragma once"};
}
TEST(Tidy, every_header_can_be_included_twice) {
  EXPECT_TIDY(over([](const std::string& path) { return path.ends_with(".h"); }, unguarded));
}
TEST(TidyProof, a_header_without_a_guard_is_found) {
  EXPECT_THAT(unguarded({"a.h", "// #pragma once\nint x;\n"}), SizeIs(1));
  EXPECT_THAT(unguarded({"a.h", "// why\n#pragma once\nint x;\n"}), IsEmpty());
}

// ---- Sizes --------------------------------------------------------------------------------------

struct Function {
  std::string name;
  std::size_t line;
  int length;
};

/// Finds function bodies by their braces. A '{' opens a namespace, a type, a function (the text
/// before it has a parameter list), or a block; only a function outside functions is counted, from
/// the first line of its signature to its last brace.
class FunctionFinder {
 public:
  explicit FunctionFinder(const File& file) : code_(without_directives(code_of(file))) {}

  std::vector<Function> run() {
    for (; at_ < code_.size(); ++at_) {
      const char c = code_[at_];
      if (c == '\n') ++line_;
      if (c == '{') {
        open();
      } else if (c == '}') {
        close();
      } else if (c == ';' && parens_ == 0) {
        forget();
      } else {
        if (c == '(') ++parens_;
        if (c == ')') --parens_;
        remember(c);
      }
    }
    return std::move(found_);
  }

 private:
  enum class Scope { space, type, function, block };
  struct Open {
    Scope scope;
    std::string header;
    std::size_t line;
    int parens;
  };

  static std::string without_directives(const std::string& code) {
    std::string kept;
    bool continued = false;
    for (const std::string& line : lines_of(code)) {
      const std::size_t first = line.find_first_not_of(" \t");
      const bool directive = continued || (first != std::string::npos && line[first] == '#');
      continued = directive && line.ends_with('\\');
      kept += (directive ? "" : line) + "\n";
    }
    return kept;
  }

  void remember(char c) {
    if (header_.empty()) {
      if (std::isspace(static_cast<unsigned char>(c)) != 0) return;
      header_line_ = line_;
    }
    header_ += c;
  }
  void forget() { header_.clear(); }

  bool inside_function() const {
    return std::ranges::any_of(open_, [](const Open& o) { return o.scope == Scope::function; });
  }

  Scope classify() const {
    static const std::regex space(R"((^|\s)namespace\b|^extern\s*"\s*"\s*$)");
    static const std::regex type(
        R"(^(template\s*<[^{]*>\s*)?(typedef\s+|static\s+)?(class|struct|union|enum)\b[^()]*$)");
    if (inside_function() || parens_ > 0) return Scope::block;
    if (std::regex_search(header_, space)) return Scope::space;
    if (std::regex_search(header_, type)) return Scope::type;
    if (header_.find('(') != std::string::npos) return Scope::function;
    return Scope::block;
  }

  void open() {
    open_.push_back({classify(), header_, header_.empty() ? line_ : header_line_, parens_});
    parens_ = 0;
    forget();
  }

  void close() {
    if (open_.empty()) return;
    const Open done = std::move(open_.back());
    open_.pop_back();
    parens_ = done.parens;
    const std::size_t next = code_.find_first_not_of(" \t\n", at_ + 1);
    const char follows = next == std::string::npos ? '\0' : code_[next];
    // In `A::A() : b_{1}, c_{2} {` the header goes on after an initialiser's brace.
    if (done.scope != Scope::space && done.scope != Scope::type && !inside_function() &&
        (follows == ',' || follows == '{' || parens_ > 0)) {
      header_ = done.header + "{}";
      header_line_ = done.line;
      return;
    }
    forget();
    if (done.scope == Scope::function) {
      found_.push_back({name_of(done.header), done.line, static_cast<int>(line_ - done.line) + 1});
    }
  }

  /// The word before the first parenthesis; for TEST(Suite, name), both.
  static std::string name_of(const std::string& header) {
    static const std::regex test(R"(^TEST(_F|_P)?\(\s*(\w+)\s*,\s*(\w+)\s*\))");
    static const std::regex named(R"(([\w:~]+|operator\S+)\s*\()");
    std::smatch match;
    if (std::regex_search(header, match, test)) return match[2].str() + "." + match[3].str();
    return std::regex_search(header, match, named) ? match[1].str() : "?";
  }

  std::string code_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  int parens_ = 0;
  std::string header_;
  std::size_t header_line_ = 1;
  std::vector<Open> open_;
  std::vector<Function> found_;
};

Complaints long_functions_in(const File& file) {
  Complaints found;
  for (const Function& function : FunctionFinder(file).run()) {
    const auto excused = long_functions.find(file.path + ":" + function.name);
    const int limit = excused == long_functions.end() ? 70 : excused->second;
    if (function.length > limit) {
      found.push_back(at(file, function.line) + " " + function.name + " has " +
                      std::to_string(function.length) + " lines");
    }
  }
  return found;
}

TEST(Tidy, a_function_fits_a_screen_of_70_lines) { EXPECT_TIDY(over(is_cpp, long_functions_in)); }
TEST(Tidy, the_list_of_long_functions_only_shrinks) {
  std::map<std::string, int> lengths;
  for (const File& file : tree()) {
    if (!is_cpp(file.path)) continue;
    for (const Function& f : FunctionFinder(file).run()) {
      int& length = lengths[file.path + ":" + f.name];
      length = std::max(length, f.length);
    }
  }
  for (const auto& [name, length] : long_functions) {
    EXPECT_EQ(lengths[name], length) << name << ": lower its entry, or remove it when it is <= 70";
    EXPECT_GT(length, 70) << name;
  }
}

std::string body_of(int lines) {
  std::string body;
  for (int i = 0; i < lines; ++i) body += "  if (x) { y(\"}\"); }  // {\n";
  return body;
}
TEST(TidyProof, long_functions_of_every_shape_are_found_and_short_ones_are_not) {
  const std::vector<std::string> signatures = {
      "void f() {\n",
      "int C::f(int a,\n         int b) const noexcept {\n",
      "C::C(int a) : a_(a), b_{1}, c_{{2, 3}} {\n",
      "template <class T>\nauto f(T t) -> std::vector<T> {\n",
      "namespace a {\nclass B : public C<int> {\n void f(int x = 1) {\n",
      "namespace {\nstruct tm* f(struct tm* t) {\n",
      "TEST(Suite, a_name) {\n",
      "extern \"C\" {\nstatic int f(void*) {\n",
      "bool operator()(int a, std::span<const int> b = {}) {\n"};
  for (const std::string& signature : signatures) {
    const auto line_count = static_cast<int>(std::ranges::count(signature, '\n'));
    const auto opened = static_cast<int>(std::ranges::count(signature, '{')) -
                        static_cast<int>(std::ranges::count(signature, '}'));
    // A namespace or class line before the function is not the function's.
    const int outside = opened - 1;
    const std::string end = std::string(static_cast<std::size_t>(opened), '}') + "\n";
    const int fitting = 70 - (line_count - outside) - 1;
    EXPECT_THAT(long_functions_in({"a.cpp", signature + body_of(fitting) + end}), IsEmpty())
        << signature;
    EXPECT_THAT(long_functions_in({"a.cpp", signature + body_of(fitting + 1) + end}), SizeIs(1))
        << signature;
  }
}
TEST(TidyProof, a_long_type_or_table_is_no_function) {
  std::string members;
  for (int i = 0; i < 80; ++i) members += "  int f() { return 1; }\n";
  EXPECT_THAT(long_functions_in({"a.h", "struct A {\n" + members + "};\n"}), IsEmpty());
  EXPECT_THAT(long_functions_in({"a.h", "namespace a {\n" + members + "}\n"}), IsEmpty());
  std::string rows;
  for (int i = 0; i < 80; ++i) rows += "  {1, 2},\n";
  EXPECT_THAT(long_functions_in({"a.h", "const int table[][2] = {\n" + rows + "};\n"}), IsEmpty());
}
TEST(TidyProof, a_function_is_found_by_name_and_line) {
  const auto found =
      FunctionFinder({"a.cpp", "#define X {\n\nint C::g(int a) {\n  return a;\n}\n"}).run();
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].name, "C::g");
  EXPECT_EQ(found[0].line, 3U);
  EXPECT_EQ(found[0].length, 3);
}

Complaints long_file(const File& file) {
  const std::size_t lines = lines_of(file.text).size();
  if (lines <= 600) return {};
  return {file.path + " has " + std::to_string(lines) + " lines"};
}

TEST(Tidy, no_file_of_the_core_has_more_than_600_lines) {
  EXPECT_TIDY(
      over([](const std::string& path) { return path.starts_with("server/pbft/"); }, long_file));
}
TEST(TidyProof, a_file_of_601_lines_is_found) {
  std::string text;
  for (int i = 0; i < 600; ++i) text += "\n";
  EXPECT_THAT(long_file({"server/pbft/a.cpp", text}), IsEmpty());
  EXPECT_THAT(long_file({"server/pbft/a.cpp", text + "\n"}), SizeIs(1));
}

// ---- The map of the house -----------------------------------------------------------------------

/// The document names a file by its path without the ending (`server/pbft/slot`), or by its name
/// (`slot` or `slot.h`, as code) in a section whose heading names the folder.
bool is_mentioned(const std::string& document, const std::string& path) {
  const fs::path stem = fs::path(path).replace_extension();
  const std::regex whole("\\b" + stem.generic_string() + "\\b");
  if (std::regex_search(document, whole)) return true;
  const std::string folder = stem.parent_path().generic_string();
  const std::regex heading("^#+ .*\\b" + folder + "(?![\\w/])");
  const std::regex name("`" + stem.filename().string() + "(\\.h|\\.cpp)?[` ]");
  bool in_section = false;
  for (const std::string& line : lines_of(document)) {
    if (line.starts_with("#")) in_section = std::regex_search(line, heading);
    if (in_section && std::regex_search(line, name)) return true;
  }
  return false;
}

TEST(Tidy, docs_architecture_names_every_file_of_the_product) {
  const std::string document = read(fs::path(PRYTANY_SOURCE_DIR) / "docs/architecture.md");
  EXPECT_TIDY(over(is_product, [&](const File& file) {
    return is_mentioned(document, file.path) ? Complaints{}
                                             : Complaints{file.path + " is not named"};
  }));
}
TEST(TidyProof, a_file_that_the_map_forgets_is_found) {
  const std::string document =
      "# The house\nsee server/wire/ids.h\n## The protocol: server/pbft\n| `slot` | a slot |\n"
      "## The state: vfs\n| `merkle.h .cpp` | hashes |\n";
  EXPECT_TRUE(is_mentioned(document, "server/pbft/slot.h"));
  EXPECT_TRUE(is_mentioned(document, "server/wire/ids.h"));
  EXPECT_TRUE(is_mentioned(document, "vfs/merkle.cpp"));
  EXPECT_FALSE(is_mentioned(document, "server/pbft/window.h"));
  EXPECT_FALSE(is_mentioned(document, "server/pbft/merkle.h"));
  EXPECT_FALSE(is_mentioned(document, "vfs/slot.h"));
}

TEST(Tidy, the_tree_was_really_read) {
  const auto has = [](std::string_view path) {
    return std::ranges::any_of(tree(), [&](const File& file) { return file.path == path; });
  };
  EXPECT_TRUE(has("server/base/bytes.cpp"));
  EXPECT_TRUE(has("tests/tidy_test.cpp"));
  EXPECT_TRUE(has("cmake/PrytanyTargets.cmake"));
}

}  // namespace
