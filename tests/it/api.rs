//! The API over a journal in memory: routes, parameters, access, and the live feed.

mod access;
mod command;
mod debug;
mod export;
mod feed;
mod fixtures;
mod history;
mod mcp;
mod replay;
mod report;
mod search;
mod stalled;
mod timeline;
mod tls;
mod world;
