// Trait: what C++ containers ask for: nodes, strings, growing vectors, shared pointers, through new and delete.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

std::uint64_t state = 0x9e3779b97f4a7c15u;

std::uint64_t next()
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1du;
}

std::string word()
{
    return std::string(4 + next() % 60, static_cast<char>('a' + next() % 26));
}

std::uint64_t ordered_map()
{
    std::map<std::uint64_t, std::string> map;
    for (int i = 0; i < 20000; i++)
        map[next() % 30000] = word();
    for (int i = 0; i < 20000; i++)
        map.erase(next() % 30000);
    std::uint64_t sum = 0;
    for (const auto &[key, text] : map)
        sum += key + text.size();
    return sum;
}

std::uint64_t hash_map()
{
    std::unordered_map<std::string, std::vector<int>> map;
    for (int i = 0; i < 30000; i++)
        map["key" + std::to_string(next() % 8000)].push_back(i);
    std::uint64_t sum = 0;
    for (const auto &entry : map)
        sum += entry.second.size() * entry.second.back();
    return sum;
}

std::uint64_t lists()
{
    std::list<std::string> list;
    std::deque<std::unique_ptr<int>> queue;
    std::uint64_t sum = 0;
    for (int i = 0; i < 30000; i++) {
        list.push_back(word());
        queue.push_back(std::make_unique<int>(i));
        if (list.size() > 1000) {
            sum += list.front().size() + static_cast<std::uint64_t>(*queue.front());
            list.pop_front();
            queue.pop_front();
        }
    }
    return sum;
}

std::uint64_t vectors()
{
    std::vector<std::vector<std::shared_ptr<std::string>>> rows(400);
    std::uint64_t sum = 0;
    for (int i = 0; i < 40000; i++)
        rows[next() % rows.size()].push_back(std::make_shared<std::string>(word()));
    for (std::size_t i = 1; i < rows.size(); i++)
        for (std::size_t j = 0; j < rows[i - 1].size() / 2; j++)
            rows[i].push_back(rows[i - 1][j]);
    for (const auto &row : rows)
        for (const auto &text : row)
            sum += text->size();
    return sum;
}

} // namespace

int main(int argc, char **argv)
{
    long scale = argc > 1 ? std::atol(argv[1]) : 100;
    if (scale < 1) {
        std::fprintf(stderr, "bench: usage: containers [scale]\n");
        return 2;
    }
    long rounds = 75 * scale / 100;
    std::uint64_t sum = 0;
    do
        sum += ordered_map() + hash_map() + lists() + vectors();
    while (--rounds > 0);
    std::printf("sum %016llx\n", static_cast<unsigned long long>(sum));
}
