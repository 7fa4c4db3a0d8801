#include "server/arguments/arguments.h"

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <sstream>
#include <utility>

#include <CLI/CLI.hpp>

namespace prytany::arguments {

Option& Option::required() {
  option_->required();
  return *this;
}
Option& Option::needs(Option other) {
  option_->needs(other.option_);
  return *this;
}
Option& Option::excludes(Option other) {
  option_->excludes(other.option_);
  return *this;
}
Option& Option::shows_default() {
  option_->capture_default_str();
  return *this;
}
Option& Option::type_name(const std::string& name) {
  option_->type_name(name);
  return *this;
}
Option& Option::environment(const std::string& variable) {
  option_->envname(variable);
  return *this;
}
Option& Option::one_value() {
  option_->expected(1);
  return *this;
}
Option& Option::separated_by(char separator) {
  option_->delimiter(separator);
  return *this;
}

Option& Option::between(int least, int most) {
  option_->check(CLI::Range(least, most));
  return *this;
}
Option& Option::between(unsigned least, unsigned most) {
  option_->check(CLI::Range(least, most));
  return *this;
}
Option& Option::between(double least, double most) {
  option_->check(CLI::Range(least, most));
  return *this;
}
Option& Option::positive() {
  option_->check(CLI::PositiveNumber);
  return *this;
}
Option& Option::one_of(const std::vector<std::string>& values) {
  option_->check(CLI::IsMember(values));
  return *this;
}
Option& Option::existing_file() {
  option_->check(CLI::ExistingFile);
  return *this;
}
Option& Option::check(const std::function<std::string(const std::string&)>& wrong) {
  option_->check(wrong);
  return *this;
}

bool Option::given() const { return option_->count() > 0; }

template <class T>
Option Command::add_option(const std::string& name, T& variable, const std::string& text) {
  return Option(*app_->add_option(name, variable, text));
}

Option Command::add_flag(const std::string& name, bool& variable, const std::string& text) {
  return Option(*app_->add_flag(name, variable, text));
}

Command Command::add_command(const std::string& name, const std::string& text) {
  return Command(*app_->add_subcommand(name, text));
}

bool Command::has_command(const std::string& name) const {
  const auto named = [&](const CLI::App* command) { return command->get_name() == name; };
  return !app_->get_subcommands(named).empty();
}

void Command::requires_command() { app_->require_subcommand(1); }

void Command::when_chosen(std::function<void()> action) { app_->callback(std::move(action)); }

int print(const Ended& ended) {
  (ended.exit_code == 0 ? std::cout : std::cerr) << ended.shown << std::flush;
  return ended.exit_code;
}

Program::Program(const std::string& text, const std::string& name)
    : Program(std::make_unique<CLI::App>(text, name)) {}
Program::Program(std::unique_ptr<CLI::App> app) : Command(*app), owned_(std::move(app)) {}
Program::~Program() = default;

void Program::set_version(const std::string& version) {
  app_->set_version_flag("--version", version);
}

void Program::set_footer(const std::string& text) { app_->footer(text); }

template <class Parse>
std::optional<Ended> Program::ended_by(const Parse& parse) {
  try {
    parse();
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    // --help and --version come as exceptions, too.
    std::ostringstream shown;
    const int exit_code = app_->exit(error, shown, shown);
    return Ended{exit_code, error.what(), shown.str()};
  }
}

std::optional<Ended> Program::parse(int argc, char** argv) {
  return ended_by([&] { app_->parse(argc, argv); });
}

std::optional<Ended> Program::parse(std::vector<std::string> words) {
  std::ranges::reverse(words);  // CLI11 takes them from the end
  return ended_by([&] { app_->parse(std::move(words)); });
}

// What options are of; a program that needs another type does not link, and it is added here.
template Option Command::add_option(const std::string&, std::string&, const std::string&);
template Option Command::add_option(const std::string&, double&, const std::string&);
template Option Command::add_option(const std::string&, std::uint16_t&, const std::string&);
template Option Command::add_option(const std::string&, unsigned&, const std::string&);
template Option Command::add_option(const std::string&, std::uint64_t&, const std::string&);
template Option Command::add_option(const std::string&, std::vector<std::string>&,
                                    const std::string&);
template Option Command::add_option(const std::string&, std::vector<double>&, const std::string&);
template Option Command::add_option(const std::string&, std::vector<unsigned>&, const std::string&);
template Option Command::add_option(const std::string&, std::optional<unsigned>&,
                                    const std::string&);
template Option Command::add_option(const std::string&, std::optional<std::uint64_t>&,
                                    const std::string&);

}  // namespace prytany::arguments
