// When to give up on a primary (sections 4.4 and 4.5.2; docs/design.md section 4, liveness). A
// backup measures what it can see: a session's first waiting request, and the lowest numbers given
// out. Neither is helped by progress elsewhere, so that a primary which censors one client, or lets
// one number hang, is found as surely as a dead one.
//
// A wrong suspicion costs the group this replica's votes until the next view, and with f others'
// the primary. So whoever knows that it cannot judge does not: who is behind the group, and who
// finds that its own process stood still. But such causes excuse a primary only so often, for one
// request or number: a client can bring them about.
//
// A primary that lets an ordered configuration wait, which begins only when numbers up to its first
// are executed, is left although no client waits. So is one that orders nothing when the
// application's time has come.
//
// The primary itself follows the first who leaves its view, if a number of its own hangs for twice
// as long: its clock begins a sync and a hop before a backup's. Else f correct replicas that
// executed the number, and wait for nothing, one that left because nobody told it, and the primary,
// which lacks the votes of who left, would wait for ever: one fewer ask for another view than
// others join (docs/protocol.md, liveness).
#include <algorithm>

#include "server/pbft/core.h"

namespace prytany::pbft {
namespace {

constexpr std::uint64_t patience_when_behind = 4;
/// Where f others have left the view: what is executed elsewhere may be known to too few.
constexpr std::uint64_t patience_when_left = 2;

}  // namespace

void Replica::Core::in_use(Seq seq, Slot& slot) {
  if (!slot.awaited(config_.group)) return;
  known_ = std::max(known_, seq);
  if (slot.since == never) slot.since = now_;
}

/// Who fetches state does not know what is executed in it. Who has executed all of its window, and
/// whose own disk keeps the window from moving, refuses what the primary proposes.
bool Replica::Core::may_judge() const {
  const bool disk_is_slow = !pending_.empty() && handed_ >= window_.high();
  // Nothing more can be proposed in a configuration that has come to its end.
  const bool ended = window_.end() && handed_ >= *window_.end();
  return active_ && !fetching_ && !diverged_ && !disk_is_slow && !ended;
}

/// What is executed elsewhere and not here is ours to be told of, not the primary's to order. But
/// not for ever: those who know it may have left the view, too few of them to convince us, and then
/// only another view brings it.
std::uint64_t Replica::Core::patience() const {
  const bool behind = peers_.executed_by_some_correct() > handed_;
  const std::uint64_t times = !behind         ? 1
                              : f_have_left() ? patience_when_left
                                              : patience_when_behind;
  return (config_.request_timeout_us << level_) * times;
}

/// Whoever begins to judge, in a new view or because it caught up, gives the primary all its time.
void Replica::Core::watch_primary() {
  // Of requests without signatures only the primary has heard a quorum's word: those that wait for
  // their turn there wait for word here, and are of sessions that it comes by, too. What it was
  // told of late it takes in its turn, behind as many as waited then.
  const Time first = backlog_.first_since();
  rounds_.observe(now_, backlog_.rounds(vouching_.sessions()), first == never ? now_ : first);
  const bool may = may_judge();
  const bool behind = peers_.executed_by_some_correct() > handed_;
  if (may && judged_in_ != view_) {
    judged_in_ = view_;
    rearm();
  } else if (may && (!judging_ || (was_behind_ && !behind))) {
    excuse();
  }
  judging_ = may;
  was_behind_ = behind;
  watch_pace();
}

void Replica::Core::rearm() {
  backlog_.rearm(now_);
  moved_at_ = now_;
  for (auto it = window_.slots().upper_bound(handed_); it != window_.slots().end(); ++it)
    if (it->second.since != never) it->second.since = now_;
}

void Replica::Core::excuse() {
  pace_.drop(now_);
  backlog_.excuse(now_);
  if (move_excuses_ < Backlog::excuses_max) {
    ++move_excuses_;
    moved_at_ = now_;
  }
  for (auto it = window_.slots().upper_bound(handed_); it != window_.slots().end(); ++it) {
    Slot& slot = it->second;
    if (slot.since == never || slot.excuses >= Backlog::excuses_max) continue;
    ++slot.excuses;
    slot.since = now_;
  }
}

/// The host's Tick is late by much: this process was stopped, or busy with a long execution or a
/// slow disk. What the primary sent meanwhile is still to be read.
void Replica::Core::slept() {
  excuse();
  if (new_view_due_ == never || new_view_excuses_ >= Backlog::excuses_max) return;
  ++new_view_excuses_;
  new_view_due_ = now_ + new_view_patience_;
}

Time Replica::Core::suspicion_at() const {
  if (!judging_ || (is_primary() && view_changes_.asking_from(view_ + 1) == 0)) return never;
  if (!is_primary() && pace_.too_slow(now_, patience())) return now_;
  const Time first = is_primary() ? never : backlog_.first_since();
  Time due = first == never ? never : first + patience() * rounds_.value();
  // Not only the next number: one that hangs below others shows in the time of those above.
  const std::uint64_t bears_us = patience() * (is_primary() ? 2 : 1);
  const auto& slots = window_.slots();
  for (auto it = slots.upper_bound(handed_); it != slots.end(); ++it)
    if (it->second.since != never) due = std::min(due, it->second.since + bears_us);
  const bool ends_later = window_.end() && handed_ < *window_.end();
  if (ends_later && !is_primary()) due = std::min(due, moved_at_ + fill_after_us() + bears_us);
  if (batch_due_.overdue != never && !is_primary())
    due = std::min(due, std::max(moved_at_, batch_due_.overdue) + bears_us);
  return due;
}

Time Replica::Core::doubt_at() const {
  const Time since = judging_ && !is_primary() ? backlog_.doubtful_since() : never;
  return since == never ? never : since + patience() * rounds_.value() / 2;
}

void Replica::Core::ask_if_wanted() {
  const std::uint64_t half = patience() * rounds_.value() / 2;
  const Time before{now_.value > half ? now_.value - half : 0};
  for (wire::ClientRequest& request : backlog_.doubtful(before))
    out_->push_back(AskIfWanted{std::move(request)});
}

void Replica::Core::on(const NotWanted& event) { backlog_.release(now_, {event.request}); }

void Replica::Core::suspect() {
  if (!is_primary() && pace_.too_slow(now_, patience())) {
    say("r", primary(), " needs ", pace_.last().took_us / 1000, " ms where others would need ",
        pace_.last().allowed_us / 1000, " ms at most, again and again in view ", view_,
        " -> leave it: r", primary(), " is too slow");
    pace_.left(now_);
  } else if (is_primary())
    say("n", handed_ + 1, " hangs in view ", view_, ", and others have left it -> follow them");
  else
    say("n", handed_ + 1, " or ", backlog_.waiting(), " requests have waited for ",
        patience() * rounds_.value() / 1000, " ms in view ", view_, " -> leave it: r", primary(),
        " is too slow");
  leave_view(view_ + 1);
}

/// Section 4.5.2: the timeout doubles with each view that fails; here it falls back in steps, one
/// each time that a view has worked for as long as its primary is given. A group whose links or
/// disks are slow for a while then does not change views at every fall.
void Replica::Core::calm_down() {
  if (level_ == 0 || !active_ || now_ < calm_since_ + patience()) return;
  --level_;
  calm_since_ = now_;
}

}  // namespace prytany::pbft
