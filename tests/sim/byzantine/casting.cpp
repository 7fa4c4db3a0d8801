#include "tests/sim/byzantine/casting.h"

#include <algorithm>
#include <array>

namespace prytany::sim {

namespace {

/// Those after it belong to a theme: adding one changes nothing else.
constexpr std::size_t drawn_lies = static_cast<std::size_t>(Lie::stale_reads);

/// Mutations, which are cheap and many, or a few of the others, or both.
std::vector<Lie> draw_lies(Rng& dice) {
  std::vector<Lie> lies;
  if (dice.chance(500'000)) lies.push_back(Lie::mutations);
  const std::uint64_t most = lies.empty() ? 4 : 2;
  const std::uint64_t count = dice.between(lies.empty() ? 1 : 0, most);
  while (lies.size() < count) {
    const Lie lie = static_cast<Lie>(1 + dice.below(drawn_lies - 1));
    if (std::ranges::find(lies, lie) == lies.end()) lies.push_back(lie);
  }
  return lies;
}

/// What serves to come to lead, and to make something of it.
std::vector<Lie> draw_plotting(Rng& dice) {
  std::vector<Lie> lies;
  for (const Lie lie : {Lie::favours, Lie::agitation, Lie::new_views, Lie::equivocation})
    if (dice.chance(600'000)) lies.push_back(lie);
  if (dice.chance(250'000)) lies.push_back(Lie::view_changes);
  if (lies.empty()) lies.push_back(Lie::favours);
  return lies;
}

/// What a primary can do.
std::vector<Lie> draw_leading(Rng& dice) {
  static constexpr std::array kinds{Lie::false_proposals, Lie::equivocation, Lie::withheld_bodies,
                                    Lie::slowness,        Lie::silence,      Lie::gaps,
                                    Lie::favours};
  const Lie one = dice.chance(400'000) ? Lie::false_proposals : kinds[dice.below(kinds.size())];
  const Lie other = kinds[dice.below(kinds.size())];
  if (one == other || dice.chance(500'000)) return {one};
  return {one, other};
}

/// Somebody is always behind, and fetches the state.
void leave_behind(Rng& dice, Parameters& p) {
  p.checkpoint_interval = dice.chance(500'000) ? 4 : 8;
  p.window = 2 * p.checkpoint_interval;
  p.kill_every_us = dice.between(300'000, 800'000);
  p.down_mean_us = dice.between(300'000, 1'000'000);
  p.think_mean_us = dice.between(5'000, 30'000);
  p.requests_min = dice.between(300, 500);
}

/// Views change often, and seldom because of those who lie: correct primaries stand still just
/// longer than others have patience, for as long as clients have much to ask.
void unsettle(Rng& dice, Parameters& p) {
  p.request_timeout_us = dice.between(100'000, 250'000);
  p.pause_every_us = dice.between(150'000, 600'000);
  p.pause_mean_us = p.request_timeout_us * dice.between(1, 3);
  p.primary_rate = 1'000'000;
  p.think_mean_us = dice.between(20'000, 60'000);
  p.requests_min = dice.between(400, 700);
  p.type_drop_every_us = 0;
  p.down_mean_us = std::min<std::uint64_t>(p.down_mean_us, 400'000);
}

/// One writes while others read, on a good network: what is late is late because of who lies.
void read_much(Rng& dice, Parameters& p) {
  p.choices.mac_requests = true;
  if (p.application == ApplicationKind::native) p.application = ApplicationKind::installed;
  p.wrong_tag_rate = 0;
  p.fast_read_rate = static_cast<Ppm>(dice.between(400'000, 800'000));
  p.public_read_rate = p.read_rate = p.leave_rate = 0;
  p.failing_rate = 10'000;
  p.clients = static_cast<unsigned>(dice.between(3, 8));
  p.outstanding_max = static_cast<unsigned>(dice.between(1, 3));
  p.think_mean_us = dice.between(1'000, 20'000);
  p.requests_min = dice.between(500, 900);
  p.request_timeout_us = 800'000;
  for (LinkParameters* link : {&p.link, &p.client_link}) {
    link->delay_min_us = std::min<std::uint64_t>(link->delay_min_us, 500);
    link->delay_mean_us = std::min<std::uint64_t>(link->delay_mean_us, 500);
  }
  p.sync_mean_us = std::min<std::uint64_t>(p.sync_mean_us, 1'000);
}

std::vector<Lie> draw_lies(Rng& dice, Theme theme) {
  switch (theme) {
    case Theme::views: return draw_plotting(dice);
    case Theme::primaries: return draw_leading(dice);
    case Theme::states: return {Lie::poison};
    case Theme::reads: return {Lie::stale_reads};
    case Theme::any:
    case Theme::backups: break;
  }
  return draw_lies(dice);
}

/// How many may be Byzantine: who lies is one of the f; so is who was to lose a disk, or whose
/// clock is wrong, and some of those have to be spared.
std::uint64_t make_room(Rng& dice, Parameters& p) {
  if (p.options.faults == 0) return 0;
  const std::uint64_t count = dice.between(1, p.options.faults);
  if (p.liar && count + 1 > p.options.faults) p.liar.reset();
  const std::uint64_t left = p.options.faults - count - (p.liar ? 1 : 0);
  if (p.plan.size() > left)
    p.plan.erase(p.plan.begin() + static_cast<std::ptrdiff_t>(left), p.plan.end());
  return count;
}

/// The primaries of the first views are worth more to who chooses.
ReplicaId anybody_else(Rng& dice, const Parameters& p, Ppm early_rate) {
  for (;;) {
    const unsigned among = dice.chance(early_rate) ? p.options.faults + 1 : p.options.replicas;
    const ReplicaId id{static_cast<std::uint16_t>(dice.below(among))};
    // The primary of a gentle seed is a correct one.
    if (p.gentle && id == ReplicaId{0}) continue;
    if (!p.lies(id) && !p.planned(id) && p.liar != id) return id;
  }
}

}  // namespace

void cast_liars(Rng& dice, Parameters& p, Theme theme) {
  const std::uint64_t drawn = dice.below(100);
  if (theme == Theme::any && drawn < 60)
    theme = drawn < 30 ? Theme::views : drawn < 50 ? Theme::primaries : Theme::states;
  const bool astray = theme == Theme::any && dice.chance(250'000);
  std::uint64_t count = make_room(dice, p);
  if (astray && count > 0) {
    p.application = ApplicationKind::native;
    p.astray = anybody_else(dice, p, 300'000);
    --count;
  }
  for (; count > 0; --count) {
    const bool early = theme == Theme::primaries || theme == Theme::reads;
    const ReplicaId id = anybody_else(dice, p, early ? 900'000 : 300'000);
    p.liars.push_back({id, draw_lies(dice, theme)});
  }
  if (theme == Theme::views) unsettle(dice, p);
  if (theme == Theme::states) leave_behind(dice, p);
  if (theme == Theme::reads) read_much(dice, p);
  if (dice.chance(250'000) && p.clients > 2) p.restless = p.clients - 1;
}

void conspire_with_clients(Rng& dice, Parameters& p) {
  // Whoever goes astray is one of the f.
  if (p.liars.empty() && !p.astray)
    for (std::uint64_t count = make_room(dice, p); count > 0; --count)
      p.liars.push_back({anybody_else(dice, p, 900'000), {}});
  if (p.liars.empty()) return;
  for (Liar& liar : p.liars) liar.lies.push_back(Lie::accomplices);
  for (std::size_t i = 0; i < p.hostiles.size(); ++i)
    if (i == 0 || dice.chance(300'000)) p.hostiles[i].attacks.push_back(Attack::whispers);
}

void cast_twins(Rng& dice, Parameters& p) {
  for (std::uint64_t count = make_room(dice, p); count > 0; --count)
    p.twins.push_back(anybody_else(dice, p, 0));
  p.twins_turn_every_us = dice.between(50'000, 2'000'000);
}

void conspire(Parameters& p) {
  p.liars.clear();
  for (unsigned i = 0; i <= p.options.faults; ++i)
    p.liars.push_back({ReplicaId{static_cast<std::uint16_t>(i)}, {Lie::equivocation}});
}

}  // namespace prytany::sim
