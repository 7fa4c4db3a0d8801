#include "server/wire/frame.h"

#include <gtest/gtest.h>

#include "server/wire/verify.h"
#include "tests/vectors/samples.h"

namespace prytany::wire {
namespace {

using vectors::keys_of_one;
using vectors::keys_of_zero;

const ReplicaId zero{0};

std::shared_ptr<const EncodedMessage> encoded(const PeerMessage& message) {
  return std::make_shared<const EncodedMessage>(encode_message(message));
}

std::vector<PeerMessage> some_votes() {
  return {Prepare{View{1}, Seq{2}, vectors::cluster()}, Commit{View{1}, Seq{2}, vectors::cluster()},
          Committed{Seq{1}, vectors::cluster()}};
}

Bytes frame_of(const std::vector<PeerMessage>& messages, ConfigNumber config = ConfigNumber{0}) {
  std::vector<std::shared_ptr<const EncodedMessage>> list;
  for (const PeerMessage& message : messages) list.push_back(encoded(message));
  return seal(config, keys_of_zero().send, list);
}

std::string why_refused(ByteView frame, const LinkKeys& keys = keys_of_one()) {
  Verifier verifier(vectors::membership());
  const auto opened = verifier.open(zero, keys, frame);
  return opened.ok() ? "accepted" : opened.error().reason;
}

/// A frame with a right tag around whatever bytes are given as messages.
Bytes sealed_by_hand(const std::vector<Bytes>& messages, FrameHeader header) {
  std::vector<Digest> digests;
  Writer w;
  put(w, header);
  for (const Bytes& message : messages) {
    digests.push_back(crypto::sha256(message));
    w.number(static_cast<std::uint32_t>(message.size()));
    w.raw(message);
  }
  put(w, keys_of_zero().send.tag(frame_tagged_bytes(header, digests)));
  Writer whole;
  whole.number(static_cast<std::uint32_t>(w.view().size()));
  whole.raw(w.view());
  return std::move(whole).take();
}

TEST(Frame, brings_its_messages_in_order_from_the_link_it_came_by) {
  const Bytes frame = frame_of(some_votes());
  EXPECT_EQ(*frame_length(frame), frame.size());
  Verifier verifier(vectors::membership());
  const auto opened = verifier.open(zero, keys_of_one(), frame);
  ASSERT_TRUE(opened.ok()) << opened.error().reason;
  ASSERT_EQ(opened->size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ((*opened)[i].sender(), zero);
    EXPECT_EQ(*(*opened)[i], some_votes()[i]);
  }
}

TEST(Frame, made_by_hand_from_the_documentation_is_the_same) {
  std::vector<Bytes> messages;
  for (const PeerMessage& vote : some_votes()) messages.push_back(encode(vote));
  EXPECT_EQ(sealed_by_hand(messages, {wire_version, ConfigNumber{0}, 3}), frame_of(some_votes()));
}

TEST(Frame, under_another_key_is_refused) {
  const Bytes frame = frame_of(some_votes());
  const LinkKeys other{crypto::Mac(vectors::counting(1)), crypto::Mac(vectors::counting(2))};
  EXPECT_EQ(why_refused(frame, other), "wrong tag");
  // Reflected to its sender, whose keys are the same two in the other order.
  EXPECT_EQ(why_refused(frame, keys_of_zero()), "wrong tag");
}

TEST(Frame, with_any_bit_flipped_is_refused) {
  const Bytes frame = frame_of(some_votes());
  for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
    Bytes flipped = frame;
    flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (1U << bit % 8));
    EXPECT_NE(why_refused(flipped), "accepted") << "bit " << bit;
  }
}

TEST(Frame, cut_or_prolonged_is_refused) {
  Bytes frame = frame_of(some_votes());
  for (std::size_t size = 0; size < frame.size(); ++size)
    EXPECT_NE(why_refused(ByteView(frame).first(size)), "accepted");
  frame.push_back(0);
  EXPECT_EQ(why_refused(frame), "frame of another length than it says");
}

TEST(Frame, that_lies_about_its_count_is_refused_even_with_a_right_tag) {
  std::vector<Bytes> messages;
  for (const PeerMessage& vote : some_votes()) messages.push_back(encode(vote));
  for (const unsigned count : {0U, 1U, 2U, 4U, 5U, 255U, 65535U}) {
    const FrameHeader header{wire_version, ConfigNumber{0}, static_cast<std::uint16_t>(count)};
    EXPECT_NE(why_refused(sealed_by_hand(messages, header)), "accepted") << count;
  }
}

// All of a frame is done before anybody else is listened to.
TEST(Frame, of_more_than_1024_messages_is_refused) {
  const Bytes vote = encode(PeerMessage{some_votes()[0]});
  const auto frame_of_votes = [&](std::uint16_t count) {
    return sealed_by_hand(std::vector<Bytes>(count, vote), {wire_version, ConfigNumber{0}, count});
  };
  EXPECT_EQ(why_refused(frame_of_votes(1024)), "accepted");
  EXPECT_EQ(why_refused(frame_of_votes(1025)), "too many messages in a frame");
}

TEST(Frame, that_lies_about_a_messages_length_is_refused) {
  Bytes frame = frame_of(some_votes());
  const std::size_t first_length = 4 + frame_header_bytes;
  for (const unsigned lie : {0U, 1U, 48U, 50U, 255U}) {
    Bytes lying = frame;
    lying[first_length + 3] = static_cast<std::uint8_t>(lie);
    EXPECT_NE(why_refused(lying), "accepted") << lie;
    lying[first_length] = 0xff;
    EXPECT_EQ(why_refused(lying), "truncated");
  }
}

TEST(Frame, of_another_version_or_configuration_is_refused) {
  const std::vector<Bytes> one = {encode(PeerMessage{some_votes()[0]})};
  EXPECT_EQ(why_refused(sealed_by_hand(one, {2, ConfigNumber{0}, 1})), "another wire version");
  EXPECT_EQ(why_refused(frame_of(some_votes(), ConfigNumber{1})), "another configuration");
}

TEST(Frame, of_a_right_tag_around_rubbish_is_refused) {
  const FrameHeader header{wire_version, ConfigNumber{0}, 1};
  EXPECT_EQ(why_refused(sealed_by_hand({{}}, header)), "frame too short");
  EXPECT_EQ(why_refused(sealed_by_hand({{0x63}}, header)), "unknown alternative");
  Bytes vote = encode(PeerMessage{some_votes()[0]});
  vote.push_back(0);
  EXPECT_EQ(why_refused(sealed_by_hand({vote}, header)), "trailing bytes");
}

TEST(Frame, is_refused_whole_when_one_message_is_bad) {
  std::vector<Bytes> messages = {encode(some_votes()[0]), {0x63}};
  EXPECT_EQ(why_refused(sealed_by_hand(messages, {wire_version, ConfigNumber{0}, 2})),
            "unknown alternative");
}

TEST(FrameLength, needs_four_bytes_to_know) {
  const Bytes frame = frame_of(some_votes());
  for (std::size_t size = 0; size < 4; ++size)
    EXPECT_EQ(*frame_length(ByteView(frame).first(size)), 0U);
  EXPECT_EQ(*frame_length(ByteView(frame).first(4)), frame.size());
}

TEST(FrameLength, is_bounded_before_anything_is_received) {
  const auto length = [](std::uint32_t says) { return frame_length(encode(says)); };
  EXPECT_EQ(*length(limits::frame_bytes_max), limits::frame_bytes_max + 4);
  EXPECT_STREQ(length(limits::frame_bytes_max + 1).error().reason, "frame longer than allowed");
  EXPECT_STREQ(length(0xffff'ffff).error().reason, "frame longer than allowed");
  EXPECT_EQ(*length(frame_bytes_min), frame_bytes_min + 4);
  EXPECT_STREQ(length(frame_bytes_min - 1).error().reason, "frame too short");
  EXPECT_STREQ(length(0).error().reason, "frame too short");
}

TEST(FrameDeathTest, of_nothing_or_of_too_much_is_our_own_mistake) {
  EXPECT_DEATH((void)frame_of({}), "ENSURE");
  auto huge = std::make_shared<EncodedMessage>();
  huge->bytes.resize(limits::frame_bytes_max);
  const std::shared_ptr<const EncodedMessage> message = huge;
  EXPECT_DEATH((void)seal(ConfigNumber{0}, keys_of_zero().send, {&message, 1}), "ENSURE");
}

}  // namespace
}  // namespace prytany::wire
