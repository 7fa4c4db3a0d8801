#include "server/crypto/key_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace prytany::crypto {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class KeyFile : public testing::Test {
 protected:
  KeyFile() {
    std::string pattern = (fs::temp_directory_path() / "prytany-keys-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~KeyFile() override { fs::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  static std::string content(const std::string& file) {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
  }
  std::string put(const std::string& name, const std::string& text, mode_t mode = 0600) const {
    std::ofstream(path(name)) << text;
    ::chmod(path(name).c_str(), mode);
    return path(name);
  }
  static std::string why_refused(const std::string& file) {
    const auto signer = read_key_file(file);
    return signer.ok() ? "accepted" : signer.error().message;
  }
  /// Whether the openssl program did it.
  bool openssl(const std::string& arguments) const {
    return std::system(("openssl " + arguments + " 2>/dev/null >/dev/null").c_str()) == 0;
  }

  const Signer signer_ = Signer::generate();

 private:
  fs::path folder_;
};

TEST_F(KeyFile, comes_back_as_it_was_written_and_only_its_owner_may_read_it) {
  ASSERT_TRUE(write_key_file(path("a.key"), signer_));
  EXPECT_EQ(read_key_file(path("a.key"))->public_key(), signer_.public_key());
  struct stat status{};
  ASSERT_EQ(::stat(path("a.key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
}

TEST_F(KeyFile, has_mode_0600_whatever_the_umask) {
  const mode_t before = ::umask(0);
  const bool written = write_key_file(path("a.key"), signer_).ok();
  ::umask(before);
  ASSERT_TRUE(written);
  EXPECT_EQ(why_refused(path("a.key")), "accepted");
}

TEST_F(KeyFile, is_never_overwritten) {
  ASSERT_TRUE(write_key_file(path("a.key"), signer_));
  const auto again = write_key_file(path("a.key"), Signer::generate());
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message, HasSubstr("never overwritten"));
  EXPECT_EQ(read_key_file(path("a.key"))->public_key(), signer_.public_key());
  fs::create_symlink(path("elsewhere.key"), path("link.key"));
  EXPECT_FALSE(write_key_file(path("link.key"), signer_));
  EXPECT_FALSE(fs::exists(path("elsewhere.key")));
}

TEST_F(KeyFile, says_why_it_cannot_be_written) {
  EXPECT_THAT(write_key_file(path("no/such/folder.key"), signer_).error().message,
              HasSubstr("No such file"));
}

TEST_F(KeyFile, that_others_may_read_is_refused_with_the_command_that_mends_it) {
  ASSERT_TRUE(write_key_file(path("a.key"), signer_));
  for (const mode_t mode : {0640U, 0604U, 0660U, 0610U, 0601U, 0777U}) {
    ::chmod(path("a.key").c_str(), mode);
    EXPECT_THAT(why_refused(path("a.key")), HasSubstr("chmod 600")) << std::oct << mode;
  }
  ::chmod(path("a.key").c_str(), 0400);
  EXPECT_EQ(why_refused(path("a.key")), "accepted");
}

TEST_F(KeyFile, that_is_missing_or_a_folder_is_refused) {
  EXPECT_THAT(why_refused(path("none.key")), HasSubstr("No such file"));
  fs::create_directory(path("folder"));
  EXPECT_THAT(why_refused(path("folder")), HasSubstr("not a file"));
}

TEST_F(KeyFile, that_waits_for_a_writer_does_not_hang_the_reader) {
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  EXPECT_THAT(why_refused(path("fifo")), HasSubstr("not a file"));
}

TEST_F(KeyFile, that_holds_no_key_is_refused) {
  EXPECT_THAT(why_refused(put("empty", "")), HasSubstr("not an unencrypted private key"));
  EXPECT_THAT(why_refused(put("text", "hello\n")), HasSubstr("not an unencrypted private key"));
  EXPECT_THAT(why_refused(put("long", std::string(100'000, 'x'))), HasSubstr("too long"));
}

TEST_F(KeyFile, that_is_cut_anywhere_is_refused_or_complete) {
  ASSERT_TRUE(write_key_file(path("a.key"), signer_));
  const std::string whole = content(path("a.key"));
  const std::size_t private_end = whole.find("-----END PRIVATE KEY-----") + 24;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto read = read_key_file(put("cut.key", whole.substr(0, size)));
    if (read.ok()) {
      // Only what follows the private key may be missing.
      EXPECT_GE(size, private_end);
      EXPECT_EQ(read->public_key(), signer_.public_key());
    }
  }
}

TEST_F(KeyFile, of_which_one_letter_changed_never_becomes_another_identity) {
  ASSERT_TRUE(write_key_file(path("a.key"), signer_));
  const std::string whole = content(path("a.key"));
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = damaged[i] == 'A' ? 'B' : 'A';
    const auto read = read_key_file(put("damaged.key", damaged));
    if (read.ok()) {
      EXPECT_EQ(read->public_key(), signer_.public_key()) << i;
    }
  }
}

TEST_F(KeyFile, as_openssl_makes_it_is_read) {
  ASSERT_TRUE(openssl("genpkey -algorithm ed25519 -out " + path("o.key")));
  ::chmod(path("o.key").c_str(), 0600);
  EXPECT_EQ(why_refused(path("o.key")), "accepted");
}

TEST_F(KeyFile, is_read_by_openssl) {
  ASSERT_TRUE(write_key_file(path("a.key"), signer_));
  EXPECT_TRUE(openssl("pkey -in " + path("a.key") + " -check -noout"));
}

TEST_F(KeyFile, of_another_kind_or_encrypted_is_refused) {
  ASSERT_TRUE(openssl("genpkey -algorithm x25519 -out " + path("x.key")));
  ASSERT_TRUE(
      openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out " + path("ec.key")));
  ASSERT_TRUE(
      openssl("genpkey -algorithm ed25519 -aes256 -pass pass:secret -out " + path("locked.key")));
  for (const char* name : {"x.key", "ec.key", "locked.key"}) ::chmod(path(name).c_str(), 0600);
  EXPECT_THAT(why_refused(path("x.key")), HasSubstr("another kind"));
  EXPECT_THAT(why_refused(path("ec.key")), HasSubstr("another kind"));
  EXPECT_THAT(why_refused(path("locked.key")), HasSubstr("unencrypted"));
}

}  // namespace
}  // namespace prytany::crypto
