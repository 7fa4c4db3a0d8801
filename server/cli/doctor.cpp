// prytany doctor: what an SQLite application must change.
#include "server/cli/doctor.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <memory>

#include <nlohmann/json.hpp>

#include "server/cli/client_commands.h"
#include "server/cli/files.h"
#include "server/cli/trial.h"

namespace prytany::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t sources_max = 10'000;

struct DoctorOptions {
  std::string database;
  std::vector<std::string> sources;
};

bool is_left_out(const fs::path& folder) {
  const std::string name = folder.filename().string();
  return (name.starts_with('.') && name.size() > 1) || name == "node_modules" ||
         name == "__pycache__";
}

/// A file as it is named; of a folder, the files that are sources, in order of their names.
Result<std::vector<std::string>> source_files(const std::vector<std::string>& wanted) {
  std::vector<std::string> files;
  for (const std::string& path : wanted) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      if (!is_source(path))
        return Error{path +
                     " is in no language that is known here: .sql, .c, .h, .cc, .cpp, "
                     ".hpp, .py, .js, .mjs, .ts, .java, .go"};
      files.push_back(path);
      continue;
    }
    std::vector<std::string> found;
    for (auto it = fs::recursive_directory_iterator(path, error);
         !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
      if (it->is_directory() && is_left_out(it->path())) it.disable_recursion_pending();
      if (it->is_regular_file() && is_source(it->path().string()))
        found.push_back(it->path().string());
      if (found.size() > sources_max)
        return Error{path + " has more than " + std::to_string(sources_max) +
                     " sources: name the folders that use SQLite"};
    }
    if (error) return Error{"cannot read the folder " + path + ": " + error.message()};
    std::ranges::sort(found);
    std::ranges::move(found, std::back_inserter(files));
  }
  return files;
}

void print_findings(const std::vector<Finding>& findings, bool json) {
  std::array<std::size_t, 3> counts{};
  for (const Finding& finding : findings) {
    std::printf("%s\n", (json ? json_of(finding) : text_of(finding)).c_str());
    ++counts[static_cast<std::size_t>(finding.severity)];
  }
  std::printf(json ? "{\"must\":%zu,\"look\":%zu,\"fine\":%zu}\n"
                   : "%zu must change, %zu to look at, %zu fine\n",
              counts[0], counts[1], counts[2]);
}

Status run_doctor(const DoctorOptions& options, bool json) {
  const auto files = source_files(options.sources);
  if (!files) return usage_failure(files.error().message);
  if (Status room = room_for_trial(); !room) return room;
  SqlGate gate;
  auto findings = examine_database(options.database, gate);
  if (!findings) return usage_failure(findings.error().message);
  for (const std::string& path : *files) {
    const auto text = read_file(path);
    if (!text) return usage_failure(text.error().message);
    std::ranges::move(examine_source(path, *text, gate), std::back_inserter(*findings));
  }
  print_findings(*findings, json);
  const auto must = std::ranges::count(*findings, Severity::must, &Finding::severity);
  if (must == 0) return {};
  // For people everything was said.
  return Failure{ExitCode::failed, "must_change",
                 json ? std::to_string(must) + " things must change" : ""};
}

}  // namespace

std::string_view name_of(Severity severity) {
  switch (severity) {
    case Severity::must: return "must";
    case Severity::look: return "look";
    case Severity::fine: break;
  }
  return "fine";
}

std::string text_of(const Finding& finding) {
  std::string text = std::string(name_of(finding.severity)) + "  " + finding.place;
  if (finding.line > 0) text += ":" + std::to_string(finding.line);
  text += ": " + finding.what + " (" + finding.code;
  if (finding.more > 0) text += ", and " + std::to_string(finding.more) + " times more here";
  text += ")";
  if (!finding.instead.empty()) text += "\n      " + finding.instead;
  return text;
}

std::string json_of(const Finding& finding) {
  const nlohmann::ordered_json json = {{"severity", name_of(finding.severity)},
                                       {"code", finding.code},
                                       {"place", finding.place},
                                       {"line", finding.line},
                                       {"what", finding.what},
                                       {"instead", finding.instead},
                                       {"more", finding.more}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void add_doctor(arguments::Command app, Chosen& chosen) {
  auto options = std::make_shared<DoctorOptions>();
  arguments::Command command = app.add_command(
      "doctor", "Say what an SQLite application must change, by its database and its sources");
  command.add_option("DB", options->database, "Its database file; opened to read only")
      .required()
      .existing_file();
  command.add_option("SOURCES", options->sources,
                     "Files or folders: SQL, C, C++, Python, JavaScript, ...");
  add_json_flag(command, chosen);
  command.when_chosen([&chosen, options] {
    chosen.run = [options, &chosen] { return run_doctor(*options, chosen.json); };
  });
}

}  // namespace prytany::cli
