# Flags for our own code. Directory scope: an installed prytany::client exports none of them.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()
# Line tables are enough for backtraces and cost little build time.
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")

add_compile_options(
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
  -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-align -Wcast-qual -Wformat=2 -Wundef
  -Wimplicit-fallthrough -Wextra-semi)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # -Wrestrict and -Wmaybe-uninitialized give false alarms in g++ 12 (std::string's operator+,
  # std::optional under sanitizers); clang and the sanitizers look for the same mistakes.
  add_compile_options(-Wduplicated-cond -Wlogical-op -Wno-restrict -Wno-maybe-uninitialized)
endif()
if(PRYTANY_JOIN)
  # A parameter may be called as what a joined neighbour keeps to itself.
  add_compile_options(-Wno-shadow)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-subobject-linkage)  # what a file keeps to itself stands in no header
  endif()
endif()
add_compile_definitions(_GLIBCXX_ASSERTIONS)

if(PRYTANY_SANITIZE)
  add_compile_options(-fsanitize=${PRYTANY_SANITIZE} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${PRYTANY_SANITIZE})
  if(PRYTANY_JOIN AND PRYTANY_SANITIZE MATCHES "undefined")
    # These checks stand before every access and take a third of a compiler's time. AddressSanitizer
    # reports the access itself, misaligned ones need a cast, and the thorough preset has all.
    add_compile_options(-fno-sanitize=null,alignment,object-size,pointer-overflow)
  endif()
endif()
# Clang with AddressSanitizer: prytany-fuzz is built. It is led by counters in the code.
set(PRYTANY_COUNTERS OFF)
if(PRYTANY_SANITIZE MATCHES "address" AND CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  set(PRYTANY_COUNTERS ON)
  add_compile_options(-fsanitize-coverage=inline-8bit-counters,pc-table)
endif()
if(PRYTANY_FUZZ)
  # Comparisons lead it, too. Checks of addresses as calls are a third less to compile.
  add_compile_options(-fsanitize=fuzzer-no-link -fsanitize-address-outline-instrumentation
                      -fno-sanitize=null,alignment,object-size,pointer-overflow)
endif()
