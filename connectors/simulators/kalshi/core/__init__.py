"""The exchange itself: books, orders, money, the life of markets. No clock, no chance, no input or output.

Integers everywhere: prices in 1/10000 dollar, counts in 1/100 contract, money in 1/1000000 dollar, so that price
times count is money without rounding. Times are UTC nanoseconds and come in with each command.
"""
