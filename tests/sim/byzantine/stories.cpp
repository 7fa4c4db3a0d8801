#include "tests/sim/byzantine/stories.h"

#include <algorithm>
#include <tuple>

namespace prytany::sim {

namespace {
constexpr std::size_t stories_max = 10'000;
}  // namespace

void tell_story(Plot& plot, View view, const Digest& truth, const Digest& lie, bool everybody) {
  if (truth == lie) return;
  if (plot.stories.size() > stories_max) plot.stories.clear();
  plot.stories.try_emplace(truth, Plot::Told{view, lie, everybody});
}

bool hears_other(const Plot& plot, const Plot::Told& told, ReplicaId peer) {
  if (plot.liars.contains(peer)) return false;
  return told.everybody || plot.other_side(peer, told.view);
}

void retell(const Plot& plot, wire::ViewChange& message) {
  for (auto* entries : {&message.prepared.items, &message.pre_prepared.items})
    for (wire::PreparedEntry& entry : *entries) {
      const auto told = plot.stories.find(entry.digest);
      if (told != plot.stories.end()) entry.digest = told->second.instead;
    }
  // In order, as an honest one would be.
  std::ranges::sort(message.pre_prepared.items, {},
                    [](const auto& entry) { return std::tie(entry.seq, entry.digest); });
}

void keep_to_story(const Plot& plot, ReplicaId to, Word& word, const Mouth& mouth) {
  const auto retell = [&](Digest& digest) {
    const auto told = plot.stories.find(digest);
    if (told == plot.stories.end() || !hears_other(plot, told->second, to)) return false;
    digest = told->second.instead;
    return true;
  };
  if (auto* prepare = std::get_if<wire::Prepare>(&word.message)) {
    retell(prepare->digest);
  } else if (auto* commit = std::get_if<wire::Commit>(&word.message)) {
    retell(commit->digest);
  } else if (auto* committed = std::get_if<wire::Committed>(&word.message)) {
    retell(committed->digest);
  } else if (auto* signed_prepare = std::get_if<wire::Signed<wire::Prepare>>(&word.message)) {
    if (retell(signed_prepare->message.digest)) mouth.sign_anew(word.message);
  } else if (auto* signed_commit = std::get_if<wire::Signed<wire::Commit>>(&word.message)) {
    if (retell(signed_commit->message.digest)) mouth.sign_anew(word.message);
  }
}

}  // namespace prytany::sim
