#include "server/wire/codec.h"
#include "tests/vectors/vectors.h"

namespace prytany::vectors {

using namespace wire;

namespace {

/// Lines of hex with what they mean beside them.
class Annotated {
 public:
  template <class T>
  Annotated& field(const T& value, std::string_view meaning) {
    return bytes(encode(value), meaning);
  }
  Annotated& bytes(ByteView bytes, std::string_view meaning) {
    all_.insert(all_.end(), bytes.begin(), bytes.end());
    constexpr std::size_t width = 16;
    for (std::size_t i = 0; i < bytes.size(); i += width) {
      std::string line = to_hex(bytes.subspan(i, std::min(width, bytes.size() - i)));
      if (i == 0) {
        line.resize(2 * width + 2, ' ');
        line += meaning;
      }
      text_ += line + "\n";
    }
    return *this;
  }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] const Bytes& all() const { return all_; }

 private:
  std::string text_;
  Bytes all_;
};

Annotated operation_bytes(const Call& call) {
  Annotated lines;
  const Argument& argument = call.arguments.items.at(0);
  lines.field(std::uint8_t{2}, "operation: alternative 2, call")
      .field(call.procedure, "procedure: length 9, \"cast_vote\"")
      .field(std::uint32_t{1}, "arguments: one")
      .field(argument.name, "name: length 6, \"choice\"")
      .field(argument.value, "value: alternative 1, integer; 2");
  return lines;
}

std::string block(const std::string& title, const std::string& text) {
  return title + "\n\n```\n" + text + "```\n\n";
}

}  // namespace

std::string worked_example() {
  const Call call{{"cast_vote"}, {{{{"choice"}, std::int64_t{2}}}}};
  const ClientRequest request = request_of(call, SessionId{5}, RequestNumber{3});
  const RequestBody& body = request.body;
  const Annotated operation = operation_bytes(call);
  ENSURE(operation.all() == encode(Operation{call}));

  Annotated whole;
  whole.field(body.session, "session: 5")
      .field(body.number, "number: 3")
      .field(body.signer, "signer: the session's public key")
      .field(static_cast<std::uint32_t>(body.operation.bytes.size()), "operation: its length")
      .bytes(body.operation.bytes, "operation: as above");
  ENSURE(whole.all() == encode(body));

  const Digest digest = request_digest(body);
  const Bytes to_sign = request_signed_bytes(cluster(), digest);
  Annotated signed_part;
  signed_part.bytes(ByteView(to_sign).first(1), "length of the domain word: 22")
      .bytes(ByteView(to_sign).subspan(1, 22), "\"prytany signed request\"")
      .field(cluster(), "cluster")
      .field(digest, "the request's digest");
  ENSURE(signed_part.all() == to_sign);

  Annotated results;
  results.field(digest, "digest = SHA-256(0f \"prytany request\" body)");
  Annotated signature;
  signature.field(request.proof.signature->bytes, "signature");
  return block("The operation:", operation.text()) + block("The body:", whole.text()) +
         block("Its digest:", results.text()) + block("What is signed:", signed_part.text()) +
         block("The Ed25519 signature, by the session's key:", signature.text()) +
         block("And the message that carries it, in one line:",
               to_json(FromClient{SubmitRequest{request, std::nullopt}}) + "\n");
}

}  // namespace prytany::vectors
