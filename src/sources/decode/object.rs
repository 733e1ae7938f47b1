//! Known keys of an object and of the objects inside it that the fleet gives a meaning to.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use smallvec::SmallVec;

use crate::model::{Facts, Key, Value};

use super::claimed::{Claim, rank};
use super::scalar::{Name, Scalar};

/// Whose keys are read: what a key means depends on where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The payload.
    Payload,
    /// `constraints`.
    Constraints,
    /// `metadata`, of the payload or of its constraints.
    Metadata,
    /// `proposal`.
    Proposal,
}

impl Place {
    /// The fact that `name` is here.
    pub(super) fn key(self, name: &str) -> Option<Key> {
        match self {
            Self::Payload => Key::from_name(name).filter(|_| !name.contains('.')),
            Self::Constraints => Some(match name {
                "story_id" => Key::ConstraintsStoryId,
                "plan_id" => Key::ConstraintsPlanId,
                "timeout" => Key::ConstraintsTimeout,
                _ => return None,
            }),
            Self::Metadata => Some(match name {
                "story_id" => Key::MetadataStoryId,
                "ceremony_id" => Key::MetadataCeremonyId,
                "task_id" => Key::MetadataTaskId,
                "plan_id" => Key::MetadataPlanId,
                "task_type" => Key::MetadataTaskType,
                "num_agents" => Key::MetadataNumAgents,
                _ => return None,
            }),
            Self::Proposal => Some(match name {
                "content" => Key::ProposalContent,
                "tokens" => Key::ProposalTokens,
                "model" => Key::ProposalModel,
                "author_id" => Key::ProposalAuthorId,
                "author_role" => Key::ProposalAuthorRole,
                _ => return None,
            }),
        }
    }

    /// The object inside, read in its own way, that `name` is here.
    fn inside(self, name: &str) -> Option<Self> {
        match (self, name) {
            (Self::Payload, "constraints") => Some(Self::Constraints),
            (Self::Payload | Self::Constraints, "metadata") => Some(Self::Metadata),
            (Self::Payload, "proposal") => Some(Self::Proposal),
            _ => None,
        }
    }
}

/// What is read of an object.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// The known keys.
    pub(super) facts: Facts,
    /// What it says about when it happened.
    pub(super) times: SmallVec<[(u8, Claim); 4]>,
}

impl Read {
    /// Reads the value of `name` in `place`.
    pub(super) fn entry<'de, A: MapAccess<'de>>(
        &mut self,
        map: &mut A,
        place: Place,
        name: &str,
    ) -> Result<(), A::Error> {
        if let Some(inside) = place.inside(name) {
            map.next_value_seed(Object { place: inside, read: self })?;
            return Ok(());
        }
        let key = place.key(name);
        let time = if place == Place::Payload { rank(name) } else { None };
        match (key, time) {
            (None, None) => {
                map.next_value::<IgnoredAny>()?;
            }
            (key, time) => {
                map.next_value_seed(Scalar { key, rank: time, read: self })?;
            }
        }
        Ok(())
    }
}

/// Reads a value that should be an object, and says whether it was one.
#[derive(Debug)]
pub(super) struct Object<'a> {
    pub(super) place: Place,
    pub(super) read: &'a mut Read,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_str<E>(self, text: &str) -> Result<bool, E> {
        if self.place == Place::Proposal {
            // An answer already made text: how long it is says enough.
            let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
            self.read.facts.insert(Key::ProposalContent, Value::Items(length));
        }
        Ok(false)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(false)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        while let Some(name) = map.next_key_seed(Name)? {
            self.read.entry(&mut map, self.place, &name)?;
        }
        Ok(true)
    }
}
