# find_package(Prytany) -> prytany::client
include(CMakeFindDependencyMacro)
find_dependency(Threads)
find_dependency(OpenSSL 3.0)
find_dependency(nlohmann_json)
find_dependency(spdlog)
find_dependency(PkgConfig)
pkg_check_modules(sodium REQUIRED QUIET IMPORTED_TARGET libsodium)
include(${CMAKE_CURRENT_LIST_DIR}/PrytanyTargets.cmake)
