// Every .play in this folder is a test. `play_test --record` writes what happens as what is
// expected.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "tests/play/script.h"

namespace prytany::play {
namespace {

bool record = false;

std::vector<std::filesystem::path> plays() {
  std::vector<std::filesystem::path> files;
  const auto folder = std::filesystem::path(PRYTANY_SOURCE_DIR) / "tests" / "play";
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".play") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

class Plays : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(Plays, happens_as_written) {
  Play play = read_play(GetParam());
  const std::vector<std::string> happened = run_script(play.script);
  ASSERT_FALSE(happened.empty());
  ASSERT_THAT(happened.back(), testing::StartsWith("healed: "));
  if (record) {
    play.trace = happened;
    write_play(GetParam(), play);
    return;
  }
  EXPECT_THAT(happened, testing::ElementsAreArray(play.trace));
}

INSTANTIATE_TEST_SUITE_P(Each, Plays, testing::ValuesIn(plays()),
                         [](const auto& each) { return each.param.stem().string(); });

TEST(PlayProof, a_trace_that_differs_in_one_word_is_noticed) {
  const Play play = read_play(plays().front());
  std::vector<std::string> script = play.script;
  script.emplace_back("submit all session=99 number=1");
  script.emplace_back("deliver");
  EXPECT_NE(run_script(script), play.trace);
}

TEST(PlayProof, an_unknown_command_is_an_error) {
  EXPECT_THAT(run_script({"group 4", "dance r1"}).back(), testing::StartsWith("error in line 2"));
}

TEST(PlayProof, the_same_script_happens_the_same_way_twice) {
  const Play play = read_play(plays().front());
  EXPECT_EQ(run_script(play.script), run_script(play.script));
}

}  // namespace

void set_record() { record = true; }

}  // namespace prytany::play

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i)
    if (std::string_view(argv[i]) == "--record") prytany::play::set_record();
  testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
