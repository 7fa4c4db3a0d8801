#include "server/wire/client_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "server/wire/json_writer.h"
#include "tests/vectors/samples.h"

namespace prytany::wire {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string verdict(std::string_view text) {
  const auto message = from_client_json(text);
  return message.ok() ? "accepted" : message.error().text();
}

std::string reply_verdict(std::string_view text) {
  const auto message = to_client_json(text);
  return message.ok() ? "accepted" : message.error().text();
}

TaggedToClient tagged(const ToClient& message) {
  if (std::holds_alternative<ServerHello>(message)) return {message, std::nullopt};
  const crypto::Mac mac(vectors::counting(7));
  return {message, mac.tag(tagged_bytes(vectors::cluster(), ReplicaId{2}, message))};
}

TEST(ClientJson, every_client_message_comes_back_exactly) {
  for (const auto& [name, message] : vectors::from_client()) {
    const auto back = from_client_json(to_json(message));
    ASSERT_TRUE(back.ok()) << name << ": " << back.error().text();
    EXPECT_EQ(encode(*back), encode(message)) << name;
    EXPECT_EQ(to_json(*back), to_json(message)) << name;
  }
}

TEST(ClientJson, every_message_to_a_client_comes_back_exactly_with_its_tag) {
  for (const auto& [name, message] : vectors::to_client()) {
    const TaggedToClient whole = tagged(message);
    const auto back = to_client_json(to_json(whole));
    ASSERT_TRUE(back.ok()) << name << ": " << back.error().text();
    EXPECT_EQ(encode(back->message), encode(message)) << name;
    EXPECT_EQ(back->tag, whole.tag) << name;
  }
}

TEST(ClientJson, a_request_keeps_its_signature_across_json) {
  for (const auto& [name, request] : vectors::requests()) {
    const auto back = from_client_json(to_json(FromClient{SubmitRequest{request, std::nullopt}}));
    ASSERT_TRUE(back.ok());
    EXPECT_TRUE(verify_request(vectors::cluster(), std::get<SubmitRequest>(*back).request)) << name;
  }
}

TEST(ClientJson, looks_as_documented) {
  EXPECT_EQ(to_json(FromClient{StatusRequest{7}}), R"({"type":"status","id":"7"})");
  const Call call{{"cast"}, {{{{"choice"}, std::int64_t{2}}, {{"note"}, TextValue{"a\"\n"}}}}};
  EXPECT_EQ(to_json(FromClient{PublicRead{1, call}}),
            R"({"type":"read","id":"1","procedure":"cast","arguments":[)"
            R"({"name":"choice","value":{"type":"integer","value":"2"}},)"
            R"({"name":"note","value":{"type":"text","value":"a\"\u000a"}}]})");
  const TaggedToClient ended{SessionEnded{SessionId{3}, {"replaced"}}, crypto::Tag16{}};
  EXPECT_EQ(to_json(ended), R"({"type":"session_ended","session":"3","reason":"replaced",)"
                            R"("tag":"00000000000000000000000000000000"})");
}

/// A read whose one argument is `value`, as JSON text.
std::string with_value(std::string_view value) {
  return R"({"type":"read","id":"1","procedure":"p","arguments":[{"name":"a","value":)" +
         std::string(value) + "}]}";
}
std::optional<Value> value_from(std::string_view value) {
  const auto message = from_client_json(with_value(value));
  if (!message) return std::nullopt;
  return std::get<PublicRead>(*message).call.arguments.items.at(0).value;
}

TEST(ClientJson, reads_numbers_as_javascript_writes_them) {
  EXPECT_EQ(value_from(R"({"type":"float","value":1})"), Value{1.0});
  EXPECT_EQ(value_from(R"({"type":"float","value":-3})"), Value{-3.0});
  EXPECT_EQ(value_from(R"({"type":"float","value":1e+21})"), Value{1e21});
  EXPECT_EQ(value_from(R"({"type":"float","value":1152921504606847000})"),
            Value{1152921504606846976.0});
  EXPECT_EQ(value_from(R"({"type":"float","value":123456789012345680000})"),
            Value{123456789012345680000.0});
  EXPECT_EQ(value_from(
                R"({"x":"\\\"11111111111111111111","type":"float","value":-18446744073709551616})"),
            Value{-18446744073709551616.0});
  EXPECT_EQ(
      value_from(R"({"type":"text","value":"11111111111111111111","x":99999999999999999999})"),
      (Value{TextValue{"11111111111111111111"}}));
  EXPECT_EQ(encode(*value_from(R"({"type":"float","value":-0.0})")), encode(Value{-0.0}));
  EXPECT_EQ(value_from(R"({"type":"float","value":"-Infinity"})"),
            Value{-std::numeric_limits<double>::infinity()});
}

TEST(ClientJson, refuses_numbers_out_of_range_and_in_other_forms) {
  for (const std::string_view bad : {R"({"type":"float","value":1e400})",
                                     R"({"type":"float","value":"NaN"})",
                                     R"({"type":"float","value":"1.5"})",
                                     R"({"type":"float","value":NaN})",
                                     R"({"type":"float","value":null})",
                                     R"({"type":"integer","value":1})",
                                     R"({"type":"integer","value":"1.0"})",
                                     R"({"type":"integer","value":"01"})",
                                     R"({"type":"integer","value":"+1"})",
                                     R"({"type":"integer","value":"-0"})",
                                     R"({"type":"integer","value":" 1"})",
                                     R"({"type":"integer","value":""})",
                                     R"({"type":"integer","value":"9223372036854775808"})",
                                     R"({"type":"integer","value":"-9223372036854775809"})",
                                     R"({"type":"integer","value":"0x10"})",
                                     R"({"type":"integer","value":true})",
                                     R"({"type":"blob","base64":"Zg"})",
                                     R"({"type":"blob","base64":"Zh=="})",
                                     R"({"type":"blob","base64":7})",
                                     R"({"type":"blob"})",
                                     R"({"type":"text"})",
                                     R"({"type":"text","value":5})",
                                     R"({"type":"text","value":{"hex":"00"}})",
                                     R"({"type":"text","value":["a"]})",
                                     R"({"type":"boolean","value":true})",
                                     R"({"type":4})",
                                     R"({})",
                                     R"([])",
                                     R"("a")",
                                     "1",
                                     "true"})
    EXPECT_EQ(value_from(bad), std::nullopt) << bad;
}

TEST(ClientJson, a_nan_is_written_so_that_every_reader_refuses_it) {
  const FromClient message{
      PublicRead{1, {{"p"}, {{{{"a"}, std::numeric_limits<double>::quiet_NaN()}}}}}};
  EXPECT_EQ(verdict(to_json(message)), "value: not a number");
}

TEST(ClientJson, text_that_is_not_utf8_travels_as_base64_everywhere) {
  const ErrorReply error{{"\xff"}, {"\xc3"}, {"\xed\xa0\x80"}, 1};
  const Reply reply{SessionId{1}, RequestNumber{1}, {}, Seq{1}, AgreedTime{1}, error};
  const auto back = to_client_json(to_json(TaggedToClient{reply, std::nullopt}));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->message, ToClient{reply});
}

// ---- hostile texts
// -------------------------------------------------------------------------------

TEST(ClientJson, refuses_what_is_not_one_json_object_of_a_known_type) {
  for (const std::string_view bad : {"",
                                     " ",
                                     "{",
                                     "}",
                                     "[",
                                     "nul",
                                     "{\"type\":\"status\",\"id\":\"1\"",
                                     "{'type':'status'}",
                                     "{\"type\":\"status\",\"id\":\"1\"}x",
                                     "{\"type\":\"status\",\"id\":\"1\"}{}",
                                     "{\"type\":\"status\",\"id\":\"1\",}",
                                     "{type:\"status\"}",
                                     "\x00",
                                     "\xff\xfe{\x00}",
                                     "{\"type\":\"status\",\"id\":\"\xff\"}",
                                     "{\"type\":\"status\",\"id\":\"\xc0\x80\"}",
                                     "{\"type\":\"status\",\"id\":\"\\ud800\"}",
                                     "{\"type\":\"status\",\"id\":\"\\udc00x\"}",
                                     "{\"type\":\"status\",\"id\":\"a\nb\"}",
                                     "// comment\n{}",
                                     "{\"a\":1e400}",
                                     "\xEF\xBB\xBF{}",
                                     "[1e400]"})
    EXPECT_EQ(verdict(bad), "not JSON") << bad;
  for (const std::string_view bad : {"null", "1", "\"status\"", "[]", "true"})
    EXPECT_EQ(verdict(bad), "type: not in an object") << bad;
  EXPECT_EQ(verdict("{}"), "type: missing");
  EXPECT_EQ(verdict(R"({"type":null})"), "type: not a string");
  EXPECT_EQ(verdict(R"({"type":"hello_ok"})"), "type: not a type of message");
  EXPECT_EQ(reply_verdict(R"({"type":"hello"})"), "type: not a type of message");
}

TEST(ClientJson, refuses_duplicate_keys_at_every_level_even_of_unknown_names) {
  EXPECT_EQ(verdict(R"({"type":"status","id":"1","id":"1"})"), "duplicate key");
  EXPECT_EQ(verdict(R"({"type":"status","id":"1","type":"hello"})"), "duplicate key");
  EXPECT_EQ(verdict(R"({"type":"status","id":"1","x":{"a":1,"\u0061":2}})"), "duplicate key");
  EXPECT_EQ(verdict(R"({"type":"status","id":"1","x":[{"a":1},{"a":2}]})"), "accepted");
}

TEST(ClientJson, ignores_unknown_keys) {
  EXPECT_EQ(verdict(R"({"extra":[1,2,{"deep":null}],"type":"status","id":"1"})"), "accepted");
}

TEST(ClientJson, refuses_what_is_too_deep_before_building_it) {
  const auto nested = [](std::size_t depth) {
    return R"({"type":"status","id":"1","x":)" + std::string(depth, '[') + std::string(depth, ']') +
           "}";
  };
  EXPECT_EQ(verdict(nested(limits::json_depth_max - 1)), "accepted");
  EXPECT_EQ(verdict(nested(limits::json_depth_max)), "deeper than allowed");
  EXPECT_EQ(verdict(nested(500'000)), "deeper than allowed");
  EXPECT_EQ(verdict(std::string(1'000'000, '[')), "not JSON");
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  objects += "1" + std::string(100'000, '}');
  EXPECT_EQ(verdict(objects), "deeper than allowed");
}

TEST(ClientJson, refuses_what_is_too_long_before_reading_it) {
  const std::string message = R"({"type":"status","id":"1"})";
  const std::string padding(limits::json_bytes_max - message.size(), ' ');
  EXPECT_EQ(verdict(message + padding), "accepted");
  EXPECT_EQ(verdict(message + padding + " "), "longer than allowed");
  EXPECT_EQ(reply_verdict(std::string(limits::json_reply_bytes_max + 1, ' ')),
            "longer than allowed");
}

TEST(ClientJson, refuses_lists_and_texts_beyond_their_bounds) {
  std::string arguments;
  for (std::size_t i = 0; i <= limits::arguments_max; ++i) {
    if (i != 0) arguments += ",";
    arguments += R"({"name":"a","value":{"type":"null"}})";
  }
  EXPECT_EQ(verdict(R"({"type":"read","id":"1","procedure":"p","arguments":[)" + arguments + "]}"),
            "arguments: more elements than allowed");
  EXPECT_EQ(verdict(R"({"type":"read","id":"1","procedure":")" +
                    std::string(limits::name_bytes_max + 1, 'p') + R"(","arguments":[]})"),
            "procedure: longer than allowed");
  EXPECT_EQ(value_from(R"({"type":"text","value":")" +
                       std::string(limits::value_bytes_max + 1, 'p') + "\"}"),
            std::nullopt);
}

/// A request whose operation is `operation`, as JSON text.
std::string request_with(const std::string& operation) {
  return R"({"type":"request","session":"1","number":"1","signer":")" + std::string(64, 'a') +
         R"(","operation":)" + operation + R"(,"signature":")" + std::string(128, 'a') + "\"}";
}

TEST(ClientJson, refuses_an_operation_that_is_whole_longer_than_a_request_may_be) {
  // Each text is within its bound; all together are not. Half a mebibyte in base64 twice: 1.4 MB.
  const std::string content = to_base64(Bytes(700'000, 7));
  const std::string file = R"({"path":"a","content":")" + content + "\"}";
  EXPECT_EQ(verdict(request_with(R"({"type":"install","files":[)" + file + "]}")), "accepted");
  EXPECT_EQ(verdict(request_with(R"({"type":"install","files":[)" + file + "," + file + "]}")),
            "operation: longer than allowed");
}

TEST(ClientJson, refuses_hex_of_another_length_or_case) {
  const auto hello = [](const std::string& nonce) {
    return R"({"type":"hello","cluster":")" + std::string(64, '0') + R"(","key":")" +
           std::string(64, '1') + R"(","nonce":)" + nonce + "}";
  };
  EXPECT_EQ(verdict(hello("\"000102030405060708090a0b0c0d0e0f\"")), "accepted");
  EXPECT_EQ(verdict(hello("\"000102030405060708090A0b0c0d0e0f\"")), "nonce: not lower-case hex");
  EXPECT_EQ(verdict(hello("\"000102030405060708090a0b0c0d0e0\"")), "nonce: hex of a wrong length");
  EXPECT_EQ(verdict(hello("\"\"")), "nonce: hex of a wrong length");
  EXPECT_EQ(verdict(hello("7")), "nonce: not a string");
}

TEST(ClientJson, says_which_field_is_missing_for_every_field_of_every_message) {
  for (const auto& [name, message] : vectors::from_client()) {
    const std::string text = to_json(message);
    for (const std::string field :
         {"cluster",    "key",        "nonce",      "session_key", "identification",
          "kind",       "credential", "id",         "session",     "number",
          "signer",     "operation",  "signature",  "procedure",   "arguments",
          "statements", "sql",        "positional", "named",       "read_only",
          "files",      "path",       "content",    "reply_bytes", "payload",
          "begin",      "tokens",     "address",    "expires"}) {
      const std::size_t at = text.find("\"" + field + "\":");
      if (at == std::string::npos) continue;
      std::string renamed = text;
      renamed[at + 1] = '_';
      EXPECT_THAT(verdict(renamed), StartsWith(field + ": missing")) << name;
    }
  }
}

/// Anything a line may do to a sample: refused with a reason, or understood; never a crash.
TEST(ClientJson, survives_every_truncation_and_many_substitutions) {
  const std::string_view substitutes = "\"{}[]:,0-.eE\\u \x01\x7f\xff";
  for (const auto& [name, message] : vectors::from_client()) {
    const std::string text = to_json(message);
    for (std::size_t size = 0; size < text.size(); ++size)
      EXPECT_EQ(verdict(text.substr(0, size)), "not JSON") << name << " cut to " << size;
    for (std::size_t i = 0; i < text.size(); ++i) {
      std::string changed = text;
      changed[i] = substitutes[i % substitutes.size()];
      const auto understood = from_client_json(changed);
      if (!understood) {
        EXPECT_NE(understood.error().text(), "");
        continue;
      }
      // Understood is understood: it says the same in its own words.
      const auto again = from_client_json(to_json(*understood));
      ASSERT_TRUE(again.ok()) << changed;
      EXPECT_EQ(encode(*again), encode(*understood)) << changed;
    }
  }
}

TEST(ClientJson, survives_the_same_from_a_replica) {
  const std::string_view substitutes = "\"{}[]:,0-.eE\\u \x01\x7f\xff";
  for (const auto& [name, message] : vectors::to_client()) {
    const std::string text = to_json(tagged(message));
    for (std::size_t size = 0; size < text.size(); ++size)
      EXPECT_EQ(reply_verdict(text.substr(0, size)), "not JSON") << name << " cut to " << size;
    for (std::size_t i = 0; i < text.size(); ++i) {
      std::string changed = text;
      changed[i] = substitutes[i % substitutes.size()];
      const auto understood = to_client_json(changed);
      if (!understood) continue;
      const auto again = to_client_json(to_json(*understood));
      ASSERT_TRUE(again.ok()) << changed;
      EXPECT_EQ(encode(again->message), encode(understood->message)) << changed;
    }
  }
}

TEST(ClientJson, a_whole_result_can_be_read_by_its_client_whatever_it_is_full_of) {
  for (const Value& value :
       {Value{}, Value{std::numeric_limits<std::int64_t>::min()},
        Value{-std::numeric_limits<double>::min()}, Value{TextValue{""}}, Value{TextValue{"\a"}},
        Value{TextValue{"\xff"}}, Value{TextValue{std::string(1000, '\a')}}, Value{BlobValue{}}}) {
    const std::size_t value_bytes = encode(value).size();
    const std::size_t columns = std::min(limits::columns_max, 20'000 / value_bytes);
    ResultSet set;
    set.columns.items.resize(columns);
    Row row;
    row.items.assign(columns, value);
    // A quarter of the largest result will do.
    set.rows.items.assign(limits::result_bytes_max / 4 / (columns * value_bytes + 4), row);
    const Reply reply{SessionId{1}, RequestNumber{1}, {},
                      Seq{1},       AgreedTime{1},    ResultSets{{std::move(set)}}};
    const std::string text = to_json(TaggedToClient{reply, std::nullopt});
    EXPECT_EQ(reply_verdict(text), "accepted") << text.substr(200, 100) << ": " << text.size();
    EXPECT_LT(4 * text.size(), limits::json_reply_bytes_max);
    EXPECT_LT(4 * text.size(), limits::client_send_queue_bytes_max);
  }
}

TEST(ClientJson, reads_null_in_both_forms_and_writes_the_short_one) {
  EXPECT_EQ(value_from("null"), Value{});
  EXPECT_EQ(value_from(R"({"type":"null"})"), Value{});
  EXPECT_THAT(to_json(FromClient{PublicRead{1, {{"p"}, {{{{"a"}, Value{}}}}}}}),
              HasSubstr(R"({"name":"a","value":null})"));
}

// ---- tags ---------------------------------------------------------------------------------------

TEST(TaggedBytes, of_a_reply_are_those_of_its_digest) {
  for (const auto& [name, outcome] : vectors::outcomes()) {
    const Reply reply{SessionId{5}, RequestNumber{9}, {}, Seq{3}, AgreedTime{4}, outcome};
    const ReplyDigest digest{reply.session, reply.number, reply.request,
                             reply_digest(vectors::cluster(), reply)};
    EXPECT_EQ(tagged_bytes(vectors::cluster(), ReplicaId{1}, reply),
              tagged_bytes(vectors::cluster(), ReplicaId{1}, digest))
        << name;
  }
}

TEST(TaggedBytes, differ_between_messages_replicas_and_clusters) {
  std::set<Bytes> seen;
  for (const auto& [name, message] : vectors::to_client())
    seen.insert(tagged_bytes(vectors::cluster(), ReplicaId{1}, message));
  // A reply with rows, the reply_digest of the same reply and a bundle of it are one assertion.
  EXPECT_EQ(seen.size(), vectors::to_client().size() - 2);
  const ToClient message{SessionEnded{SessionId{3}, {"left"}}};
  EXPECT_NE(tagged_bytes(vectors::cluster(), ReplicaId{1}, message),
            tagged_bytes(vectors::cluster(), ReplicaId{2}, message));
  EXPECT_NE(tagged_bytes(Digest{}, ReplicaId{1}, message),
            tagged_bytes(vectors::cluster(), ReplicaId{1}, message));
}

TEST(ClientHello, gives_both_sides_one_key_bound_to_everything_said) {
  const ClientHello client = vectors::client_hello();
  const ServerHello server = vectors::server_hello();
  EXPECT_TRUE(crypto::verify(vectors::replica_signer(2).public_key(),
                             hello_signed_bytes(client, server), server.signature));
  const auto at_client = client_tag_key(vectors::client_dh(), server.key, client, server);
  const auto at_server = client_tag_key(vectors::server_dh(), client.key, client, server);
  ASSERT_TRUE(at_client.has_value());
  EXPECT_EQ(at_client, at_server);
  ClientHello other = client;
  other.nonce[0] ^= 1;
  EXPECT_NE(client_tag_key(vectors::client_dh(), server.key, other, server), at_client);
  ServerHello another = server;
  another.replica = ReplicaId{1};
  EXPECT_NE(client_tag_key(vectors::client_dh(), server.key, client, another), at_client);
  EXPECT_EQ(client_tag_key(vectors::client_dh(), crypto::DhPublic{}, client, server), std::nullopt);
}

TEST(JsonWriter, makes_room_for_whatever_comes_at_whatever_place) {
  // Each length around those at which room is made, with every kind of what may come there.
  for (std::size_t size = 440; size < 530; ++size) {
    const std::string filler(size, 'x');
    JsonWriter w;
    w.begin_object().key("a").word(filler).key("b").begin_array().hex(Bytes{0xab, 0xcd});
    w.integer(-5).null().text("q\"\n").real(1).decimal(7).boolean(true).end_array().end_object();
    EXPECT_EQ(
        std::move(w).take(),
        "{\"a\":\"" + filler + "\",\"b\":[\"abcd\",-5,null,\"q\\\"\\u000a\",1.0,\"7\",true]}");
  }
}

TEST(JsonWriter, writes_what_is_much_longer_than_all_before) {
  const std::string text(10'000, 'x');
  JsonWriter w;
  w.begin_array().text(text).text("").hex({}).base64({}).text(text).end_array();
  EXPECT_EQ(std::move(w).take(), "[\"" + text + "\",\"\",\"\",\"\",\"" + text + "\"]");
}

}  // namespace
}  // namespace prytany::wire
