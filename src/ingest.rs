//! The one place where events become history: correlate, commit, tell.
