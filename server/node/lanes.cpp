#include "server/node/lanes.h"

#include <algorithm>
#include <utility>

#include "server/wire/operations.h"

namespace prytany::node {
namespace {

using wire::Operation;

template <class T, std::size_t I = 0>
constexpr std::uint8_t place() {
  if constexpr (std::is_same_v<std::variant_alternative_t<I, Operation>, T>)
    return I;
  else
    return place<T, I + 1>();
}

/// Of an encoded operation; none of those that there are: 255.
std::uint8_t kind_of(const wire::RequestBody& body) {
  const ByteView bytes = body.operation.view();
  return bytes.empty() ? 255 : bytes.front();
}

/// Of a call.
std::string_view procedure_of(const wire::RequestBody& body) {
  wire::Reader reader(body.operation.view().subspan(1));
  const std::size_t size = reader.number<std::uint32_t>();
  return size > limits::name_bytes_max ? std::string_view{} : as_text(reader.take(size));
}

bool brings_sql(const wire::RequestBody& body) {
  const std::uint8_t kind = kind_of(body);
  return kind == place<wire::Execute>() || kind == place<wire::Transaction>() ||
         kind == place<wire::Explain>();
}

/// Backups let debtors in a little later than the primary, whatever they took to execute: what
/// waits with them only is what a primary would be blamed for.
Time paid_at(std::uint64_t owes_us, Time since, bool leads) {
  constexpr std::uint64_t later_us = 250'000;
  if (owes_us == 0) return {};
  return since + (leads ? owes_us : owes_us + owes_us / 4 + later_us);
}

}  // namespace

bool Lanes::risky(Time now, const wire::RequestBody& body) const {
  if (kind_of(body) != place<wire::Call>()) return brings_sql(body);
  const auto known = procedures_.find(procedure_of(body));
  return known == procedures_.end() || now < known->second;
}

/// Of all sessions, the last that asked and the one before it are enough to tell.
void Lanes::spoke(Time now, SessionId session) {
  if (session != last_) {
    last_ = session;
    other_at_ = last_at_;
  }
  last_at_ = now;
}

bool Lanes::alone(Time now, SessionId session) const {
  return (session == last_ ? other_at_ : last_at_) + others_us <= now;
}

/// Who was alone has nobody to keep waiting, but somebody may come: what is dear goes one by one.
bool Lanes::may_go(Time now, bool leads, SessionId session, RequestNumber number,
                   const Lane& lane) const {
  const bool by_itself = alone(now, session);
  if (!by_itself && now < paid_at(lane.owes_us, lane.since, leads)) return false;
  const bool dear = now < lane.dear_until;
  const std::uint64_t most = dear ? 1 : by_itself ? limits::session_window : risky_max;
  return number.value <= base(now, session, lane).value + most;
}

RequestNumber Lanes::base(Time now, SessionId session, const Lane& lane) const {
  const RequestNumber highest = highest_(session).value_or(RequestNumber{});
  return now < lane.began_at + began_us ? std::max(highest, lane.began) : highest;
}

void Lanes::begin(Time now, SessionId session, RequestNumber number, Lane& lane) const {
  const RequestNumber from = base(now, session, lane);
  if (number.value <= from.value + limits::session_window) return;
  if (from != highest_(session).value_or(RequestNumber{})) return;
  lane.began = RequestNumber{number.value - 1};
  lane.began_at = now;
}

std::optional<pbft::Submitted> Lanes::enter(Time now, bool leads, pbft::Submitted request) {
  const wire::RequestBody& body = request.request->body;
  spoke(now, body.session);
  Lane* const lane = lane_for(now, body);
  if (lane == nullptr) return request;
  begin(now, body.session, body.number, *lane);
  if (may_go(now, leads, body.session, body.number, *lane)) return request;
  // What came already waits already. (A client may say two things under one number: the first.)
  if (lane->waiting.contains(body.number)) return std::nullopt;
  const std::size_t bytes = body.operation.bytes.size();
  if (kept_ >= kept_max || kept_bytes_ + bytes > kept_bytes_max) return std::nullopt;
  ++kept_;
  kept_bytes_ += bytes;
  full_.insert(body.session);
  const RequestNumber number = body.number;
  lane->waiting.emplace(number, std::move(request));
  return std::nullopt;
}

/// Only by what all replicas know alike: who says it has it in its core, and blames me for what I
/// keep out of mine. Which procedures are dear they may have learnt at different times, and what
/// waits here its client may have said to me alone.
bool Lanes::pass(Time now, const wire::RequestBody& body) {
  const auto found = lanes_.find(body.session);
  const bool dear = found != lanes_.end() && now < found->second.dear_until;
  if (!dear && !brings_sql(body)) return true;
  Lane* const lane = lane_for(now, body);
  if (lane == nullptr) return true;
  begin(now, body.session, body.number, *lane);
  return may_go(now, true, body.session, body.number, *lane);
}

/// Null: it needs none.
Lanes::Lane* Lanes::lane_for(Time now, const wire::RequestBody& body) {
  if (body.session == SessionId{} || !highest_(body.session)) return nullptr;
  const auto found = lanes_.find(body.session);
  if (found != lanes_.end()) {
    Lane& lane = found->second;
    if (!lane.waiting.empty()) return &lane;
    if (now < lane.dear_until && kind_of(body) != place<wire::Leave>()) return &lane;
  }
  if (!risky(now, body)) return nullptr;
  if (found != lanes_.end()) return &found->second;
  return lanes_.size() < lanes_max ? &lanes_[body.session] : nullptr;
}

void Lanes::executed(Time now, std::uint64_t took_us, const wire::Batch& batch,
                     std::span<const std::uint64_t> steps) {
  // Whoever waits for an answer asks nothing meanwhile, and is there all the same.
  last_at_ = std::min(now, last_at_ + took_us);
  other_at_ = std::min(now, other_at_ + took_us);
  auto took = steps.begin();
  for (const wire::ClientRequest& request : batch.requests) {
    const wire::RequestBody& body = request.body;
    const std::uint64_t us = *took++ / steps_per_us;
    const bool dear = us > dear_us;
    if (kind_of(body) == place<wire::Call>()) {
      const std::string_view name = procedure_of(body);
      auto known = procedures_.find(name);
      if (known == procedures_.end()) {
        if (procedures_.size() >= procedures_max) procedures_.clear();
        known = procedures_.try_emplace(std::string(name)).first;
      }
      if (dear) known->second = now + remembered_us;
    }
    if (body.session == SessionId{}) continue;
    spoke(now, body.session);
    auto lane = lanes_.find(body.session);
    if (lane == lanes_.end()) {
      if (!dear || lanes_.size() >= lanes_max) continue;
      lane = lanes_.try_emplace(body.session).first;
    }
    Lane& mine = lane->second;
    // Others had let it in.
    if (const auto waits = mine.waiting.find(body.number); waits != mine.waiting.end()) {
      forget(mine, waits);
      if (mine.waiting.empty()) full_.erase(body.session);
    }
    if (!dear) continue;
    const std::uint64_t paid = now - mine.since;
    mine.owes_us = (mine.owes_us > paid ? mine.owes_us - paid : 0) + us * times;
    mine.since = now;
    mine.dear_until = now + remembered_us;
  }
  sweep(now);
}

void Lanes::forget(Lane& lane, std::map<RequestNumber, pbft::Submitted>::iterator waiting) {
  --kept_;
  kept_bytes_ -= waiting->second.request->body.operation.bytes.size();
  lane.waiting.erase(waiting);
}

std::vector<pbft::Submitted> Lanes::due(Time now, bool leads) {
  std::vector<pbft::Submitted> all;
  for (auto session = full_.begin(); session != full_.end();) {
    Lane& lane = lanes_.at(*session);
    while (!lane.waiting.empty()) {
      const auto first = lane.waiting.begin();
      if (!may_go(now, leads, *session, first->first, lane)) break;
      all.push_back(first->second);
      forget(lane, first);
    }
    session = lane.waiting.empty() ? full_.erase(session) : std::next(session);
  }
  return all;
}

/// Executions let more in, too, and then there is a turn anyway.
Time Lanes::deadline(Time now, bool leads) const {
  Time first = never;
  for (const SessionId session : full_) {
    const Lane& lane = lanes_.at(session);
    const Time others = (session == last_ ? other_at_ : last_at_) + others_us;
    const Time owed = std::min(paid_at(lane.owes_us, lane.since, leads), others);
    const std::uint64_t number = lane.waiting.begin()->first.value;
    const std::uint64_t from = base(now, session, lane).value;
    if (number <= from + 1) {
      first = std::min(first, owed);
    } else if (number <= from + risky_max) {
      first = std::min(first, std::max(owed, lane.dear_until));
    } else if (number <= from + limits::session_window) {
      first = std::min(first, std::max(others, lane.dear_until));
    }
  }
  return first;
}

void Lanes::sweep(Time now) {
  constexpr std::uint64_t every_us = 1'000'000;
  if (lanes_.empty() || now < swept_ + every_us) return;
  swept_ = now;
  std::erase_if(lanes_, [&](const auto& each) {
    const Lane& lane = each.second;
    return lane.waiting.empty() && lane.dear_until <= now &&
           paid_at(lane.owes_us, lane.since, false) <= now;
  });
}

}  // namespace prytany::node
