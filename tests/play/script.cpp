#include "tests/play/script.h"

#include <fstream>
#include <map>
#include <set>
#include <stdexcept>

#include "tests/play/group.h"

namespace prytany::play {
namespace {

/// Words of one line: plain ones in order, and name=value pairs.
struct Line {
  std::vector<std::string> words;
  std::map<std::string, std::string> values;

  explicit Line(const std::string& text) {
    std::istringstream in(text.substr(0, text.find('#')));
    for (std::string word; in >> word;) {
      const auto equals = word.find('=');
      if (equals == std::string::npos) {
        words.push_back(word);
      } else {
        values[word.substr(0, equals)] = word.substr(equals + 1);
      }
    }
  }
  [[nodiscard]] const std::string& word(std::size_t i) const {
    if (i >= words.size()) throw std::runtime_error("a word is missing");
    return words[i];
  }
  [[nodiscard]] std::uint64_t number(const std::string& name, std::uint64_t otherwise) const {
    const auto it = values.find(name);
    return it == values.end() ? otherwise : std::stoull(it->second);
  }
  [[nodiscard]] bool has(const std::string& word) const {
    return std::find(words.begin(), words.end(), word) != words.end();
  }
  /// The word after this one.
  [[nodiscard]] std::optional<std::string> after(const std::string& word) const {
    const auto it = std::find(words.begin(), words.end(), word);
    if (it == words.end() || it + 1 == words.end()) return std::nullopt;
    return *(it + 1);
  }
};

unsigned replica(const std::string& name) {
  if (name.size() < 2 || name[0] != 'r') throw std::runtime_error("not a replica: " + name);
  return static_cast<unsigned>(std::stoul(name.substr(1)));
}
std::optional<unsigned> maybe_replica(const std::optional<std::string>& name) {
  if (!name) return std::nullopt;
  return replica(*name);
}

class Stage {
 public:
  void run(const std::string& text) {
    const Line line(text);
    if (line.words.empty()) return;
    const std::string& command = line.words[0];
    if (command == "group") return make_group(line);
    if (!group_) throw std::runtime_error("the first command must be `group`");
    if (!world(command, line) && !faults(command, line) && !lies(command, line))
      throw std::runtime_error("unknown command: " + command);
  }

  std::vector<std::string> finish() {
    if (!group_) throw std::runtime_error("no group");
    std::vector<std::string> trace = shown();
    const std::string disagreement = group_->converge();
    if (!disagreement.empty()) {
      trace.push_back("error: " + disagreement);
      return trace;
    }
    std::ostringstream end;
    end << "healed: all correct replicas executed n" << correct().executed() << ", stable n"
        << correct().status().stable << ", " << group_->executed_requests() << " requests, state "
        << correct().state();
    trace.push_back(end.str());
    return trace;
  }
  [[nodiscard]] std::vector<std::string> shown() const {
    if (show_.empty()) return group_->trace;
    std::vector<std::string> lines;
    for (const std::string& line : group_->trace) {
      const auto name = line.substr(line.find("] ") + 2, 2);
      if (line[0] != '[' || show_.contains(name)) lines.push_back(line);
    }
    return lines;
  }

 private:
  void make_group(const Line& line) {
    const auto n = static_cast<unsigned>(std::stoul(line.word(1)));
    const auto k = line.number("checkpoint", 4);
    auto config = small_config(n, static_cast<unsigned>(line.number("f", (n - 1) / 3)), k,
                               line.number("window", 2 * k));
    config.in_flight_max = line.number("in_flight", 4);
    config.batch_requests_max = line.number("batch", 256);
    config.early_pre_prepare = line.has("early");
    config.mac_requests = line.has("mac");
    config.bodies_apart = line.has("digests");
    if (config.refuse()) throw std::runtime_error(*config.refuse());
    group_ = std::make_unique<Group>(config);
  }

  bool world(const std::string& command, const Line& line) {
    if (command == "submit") {
      const auto session = line.number("session", 1);
      const auto number = line.number("number", 1);
      const auto request = line.has("tagged")        ? tagged_request_of(session, number)
                           : line.has("reconfigure") ? request_of(session, number, reconfigure)
                                                     : request_of(session, number);
      if (line.word(1) == "all") {
        group_->submit_to_all(request);
      } else {
        group_->submit(replica(line.word(1)), request);
      }
    } else if (command == "deliver") {
      group_->deliver();
    } else if (command == "advance") {
      group_->advance(std::stoull(line.word(1)));
    } else if (command == "status") {
      for (unsigned id = 0; id < group_->size(); ++id)
        group_->trace.push_back("       " + group_->describe(id));
    } else if (command == "show") {
      show_.insert(line.words.begin() + 1, line.words.end());
    } else {
      return false;
    }
    return true;
  }

  bool faults(const std::string& command, const Line& line) {
    if (command == "drop") {
      DropRule rule{maybe_replica(line.after("from")),
                    maybe_replica(line.after("to")),
                    line.after("type").value_or(""),
                    {}};
      if (line.values.contains("n")) rule.seq = line.number("n", 0);
      group_->drop(rule);
    } else if (command == "clear") {
      group_->clear_rules();
    } else if (command == "heal") {
      group_->heal();
    } else if (command == "cut") {
      group_->cut(replica(line.word(1)), replica(line.word(2)));
    } else if (command == "connect") {
      group_->connect(replica(line.word(1)), replica(line.word(2)));
    } else if (command == "kill") {
      group_->kill(replica(line.word(1)));
    } else if (command == "restart") {
      group_->restart(replica(line.word(1)));
    } else if (command == "clock") {
      group_->clock(replica(line.word(1))).offset_us =
          std::stoll(line.word(2)) * static_cast<std::int64_t>(ms);
    } else if (command == "spoil") {
      group_->host(replica(line.word(1))).spoil = [](Digest d) {
        return crypto::sha256_pair(d, d);
      };
    } else if (command == "mend") {
      group_->host(replica(line.word(1))).spoil = nullptr;
    } else if (command == "stall") {
      group_->host(replica(line.word(1))).disk_stalls = true;
    } else {
      return false;
    }
    return true;
  }

  bool lies(const std::string& command, const Line& line) {
    if (command == "halted") {
      group_->halted = true;
    } else if (command == "faulty") {
      group_->set_faulty(replica(line.word(1)));
    } else if (command == "proposal") {
      wire::Batch batch;
      batch.requests.items.push_back(
          request_of(line.number("session", 1), line.number("number", 1)));
      const auto time = group_->clock(0).local(group_->now());
      proposals_[line.word(1)] = {View{0}, Seq{0}, batch, {AgreedTime{time}, {}}};
    } else if (command == "forge") {
      group_->forge(replica(line.word(1)), replica(*line.after("to")), message(line));
    } else {
      return false;
    }
    return true;
  }

  /// forge rA to rB TYPE n=N WHAT, with WHAT a proposal's name, or any word for a state.
  wire::PeerMessage message(const Line& line) {
    const Seq seq{line.number("n", 1)};
    const View view{line.number("view", 0)};
    const std::string& what = line.words.back();
    if (line.has("checkpoint")) {
      const unsigned from = replica(line.word(1));
      return wire::sign(wire::Membership{digest_of("play"), {}, 0, {}},
                        ReplicaId{static_cast<std::uint16_t>(from)}, signer_of(from),
                        wire::Checkpoint{seq, digest_of(what)});
    }
    const auto it = proposals_.find(what);
    if (it == proposals_.end()) throw std::runtime_error("no proposal " + what);
    wire::PrePrepare proposal = it->second;
    const Digest digest = wire::batch_digest(proposal.batch, proposal.agreed);
    if (line.has("prepare")) return wire::Prepare{view, seq, digest};
    if (line.has("commit")) return wire::Commit{view, seq, digest};
    if (line.has("committed")) return wire::Committed{seq, digest};
    if (line.has("batch-body")) return wire::BatchBody{seq, proposal.batch, proposal.agreed};
    if (!line.has("pre-prepare")) throw std::runtime_error("forge what?");
    proposal.seq = seq;
    proposal.view = view;
    return proposal;
  }

  [[nodiscard]] Host& correct() {
    for (unsigned id = 0; id < group_->size(); ++id)
      if (!group_->faulty(id)) return group_->host(id);
    throw std::runtime_error("nobody is correct");
  }

  std::unique_ptr<Group> group_;
  std::set<std::string> show_;
  std::map<std::string, wire::PrePrepare> proposals_;
};

}  // namespace

Play read_play(const std::filesystem::path& file) {
  Play play;
  std::ifstream in(file);
  bool expected = false;
  for (std::string line; std::getline(in, line);) {
    if (!expected && line == "----") {
      expected = true;
    } else {
      (expected ? play.trace : play.script).push_back(line);
    }
  }
  return play;
}

void write_play(const std::filesystem::path& file, const Play& play) {
  std::ofstream out(file);
  for (const std::string& line : play.script) out << line << "\n";
  out << "----\n";
  for (const std::string& line : play.trace) out << line << "\n";
}

std::vector<std::string> run_script(const std::vector<std::string>& script) {
  Stage stage;
  std::size_t number = 0;
  try {
    for (const std::string& line : script) {
      ++number;
      stage.run(line);
    }
    return stage.finish();
  } catch (const std::exception& error) {
    return {"error in line " + std::to_string(number) + ": " + error.what()};
  }
}

}  // namespace prytany::play
