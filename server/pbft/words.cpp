#include "server/pbft/words.h"

#include "server/base/ensure.h"

namespace prytany::pbft {

Words::Words(const std::vector<std::size_t>& max) {
  for (const std::size_t of_one : max) {
    ENSURE(of_one > 0);
    speakers_.emplace_back().max = of_one;
  }
}

bool Words::said(ReplicaId by, const Digest& request) {
  Speaker& speaker = speakers_[by.value];
  if (speaker.requests[speaker.young].size() >= speaker.max) {
    const Said* const known = said_.find(request);
    if (known != nullptr && known->by[speaker.young].test(by.value)) return false;
    forget_older(by, speaker);
  }
  Replicas& who = said_[request].by[speaker.young];
  if (who.test(by.value)) return false;
  who.set(by.value);
  speaker.requests[speaker.young].push_back(request);
  return true;
}

void Words::forget_older(ReplicaId by, Speaker& speaker) {
  const unsigned old = 1 - speaker.young;
  for (const Digest& request : speaker.requests[old]) {
    Said* const said = said_.find(request);
    ENSURE(said != nullptr);
    said->by[old].reset(by.value);
    if (said->by[0].none() && said->by[1].none()) said_.erase(request);
  }
  speaker.requests[old].clear();
  speaker.young = old;
}

std::vector<Digest> Words::forget(ReplicaId by) {
  Speaker& speaker = speakers_[by.value];
  std::vector<Digest> all = speaker.requests[1 - speaker.young];
  const std::vector<Digest>& younger = speaker.requests[speaker.young];
  all.insert(all.end(), younger.begin(), younger.end());
  forget_older(by, speaker);
  forget_older(by, speaker);
  return all;
}

bool Words::has(ReplicaId by, const Digest& request) const {
  const Said* const said = said_.find(request);
  return said != nullptr && (said->by[0].test(by.value) || said->by[1].test(by.value));
}

unsigned Words::count(const Digest& request) const {
  const Said* const said = said_.find(request);
  return said == nullptr ? 0 : static_cast<unsigned>((said->by[0] | said->by[1]).count());
}

}  // namespace prytany::pbft
