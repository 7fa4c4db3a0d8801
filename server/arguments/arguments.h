// What a program may be told on its command line. CLI11 reads it; its header stays behind this one,
// as it takes a compiler as long as most of what includes it.
//
//   Program program("What it does", "its-name");
//   program.add_option("FILE", file, "What it reads").required();
//   if (const auto ended = program.parse(argc, argv)) return print(*ended);
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace prytany::arguments {

/// One option or word of a command, which owns it.
class Option {
 public:
  explicit Option(CLI::Option& option) : option_(&option) {}

  Option& required();
  Option& needs(Option other);
  Option& excludes(Option other);
  /// Help shows the variable's value as it is now.
  Option& shows_default();
  /// Help calls what follows it so.
  Option& type_name(const std::string& name);
  /// Where the line does not have it, this variable of the environment is asked.
  Option& environment(const std::string& variable);
  /// One value each time, so that the words behind it are not taken for more of them.
  Option& one_value();
  Option& separated_by(char separator);

  Option& between(int least, int most);
  Option& between(unsigned least, unsigned most);
  Option& between(double least, double most);
  Option& positive();
  Option& one_of(const std::vector<std::string>& values);
  Option& existing_file();
  /// `wrong` says what is wrong with a value; nothing, if it is right.
  Option& check(const std::function<std::string(const std::string&)>& wrong);

  /// Whether the line had it; known when the line is parsed.
  bool given() const;

 private:
  CLI::Option* option_;
};

/// A program, or a command of it: what it is called, and its options. The program owns its
/// commands.
class Command {
 public:
  explicit Command(CLI::App& app) : app_(&app) {}

  /// `variable` outlives parsing. Of a text, a number, or a vector or an optional of these.
  template <class T>
  Option add_option(const std::string& name, T& variable, const std::string& text = {});
  Option add_flag(const std::string& name, bool& variable, const std::string& text);

  Command add_command(const std::string& name, const std::string& text);
  bool has_command(const std::string& name) const;
  /// One of its commands must be named, and no second one.
  void requires_command();

  /// Called when the line named this command, and all in it was right.
  void when_chosen(std::function<void()> action);

 protected:
  CLI::App* app_;
};

/// Why there is nothing to do: --help or --version was asked for, or the line is wrong.
struct Ended {
  int exit_code = 0;  // 0 only for the former
  std::string reason;
  std::string shown;  // what people read: help, the version, or the reason
};
/// Shows it on standard output, or on standard error if the line was wrong. Returns the exit code.
int print(const Ended& ended);

/// The whole command line of a program.
class Program : public Command {
 public:
  explicit Program(const std::string& text, const std::string& name = {});
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void set_version(const std::string& version);
  void set_footer(const std::string& text);

  std::optional<Ended> parse(int argc, char** argv);
  /// The words behind a program's name.
  std::optional<Ended> parse(std::vector<std::string> words);

 private:
  explicit Program(std::unique_ptr<CLI::App> app);

  template <class Parse>
  std::optional<Ended> ended_by(const Parse& parse);

  std::unique_ptr<CLI::App> owned_;
};

}  // namespace prytany::arguments
