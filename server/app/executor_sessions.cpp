// Joining and leaving: ordered operations on the table of sessions, each in its own transaction.
#include "server/app/executor_impl.h"
#include "server/app/join.h"
#include "server/app/runner.h"
#include "server/base/utf8.h"
#include "server/wire/codec.h"

namespace prytany::app {
namespace {

// Whom a join may drop from a full table, and among how many it looks for them.
constexpr std::size_t dropped_per_join_max = 64;
constexpr std::size_t visited_per_join_max = 1024;

/// Of sessions that the application gives an end. Those that ask something are told at once, all
/// others within as many batches as it takes.
constexpr std::size_t overdue_per_batch_max = 16;

}  // namespace

Result<Authorized, wire::ErrorReply> Executor::Impl::ask_application(const Turn& turn,
                                                                     const JoinView& join) {
  const wire::Identification& who = join.begin.identification;
  const wire::Identity* identity = join.identity;
  if (application_ == nullptr)
    return identity == nullptr ? installed_->authorize(engine_, who)
                               : installed_->authorize(engine_, who, *identity);
  const Context asked = context(turn, nullptr);
  return identity == nullptr
             ? application_->authorize(engine_.handle(), who, asked)
             : application_->authorize_identity(engine_.handle(), *identity, who, asked);
}

Result<Authorized, wire::ErrorReply> Executor::Impl::authorize(const Turn& turn,
                                                               const JoinView& join) {
  const wire::Identification& who = join.begin.identification;
  if (join.identity == nullptr) {
    auto administrator = authorize_administrator(config_, who);
    if (!administrator) return error_reply(administrator.error());
    if (*administrator) return **administrator;
  }
  if (application_ == nullptr && installed_ == nullptr)
    return error_reply({"not_authorized", "no application is installed that could know you"});
  const AccessScope scope(engine_.state(), Access::application);
  auto authorized = ask_application(turn, join);
  engine_.quiet();
  if (!authorized) return authorized.error();
  const auto fits = [](const std::string& text) {
    return !text.empty() && text.size() <= limits::name_bytes_max && is_utf8(text);
  };
  if (!fits(authorized->principal) || !fits(authorized->role) || authorized->role == "admin" ||
      authorized->principal.starts_with("admin:"))
    return error_reply({"bad_authorization",
                        "the application answered with a principal or a role that cannot be used"});
  return authorized;
}

/// As if they had joined before anything else. What a join is answered with names the request; here
/// there was none, so a digest stands in its place that no request has.
void Executor::Impl::begin_static_sessions() {
  if (!is_static()) return;
  engine_.limit_pages(false);
  sessions_.load();
  for (const StaticSession& one : config_.static_sessions) {
    ENSURE(!sessions_.full());
    wire::Reply reply;
    reply.request = crypto::sha256("prytany static session", one.key.bytes);
    reply.outcome = wire::JoinedReply{sessions_.next_id(), {one.principal}, {one.role}, {}};
    Session session;
    session.key = one.key;
    session.principal = one.principal;
    session.role = one.role;
    session.join = {reply.number, 0, reply.request, wire::encode(reply)};
    sessions_.add(std::move(session));
  }
  engine_.limit_pages(true);
}

/// A client of genesis that begins anew knows nothing of the numbers that it used, so it begins at
/// the time it has (Castro & Liskov TOCS 2002 section 4.1: timestamps): what it has not used yet
/// may be as high as it likes.
std::optional<Failure> Executor::Impl::refuse_number(const Session& session,
                                                     RequestNumber number) const {
  if (is_static() && number.value > session.highest) return std::nullopt;
  return Sessions::refuse_number(session, number);
}

std::optional<wire::ErrorReply> Executor::Impl::make_room(Turn& turn, std::string_view role) {
  if (!sessions_.full()) return std::nullopt;
  if (sessions_.full_of_endings()) sessions_.forget_expired(turn.agreed);
  if (config_.session_idle_us > 0 && sessions_.full())
    for (const SessionId idle : sessions_.idle(turn.agreed, config_.session_idle_us,
                                               dropped_per_join_max, visited_per_join_max))
      end(turn, idle, "expired");
  // Who could mend a full table must not be kept out by it: the quietest one gives way.
  if (role == "admin" && sessions_.full() && !sessions_.full_of_endings()) {
    const auto quiet = sessions_.idle(turn.agreed, -1, visited_per_join_max, visited_per_join_max);
    const auto gives_way = std::ranges::find_if(
        quiet, [&](SessionId each) { return sessions_.find(each)->role != "admin"; });
    if (gives_way != quiet.end()) end(turn, *gives_way, "expired");
  }
  if (!sessions_.full()) return std::nullopt;
  return error_reply({"session_table_full", "there is no room for another session; try later"});
}

void Executor::Impl::end(Turn& turn, SessionId session, const char* reason) {
  sessions_.remove(session, turn.agreed);
  turn.out->endings.push_back({session, reason});
}

void Executor::Impl::end_now(Turn& turn, const std::vector<SessionId>& sessions,
                             const char* reason) {
  Transaction transaction(engine_);
  engine_.limit_pages(false);
  for (const SessionId session : sessions) end(turn, session, reason);
  const auto failure = transaction.commit();
  engine_.limit_pages(true);
  ENSURE(!failure);
}

void Executor::Impl::expire(Turn& turn, const std::vector<SessionId>& sessions) {
  begin_request(engine_, turn, nullptr);
  const vfs::AgreedScope scope(source_);
  end_now(turn, sessions, "expired");
}

bool Executor::Impl::is_overdue(const Session& session, AgreedTime now) const {
  if (is_static() || installed_ == nullptr || installed_->session_idle_us() == 0) return false;
  return now.value - session.active.value > installed_->session_idle_us();
}

void Executor::Impl::end_overdue(Turn& turn) {
  if (is_static() || installed_ == nullptr || installed_->session_idle_us() == 0) return;
  const auto overdue = sessions_.idle(turn.agreed, installed_->session_idle_us(),
                                      overdue_per_batch_max, overdue_per_batch_max);
  if (!overdue.empty()) expire(turn, overdue);
}

std::optional<Failure> Executor::Impl::commit(Turn& turn, Transaction& transaction) {
  std::vector<SessionId> ended;
  if (!engine_.state().ended.empty()) ended = sessions_.without_row(engine_.state().ended);
  const std::vector<Notice>& notices = engine_.state().notices;
  if (!notices.empty()) {
    engine_.limit_pages(false);
    changes_.write(notices, turn.seq, turn.agreed, changes_kept());
    engine_.limit_pages(true);
  }
  if (auto failure = transaction.commit()) {
    changes_.forget();
    return failure;
  }
  changes_.settle(turn.out->changes);
  for (const SessionId session : ended) {
    sessions_.forget(session, turn.agreed);
    turn.out->endings.push_back({session, "ended"});
  }
  return std::nullopt;
}

wire::Reply Executor::Impl::join(Turn& turn, const wire::RequestBody& body) {
  // The same join again (its reply was lost): the same answer, as long as the session lives.
  if (const StoredReply* stored = sessions_.stored_join(turn.request))
    return wire::decode<wire::Reply>(stored->reply).value();
  wire::Reply reply{body.session, body.number, turn.request, turn.seq, turn.agreed, {}};
  if (is_static()) {
    reply.outcome = error_reply({"static_clients", "this cluster's clients are those of genesis"});
    return reply;
  }
  auto operation = wire::decode<wire::Operation>(body.operation.view());
  const auto join = operation ? join_of(*operation) : std::nullopt;
  if (!join) {
    reply.outcome = error_reply({"unknown_session", "only a join is sent without a session"});
    return reply;
  }
  begin_request(engine_, turn, nullptr);
  const vfs::AgreedScope scope(source_);
  reply.outcome = try_join(turn, body, *join, reply);
  return reply;
}

wire::Outcome Executor::Impl::try_join(Turn& turn, const wire::RequestBody& body,
                                       const JoinView& join, wire::Reply& reply) {
  const auto expires =
      check_join(config_, configurations_.governing(turn.seq).keys.items, body, join, turn.agreed);
  if (!expires) return error_reply(expires.error());
  Transaction transaction(engine_);
  auto who = authorize(turn, join);
  if (!who) return who.error();
  // The tokens of a principal's joins expire in the order of the joins; an older one is a replay,
  // or lost a race.
  const auto last = sessions_.last_join_expires(who->principal);
  if (last && *expires <= *last)
    return error_reply(
        {"stale_join", "a newer join of this principal was executed; ask for new tokens"});
  const Session* same_key = sessions_.find_key(join.begin.session_key);
  if (same_key != nullptr && same_key->principal != who->principal)
    return error_reply({"session_key_in_use", "another principal joined with this session key"});

  // From here on the tables change; only a full table refuses, and then the idle are gone all the
  // same.
  engine_.limit_pages(false);
  wire::JoinedReply joined;
  if (const Session* older = sessions_.find_principal(who->principal)) {
    joined.replaced = older->id;
    end(turn, older->id, "replaced");
  }
  wire::Outcome outcome;
  if (auto refused = make_room(turn, who->role)) {
    outcome = *refused;
  } else {
    joined.session = sessions_.next_id();
    joined.principal.text = who->principal;
    joined.role.text = who->role;
    outcome = reply.outcome = joined;
    Session session;
    session.key = join.begin.session_key;
    session.principal = std::move(who->principal);
    session.role = std::move(who->role);
    session.joined = turn.agreed;
    session.join_expires = *expires;
    session.join = {reply.number, 0, turn.request, wire::encode(reply)};
    sessions_.add(std::move(session));
  }
  const auto failure = transaction.commit();
  engine_.limit_pages(true);
  ENSURE(!failure);
  return outcome;
}

}  // namespace prytany::app
