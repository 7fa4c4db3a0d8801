#include "tests/vectors/tree.h"

namespace prytany::vectors {

using namespace wire;

namespace {

using Names = std::vector<const char*>;

/// The members' names, in the order of fields().
template <class T>
Names names_of();

template <>
Names names_of<RequestBody>() {
  return {"session", "number", "signer", "operation"};
}
template <>
Names names_of<RequestSignature>() {
  return {"signature", "branch", "place"};
}
template <>
Names names_of<RequestProof>() {
  return {"signature"};
}
template <>
Names names_of<ClientRequest>() {
  return {"body", "proof"};
}
template <>
Names names_of<Agreed>() {
  return {"time", "choice"};
}
template <>
Names names_of<Batch>() {
  return {"requests"};
}
template <>
Names names_of<PrePrepare>() {
  return {"view", "seq", "batch", "agreed"};
}
template <>
Names names_of<Prepare>() {
  return {"view", "seq", "digest"};
}
template <>
Names names_of<Commit>() {
  return {"view", "seq", "digest"};
}
template <>
Names names_of<Committed>() {
  return {"seq", "digest"};
}
template <>
Names names_of<Forward>() {
  return {"request"};
}
template <>
Names names_of<PrePrepareDigests>() {
  return {"view", "seq", "requests", "agreed"};
}
template <>
Names names_of<Signed<Prepare>>() {
  return {"message", "signature"};
}
template <>
Names names_of<Signed<Commit>>() {
  return {"message", "signature"};
}
template <>
Names names_of<Verified>() {
  return {"requests"};
}
template <>
Names names_of<Checkpoint>() {
  return {"seq", "state", "configuration"};
}
template <>
Names names_of<Signed<Checkpoint>>() {
  return {"message", "signature"};
}
template <>
Names names_of<Signed<ViewChange>>() {
  return {"message", "signature"};
}
template <>
Names names_of<Signed<NewView>>() {
  return {"message", "signature"};
}
template <>
Names names_of<SignerAndSignature>() {
  return {"signer", "signature"};
}
template <>
Names names_of<CheckpointProof>() {
  return {"checkpoint", "signatures"};
}
template <>
Names names_of<SlotStatus>() {
  return {"seq", "pre_prepared", "prepared", "committed"};
}
template <>
Names names_of<Status>() {
  return {"view", "entered", "stable", "executed", "slots"};
}
template <>
Names names_of<FetchBatch>() {
  return {"seq", "digest"};
}
template <>
Names names_of<BatchBody>() {
  return {"seq", "batch", "agreed"};
}
template <>
Names names_of<PreparedEntry>() {
  return {"seq", "digest", "view"};
}
template <>
Names names_of<ViewChange>() {
  return {"view", "stable", "prepared", "pre_prepared"};
}
template <>
Names names_of<SignedViewChange>() {
  return {"sender", "content"};
}
template <>
Names names_of<Choice>() {
  return {"seq", "digest"};
}
template <>
Names names_of<NewView>() {
  return {"view", "view_changes", "start", "choices"};
}
template <>
Names names_of<FetchPart>() {
  return {"seq", "ask", "what"};
}
template <>
Names names_of<StatePart>() {
  return {"seq", "ask", "what"};
}
template <>
Names names_of<AskVotes>() {
  return {"above"};
}
template <>
Names names_of<Ping>() {
  return {"ask"};
}
template <>
Names names_of<Pong>() {
  return {"ask"};
}
template <>
Names names_of<SeenVote>() {
  return {"seq", "prepare", "commit"};
}
template <>
Names names_of<VotesSeen>() {
  return {"view", "prepared", "committed", "in", "votes"};
}
template <>
Names names_of<RootWish>() {
  return {};
}
template <>
Names names_of<NodesWish>() {
  return {"level", "indexes"};
}
template <>
Names names_of<PagesWish>() {
  return {"indexes"};
}
template <>
Names names_of<NotHeld>() {
  return {};
}
template <>
Names names_of<AskLater>() {
  return {};
}
template <>
Names names_of<TreeRoot>() {
  return {"page_count", "top"};
}
template <>
Names names_of<TreeNodes>() {
  return {"digests"};
}
template <>
Names names_of<StatePages>() {
  return {"bytes"};
}
template <>
Names names_of<ClientHello>() {
  return {"cluster", "key", "nonce"};
}
template <>
Names names_of<SpeakFor>() {
  return {"key", "signature"};
}
template <>
Names names_of<BundleRequest>() {
  return {"request", "tags"};
}
template <>
Names names_of<Gone>() {
  return {};
}
template <>
Names names_of<ServerHello>() {
  return {"replica", "key", "nonce", "configuration", "signature"};
}
template <>
Names names_of<ReplyDigest>() {
  return {"session", "number", "request", "reply"};
}
template <>
Names names_of<Refused>() {
  return {"request", "code", "message"};
}
template <>
Names names_of<SessionEnded>() {
  return {"session", "reason"};
}
template <>
Names names_of<Voice>() {
  return {"message", "tag"};
}
template <>
Names names_of<Relayed>() {
  return {"connection", "message"};
}
template <>
Names names_of<Relay>() {
  return {"items"};
}
template <>
Names names_of<RelayedVoice>() {
  return {"connection", "voice"};
}
template <>
Names names_of<RelayBack>() {
  return {"items"};
}
template <>
Names names_of<LinkHello>() {
  return {"version", "cluster", "config", "from", "to", "key", "nonce", "engine"};
}

template <class T>
Json tree(const T& value);

template <class T>
struct Tree {
  static Json of(const T& message) {
    Json object = Json::object();
    const Names names = names_of<T>();
    std::size_t i = 0;
    std::apply([&](const auto&... field) { ((object[names.at(i++)] = tree(field)), ...); },
               T::fields(message));
    if (i != names.size()) throw std::logic_error("names without fields");
    return object;
  }
};

template <std::integral I>
struct Tree<I> {
  static Json of(I value) {
    if constexpr (sizeof(I) == 8) return std::to_string(value);
    return value;
  }
};

template <class Tag, class Rep>
struct Tree<Strong<Tag, Rep>> {
  static Json of(Strong<Tag, Rep> s) { return tree(s.value); }
};

template <std::size_t N>
struct Tree<std::array<std::uint8_t, N>> {
  static Json of(const std::array<std::uint8_t, N>& bytes) { return to_hex(bytes); }
};

template <class T>
  requires(requires(const T& t) { ByteView(t.bytes); } && !std::same_as<T, RequestSignature>)
struct Tree<T> {
  static Json of(const T& t) { return to_hex(t.bytes); }
};

template <std::size_t Max>
struct Tree<Text<Max>> {
  static Json of(const Text<Max>& t) { return t.text; }
};

template <class T>
Json tree_of_list(const T& list) {
  Json array = Json::array();
  for (const auto& item : list) array.push_back(tree(item));
  return array;
}
template <class T, std::size_t Max>
struct Tree<List<T, Max>> {
  static Json of(const List<T, Max>& list) { return tree_of_list(list); }
};
template <class T, std::size_t Max>
struct Tree<SharedList<T, Max>> {
  static Json of(const SharedList<T, Max>& list) { return tree_of_list(list); }
};

template <class T>
struct Tree<std::optional<T>> {
  static Json of(const std::optional<T>& value) { return value ? tree(*value) : Json(nullptr); }
};

// Alternatives within a message, by the names that docs/wire.md gives them.
const char* alternative(const RootWish&) { return "root"; }
const char* alternative(const NodesWish&) { return "nodes"; }
const char* alternative(const PagesWish&) { return "pages"; }
const char* alternative(const NotHeld&) { return "not_held"; }
const char* alternative(const AskLater&) { return "ask_later"; }
const char* alternative(const TreeRoot&) { return "root"; }
const char* alternative(const TreeNodes&) { return "nodes"; }
const char* alternative(const StatePages&) { return "pages"; }
const char* alternative(const ClientHello&) { return "hello"; }
const char* alternative(const SpeakFor&) { return "speak_for"; }
const char* alternative(const BundleRequest&) { return "bundle_request"; }
const char* alternative(const Gone&) { return "gone"; }
const char* alternative(const ServerHello&) { return "hello_ok"; }
const char* alternative(const ReplyDigest&) { return "reply_digest"; }
const char* alternative(const Refused&) { return "refused"; }
const char* alternative(const SessionEnded&) { return "session_ended"; }

template <class... Ts>
struct Tree<std::variant<Ts...>> {
  static Json of(const std::variant<Ts...>& value) {
    return std::visit(
        [](const auto& chosen) {
          Json object = {{"type", alternative(chosen)}};
          object.update(tree(chosen));
          return object;
        },
        value);
  }
};

template <class T>
Json tree(const T& value) {
  return Tree<T>::of(value);
}

}  // namespace

Json tree_of(const PeerMessage& message) {
  return std::visit([](const auto& alternative) { return tree(alternative); }, message);
}

Json tree_of(const LinkHello& hello) { return tree(hello); }

}  // namespace prytany::vectors
