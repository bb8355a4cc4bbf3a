// SPDX-License-Identifier: GPL-2.0-or-later
// A C++ program of several files for the tests of names: never run, only looked at.
#include "store.hh"

#include <memory>

template <typename T, typename F> static int visit(T &all, F work)
{
	int sum = 0;

	for (auto &one : all)
		sum += work(one);
	return sum;
}

int main(int argc, char *argv[])
{
	auto shop = std::make_unique<store::Store>(argc);
	store::Shelf<std::string> names;
	std::vector<std::string> words(argv, argv + argc);

	for (const auto &word : words) {
		shop->goods[word] += 1;
		names.put(word);
	}
	return visit(words, [&](const std::string &word) {
		return shop->take(word) + static_cast<int>(names.best().size());
	});
}
