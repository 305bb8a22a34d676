# A toolchain of no compiler at all: a scripted extension compiles nothing, and configuring it should need none installed.
set(CMAKE_SYSTEM_NAME Generic)
foreach(_language C CXX)
  set(CMAKE_${_language}_COMPILER ${CMAKE_COMMAND})
  set(CMAKE_${_language}_COMPILER_FORCED TRUE)
  set(CMAKE_${_language}_COMPILER_ID_RUN TRUE)
endforeach()
