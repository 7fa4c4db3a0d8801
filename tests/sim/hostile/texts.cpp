// Attacks with texts: what no honest client writes, and too much of what any may write.
#include <array>
#include <utility>

#include "server/wire/client_json.h"
#include "tests/sim/hostile/stranger.h"

namespace prytany::sim {

namespace {

std::string repeated(std::string_view what, std::size_t times) {
  std::string text;
  text.reserve(what.size() * times);
  for (std::size_t i = 0; i < times; ++i) text += what;
  return text;
}

/// In a request that is right but for this.
std::string request_with(std::string_view session, std::string_view number, std::string_view rest) {
  return R"({"type":"request","session":)" + std::string(session) + R"(,"number":)" +
         std::string(number) + R"(,"signer":")" + repeated("ab", 32) + R"(")" + std::string(rest) +
         "}";
}

std::string odd_text(Rng& rng) {
  const std::string leaves = R"(,"operation":{"type":"leave"})";
  const std::string execute = R"(,"operation":{"type":"execute","read_only":false,"statements":[)";
  const auto value = [&](const char* json) {
    return request_with(
        R"("1")", R"("1")",
        execute + R"({"sql":"SELECT ?1","positional":[)" + json + R"(],"named":[]}]})");
  };
  switch (rng.below(25)) {
    case 0: return "";
    case 1: return "{";
    case 2: return repeated("[", rng.between(15, 200'000));
    case 3: return repeated(R"({"a":)", rng.between(15, 50'000)) + "1" + repeated("}", 15);
    case 4: return R"({"type":"request","session":"\ud800"})";
    case 5: return "{\"type\":\"status\",\"id\":\"\xC3\x28\"}";
    case 6: return std::string("{\"type\":\"sta\0tus\"}", 18);
    case 7: return R"({"type":"status","id":"1","id":"2"})";
    case 8: return R"({"type":"status","type":"hello","id":"1"})";
    case 9: return request_with("1e400", R"("1")", leaves);
    case 10: return request_with(R"("9007199254740993")", "9007199254740993", leaves);
    case 11: return request_with(R"("-1")", R"("1")", leaves);
    case 12: return request_with(R"("1")", R"("18446744073709551616")", leaves);
    case 13: return request_with(R"("01")", R"("+1")", leaves);
    case 14: return value(R"({"type":"float","value":NaN})");
    case 15: return value(R"({"type":"float","value":1e999})");
    case 16: return value(R"({"type":"integer","value":"-0"})");
    case 17: return value(R"({"type":"blob","base64":"AAA"})");
    case 18: return R"({"type":"status","id":"1"} {"type":"status","id":"2"})";
    case 19:
      return "\xEF\xBB\xBF"
             R"({"type":"status","id":"1"})";
    case 20: return R"({"type":"request","operation":)" + repeated("[[]],", 1'000) + "]}";
    case 21: return R"({"type":"read","id":"1","procedure":")" + std::string(70'000, 'p') + "\"}";
    case 22: {
      std::string bytes(rng.between(1, 400), '\0');
      for (char& c : bytes) c = static_cast<char>(rng.below(256));
      return bytes;
    }
    case 23:
      if (!rng.chance(150'000)) return std::string(rng.between(1, 5'000), '{');
      // As long as a text may be, or one byte longer.
      return R"({"type":"status","id":")" +
             std::string(limits::json_bytes_max - 25 + rng.below(2), '1') + "\"}";
    default: return "null";
  }
}

/// What replicas say to clients, and to each other.
std::string replica_words(Rng& rng, SessionId session) {
  wire::Reply reply;
  reply.session = session;
  reply.number = RequestNumber{rng.below(10)};
  reply.outcome = wire::DoneReply{};
  const std::array<wire::ToClient, 6> words{reply,
                                            wire::ReplyDigest{session, RequestNumber{1}, {}, {}},
                                            wire::SessionEnded{session, {"left"}},
                                            wire::StatusReply{},
                                            wire::Refused{{}, {"unknown_session"}, {"no"}},
                                            wire::JoinTokenReply{}};
  if (rng.chance(300'000)) {
    static constexpr std::array names{"pre-prepare", "prepare",    "commit",   "checkpoint",
                                      "view-change", "new-view",   "status",   "fetch-part",
                                      "state-part",  "votes-seen", "verified", "committed"};
    return R"({"type":")" + std::string(names[rng.below(names.size())]) +
           R"(","view":"0","seq":"1","digest":")" + repeated("00", 32) + R"("})";
  }
  return wire::to_json(wire::TaggedToClient{words[rng.below(words.size())], crypto::Tag16{}});
}

}  // namespace

void Stranger::half_texts() {
  const node::ConnectionId line = target(Attack::half_texts);
  const std::string whole = text_of(next(), session_->key, Proof::right, line);
  const std::size_t at = rng_.below(whole.size());
  switch (rng_.below(4)) {
    case 0: return all_.say(line, {whole.substr(0, at)});
    case 1: return all_.say(line, {whole.substr(0, at), whole.substr(at)});
    case 2: return all_.say(line, {whole + whole});
    default: {
      std::string other = whole;
      other[at] = static_cast<char>(rng_.below(256));
      return all_.say(line, {other});
    }
  }
}

void Stranger::odd_texts() {
  const node::ConnectionId line = target(Attack::odd_texts);
  std::vector<std::string> texts;
  for (std::uint64_t i = rng_.between(1, 3); i > 0; --i) texts.push_back(odd_text(rng_));
  all_.say(line, std::move(texts));
}

void Stranger::replica_talk() {
  const node::ConnectionId line = target(Attack::replica_talk);
  const SessionId session = in() && rng_.chance(500'000) ? session_->id : SessionId{rng_.below(9)};
  all_.say(line, {replica_words(rng_, session), replica_words(rng_, session)});
}

/// Each costs a check, unless something cheaper refuses it first.
void Stranger::bad_signatures() {
  const node::ConnectionId line = target(Attack::bad_signatures);
  const crypto::Signer key = some_key();
  std::vector<std::string> texts;
  for (std::uint64_t i = rng_.between(20, 80); i > 0; --i) {
    const bool own = in() && rng_.chance(500'000);
    const crypto::Signer& signer = own ? session_->key : key;
    wire::RequestBody body{own ? session_->id : SessionId{},
                           RequestNumber{own ? session_->next + i : i},
                           signer.public_key(),
                           {wire::encode(workload_.next())}};
    texts.push_back(text_of(body, signer, Proof::wrong, line));
  }
  all_.say(line, std::move(texts));
}

void Stranger::questions() {
  const node::ConnectionId line = target(Attack::questions);
  std::vector<std::string> texts;
  for (std::uint64_t i = rng_.between(50, 200); i > 0; --i) {
    switch (rng_.below(6)) {
      case 0: texts.push_back(wire::to_json(wire::FromClient{wire::StatusRequest{i}})); break;
      case 1:
        texts.push_back(wire::to_json(
            wire::FromClient{wire::ConfigurationsRequest{ConfigNumber{rng_.below(2)}}}));
        break;
      default:
        texts.push_back(wire::to_json(wire::FromClient{wire::PublicRead{i, {{"statement"}, {}}}}));
        break;
    }
  }
  all_.say(line, std::move(texts));
}

}  // namespace prytany::sim
