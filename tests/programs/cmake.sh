# needs: cmake make gcc g++
# limit: 120
mkdir tiny
cat >tiny/CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.13)
project(tiny C CXX)
foreach(i RANGE 1 12)
    file(WRITE ${CMAKE_BINARY_DIR}/gen${i}.cc "#include <string>\nstd::string gen${i}() { return std::string(${i}, 'x'); }\n")
    list(APPEND generated ${CMAKE_BINARY_DIR}/gen${i}.cc)
    string(APPEND calls " + gen${i}().size()")
    string(APPEND decls "std::string gen${i}();\n")
endforeach()
file(WRITE ${CMAKE_BINARY_DIR}/main.cc "#include <string>\n#include <cstdio>\n${decls}\nint main() { std::printf(\"%zu\\n\", 0${calls}); }\n")
add_library(gen STATIC ${generated})
add_executable(tiny ${CMAKE_BINARY_DIR}/main.cc)
target_link_libraries(tiny gen)
enable_testing()
add_test(NAME runs COMMAND tiny)
set(text "")
foreach(i RANGE 1 3000)
    string(APPEND text "${i};")
endforeach()
list(REVERSE text)
list(LENGTH text length)
message(STATUS "a list of ${length}")
END
cmake -S tiny -B out -DCMAKE_BUILD_TYPE=Release | sed -E 's/\([0-9.]+s\)//'
cmake --build out -j 2 2>&1 | sed -E 's,^\[ *[0-9]+%\] ,,' | sort
out/tiny
(cd out && ctest 2>&1 | sed -E 's/ +[0-9.]+ sec.*//; s/Total Test time.*//')
cmake -S missing -B out2 2>&1; echo "code $?"
