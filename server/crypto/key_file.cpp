#include "server/crypto/key_file.h"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>

namespace prytany::crypto {
namespace {

constexpr std::size_t file_bytes_max = 16 << 10;

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Bio = std::unique_ptr<BIO, Deleter<BIO_free>>;
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;

/// A file descriptor that closes itself.
class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] bool open() const { return descriptor_ >= 0; }
  [[nodiscard]] int get() const { return descriptor_; }

 private:
  int descriptor_;
};

Error failed(const std::string& what, const std::string& path) {
  return Error{"cannot " + what + " " + path + ": " + std::strerror(errno)};
}

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

Result<void> sync_directory_of(const std::string& path) {
  std::filesystem::path parent = std::filesystem::path(path).parent_path();
  if (parent.empty()) parent = ".";
  const File directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.open() || ::fsync(directory.get()) != 0) return failed("sync", parent.string());
  return {};
}

/// The private key, then its public key: an unprotected PKCS#8 file has no checksum, and one
/// changed letter of it would silently be another identity.
std::string pem_of(const Signer& signer) {
  Signer::Seed seed = signer.seed();
  const Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size()));
  OPENSSL_cleanse(seed.data(), seed.size());
  const Bio bio(BIO_new(BIO_s_mem()));
  ENSURE(key != nullptr && bio != nullptr);
  ENSURE(PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                       nullptr) == 1);
  ENSURE(PEM_write_bio_PUBKEY(bio.get(), key.get()) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

/// Never asks at the terminal: an encrypted key is refused instead.
int no_password(char*, int, int, void*) { return -1; }

std::optional<PublicKey> public_key_of(const EVP_PKEY* key) {
  PublicKey raw;
  std::size_t size = raw.bytes.size();
  if (EVP_PKEY_get_raw_public_key(key, raw.bytes.data(), &size) != 1 || size != raw.bytes.size())
    return std::nullopt;
  return raw;
}

Result<Signer> parse(const std::string& path, const std::string& text) {
  const Bio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  ENSURE(bio != nullptr);
  const Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  ERR_clear_error();
  if (key == nullptr) {
    return Error{
        path +
        " is not an unencrypted private key in PEM form, or it is damaged; restore it from "
        "its backup, or make a new one with `prytany keygen`"};
  }
  if (EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519)
    return Error{path + " holds a private key of another kind; Ed25519 is needed"};
  Signer::Seed seed;
  std::size_t size = seed.size();
  if (EVP_PKEY_get_raw_private_key(key.get(), seed.data(), &size) != 1 || size != seed.size())
    return Error{path + " is damaged: its Ed25519 key cannot be read"};
  const Signer signer(seed);
  OPENSSL_cleanse(seed.data(), seed.size());
  if (text.find("-----BEGIN PUBLIC KEY-----") != std::string::npos) {
    const Key check(PEM_read_bio_PUBKEY(bio.get(), nullptr, no_password, nullptr));
    ERR_clear_error();
    if (check == nullptr || public_key_of(check.get()) != signer.public_key())
      return Error{path + " is damaged: its private and its public key do not belong together"};
  }
  return signer;
}

}  // namespace

Result<void> write_key_file(const std::string& path, const Signer& signer) {
  const File file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.open()) {
    if (errno == EEXIST) return Error{path + " exists; a key is never overwritten"};
    return failed("create", path);
  }
  std::string text = pem_of(signer);
  const bool written =
      ::fchmod(file.get(), 0600) == 0 && write_all(file.get(), text) && ::fsync(file.get()) == 0;
  OPENSSL_cleanse(text.data(), text.size());
  if (!written) {
    const Error error = failed("write", path);
    ::unlink(path.c_str());  // half a key helps nobody
    return error;
  }
  return sync_directory_of(path);
}

Result<Signer> read_key_file(const std::string& path) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.open()) return failed("read", path);
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return failed("read", path);
  if (!S_ISREG(status.st_mode)) return Error{path + " is not a file"};
  if ((status.st_mode & 077) != 0)
    return Error{path + " can be read by others; run: chmod 600 " + path};
  if (status.st_size > static_cast<off_t>(file_bytes_max))
    return Error{path + " is too long to be a private key"};
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t filled = 0;
  while (filled < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + filled, text.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("read", path);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  text.resize(filled);
  Result<Signer> signer = parse(path, text);
  OPENSSL_cleanse(text.data(), text.size());
  return signer;
}

}  // namespace prytany::crypto
