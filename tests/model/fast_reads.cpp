#include "tests/model/fast_reads.h"

#include <algorithm>
#include <array>
#include <deque>
#include <functional>
#include <unordered_map>

namespace prytany::model {
namespace {

constexpr unsigned correct = 3;  // of 4; f = 1
constexpr unsigned quorum = 3;
constexpr unsigned weak_quorum = 2;

enum Phase : std::uint8_t { in_view_0, left_view_0, in_view_1 };
/// Votes of one view for one number: none, or of batch b the PREPARE, or the COMMIT as well.
constexpr std::uint8_t no_vote = 0;
constexpr std::uint8_t prepared_vote(unsigned batch) {
  return static_cast<std::uint8_t>(1 + 2 * batch);
}
constexpr std::uint8_t commit_vote(unsigned batch) {
  return static_cast<std::uint8_t>(2 + 2 * batch);
}
constexpr unsigned batch_of(std::uint8_t vote) { return (vote - 1U) / 2U; }
constexpr bool is_commit(std::uint8_t vote) { return vote != no_vote && vote % 2 == 0; }
constexpr unsigned null_batch = 2;  // what a NEW-VIEW puts where nothing was prepared

enum Answer : std::uint8_t { not_asked, waits_for = 1, answered = 4 };  // + a number, 0 to 2

struct Local {
  std::uint8_t phase = in_view_0;
  std::array<std::uint8_t, 2> votes_0{};
  std::array<std::uint8_t, 2> votes_1{};
  std::uint8_t executed = 0;
  std::uint8_t answer = not_asked;
  std::uint8_t forgetful = 0;  // restarted, where that forgets what was prepared
  auto operator<=>(const Local&) const = default;
};

struct State {
  std::array<Local, correct> replicas{};
  std::array<std::uint8_t, 2> chosen{};   // by the NEW-VIEW of view 1
  std::array<std::uint8_t, 2> decided{};  // 1 + the batch that was executed; 0: none yet
  std::uint8_t new_view = 0;
  std::uint8_t reading = 0;
  std::uint8_t told = 0;  // the highest number executed by a correct replica when the read began
};

std::uint64_t pack(const State& state) {
  std::uint64_t bits = 0;
  const auto put = [&](unsigned value, unsigned width) { bits = bits << width | value; };
  // Correct replicas play the same part: one order stands for all.
  std::array<Local, correct> sorted = state.replicas;
  std::ranges::sort(sorted);
  for (const Local& r : sorted) {
    put(r.phase, 2);
    for (const std::uint8_t vote : r.votes_0) put(vote, 3);
    // Of view 1 the batch is known: the one chosen.
    for (const std::uint8_t vote : r.votes_1) put(vote == no_vote ? 0 : is_commit(vote) ? 2 : 1, 2);
    put(r.executed, 2);
    put(r.answer, 3);
    put(r.forgetful, 1);
  }
  for (const std::uint8_t batch : state.chosen) put(batch, 2);
  put(state.new_view, 1);
  put(state.reading, 1);
  put(state.told, 2);
  return bits;  // 54 + 8; `decided` follows from the rest, or the model is wrong
}

class Explorer {
 public:
  explicit Explorer(const Instance& instance) : instance_(instance) {}

  Verdict run() {
    add(State{}, 0, "");
    while (!open_.empty() && !verdict_.stale && !verdict_.disagreement) {
      const State state = open_.front();
      open_.pop_front();
      ++verdict_.states;
      const std::uint64_t from = pack(state);
      judge(state, from);
      // A silent fourth changes who can go on, not what may be believed.
      if (must_recover() && !recovers(state)) verdict_.stuck = true;
      for_each_step(state, 1,
                    [&](const State& next, const std::string& what) { add(next, from, what); });
      for_each_read_step(
          state, [&](const State& next, const std::string& what) { add(next, from, what); });
    }
    return std::move(verdict_);
  }

 private:
  struct Origin {
    std::uint64_t from;
    std::string what;
  };
  using Visit = std::function<void(const State&, const std::string&)>;

  void add(const State& state, std::uint64_t from, const std::string& what) {
    if (seen_.emplace(pack(state), Origin{from, what}).second) open_.push_back(state);
  }

  [[nodiscard]] bool must_recover() const {
    return (instance_.weakness == Weakness::none ||
            instance_.weakness == Weakness::no_forwarding) &&
           (instance_.views == 2 || instance_.batches == 1);
  }

  // ---- the algorithm. `fourth`: 1 while the faulty replica adds its vote to everything ----

  [[nodiscard]] static unsigned votes(const State& state, unsigned view, unsigned s, unsigned batch,
                                      bool commits) {
    unsigned count = 0;
    for (const Local& r : state.replicas) {
      const std::uint8_t vote = view == 0 ? r.votes_0[s] : r.votes_1[s];
      if (vote == no_vote || batch_of(vote) != batch) continue;
      if (!commits || is_commit(vote)) ++count;
    }
    return count;
  }

  void for_each_step(const State& state, unsigned fourth, const Visit& visit) {
    for (unsigned i = 0; i < correct; ++i) {
      for (unsigned s = 0; s < instance_.numbers; ++s) {
        if (state.replicas[i].phase == in_view_0) vote_in_view_0(state, i, s, fourth, visit);
        if (state.replicas[i].phase == in_view_1) vote_in_view_1(state, i, s, fourth, visit);
      }
      execute(state, i, fourth, visit);
      if (instance_.views == 2) change_view(state, i, visit);
      if (instance_.weakness == Weakness::not_durable) restart(state, i, visit);
    }
    if (state.new_view == 0) make_new_view(state, fourth, visit);
  }

  static std::string who(unsigned i, const char* what, unsigned s) {
    return "r" + std::to_string(i) + " " + what + std::to_string(s + 1);
  }

  void vote_in_view_0(const State& state, unsigned i, unsigned s, unsigned fourth,
                      const Visit& visit) {
    const std::uint8_t mine = state.replicas[i].votes_0[s];
    for (unsigned batch = 0; batch < instance_.batches; ++batch) {
      // A silent primary proposes nothing new; what it proposed to one goes around.
      const bool proposed = fourth == 1 || (instance_.weakness != Weakness::no_forwarding &&
                                            votes(state, 0, s, batch, false) > 0);
      if (mine == no_vote && proposed) {
        State next = state;
        next.replicas[i].votes_0[s] = prepared_vote(batch);
        visit(next, who(i, batch == 0 ? "prepares batch a for n" : "prepares batch b for n", s));
      }
      if (mine == prepared_vote(batch) && votes(state, 0, s, batch, false) + fourth >= quorum) {
        State next = state;
        next.replicas[i].votes_0[s] = commit_vote(batch);
        visit(next, who(i, "has prepared, and sends COMMIT in view 0 for n", s));
      }
    }
  }

  void vote_in_view_1(const State& state, unsigned i, unsigned s, unsigned fourth,
                      const Visit& visit) {
    const unsigned batch = state.chosen[s];
    const std::uint8_t mine = state.replicas[i].votes_1[s];
    State next = state;
    if (mine == no_vote) {
      next.replicas[i].votes_1[s] = prepared_vote(batch);
      visit(next, who(i, "prepares what the NEW-VIEW chose for n", s));
    } else if (!is_commit(mine) && votes(state, 1, s, batch, false) + fourth >= quorum) {
      next.replicas[i].votes_1[s] = commit_vote(batch);
      visit(next, who(i, "has prepared, and sends COMMIT in view 1 for n", s));
    }
  }

  /// quorum() COMMITs of a view, or weak_quorum() who say that it is committed.
  void execute(const State& state, unsigned i, unsigned fourth, const Visit& visit) {
    const unsigned s = state.replicas[i].executed;
    if (s >= instance_.numbers) return;
    const auto done = [&](unsigned batch) {
      State next = state;
      ++next.replicas[i].executed;
      if (state.decided[s] != 0 && state.decided[s] != batch + 1U) verdict_.disagreement = true;
      next.decided[s] = static_cast<std::uint8_t>(batch + 1);
      visit(next, who(i, "executes n", s));
    };
    for (unsigned batch = 0; batch < instance_.batches; ++batch)
      if (votes(state, 0, s, batch, true) + fourth >= quorum) done(batch);
    if (state.new_view != 0 && votes(state, 1, s, state.chosen[s], true) + fourth >= quorum)
      done(state.chosen[s]);
    const auto tell = static_cast<unsigned>(
        std::ranges::count_if(state.replicas, [&](const Local& r) { return r.executed > s; }));
    const bool silent = instance_.weakness == Weakness::no_forwarding;
    if (!silent && tell > 0 && tell + fourth >= weak_quorum) done(state.decided[s] - 1U);
  }

  void change_view(const State& state, unsigned i, const Visit& visit) {
    const Local& r = state.replicas[i];
    State next = state;
    if (r.phase == in_view_0) {
      next.replicas[i].phase = left_view_0;
      visit(next, "r" + std::to_string(i) + " leaves view 0");
    } else if (r.phase == left_view_0 && state.new_view != 0) {
      next.replicas[i].phase = in_view_1;
      visit(next, "r" + std::to_string(i) + " enters view 1");
    }
  }

  static void restart(const State& state, unsigned i, const Visit& visit) {
    if (state.replicas[i].forgetful != 0) return;
    State next = state;
    next.replicas[i].forgetful = 1;
    visit(next, "r" + std::to_string(i) + " restarts and forgets what it prepared");
  }

  /// Conditions A1 and A2 (docs/protocol.md), over any set of VIEW-CHANGEs that somebody may have:
  /// those of two correct replicas and the fourth's, or of all.
  void make_new_view(const State& state, unsigned fourth, const Visit& visit) {
    for (unsigned members = 1; members < (1U << correct); ++members) {
      unsigned size = fourth;
      bool all_left = true;
      for (unsigned i = 0; i < correct; ++i) {
        if ((members >> i & 1U) == 0) continue;
        ++size;
        all_left = all_left && state.replicas[i].phase != in_view_0;
      }
      if (!all_left || size < quorum) continue;
      for (unsigned first = 0; first <= null_batch; ++first) {
        if (!may_choose(state, members, 0, first, fourth)) continue;
        if (instance_.numbers == 1) choose(state, first, 0, visit);
        for (unsigned second = 0; instance_.numbers == 2 && second <= null_batch; ++second)
          if (may_choose(state, members, 1, second, fourth)) choose(state, first, second, visit);
      }
    }
  }

  [[nodiscard]] static bool may_choose(const State& state, unsigned members, unsigned s,
                                       unsigned batch, unsigned fourth) {
    unsigned not_against = fourth;  // A1, or for a null batch: nothing prepared
    unsigned accepted = fourth;     // A2
    bool claimed = fourth == 1;
    for (unsigned i = 0; i < correct; ++i) {
      if ((members >> i & 1U) == 0) continue;
      const std::uint8_t vote = state.replicas[i].votes_0[s];
      const bool same = vote != no_vote && batch_of(vote) == batch;
      if (!is_commit(vote) || same) ++not_against;
      if (same) ++accepted;
      claimed = claimed || (same && is_commit(vote));
    }
    if (batch == null_batch) return not_against >= quorum;
    return claimed && not_against >= quorum && accepted >= weak_quorum;
  }

  static void choose(const State& state, unsigned first, unsigned second, const Visit& visit) {
    State next = state;
    next.new_view = 1;
    next.chosen = {static_cast<std::uint8_t>(first), static_cast<std::uint8_t>(second)};
    visit(next, "the NEW-VIEW chooses");
  }

  // ---- the read ----

  [[nodiscard]] unsigned barrier(const Local& r) const {
    unsigned highest = r.executed;
    if (instance_.weakness == Weakness::executed_only || r.forgetful != 0) return highest;
    for (unsigned s = 0; s < instance_.numbers; ++s) {
      const bool before =
          is_commit(r.votes_0[s]) &&
          !(instance_.weakness == Weakness::forgotten_in_view && r.phase == in_view_1);
      if (before || is_commit(r.votes_1[s])) highest = std::max(highest, s + 1);
    }
    return highest;
  }

  void for_each_read_step(const State& state, const Visit& visit) {
    if (state.reading == 0) {
      State next = state;
      next.reading = 1;
      for (const Local& r : state.replicas) next.told = std::max(next.told, r.executed);
      visit(next, "the read begins; somebody may have been told of n" + std::to_string(next.told));
      return;
    }
    for (unsigned i = 0; i < correct; ++i) {
      const Local& r = state.replicas[i];
      State next = state;
      if (r.answer == not_asked) {
        const unsigned wait = instance_.weakness == Weakness::answers_at_once ? 0 : barrier(r);
        next.replicas[i].answer = static_cast<std::uint8_t>(waits_for + wait);
        visit(next,
              "r" + std::to_string(i) + " hears the read, and waits for n" + std::to_string(wait));
      } else if (r.answer < answered && r.executed >= r.answer - waits_for) {
        next.replicas[i].answer = static_cast<std::uint8_t>(answered + r.executed);
        visit(next, "r" + std::to_string(i) + " answers after n" + std::to_string(r.executed));
      }
    }
  }

  /// Results may be equal though states are not, and the fourth says whatever helps: any so many
  /// correct answers as are needed beside its own may be believed. One of them must have seen all.
  void judge(const State& state, std::uint64_t place) {
    const unsigned enough =
        instance_.weakness == Weakness::weak_quorum ? weak_quorum - 1 : quorum - 1;
    unsigned behind = 0;
    for (const Local& r : state.replicas)
      if (r.answer >= answered && r.answer - answered < state.told) ++behind;
    if (behind < enough) return;
    verdict_.stale = true;
    for (std::uint64_t at = place; !seen_.at(at).what.empty(); at = seen_.at(at).from)
      verdict_.how.insert(verdict_.how.begin(), seen_.at(at).what);
  }

  // ---- liveness: the fourth is silent from here on, and everything arrives ----

  bool recovers(const State& state) {
    unsigned highest = 0;
    bool all = true;
    for (const Local& r : state.replicas) highest = std::max<unsigned>(highest, r.executed);
    for (const Local& r : state.replicas) all = all && r.executed == highest;
    if (all) return true;
    State bare = state;  // the read changes nothing
    bare.reading = bare.told = 0;
    for (Local& r : bare.replicas) r.answer = not_asked;
    const auto [known, fresh] = recovers_.try_emplace(pack(bare), false);
    if (!fresh) return known->second;
    bool good = false;
    for_each_step(bare, 0,
                  [&](const State& next, const std::string&) { good = good || recovers(next); });
    recovers_[pack(bare)] = good;
    return good;
  }

  Instance instance_;
  Verdict verdict_;
  std::unordered_map<std::uint64_t, Origin> seen_;
  std::unordered_map<std::uint64_t, bool> recovers_;
  std::deque<State> open_;
};

}  // namespace

Verdict explore(const Instance& instance) { return Explorer(instance).run(); }

}  // namespace prytany::model
