# needs: g++
# limit: 120
cat >work.cc <<'END'
#include <algorithm>
#include <functional>
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <variant>
#include <vector>
template <int N> struct chain { std::map<int, std::variant<int, std::string, std::vector<chain<N - 1>>>> m; };
template <> struct chain<0> { std::string s; };
template struct chain<40>;
struct alignas(64) wide { double d[8]; };
int main()
{
    std::unordered_map<std::string, std::vector<std::unique_ptr<int>>> m;
    for (int i = 0; i < 200000; i++) m["k" + std::to_string(i % 5003)].push_back(std::make_unique<int>(i));
    long sum = 0;
    for (auto &[k, v] : m) for (auto &p : v) sum += *p;
    std::cout << m.size() << ' ' << sum << '\n';
    std::vector<std::future<size_t>> f;
    for (int t = 0; t < 8; t++)
        f.push_back(std::async(std::launch::async, [t] {
            std::map<int, std::string> q;
            for (int i = 0; i < 20000; i++) q[i * 7 % 9973] += std::string(i % 40, 'a' + t);
            size_t n = 0;
            for (auto &[k, s] : q) n += s.size();
            return n;
        }));
    for (auto &x : f) std::cout << x.get() << ' ';
    std::vector<wide> w(1000);
    std::cout << reinterpret_cast<size_t>(w.data()) % 64 << '\n';
    std::string text;
    for (int i = 0; i < 2000; i++) text += "name" + std::to_string(i) + "=value;";
    std::regex re("name([0-9]+)7=");
    std::cout << std::distance(std::sregex_iterator(text.begin(), text.end(), re), std::sregex_iterator()) << '\n';
    try { std::vector<char> huge(size_t(1) << 60); } catch (const std::bad_alloc &e) { std::cout << "bad_alloc\n"; }
    try { throw std::runtime_error(text); } catch (const std::exception &e) { std::cout << std::string(e.what()).size() << '\n'; }
}
END
for level in -O0 -O2; do
    g++ -std=c++17 -g $level work.cc -o work -pthread && ./work; echo "code $?"
done
g++ -std=c++17 -O1 -S work.cc -o - | md5sum
echo '#include <vector>
int main() { std::vector<int> v = "text"; }' >bad.cc
g++ -c bad.cc 2>&1 | md5sum
