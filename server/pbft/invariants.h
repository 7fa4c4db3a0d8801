// True of every state, and of every transition (docs/testing.md lists them; LogCabin's basic and
// delta invariants). Checked at the end of every step, in every build: each check costs a
// comparison or a look-up.
#pragma once

#include <map>
#include <optional>

#include "server/pbft/config.h"
#include "server/pbft/effects.h"

namespace prytany::pbft {

/// What is looked at.
struct Snapshot {
  View view;
  bool active = true;  // the view was entered
  Seq stable;          // h
  Seq executed;        // the host's word
  Seq handed;          // the last Execute that came out
  Seq proposed;        // the highest number seen proposed
  std::uint64_t window = 0;
  std::size_t slots = 0;
  Seq lowest_slot = Seq{~std::uint64_t{0}};  // of those held, if any
  Seq highest_slot;
  bool asking = false;  // what it voted before this start: it promises nothing
};

class Invariants {
 public:
  /// What was voted before this start binds us still.
  explicit Invariants(const Recovered& recovered, View first_view = View{0});

  /// State was installed: execution goes on above it, and may have gone back to it.
  void installed(Seq seq);
  /// Aborts unless `now` is a good state, may follow the last one, and the effects from index
  /// `first` on keep the promises: a vote leaves after its record, one digest per phase, view and
  /// number, none in a view that was left or not entered, one VIEW-CHANGE per view, execution in
  /// order, without gaps, of what was committed.
  void check(const Snapshot& now, const Effects& effects, std::size_t first);

 private:
  struct Ballot {
    View view;
    Digest digest;
  };
  struct Promise {
    std::optional<Ballot> prepare;
    std::optional<Ballot> commit;
    std::optional<Digest> committed;
  };

  static void record(std::optional<Ballot>& ballot, View view, const Digest& digest);
  static void ensure_recorded(const std::optional<Ballot>& ballot, View view, const Digest& digest);
  void check_effect(const Effect& effect);

  void check_record(const JournalRecord& record);
  void check_view_change(const wire::ViewChange& sent);
  void check_new_view(const wire::Signed<wire::NewView>& accepted);
  static void check_silence(const Effect& effect);
  /// Votes are cast in the view that was entered, and in none that was left.
  void check_vote(View view) const;

  std::map<Seq, Promise> promises_;
  View entered_;
  std::optional<wire::ViewChange> left_for_;   // until that view or a later one is entered
  std::optional<crypto::Signature> new_view_;  // the last one recorded
  Snapshot last_;
  Seq next_execution_;
  bool installed_ = false;
};

}  // namespace prytany::pbft
