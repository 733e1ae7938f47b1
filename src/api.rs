//! HTTP: history, state, live feed, metrics, and the built-in page.
//! Takes: the journal, the board, the tail. Gives: REST, WebSocket, SSE, OpenAPI. Never: changes the fleet.
