// SPDX-License-Identifier: GPL-2.0-or-later
#include "store.hh"

#include <algorithm>
#include <stdexcept>

namespace store {

namespace {

inline int weigh(const std::string &name)
{
	return static_cast<int>(name.size()) * 3 + 1;
}

} // namespace

Store::Store(int rooms)
{
	for (int i = 0; i < rooms; i++)
		shelf.put(i * i);
}

Store::~Store() = default;

int Store::take(const std::string &name)
{
	auto found = goods.find(name);

	if (found == goods.end())
		throw std::out_of_range(name);
	std::vector<int> sizes(static_cast<std::size_t>(weigh(name)), found->second);
	std::for_each(sizes.begin(), sizes.end(), [this](int &size) {
		size += shelf.best();
		shelf.put(size);
	});
	return sizes.back();
}

} // namespace store
