// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <string>
#include <vector>

namespace store {

template <typename T> class Shelf {
public:
	void put(const T &item) { items_.push_back(item); }
	T best() const;
	std::size_t size() const { return items_.size(); }

private:
	std::vector<T> items_;
};

template <typename T> T Shelf<T>::best() const
{
	T found{};

	for (const T &item : items_)
		if (found < item)
			found = item;
	return found;
}

struct Store {
	explicit Store(int rooms);
	virtual ~Store();
	virtual int take(const std::string &name);

	std::map<std::string, int> goods;
	Shelf<int> shelf;
};

} // namespace store
