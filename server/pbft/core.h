// The replica's memory, and the table of contents of its handlers: each group is in the file named
// above it.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>

#include "server/pbft/backlog.h"
#include "server/pbft/boot_question.h"
#include "server/pbft/catch_up.h"
#include "server/pbft/checkpoints.h"
#include "server/pbft/invariants.h"
#include "server/pbft/new_view.h"
#include "server/pbft/pace.h"
#include "server/pbft/peak.h"
#include "server/pbft/refusal.h"
#include "server/pbft/replica.h"
#include "server/pbft/view_change.h"
#include "server/pbft/vouching.h"
#include "server/pbft/window.h"
#include "server/wire/signing.h"

namespace prytany::pbft {

class Replica::Core {
 public:
  Core(const Config& config, const crypto::Signer& signer, NonDeterminism& nondeterminism,
       Recovered recovered);

  void hear(Time now, Event event, Effects& out);
  void conclude(Time now, Effects& out);
  [[nodiscard]] bool leads() const { return leader() == config_.self; }
  /// deadline(), as of the last conclude().
  [[nodiscard]] Time owed() const { return started_ ? owed_ : Time{0}; }
  [[nodiscard]] ReplicaStatus status() const;
  [[nodiscard]] Held held() const;
  [[nodiscard]] const std::optional<wire::CheckpointProof>& stable_proof() const { return stable_; }
  [[nodiscard]] std::optional<Seq> read_barrier() const;

 private:
  // ---- replica.cpp: dispatch -------------------------------------------------------------------
  void begin(Time now, Effects& out);
  void pass_moment();
  [[nodiscard]] Time deadline() const;
  void recover(Recovered recovered);
  void recover(Seq seq, Slot& slot, RecoveredSlot old);
  void start();
  void go_on();
  void on(Tick) { tell_primary(); }  // time passes in conclude()
  void on(Submitted event);
  void on(Received event);
  void on(PeerConnected event);
  void on(Executed event);
  void on(CheckpointTaken event);
  void on(CheckpointDurable event);
  void on(StateInstalled event);
  void on(const StateGone& event);
  void on(const NotWanted& event);
  void on(Superseded event);
  void on(const Behind& event);
  void on(const BatchDue& event) { batch_due_ = event; }
  [[nodiscard]] Snapshot snapshot() const;

  // ---- normal_case.cpp: section 4.2 ------------------------------------------------------------
  void take_in(const Digest& digest, wire::ClientRequest request, std::optional<ReplicaId> from,
               std::uint64_t host = 0);
  void enqueue(const Digest& digest, wire::ClientRequest request, const Origin& origin = {});
  void assigned(Slot& slot);
  [[nodiscard]] bool may_propose() const;
  [[nodiscard]] bool worth_a_number() const;
  void propose();
  void propose_batch(Backlog::Taken taken);
  void on(ReplicaId from, wire::PrePrepare message);
  void announce(const wire::PrePrepare& message, const std::vector<Digest>& requests, bool at_once);
  void on(ReplicaId from, wire::PrePrepareDigests message);
  [[nodiscard]] bool fits(const wire::PrePrepareDigests& message) const;
  [[nodiscard]] const wire::ClientRequest* find_waiting(const Digest& digest) const;
  [[nodiscard]] std::optional<wire::Batch> gather(const wire::PrePrepareDigests& message) const;
  void on(ReplicaId from, const wire::Prepare& message);
  void on(ReplicaId from, const wire::Commit& message);
  /// The PRE-PREPARE held is beyond doubt: committed, or weak_quorum() others sent PREPARE for it.
  [[nodiscard]] bool vouched(const Slot& slot) const;
  /// Accepts the PRE-PREPARE held, unless the upcall says to wait or to doubt.
  void consider(Seq seq, Slot& slot);
  void note_in_flight(const Slot& slot);
  void take_up(Seq seq, Slot& slot);
  void hold_until(Time due, Standing standing, Seq seq, Slot& slot);
  void due(Seq seq, Slot& slot);
  void accept(Seq seq, Slot& slot);
  void cast_prepare(Seq seq, Slot& slot);
  void try_commit(Seq seq, Slot& slot);
  void try_decide(Seq seq, Slot& slot);
  void record_committed(Seq seq, Slot& slot);
  void execute_ready();
  void release(Slot& slot);
  [[nodiscard]] AgreedTime agreed_before(Seq seq) const;
  [[nodiscard]] std::optional<Refusal> refuse(View view, Seq seq) const;
  /// A view that was not entered here is spoken of: its NEW-VIEW is to be had.
  void ask_if_behind(Refusal refusal, ReplicaId peer);
  [[nodiscard]] std::optional<Refusal> refuse(ReplicaId from,
                                              const wire::PrePrepare& message) const;

  // ---- others_word.cpp: what f+1 others' PREPAREs prove -----------------------------------------
  [[nodiscard]] std::optional<Digest> others_word(const Slot& slot,
                                                  const std::optional<Digest>& but = {}) const;
  [[nodiscard]] bool others_vote_against(const Slot& slot, const Digest& digest) const;
  void note_others_word(Seq seq, const Slot& slot);
  [[nodiscard]] std::optional<Digest> promised(const Slot& slot) const;
  void leave_who_lies(Seq seq);
  void follow_others(Seq seq);
  [[nodiscard]] bool stands_for_pre_prepare(const Slot& slot, const Digest& digest) const;

  // ---- authenticate.cpp: requests without signatures
  // ---------------------------------------------
  void take_in_unsigned(const Digest& digest, wire::ClientRequest request,
                        std::optional<ReplicaId> from);
  void on(ReplicaId from, const wire::Verified& message);
  void vouch(const Digest& digest);
  void settle(const Digest& digest);
  void believe(const Body& body);
  void tell_primary();
  void tell_again();
  void say_what_waits_for_word();
  void withdraw_unverified(const Body& body);
  void forget_words_of(ReplicaId peer);
  void renew_words(const Body& body);
  bool authentic(const Body& body, const VoteSet<Digest>& prepares);
  void wait_for_word(Seq seq, Slot& slot);
  void settle(Seq seq, Slot& slot);
  void share_words(const Body& body);

  // ---- garbage_collection.cpp: section 4.3 -----------------------------------------------------
  void on(ReplicaId from, const wire::Signed<wire::Checkpoint>& message);
  void on(ReplicaId from, wire::CheckpointProof proof);
  [[nodiscard]] bool within_reach(Seq seq) const;
  void try_certify(Seq seq);
  /// quorum() vouch for this state: it becomes stable here, or we learn that we are behind, or
  /// wrong.
  void certified(wire::CheckpointProof proof);
  /// Requires: certified_ is of a number at which a checkpoint was taken here.
  void compare_with_certified();
  void make_stable(const wire::CheckpointProof& proof);
  void record_stable(const wire::CheckpointProof& proof);
  void fetch_state(wire::CheckpointProof proof);
  void advance(Seq low);

  // ---- retransmission.cpp: section 5.2 ---------------------------------------------------------
  void on(ReplicaId from, const wire::Status& message);
  void on(ReplicaId from, const wire::Committed& message);
  void on(ReplicaId from, const wire::FetchBatch& message);
  void on(ReplicaId from, wire::BatchBody message);
  void on(ReplicaId from, wire::Forward message);
  [[nodiscard]] wire::Status my_status() const;
  [[nodiscard]] bool knows_more(const wire::Status& theirs) const;
  void answer(ReplicaId to, const wire::Status& theirs);
  std::size_t answer_slot(ReplicaId to, const Slot& slot, const wire::SlotStatus& theirs,
                          bool same_view);
  std::size_t answer_checkpoints(ReplicaId to, Seq stable);
  void ask_for_body(Seq seq, Slot& slot, const Digest& digest);
  [[nodiscard]] std::set<ReplicaId> holders(Seq seq, const Slot& slot, const Digest& digest) const;
  void pass_time();
  void say_what_is_missing();
  void ask_all();
  void fetch_anew();
  void forward_what_waits();
  void fill_to_checkpoint();
  /// A new configuration does not wait until nobody asks anything for a while.
  [[nodiscard]] std::uint64_t fill_after_us() const { return config_.idle_checkpoint_us / 10; }
  /// Another configuration is ordered, and numbers are left up to its checkpoint.
  [[nodiscard]] bool ending() const { return window_.end() && proposed_ < *window_.end(); }
  void remind_those_behind();
  void tell_those_unaware();
  void watch();
  void propose_what_is_due();
  [[nodiscard]] bool idle() const;
  [[nodiscard]] Time idle_at() const;
  [[nodiscard]] Time batch_due_at() const;
  [[nodiscard]] Time forward_at() const;

  // ---- suspect_primary.cpp: sections 4.4 and 4.5.2, the timers
  // -----------------------------------
  /// How long the primary is given, now.
  [[nodiscard]] std::uint64_t patience() const;
  /// This number is in use, if the primary or weak_quorum() replicas say so.
  void in_use(Seq seq, Slot& slot);
  [[nodiscard]] bool may_judge() const;
  void watch_primary();
  void rearm();
  void excuse();
  void slept();
  [[nodiscard]] Time suspicion_at() const;
  [[nodiscard]] Time doubt_at() const;
  void suspect();
  void ask_if_wanted();
  void calm_down();

  // ---- slow_primary.cpp: the same, for one who serves everybody, but late ----------------------
  [[nodiscard]] bool could_propose() const;
  void measure_proposal(Seq seq, const Body& body);
  void watch_pace();
  [[nodiscard]] Time trial_at() const;
  [[nodiscard]] std::optional<Backlog::First> to_try() const;
  /// A number that the primary may be to blame for.
  struct Hanging {
    Seq seq;
    Time since;
  };
  [[nodiscard]] std::optional<Hanging> hanging() const;
  [[nodiscard]] bool owes_vote(const Slot& slot) const;
  [[nodiscard]] bool f_have_left() const;
  void measure_vote(ReplicaId from, Seq seq, const Slot& slot);
  [[nodiscard]] bool gap_is_next() const;
  void try_primary();
  void try_request();
  void ping_others(std::uint64_t ask);
  void on(ReplicaId from, const wire::Ping& message);
  void on(ReplicaId from, const wire::Pong& message);

  // ---- leave_view.cpp: section 4.4, to the VIEW-CHANGE
  // -------------------------------------------
  void on(ReplicaId from, const wire::Signed<wire::ViewChange>& message);
  void leave_view(View next);
  void forget_this_view();
  void join_others();
  void follow_primary(ReplicaId from, View wanted);
  void start_new_view_timer();
  void new_view_overdue();
  std::size_t answer_view(ReplicaId to, const wire::Status& theirs);

  // ---- enter_view.cpp: section 4.4, the NEW-VIEW and what follows from it
  // ------------------------
  void try_new_view();
  [[nodiscard]] bool can_lead(const NewViewPlan& plan);
  void on(ReplicaId from, wire::Signed<wire::NewView> message);
  void learn(const wire::Signed<wire::NewView>& message);
  [[nodiscard]] bool contradicts(const wire::NewView& message) const;
  void enter_view(wire::Signed<wire::NewView> message);
  void propose_again();
  /// The number from which the current view's primary gives out new ones, less one.
  [[nodiscard]] Seq end_of_choices() const;

  // ---- boot_question.cpp: docs/design.md section 10 --------------------------------------------
  void ask_what_i_voted();
  void on(ReplicaId from, const wire::AskVotes& message);
  void on(ReplicaId from, const wire::VotesSeen& message);

  // ---- messages for the host's state transfer --------------------------------------------------
  void on(ReplicaId from, const wire::FetchPart&);
  void on(ReplicaId from, const wire::StatePart&);
  // ---- and for its clients ---------------------------------------------------------------------
  void on(ReplicaId from, const wire::Relay&);
  void on(ReplicaId from, const wire::RelayBack&);
  // Unwrapped where their signatures are checked.
  void on(ReplicaId from, const wire::Signed<wire::Prepare>&);
  void on(ReplicaId from, const wire::Signed<wire::Commit>&);

  // ---- speaking --------------------------------------------------------------------------------
  void persist(JournalRecord record) { out_->push_back(Persist{std::move(record)}); }
  void persist_lazily(JournalRecord record) { out_->push_back(Persist{std::move(record), true}); }
  void make_durable() { out_->push_back(MakeDurable{}); }
  void broadcast(wire::PeerMessage message, bool at_once = false) {
    if (config_.group.n > 1) out_->push_back(Send{std::nullopt, std::move(message), at_once});
  }
  void send(ReplicaId to, wire::PeerMessage message, bool at_once = false) {
    out_->push_back(Send{to, std::move(message), at_once});
  }
  template <class... Parts>
  void note(bool important, const Parts&... parts) {
    std::ostringstream text;
    (text << ... << parts);
    out_->push_back(Note{std::move(text).str(), important});
  }
  /// A decision that only traces and plays want to read.
  template <class... Parts>
  void trace(const Parts&... parts) {
    if (config_.notes) note(false, parts...);
  }
  /// A decision that an operator wants to read.
  template <class... Parts>
  void say(const Parts&... parts) {
    note(true, parts...);
  }
  template <class... Parts>
  void drop(Refusal refusal, const Parts&... parts) {
    ++refused_[static_cast<std::size_t>(refusal)];
    if (speaker_ && blames(refusal)) blamed_.try_emplace(*speaker_, refusal);
    trace(parts..., ": ", words(refusal), " -> refuse");
  }

  [[nodiscard]] ReplicaId primary() const { return config_.group.primary_of(view_); }
  [[nodiscard]] bool is_primary() const { return primary() == config_.self; }
  /// The primary of the last view entered. While another is asked for, it may order all the same:
  /// for those who did not leave.
  [[nodiscard]] ReplicaId leader() const { return config_.group.primary_of(entered_); }
  [[nodiscard]] bool at_checkpoint(Seq seq) const {
    return seq.value % config_.checkpoint_interval == 0;
  }

  /// Who was not heard at the last certified checkpoint is reminded so often, then only when its
  /// link comes up.
  static constexpr unsigned reminders_max = 8;

  const Config config_;
  const crypto::Signer& signer_;
  NonDeterminism& nondeterminism_;
  const wire::Membership membership_;  // what signatures bind

  View view_;           // entered, or asked for
  bool active_ = true;  // it was entered
  View entered_;        // the latest NEW-VIEW heard of; view_ while active_
  View voted_in_;       // the view of the votes in slots: the last one that was entered here
  std::optional<wire::Signed<wire::NewView>> new_view_;  // of entered_; nothing for view 0
  Window window_;
  Backlog backlog_;
  Vouching vouching_;
  Checkpoints checkpoints_;
  ViewChanges view_changes_;
  Peers peers_;
  Invariants invariants_;

  Seq proposed_;  // the highest number seen proposed
  // Requests that a batch of mine has held of late, times eight: a moving average.
  std::size_t usual_eighths_ = 0;
  Seq handed_;    // the last Execute that went out
  Seq executed_;  // the last that came back
  Seq taken_;     // the last TakeCheckpoint that went out
  Seq known_;     // the highest number that is known to be in use
  Seq vouched_;   // the highest number that I sent COMMIT for, and that may have been committed
  AgreedTime agreed_executed_;  // of the last Execute that went out
  bool silent_ = false;         // restarted as the primary of this view: proposes nothing

  bool begun_ = false;                   // others voted in this view: its NEW-VIEW has left
  std::set<ReplicaId> caught_;           // at a false NEW-VIEW: one line in the log is enough
  Peak rounds_;                          // that the primary may need, of all sessions
  Pace pace_;                            // of the primary
  Seq gap_;                              // the next number, which has no proposal
  Time gap_since_ = never;               // since others above have one
  bool lied_to_ = false;                 // in this view, beyond doubt
  Seq passed_over_;                      // batches up to here had room for what waits
  Time executing_since_ = never;         // the first of what is handed out and not back
  bool judging_ = false;                 // the primary's time is running
  std::optional<View> judged_in_;        // the view in which it ran last
  bool was_behind_ = false;              // others were known to have executed more
  unsigned level_ = 0;                   // doublings of its patience
  std::uint64_t new_view_patience_ = 0;  // for the NEW-VIEW that we wait for
  Time new_view_due_ = never;            // nothing until quorum() replicas wait, too
  unsigned new_view_excuses_ = 0;        // how often that was put off
  std::optional<Time> entered_at_;       // this view; nothing: before this life began
  Time calm_since_;                      // when this view was entered, or patience() fell
  Time owed_ = never;                    // when the host owed us a Tick at the latest

  std::optional<wire::CheckpointProof> stable_;     // of h; nothing at genesis
  std::optional<wire::CheckpointProof> certified_;  // the highest above h
  std::map<Seq, wire::CheckpointProof> pending_;    // made stable, not yet durable
  std::optional<wire::CheckpointProof> target_;     // of the last FetchState
  std::optional<Seq> fetching_;
  bool gone_ = false;    // what we fetch is held by too few
  bool outran_ = false;  // the primary proposed beyond my window, and was refused
  bool diverged_ = false;

  BootQuestion boot_;
  SeenVotes seen_;
  Overdue boot_overdue_;  // answers to it
  bool lost_ = false;     // votes of mine are forgotten: never again

  std::set<std::pair<Time, Seq>>
      held_;  // PRE-PREPAREs that are early or late, by when they are due
  // Numbers of which f+1 others say what I do not have, by when they are followed.
  std::set<std::pair<Time, Seq>> lacking_;
  std::set<Seq> unverified_;    // PRE-PREPAREs with a request that is not authentic here
  std::vector<Digest> untold_;  // authentic here since the last Tick
  Overdue overdue_;             // execution, views
  Overdue uncertified_;         // the checkpoint that was taken
  Overdue refetching_;          // state that does not come
  Time forwarded_;              // when I last sent the primary what it may lack
  Overdue reminding_;           // peers that lag behind a certified checkpoint
  Overdue telling_;             // peers that may not know of what I executed last
  BatchDue batch_due_;          // by the application's word
  Time active_at_;              // the last sign of a request
  Time moved_at_;               // the last execution, or when a view was entered
  unsigned move_excuses_ = 0;   // how often that was put off

  std::array<std::uint64_t, refusals> refused_{};
  std::optional<ReplicaId> speaker_;     // whose words are being looked at
  std::map<ReplicaId, Refusal> blamed_;  // of the group, so few
  bool first_boot_;
  bool fresh_;  // the configuration begins in this life
  bool started_ = false;
  Time now_;
  Effects* out_ = nullptr;     // until conclude()
  std::size_t unchecked_ = 0;  // of them, from here on
  bool was_lost_ = false;      // when this moment began
};

}  // namespace prytany::pbft
