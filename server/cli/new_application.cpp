#include "server/cli/new_application.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string_view>
#include <vector>

#include "server/cli/client_commands.h"
#include "server/cli/files.h"
#include "server/cli/shell_word.h"

namespace prytany::cli {
namespace {

struct Template {
  const char* path;
  std::string_view text;
};

constexpr std::string_view manifest_head = "{\n  \"name\": \"";
constexpr std::string_view manifest_tail = R"(",
  "version": "0.1.0",
  "description": "Notes that everybody reads and whoever joins may write",
  "roles": {"guest": {"description": "Whoever joins", "authorize": "anyone"}}
}
)";

constexpr Template first_schema = {
    "schema/001_notes.sql",
    R"(-- Once installed, a migration stays as it is: what is to change goes to 002_what.sql.
CREATE TABLE notes(
  id INTEGER PRIMARY KEY,
  author TEXT NOT NULL,
  text TEXT NOT NULL,
  at TEXT NOT NULL);
)"};

constexpr Template first_writer = {"procedures/add_note.sql",
                                   R"(-- Adds a note. All of it happens, or nothing.
-- @param text text(500)
-- @roles guest
SELECT ensure(length(trim(:text)) > 0, 'empty', 'please write something');
INSERT INTO notes(author, text, at) VALUES (session_principal(), :text, datetime('now'))
  RETURNING id, at;
)"};

constexpr Template first_reader = {"procedures/notes.sql",
                                   R"(-- The newest notes first. Public: it is read without joining.
-- @public
-- @read-only
SELECT id, at, text FROM notes ORDER BY id DESC LIMIT 50;
)"};

constexpr Template first_tests = {
    "tests/notes.sql",
    R"(-- Each test begins with an empty database, on 2026-01-01 at 00:00:00.

-- @test everybody reads what a guest writes
-- @as anna
-- @call add_note(text => 'Hello')
-- @expect 1, '2026-01-01 00:00:00'
-- @as nobody
-- @call notes
-- @expect 1, '2026-01-01 00:00:00', 'Hello'

-- @test a note without words is refused
-- @as anna
-- @call add_note(text => '  ')
-- @expect-error empty
-- @call notes
-- @expect nothing
)"};

/// The folder's name as an application's: a word that begins with a letter.
std::string application_name(const std::filesystem::path& folder) {
  std::string name;
  for (char c : std::filesystem::absolute(folder / ".")
                    .lexically_normal()
                    .parent_path()
                    .filename()
                    .string()) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const bool letter = c >= 'a' && c <= 'z';
    const bool other = (c >= '0' && c <= '9') || c == '_';
    if (letter || (other && !name.empty())) {
      name += c;
    } else if (!name.empty() && !name.ends_with('_')) {
      name += '_';
    }
  }
  constexpr std::size_t name_bytes_max = 64;
  name.resize(std::min(name.size(), name_bytes_max));
  return name.empty() ? "notes" : name;
}

Status run_new(const std::string& folder) {
  if (auto made = make_application(folder); !made) return usage_failure(made.error().message);
  const std::string word = shell_word(folder);
  std::printf(
      "%s: an application with a table, two procedures and a test\n"
      "Run its tests:                      prytany test %s\n"
      "Run it on four replicas here:       prytany dev --app %s --dir cluster\n"
      "Then read, in another terminal:     prytany call notes --cluster cluster/genesis.json\n",
      folder.c_str(), word.c_str(), word.c_str());
  return {};
}

}  // namespace

Result<void> make_application(const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  const bool there = fs::exists(fs::symlink_status(folder, error));
  if (there && !fs::is_directory(folder, error)) return Error{folder + " is not a folder"};
  const bool empty = fs::is_empty(folder, error);
  if (there && (error || !empty))
    return Error{folder + " is not empty: name a folder that is, or that does not exist yet"};
  const std::string manifest =
      std::string(manifest_head) + application_name(folder) + std::string(manifest_tail);
  // The manifest comes last: without it, what an interrupted attempt leaves is no application.
  for (const Template& file : {first_schema, first_writer, first_reader, first_tests,
                               Template{"prytany.json", manifest}}) {
    const fs::path path = fs::path(folder) / file.path;
    fs::create_directories(path.parent_path(), error);
    if (auto written = write_new_file(path.string(), file.text, 0644); !written) return written;
  }
  return {};
}

void add_new(arguments::Command app, Chosen& chosen) {
  auto folder = std::make_shared<std::string>();
  arguments::Command command =
      app.add_command("new", "Make a folder with a small application, to begin one's own with");
  command.add_option("DIR", *folder, "A folder that is empty or does not exist yet").required();
  command.when_chosen([&chosen, folder] { chosen.run = [folder] { return run_new(*folder); }; });
}

}  // namespace prytany::cli
