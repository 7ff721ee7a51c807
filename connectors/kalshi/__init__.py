"""The venue Kalshi: prices, fees, signed REST and websocket clients, local order books, facts for rules.

Only the forms of the API of October 2026 are spoken (OpenAPI 3.34, AsyncAPI 2.0).
"""
