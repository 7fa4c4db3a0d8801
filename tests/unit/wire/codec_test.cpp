#include "server/wire/codec.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "tests/vectors/samples.h"

namespace prytany::wire {
namespace {

template <class T>
std::string hex_of(const T& value) {
  return to_hex(encode(value));
}

/// Refused, or exactly the bytes of what it was taken for. Says whether it was taken for anything.
template <class T>
bool expect_refused_or_canonical(const Bytes& bytes) {
  const Result<T, Malformed> decoded = decode<T>(bytes);
  if (decoded.ok()) {
    EXPECT_EQ(encode(*decoded), bytes);
  }
  return decoded.ok();
}

/// What a byte is replaced by: anything near the beginning; further on what can be a tag, a count,
/// a bound, or one bit off; far on, fewer of them.
std::vector<std::uint8_t> other_bytes(std::size_t place, std::uint8_t byte) {
  std::vector<std::uint8_t> values;
  const int first = place < 64 ? 256 : place < 256 ? 24 : 3;
  for (int value = 0; value < first; ++value) values.push_back(static_cast<std::uint8_t>(value));
  if (place < 64) return values;
  for (const int value : {0x7f, 0x80, 0xfe, 0xff, byte + 1, byte - 1})
    values.push_back(static_cast<std::uint8_t>(value & 0xff));
  for (unsigned bit = place < 256 ? 0 : place % 8; bit < 8; bit += place < 256 ? 1 : 8)
    values.push_back(static_cast<std::uint8_t>(byte ^ (1U << bit)));
  return values;
}

template <class T>
void expect_total_and_canonical(const std::string& name, const T& sample) {
  SCOPED_TRACE(name);
  const Bytes bytes = encode(sample);
  const Result<T, Malformed> back = decode<T>(bytes);
  ASSERT_TRUE(back.ok()) << back.error().reason;
  EXPECT_EQ(*back, sample);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode<T>(ByteView(bytes).first(size)).ok()) << "cut to " << size;
  }
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    Bytes changed = bytes;
    for (const std::uint8_t value : other_bytes(i, bytes[i])) {
      changed[i] = value;
      expect_refused_or_canonical<T>(changed);
    }
  }
  Bytes longer = bytes;
  longer.push_back(0);
  EXPECT_STREQ(decode<T>(longer).error().reason, "trailing bytes");
}

template <class T>
void expect_total_and_canonical(const vectors::Named<T>& samples) {
  for (const auto& [name, sample] : samples) expect_total_and_canonical(name, sample);
}

TEST(Codec, every_value_is_total_and_canonical) { expect_total_and_canonical(vectors::values()); }

TEST(Codec, every_operation_is_total_and_canonical) {
  expect_total_and_canonical(vectors::operations());
}

TEST(Codec, every_client_message_is_total_and_canonical) {
  expect_total_and_canonical(vectors::from_client());
}

TEST(Codec, every_message_to_a_client_is_total_and_canonical) {
  expect_total_and_canonical(vectors::to_client());
}

TEST(Codec, every_peer_message_is_total_and_canonical) {
  expect_total_and_canonical(vectors::peer_messages());
}

TEST(Codec, the_samples_cover_every_alternative) {
  const auto covers = [](const auto& samples, std::size_t alternatives) {
    std::set<std::size_t> seen;
    for (const auto& [name, sample] : samples) seen.insert(sample.index());
    return seen.size() == alternatives;
  };
  EXPECT_TRUE(covers(vectors::values(), std::variant_size_v<Value>));
  EXPECT_TRUE(covers(vectors::operations(), std::variant_size_v<Operation>));
  EXPECT_TRUE(covers(vectors::outcomes(), std::variant_size_v<Outcome>));
  EXPECT_TRUE(covers(vectors::from_client(), std::variant_size_v<FromClient>));
  EXPECT_TRUE(covers(vectors::to_client(), std::variant_size_v<ToClient>));
  EXPECT_TRUE(covers(vectors::peer_messages(), std::variant_size_v<PeerMessage>));
}

TEST(Codec, a_peer_messages_name_belongs_to_its_alternative) {
  for (const auto& [name, sample] : vectors::peer_messages())
    EXPECT_EQ(name_of(sample), name.substr(0, name.find(',')));
}

TEST(Codec, integers_are_big_endian_and_of_fixed_width) {
  EXPECT_EQ(hex_of(std::uint8_t{0xab}), "ab");
  EXPECT_EQ(hex_of(std::uint16_t{0xab}), "00ab");
  EXPECT_EQ(hex_of(std::uint32_t{0x01020304}), "01020304");
  EXPECT_EQ(hex_of(std::int64_t{-2}), "fffffffffffffffe");
  EXPECT_EQ(hex_of(Seq{258}), "0000000000000102");
  EXPECT_EQ(hex_of(ReplicaId{3}), "0003");
}

TEST(Codec, the_other_shapes_are_as_documented) {
  EXPECT_EQ(hex_of(true), "01");
  EXPECT_EQ(hex_of(1.0), "3ff0000000000000");
  EXPECT_EQ(hex_of(Text<9>{"abc"}), "00000003616263");
  EXPECT_EQ(hex_of(Body<9>{{1, 2}}), "000000020102");
  EXPECT_EQ(hex_of(List<std::uint16_t, 9>{{1, 2}}), "0000000200010002");
  EXPECT_EQ(hex_of(std::optional<std::uint8_t>{}), "00");
  EXPECT_EQ(hex_of(std::optional<std::uint8_t>{7}), "0107");
  EXPECT_EQ(hex_of(Value{std::int64_t{1}}), "010000000000000001");
  EXPECT_EQ(hex_of(Value{}), "00");
  EXPECT_EQ(hex_of(Leave{}), "");
  EXPECT_EQ(hex_of(Operation{Leave{}}), "01");
}

TEST(Codec, refuses_what_is_out_of_range) {
  EXPECT_STREQ(decode<bool>(Bytes{2}).error().reason, "boolean out of range");
  EXPECT_STREQ(decode<Value>(Bytes{5}).error().reason, "unknown alternative");
  EXPECT_STREQ(decode<std::uint32_t>(Bytes{1, 2, 3}).error().reason, "truncated");
  EXPECT_STREQ((decode<Text<2>>(Bytes{0, 0, 0, 3, 1, 2, 3})).error().reason, "longer than allowed");
  EXPECT_STREQ((decode<List<std::uint8_t, 2>>(Bytes{0, 0, 0, 3, 1, 1, 1})).error().reason,
               "longer than allowed");
}

TEST(Codec, refuses_every_nan_but_keeps_infinities_and_the_sign_of_zero) {
  for (const std::uint64_t bits :
       {0x7ff0000000000001U, 0x7ff8000000000000U, 0xfff8000000000000U, 0xffffffffffffffffU})
    EXPECT_STREQ(decode<double>(encode(bits)).error().reason, "not a number");
  EXPECT_EQ(*decode<double>(encode(std::uint64_t{0x7ff0000000000000U})),
            std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::signbit(*decode<double>(encode(-0.0))));
}

TEST(Codec, memory_grows_with_bytes_received_never_with_bytes_promised) {
  // Promises the greatest count and length that the types allow, and delivers nothing.
  Bytes rows = *from_hex("02");  // Outcome: results
  for (const char* promise : {"00000001", "00000000", "000186a0"}) {
    const Bytes more = *from_hex(promise);
    rows.insert(rows.end(), more.begin(), more.end());
  }
  EXPECT_STREQ(decode<Outcome>(rows).error().reason, "truncated");
  List<Row, limits::rows_max> list;
  Reader reader(ByteView(rows).last(4));
  get(reader, list);
  EXPECT_TRUE(reader.failed());
  EXPECT_LE(list.items.capacity(), 1U);
}

TEST(CodecDeathTest, writing_beyond_a_bound_is_our_own_mistake) {
  EXPECT_DEATH((void)encode(Text<2>{"abc"}), "ENSURE");
  EXPECT_DEATH((void)encode(List<std::uint8_t, 1>{{1, 1}}), "ENSURE");
}

TEST(Writer, keeps_what_it_wrote_however_much_follows) {
  Writer w;
  Bytes expected;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    w.number(i);
    const Bytes piece(i % 300, static_cast<std::uint8_t>(i));
    w.raw(piece);
    const Bytes number = encode(i);
    expected.insert(expected.end(), number.begin(), number.end());
    expected.insert(expected.end(), piece.begin(), piece.end());
    ASSERT_TRUE(std::ranges::equal(w.view(), expected)) << i;
  }
  EXPECT_EQ(std::move(w).take(), expected);
}

TEST(Writer, writes_behind_what_is_there_and_nothing_else) {
  Bytes memory = {1, 2, 3};
  memory.reserve(4096);
  Writer w(std::move(memory));
  w.number(std::uint16_t{0x0405});
  EXPECT_EQ(std::move(w).take(), (Bytes{1, 2, 3, 4, 5}));
  EXPECT_EQ(Writer(Bytes{7}).take(), Bytes{7});
  EXPECT_EQ(Writer().take(), Bytes{});
}

TEST(Digests, of_several_values_are_of_their_encodings_side_by_side) {
  Bytes both = encode(std::uint32_t{7});
  both.push_back(1);
  EXPECT_EQ(encoded_digest("domain", std::uint32_t{7}, true), crypto::sha256("domain", both));
  // The memory that they share is given back when it was much.
  const Bytes large(100'000, 9);
  EXPECT_EQ(encoded_digest("domain", Body<200'000>{large}),
            crypto::sha256("domain", encode(Body<200'000>{large})));
  EXPECT_EQ(encoded_digest("domain", std::uint32_t{7}, true), crypto::sha256("domain", both));
}

}  // namespace
}  // namespace prytany::wire
