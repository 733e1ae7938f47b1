//! How the watches do, together.
//! Takes: what each tells. Gives: whether what is shown is up to date, and why not. Never: takes silence for health.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::watching::{Kind, Place};
use crate::model::{Text, Timestamp};
use crate::sources::failure::{Failure, reason};

/// A watch that was begun again says nothing while nothing changes: so long after its pause without another failure it
/// is taken to work.
const GRACE: Duration = Duration::from_secs(5);

/// All watches.
#[derive(Debug, Default)]
pub(super) struct Watches {
    /// What each failed of last, and until when that holds.
    failing: BTreeMap<Place, Option<(Failure, Instant)>>,
    /// Those whose list was whole once.
    listed: BTreeSet<Place>,
    /// Why the server itself does not answer.
    silent: Option<Failure>,
    /// When the server last answered.
    pub(super) answered: Timestamp,
    /// Its version.
    pub(super) version: Option<Text>,
}

impl Watches {
    /// A watch begins.
    pub(super) fn expect(&mut self, place: Place) {
        self.failing.insert(place, None);
    }

    /// A watch told something.
    pub(super) fn works(&mut self, place: &Place) {
        self.answered = Timestamp::now();
        if let Some(failing) = self.failing.get_mut(place) {
            *failing = None;
        }
    }

    /// A watch has listed all there is.
    pub(super) fn lists(&mut self, place: &Place) {
        self.works(place);
        self.listed.insert(place.clone());
    }

    /// A watch failed and pauses.
    pub(super) fn fails(&mut self, place: Place, failure: Failure, pause: Duration) {
        self.failing.insert(place, Some((failure, Instant::now() + pause + GRACE)));
    }

    /// The server was asked whether it is there.
    pub(super) fn beat(&mut self, answer: Result<Text, Failure>) -> Result<(), Failure> {
        match answer {
            Ok(version) => {
                (self.version, self.silent, self.answered) = (Some(version), None, Timestamp::now());
                Ok(())
            }
            Err(failure) => {
                self.silent = Some(failure.clone());
                Err(failure)
            }
        }
    }

    fn failure(&self, place: &Place) -> Option<&Failure> {
        let (failure, until) = self.failing.get(place)?.as_ref()?;
        // Before its first list a watch that fails has nothing to show, however long it pauses.
        (Instant::now() < *until || !self.listed.contains(place)).then_some(failure)
    }

    /// How it is: pods are what it is for, the rest may be refused. `None` = not known yet.
    pub(super) fn state(&self, pods: usize) -> Option<Result<String, Failure>> {
        if let Some(failure) = &self.silent {
            return Some(Err(failure.clone()));
        }
        let (mut lacking, mut unknown) = (Vec::new(), false);
        for place in self.failing.keys() {
            let (kind, namespace) = place;
            match self.failure(place) {
                Some(failure) if *kind == Kind::Pods || !failure.is_lasting() => {
                    let detail = format!("{} of {namespace}: {failure}", kind.name());
                    return Some(Err(Failure { detail, ..failure.clone() }));
                }
                Some(failure) if kind.may_be_absent() && failure.reason == reason::NOT_FOUND => {
                    lacking.push(format!("{namespace} has no {}", kind.name()));
                }
                Some(_) => lacking.push(format!("{} of {namespace} may not be read", kind.name())),
                None => unknown |= !self.listed.contains(place),
            }
        }
        if unknown {
            return None;
        }
        let version = self.version.as_deref().unwrap_or("of unknown version");
        lacking.insert(0, format!("{pods} pods"));
        Some(Ok(format!("Kubernetes {version}; {}", lacking.join("; "))))
    }
}
