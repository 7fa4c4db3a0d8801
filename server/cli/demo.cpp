// prytany demo: an election of four servers and some hundred voters, played from end to end. One
// server is killed and restarted while people vote, then the primary, or one lies to everybody all
// the time; at the end everything must add up.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iomanip>
#include <map>
#include <sstream>

#include "server/cli/client_access.h"
#include "server/cli/client_commands.h"
#include "server/cli/demo_checks.h"
#include "server/cli/files.h"
#include "server/cli/init.h"
#include "server/cli/install.h"
#include "server/cli/local_cluster.h"
#include "server/cli/polling.h"
#include "server/wire/json_writer.h"

namespace prytany::cli {
namespace {

constexpr std::chrono::seconds check_timeout{60};
constexpr const char* candidates[] = {"Aspasia", "Kleisthenes", "Ephialtes"};
constexpr std::size_t voters_min = 120;

struct DemoOptions {
  std::string app = "examples/evote";
  std::string roll;  // default: APP/voters.csv
  std::string folder;
  std::uint16_t base_port = 0;  // 0: a free one from 7600
  std::optional<unsigned> liar;
  std::string vote;  // a command that plays one of the voters
  std::string show;  // a command to run while the result is up
};

class Demo {
 public:
  Demo(DemoOptions options, bool json) : options_(std::move(options)), json_(json) {}
  ~Demo() {
    // Sessions leave while there is somebody to leave; then the processes; then their folder.
    official_.reset();
    cluster_.reset();
    servers_.reset();
    std::error_code ignored;
    if (temporary_) std::filesystem::remove_all(options_.folder, ignored);
  }
  Demo(const Demo&) = delete;
  Demo& operator=(const Demo&) = delete;

  Status run() {
    const auto started = std::chrono::steady_clock::now();
    for (auto step : {&Demo::read_roll, &Demo::start_servers, &Demo::prepare_election, &Demo::vote,
                      &Demo::try_to_cheat, &Demo::count, &Demo::show, &Demo::compare_servers}) {
      if (auto done = (this->*step)(); !done) {
        return Failure{ExitCode::failed, "demo_failed", done.error().message};
      }
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
    finish(took.count());
    return {};
  }

 private:
  using Step = Result<void>;

  template <class... Parts>
  void say(const Parts&... parts) const {
    if (json_) return;
    std::ostringstream line;
    (line << ... << parts);
    std::printf("%s\n", line.str().c_str());
    std::fflush(stdout);
  }
  /// What a client throws becomes the reason why the demo fails.
  template <class Ask>
  static auto asked(const char* doing, Ask ask) -> Result<decltype(ask())> {
    auto answer = attempt(std::move(ask));
    if (!answer) return Error{std::string(doing) + ": " + answer.error().message};
    return std::move(*answer);
  }

  Step read_roll();
  Step start_servers();
  Step prepare_election();
  Step start_all();
  Step vote();
  Step vote_while_one_is_killed(Polling& polling);
  Step vote_while_one_lies(Polling& polling);
  Step lose_primary(Polling& polling);
  Step try_to_cheat();
  Step count();
  Step vote_elsewhere();
  Step show();
  Step run_command(const char* option, const std::string& command) const;
  [[nodiscard]] std::size_t electorate() const { return voters_.size() + (guest_ ? 1 : 0); }
  Step compare_servers();
  Step expect_refusal(const std::string& code, const std::string& expected);
  void finish(double seconds) const;

  DemoOptions options_;
  bool json_;
  bool temporary_ = false;
  std::optional<LocalCluster> servers_;
  std::optional<Cluster> cluster_;
  std::optional<Client> official_;
  std::vector<PlayedVoter> voters_;
  std::optional<PlayedVoter> guest_;  // votes by the command of --vote
  std::int64_t question_ = 0;
  std::vector<std::int64_t> candidates_;
  unsigned victim_ = 0;
  std::size_t killed_at_ = 0;
  std::size_t restarted_at_ = 0;
  std::size_t confirmed_after_ = 0;
  std::size_t contradicted_ = 0;
  unsigned old_primary_ = 0;
  std::size_t primary_killed_at_ = 0;
  std::uint64_t last_vote_seq_ = 0;
  std::uint64_t last_seq_ = 0;
  Tally cast_;
  std::vector<ReplicaStatus> final_;
};

Demo::Step Demo::read_roll() {
  const std::string path = options_.roll.empty() ? options_.app + "/voters.csv" : options_.roll;
  const auto text = read_file(path);
  if (!text) return text.error();
  auto voters = parse_roll(*text);
  if (!voters) return Error{path + ": " + voters.error().message};
  if (voters->size() < voters_min)
    return Error{path + " has " + std::to_string(voters->size()) + " voters; the demo needs " +
                 std::to_string(voters_min)};
  for (Voter& voter : *voters) voters_.push_back({std::move(voter), generate_code(), 0});
  say(voters_.size(), " voters read from ", path,
      "; each gets a personal code of 130 random bits.");
  return {};
}

Demo::Step Demo::start_servers() {
  if (options_.folder.empty()) {
    std::string pattern = (std::filesystem::temp_directory_path() / "prytany-demo-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) return Error{"cannot make a folder like " + pattern};
    options_.folder = pattern;
    temporary_ = true;
  }
  InitOptions init;
  init.folder = options_.folder;
  init.base_port =
      options_.base_port == 0 ? free_base_port(7600, init.replicas) : options_.base_port;
  if (init.base_port == 0) return Error{"there are no free ports from 7600 on"};
  if (auto made = init_cluster(init); !made) return made.error();
  auto opened = LocalCluster::open({options_.folder, {}, "warning", {}});
  if (!opened) return opened.error();
  servers_.emplace(std::move(*opened));
  if (auto started = start_all(); !started) return started;
  const std::string genesis = options_.folder + "/genesis.json";
  auto cluster = asked("genesis", [&] { return Cluster(genesis); });
  if (!cluster) return cluster.error();
  cluster_.emplace(std::move(*cluster));
  say("Four replica processes run at ", servers_->url(0), " ... ", servers_->url(3),
      ". Any one of them may fail or lie.");
  if (options_.liar) {
    say("Replica ", *options_.liar,
        " holds its real key and forges numbers and receipts in all that it tells clients; what it "
        "can make up it says before the others have answered.");
  }
  const Status installed =
      install_application(options_.app, genesis, options_.folder + "/admin.key");
  if (!installed) return Error{"install: " + installed.error().message};
  say("The application in ", options_.app,
      " is installed on all of them, by one ordered operation.");
  return {};
}

Demo::Step Demo::start_all() {
  if (const auto liar = options_.liar) {
    if (*liar >= servers_->size()) return Error{"there is no replica " + std::to_string(*liar)};
    if (!servers_->can_lie())
      return Error{"prytany-liar is not beside this program: it is built with the tests"};
    if (auto started = servers_->start_lying(*liar, {"--lie=tally", "--lie=receipt"}); !started)
      return started;
  }
  if (auto started = servers_->start_all(); !started) return started;
  if (auto ready = servers_->wait_until_ready(ready_timeout_us); !ready) return ready;
  return {};
}

/// The roll as import_voters takes it.
std::string roll_json(const std::vector<PlayedVoter>& voters, const std::string& genesis) {
  wire::JsonWriter writer;
  writer.begin_array();
  for (const PlayedVoter& played : voters) {
    writer.begin_object();
    writer.key("id").text(played.voter.id).key("name").text(played.voter.name);
    writer.key("district").text(played.voter.district);
    writer.key("key").text(credential_public_key(played.code, genesis));
    writer.end_object();
  }
  writer.end_array();
  return std::move(writer).take();
}

Demo::Step Demo::prepare_election() {
  const auto prepared = asked("preparing the election", [&] {
    prytany::Options options;
    options.credential = Credential::file(options_.folder + "/admin.key");
    options.name = "demo";
    options.timeout = check_timeout;
    Client official(*cluster_, options);
    official.call("create_election", {{"title", "Who presides over the council?"}});
    question_ =
        official
            .call(
                "add_question",
                {{"text", "Choose one"}, {"choose_min", 1}, {"choose_max", 1}, {"allow_blank", 1}})
            .value<std::int64_t>();
    for (const char* name : candidates)
      candidates_.push_back(
          official.call("add_candidate", {{"question", question_}, {"name", name}})
              .value<std::int64_t>());
    official.call("import_voters",
                  {{"rows", roll_json(voters_, options_.folder + "/genesis.json")}});
    official.call("freeze_election");
    official.call("open_election");
    official_.emplace(std::move(official));
    return true;
  });
  if (!prepared) return prepared.error();
  // Anything will do, as long as the result is not even.
  for (std::size_t i = 0; i < voters_.size(); ++i) {
    const std::size_t pick = (i * i + i / 3) % 5;
    voters_[i].choice = pick == 4 ? 0 : candidates_[pick % candidates_.size()];
  }
  if (!options_.vote.empty()) {
    guest_ = std::move(voters_.back());
    voters_.pop_back();
    guest_->choice = candidates_[0];
  }
  say("The roll holds the public keys of ", electorate(),
      " codes, never the codes. The election is open.");
  return {};
}

/// The primary dies, 25 more vote, and it comes back.
Demo::Step Demo::lose_primary(Polling& polling) {
  const std::size_t all = voters_.size();
  std::map<unsigned, int> named;
  for (const ReplicaStatus& status : cluster_->status())
    if (status.reachable) ++named[status.primary];
  old_primary_ = std::max_element(named.begin(), named.end(), [](const auto& a, const auto& b) {
                   return a.second < b.second;
                 })->first;
  servers_->signal(old_primary_, SIGKILL);
  primary_killed_at_ = polling.acknowledged();
  say("After ", primary_killed_at_, " votes replica ", old_primary_,
      ", the primary, is killed. Another takes its place; voters notice a short wait.");
  polling.admit(all - 25);
  if (!polling.wait_for(all - 25))
    return Error{polling.failure().value_or("the polling stopped without its primary")};
  if (auto started = servers_->start(old_primary_); !started) return started.error();
  if (auto ready = servers_->wait_until_ready(ready_timeout_us); !ready) return ready.error();
  const auto caught_up =
      wait_until_executed(*cluster_, old_primary_, polling.last_seq(), check_timeout);
  if (!caught_up) return caught_up.error();
  say("It is restarted, and follows replica ", cluster_->status()[old_primary_].primary, " now.");
  return {};
}

Demo::Step Demo::vote() {
  Polling polling(*cluster_, voters_, {question_, 40});
  auto voted = options_.liar ? vote_while_one_lies(polling) : vote_while_one_is_killed(polling);
  if (!voted) return voted;
  cast_ = polling.cast();
  last_vote_seq_ = polling.last_seq();
  for (unsigned id = 0; id < cluster_->replicas(); ++id) {
    if (id != options_.liar && polling.contradicted_by(id) != 0)
      return Error{"replica " + std::to_string(id) + " contradicted the others"};
  }
  return vote_elsewhere();
}

Demo::Step Demo::vote_elsewhere() {
  if (!guest_) return {};
  ::setenv("PRYTANY_CODE", guest_->code.c_str(), 1);
  ::setenv("PRYTANY_CHOICE", candidates[0], 1);
  auto voted = run_command("--vote", options_.vote);
  if (voted) cast_[guest_->choice] += 1;
  return voted;
}

namespace {

Result<void> wait_for(Polling& polling, std::size_t count) {
  if (polling.wait_for(count)) return {};
  return Error{polling.failure().value_or("the polling stopped")};
}

}  // namespace

/// Nobody is killed: one of four is faulty already, and no more may be.
Demo::Step Demo::vote_while_one_lies(Polling& polling) {
  const std::size_t all = voters_.size();
  // Everybody waits a moment for all four voices, so that nobody misses the lie.
  polling.admit(all, std::chrono::milliseconds(500));
  if (auto waited = wait_for(polling, all); !waited) return waited;
  contradicted_ = polling.contradicted_by(*options_.liar);
  if (contradicted_ == 0) return Error{"nobody has noticed that the replica lies"};
  say(all, " votes are acknowledged, each by at least 2 replicas; ", contradicted_,
      " voters were told something else by replica ", *options_.liar,
      ", and none of them believed it.");
  return {};
}

Demo::Step Demo::vote_while_one_is_killed(Polling& polling) {
  const std::size_t all = voters_.size();
  const auto wait = [&](std::size_t count) { return wait_for(polling, count); };
  // Gates keep what happens to the servers between the right votes: nobody passes before its time.
  polling.admit(100);
  if (auto waited = wait(80); !waited) return waited;
  const auto before = cluster_->status();
  victim_ = (before[0].primary + 2) % cluster_->replicas();  // a backup
  servers_->signal(victim_, SIGKILL);
  killed_at_ = polling.acknowledged();
  say("After ", killed_at_, " acknowledged votes replica ", victim_,
      " is killed (SIGKILL). Voting goes on.");
  polling.admit(all - 50);
  if (auto waited = wait(all - 70); !waited) return waited;
  if (auto started = servers_->start(victim_); !started) return started.error();
  restarted_at_ = polling.acknowledged();
  if (auto ready = servers_->wait_until_ready(ready_timeout_us); !ready) return ready.error();
  say("After ", restarted_at_, " votes it is restarted; it recovers from its disk and catches up.");
  if (auto waited = wait(all - 50); !waited) return waited;
  const auto caught_up = wait_until_executed(*cluster_, victim_, polling.last_seq(), check_timeout);
  if (!caught_up) return caught_up.error();
  if (auto lost = lose_primary(polling); !lost) return lost;
  const std::size_t confirmed_before = polling.confirmed_by(victim_);
  // The last voters wait a moment for all four voices.
  polling.admit(all, std::chrono::milliseconds(500));
  if (auto waited = wait(all); !waited) return waited;
  confirmed_after_ = polling.confirmed_by(victim_) - confirmed_before;
  if (confirmed_after_ == 0)
    return Error{"replica " + std::to_string(victim_) + " executed none of the last votes"};
  say(all, " votes are acknowledged, each by at least 2 replicas; replica ", victim_,
      " executed and confirmed ", confirmed_after_, " of the last 25.");
  return {};
}

/// Joins with `code`, votes, and must be told `expected`.
Demo::Step Demo::expect_refusal(const std::string& code, const std::string& expected) {
  std::string told = "the vote was accepted";
  try {
    prytany::Options options;
    options.credential = Credential::code(code);
    Client client(*cluster_, options);
    client.call("cast_ballot", {{"ballot", "{\"" + std::to_string(question_) + "\":[]}"}});
  } catch (const ClientError& error) {
    told = error.code();
    if (told == expected) {
      say("  \"", error.what(), "\"");
      return {};
    }
  }
  return Error{"a ballot that must be refused with " + expected + ": " + told};
}

Demo::Step Demo::try_to_cheat() {
  say("Voter ", voters_[0].voter.id, " tries to vote again:");
  if (auto refused = expect_refusal(voters_[0].code, "already_voted"); !refused) return refused;
  say("Somebody who is not on the roll tries to vote with a code of his own:");
  return expect_refusal(generate_code(), "not_on_the_roll");
}

Demo::Step Demo::count() {
  const auto counted = asked("counting", [&] {
    official_->call("close_election");
    official_->call("tally");
    last_seq_ = official_->call("publish").seq;
    return cluster_->read("results");
  });
  if (!counted) return counted.error();
  say("The election is closed, counted and published:");
  Tally tally;
  wire::JsonWriter published;
  published.begin_object();
  for (const Row& row : counted->rows) {
    const auto candidate = row.at(1).as<std::int64_t>();
    const auto votes = row.at(3).as<std::int64_t>();
    if (votes != 0) tally[candidate] = votes;
    published.key(row.at(2).as<std::string>()).integer(votes);
    say("  ", std::left, std::setw(12), row.at(2).as<std::string>(), std::right, std::setw(5),
        votes);
  }
  published.end_object();
  ::setenv("PRYTANY_TALLY", std::move(published).take().c_str(), 1);
  if (tally != cast_) return Error{"the published tally is not what was cast"};
  contradicted_ += counted->agreement.differed.size();
  say("That is exactly what was cast, ", electorate(), " ballots; ", describe(counted->agreement),
      ".");
  return {};
}

/// What people, or a browser, should see while the servers still run.
Demo::Step Demo::show() {
  return options_.show.empty() ? Step() : run_command("--show", options_.show);
}

Demo::Step Demo::run_command(const char* option, const std::string& command) const {
  ::setenv("PRYTANY_CLUSTER", (options_.folder + "/genesis.json").c_str(), 1);
  ::setenv("PRYTANY_URL", servers_->url(options_.liar == 0U ? 1 : 0).c_str(), 1);
  if (options_.liar) ::setenv("PRYTANY_LIAR", std::to_string(*options_.liar).c_str(), 1);
  const auto output = output_of({"/bin/sh", "-c", command});
  if (!output) return Error{std::string(option) + ": " + output.error().message};
  if (!output->empty()) say(output->substr(0, output->find_last_not_of('\n') + 1));
  return {};
}

Demo::Step Demo::compare_servers() {
  auto common = wait_for_common_checkpoint(*cluster_, last_seq_, check_timeout);
  if (!common) return common.error();
  final_ = std::move(*common);
  say("All four replicas have the stable checkpoint ", final_[0].stable_checkpoint,
      " (the last vote was ", last_vote_seq_, ") with the digest\n  ", final_[0].state_digest);
  for (unsigned id = 0; id < cluster_->replicas(); ++id) {
    const std::string file = replica_folder(options_.folder, id) + "/state.db";
    const auto tally = count_with_sqlite3(file, question_);
    if (!tally) return Error{file + ": " + tally.error().message};
    if (*tally != cast_) return Error{file + ": sqlite3 counts other ballots than were cast"};
  }
  say("The sqlite3 tool counts the same in each replica's state.db.");
  if (const auto ended = servers_->ended(); !ended.empty())
    return Error{"replica " + std::to_string(ended[0].id) + " ended: " + ended[0].how};
  return {};
}

void Demo::finish(double seconds) const {
  if (!json_) {
    if (options_.liar) {
      std::printf("Server %u was contradicted %zu times by the others; the result is right.\n",
                  *options_.liar, contradicted_);
    }
    std::printf("Nothing was lost. %.1f seconds.\n", seconds);
    return;
  }
  std::string tally;
  for (const auto& [candidate, votes] : cast_)
    tally +=
        (tally.empty() ? "\"" : ",\"") + std::to_string(candidate) + "\":" + std::to_string(votes);
  const std::string what =
      options_.liar ? "\"liar\":" + std::to_string(*options_.liar) +
                          ",\"contradicted\":" + std::to_string(contradicted_)
                    : "\"killed_replica\":" + std::to_string(victim_) +
                          ",\"killed_after_votes\":" + std::to_string(killed_at_) +
                          ",\"killed_primary\":" + std::to_string(old_primary_) +
                          ",\"primary_killed_after_votes\":" + std::to_string(primary_killed_at_) +
                          ",\"restarted_after_votes\":" + std::to_string(restarted_at_) +
                          ",\"votes_confirmed_after_restart\":" + std::to_string(confirmed_after_);
  std::printf(
      "{\"ok\":true,\"voters\":%zu,\"acknowledged\":%zu,%s,\"tally\":{%s},"
      "\"last_vote_seq\":%llu,\"stable_checkpoint\":%llu,\"state_digest\":\"%s\","
      "\"seconds\":%.1f}\n",
      electorate(), electorate(), what.c_str(), tally.c_str(),
      static_cast<unsigned long long>(last_vote_seq_),
      static_cast<unsigned long long>(final_[0].stable_checkpoint), final_[0].state_digest.c_str(),
      seconds);
}

}  // namespace

void add_demo(arguments::Command app, Chosen& chosen) {
  auto options = std::make_shared<DemoOptions>();
  arguments::Command command = app.add_command(
      "demo", "Play a whole election on four replica processes, and check everything");
  command.add_option("--app", options->app, "Folder of the election").shows_default();
  command.add_option("--roll", options->roll, "CSV with id,name,district (default APP/voters.csv)");
  command.add_option("--dir", options->folder,
                     "Folder of the cluster, kept at the end (default: a temporary one)");
  command.add_option("--base-port", options->base_port, "P (default: free ports from 7600)");
  command
      .add_option("--liar", options->liar,
                  "This replica lies to all clients; instead of another being killed")
      .between(0, 3);
  command.add_option("--vote", options->vote,
                     "A shell command that plays one of the voters: told PRYTANY_URL, PRYTANY_CODE "
                     "and the name PRYTANY_CHOICE, it must vote so; its failure is the demo's");
  command.add_option("--show", options->show,
                     "A shell command to run when the result is published and the replicas still "
                     "run; its failure is the demo's");
  add_json_flag(command, chosen);
  command.when_chosen([&chosen, options] {
    chosen.run = [options, &chosen] { return Demo(*options, chosen.json).run(); };
  });
}

}  // namespace prytany::cli
