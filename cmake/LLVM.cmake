# LLVM and Clang 22 as Debian packages them. Everything links the shared
# clang-cpp and LLVM; only the clang-tidy archives, which have no shared form,
# are named, by file: their CMake targets would pull in static Clang libraries,
# which must never meet clang-cpp in one process.
find_program(LLVM_CONFIG NAMES llvm-config-22 REQUIRED)
execute_process(COMMAND ${LLVM_CONFIG} --prefix
                OUTPUT_VARIABLE CORAL_LLVM_PREFIX
                OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CORAL_LLVM_PREFIX}/bin/clang -print-resource-dir
                OUTPUT_VARIABLE CORAL_CLANG_RESOURCE_DIR
                OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
find_package(Clang 22.1 REQUIRED CONFIG
             PATHS ${CORAL_LLVM_PREFIX}/lib/cmake/clang NO_DEFAULT_PATH)

set(CORAL_TIDY_ARCHIVES
    ${CORAL_LLVM_PREFIX}/lib/libclangTidy.a
    ${CORAL_LLVM_PREFIX}/lib/libclangTidyUtils.a)

# Compiles the compiler side: flags and include directories for every room.
add_library(coralc_options INTERFACE)
target_include_directories(coralc_options INTERFACE
                           ${PROJECT_SOURCE_DIR}/include)
target_include_directories(coralc_options SYSTEM INTERFACE
                           ${LLVM_INCLUDE_DIRS} ${CLANG_INCLUDE_DIRS})
target_compile_definitions(coralc_options INTERFACE
                           _GNU_SOURCE __STDC_CONSTANT_MACROS
                           __STDC_FORMAT_MACROS __STDC_LIMIT_MACROS)
target_compile_options(coralc_options INTERFACE
                       -fno-exceptions -Wall -Wextra -Werror
                       -Wno-unused-parameter)
target_link_options(coralc_options INTERFACE -fuse-ld=lld)
target_link_libraries(coralc_options INTERFACE clang-cpp LLVM)
