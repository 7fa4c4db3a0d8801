// Joining, in two phases (design.md section 7). One: each replica signs a token for us, without
// agreement. Two: a request with weak_quorum() tokens is ordered, and every replica answers it
// alike.
#include <algorithm>

#include "clientlib/session.h"

namespace prytany::client {
namespace {

constexpr unsigned join_attempts_max = 16;
/// How long a second attempt waits for the tokens of everybody.
constexpr std::uint64_t token_patience_us = 200'000;
/// After the second attempt and later ones, times how many there were. Correct replicas' clocks
/// differ, so that for a moment new tokens may be older than those of an earlier join.
constexpr std::uint64_t pause_us = 50'000;

/// The tokens were no good: one of them came from a liar, or they took too long to be ordered.
bool blames_tokens(const wire::ErrorReply& error) {
  const std::string& code = error.code.text;
  return error.procedure.text.empty() &&
         (code == "token_expired" || code == "bad_token" || code == "stale_join");
}

}  // namespace

Ticket Session::join(Time now, const crypto::Signer& credential, std::string name, Prover prover,
                     Time deadline, Effects& out) {
  ENSURE(!joining_ && session_.value == 0);
  const Ticket ticket = next_ticket();
  if (name.size() > limits::identification_bytes_max) {
    Completion completion;
    completion.verdict = Verdict::refused;
    completion.code = "too_large";
    completion.message = "the name exceeds its limit";
    out.push_back(Completed{ticket, std::move(completion)});
    return ticket;
  }
  joining_.emplace(Joining{credential, std::move(name), std::move(prover)});
  join_question_.emplace(Question{});
  join_question_->ticket = ticket;
  join_question_->deadline = deadline;
  begin_join(now, out);
  return ticket;
}

void Session::attach(SessionId session, const crypto::Signer& key, std::uint64_t number) {
  ENSURE(!joining_ && session_.value == 0);
  session_ = session;
  signer_ = key;
  last_number_ = number;
}

void Session::begin_join(Time now, Effects& out) {
  Joining& joining = *joining_;
  ++joining.attempts;
  joining.ordering = false;
  joining.tokens.clear();
  joining.patience = never;
  joining.again = never;
  joining.begin = {};
  joining.begin.session_key = signer_.public_key();
  joining.begin.nonce = draw<16>(entropy_);
  auto& who = joining.begin.identification;
  who.kind = {joining.prover.prove ? joining.prover.kind : "key"};
  who.name = {joining.name};
  who.credential = joining.credential.public_key();
  who.signature =
      joining.credential.sign(wire::credential_signed_bytes(cluster_->cluster, joining.begin));
  joining.digest = wire::join_digest(joining.begin);

  Question& question = *join_question_;
  question.message = joining.begin;
  if (joining.prover.prove)
    question.message = wire::Identify{joining.begin, joining.prover.prove(joining.begin)};
  question.digest = joining.digest;
  question.round = 0;
  question.refusals.clear();
  question.tally.forget();
  transmit(now, question, out);
}

void Session::on_token(Time now, ReplicaId from, const wire::JoinTokenReply& said, Effects& out) {
  if (!joining_ || joining_->ordering || said.join != joining_->digest || joining_->prover.prove)
    return;
  const wire::JoinToken& token = said.token;
  take_token(
      now, from, token,
      wire::join_token_signed_bytes(cluster_->cluster, said.join, token.address, token.expires), {},
      out);
}

void Session::on_token(Time now, ReplicaId from, const wire::IdentityTokenReply& said,
                       Effects& out) {
  if (!joining_ || joining_->ordering || said.join != joining_->digest || !joining_->prover.prove)
    return;
  const wire::JoinToken& token = said.token;
  take_token(now, from, token,
             wire::identity_token_signed_bytes(cluster_->cluster, said.join, said.identity,
                                               token.address, token.expires),
             wire::encode(said.identity), out);
}

void Session::take_token(Time now, ReplicaId from, const wire::JoinToken& token,
                         ByteView signed_bytes, Bytes about, Effects& out) {
  if (token.replica != from ||
      !crypto::verify(cluster_->key(from), signed_bytes, token.signature)) {
    out.push_back(Note{"replica " + std::to_string(from.value) +
                       " gives a token that is not its own -> ignored"});
    ++peers_[from.value].standing.differed;
    return;
  }
  // One of each replica: who says now this, now that counts for what it said last.
  joining_->forget_token(from);
  joining_->tokens[std::move(about)].insert_or_assign(from, token);
  weigh_tokens(now, out);
}

void Session::weigh_tokens(Time now, Effects& out) {
  Joining& joining = *joining_;
  if (joining.ordering) return;
  std::size_t heard = 0;
  const auto enough = [&](const auto& entry) {
    return entry.second.size() >= cluster_->weak_quorum();
  };
  for (const auto& [what, tokens] : joining.tokens) heard += tokens.size();
  if (std::ranges::none_of(joining.tokens, enough)) return;
  if (joining.attempts > 1 && heard < ready().size()) {
    if (joining.patience == never) joining.patience = now + token_patience_us;
    if (now < joining.patience) return;
  }
  joining.patience = never;
  order_join(now, out);
}

void Session::order_join(Time now, Effects& out) {
  Joining& joining = *joining_;
  joining.ordering = true;
  // weak_quorum() of them cost the group the least. If those were refused, all: what counts is then
  // not earlier than the tokens of the correct ones among them say.
  const auto most = std::ranges::max_element(joining.tokens, {},
                                             [](const auto& entry) { return entry.second.size(); });
  std::vector<wire::JoinToken> tokens;
  for (const auto& [replica, token] : most->second) {
    if (joining.attempts == 1 && tokens.size() == cluster_->weak_quorum()) break;
    tokens.push_back(token);
  }
  wire::Operation operation = wire::Join{joining.begin, {tokens}};
  if (joining.prover.prove)
    operation = wire::IdentifiedJoin{
        joining.begin, wire::decode<wire::Identity>(most->first).value(), {tokens}};

  Question& question = *join_question_;
  question.number = RequestNumber{joining.attempts};
  wire::ClientRequest request;
  request.body = {SessionId{}, question.number, signer_.public_key(), {wire::encode(operation)}};
  question.digest = wire::request_digest(request.body);
  question.message = wire::SubmitRequest{std::move(request), std::nullopt};
  sign(question);
  question.round = 0;
  question.refusals.clear();
  question.tally.forget();
  question.whole_asked = false;
  question.linger = never;
  transmit(now, question, out);
}

void Session::take_join(Time now, const wire::Reply& reply, const Agreement& agreement,
                        Effects& out) {
  const auto* error = std::get_if<wire::ErrorReply>(&reply.outcome);
  if (error != nullptr && blames_tokens(*error) && joining_->attempts < join_attempts_max) {
    out.push_back(
        Note{"the join was refused for its tokens (" + error->code.text + ") -> ask for new ones"});
    if (joining_->attempts == 1) return begin_join(now, out);
    joining_->again = now + pause_us * joining_->attempts;
    join_question_->resend = never;
    return;
  }
  // One that fails may be executed twice, with two numbers: then both answers are right.
  if (error == nullptr) judge(agreement, "the join", out);
  latency_us_ = smoothed(latency_us_, now - join_question_->asked);
  Completion completion;
  completion.verdict = Verdict::answered;
  completion.sent = true;
  completion.outcome = reply.outcome;
  completion.seq = reply.seq;
  completion.agreed = reply.agreed;
  completion.agreement = agreement;
  const auto* joined = std::get_if<wire::JoinedReply>(&reply.outcome);
  if (joined != nullptr) {
    session_ = joined->session;
    principal_ = joined->principal.text;
    role_ = joined->role.text;
    bundling_.next = now;
  }
  complete(*join_question_, std::move(completion), out);
  if (joined == nullptr) {
    const bool told = error != nullptr;
    return fail_join(told ? error->code.text : "protocol",
                     told ? error->message.text : "the join was answered with something else", out);
  }
  joining_.reset();
  join_question_.reset();
  fill_window();
}

void Session::fail_join(const std::string& code, const std::string& message, Effects& out) {
  joining_.reset();
  join_question_.reset();
  refuse_queue(code, message, out);
}

}  // namespace prytany::client
