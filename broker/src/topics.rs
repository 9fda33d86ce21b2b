//! The catalogue of topics: which there are, with their ids, partitions and configurations.
//!
//! It changes by `apply` alone, at work and at replay alike. Partitions' data is none of its
//! business.

mod config;

mod fault;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use config::{ConfigKind, KNOWN, Known, Settings};
pub use fault::{ConfigFault, TopicFault};

use crate::limits::{PARTITIONS_MAX, PARTITIONS_PER_TOPIC_MAX, TOPICS_MAX};
use crate::names::TopicName;
use crate::stored::Stored;

/// One topic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Topic {
    pub name: TopicName,
    pub id: Uuid,
    pub partitions: i32,
    /// What was set for this topic; everything else has its default.
    pub configs: BTreeMap<String, String>,
    #[serde(skip)]
    pub settings: Settings,
}

/// What happened to the catalogue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Change {
    Created(Topic),
    Deleted(TopicName),
    Grown {
        name: TopicName,
        partitions: i32,
    },
    Configured {
        name: TopicName,
        configs: BTreeMap<String, String>,
    },
}

impl Stored for Change {}

/// What one request does to one configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alteration {
    Set,
    Delete,
    Append,
    Subtract,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Topics {
    by_name: BTreeMap<TopicName, Topic>,
}

impl Stored for Topics {}

impl Topics {
    /// What a snapshot held, its settings read anew.
    #[must_use]
    pub fn restored(mut self) -> Self {
        for topic in self.by_name.values_mut() {
            topic.settings = Settings::of(&topic.configs);
        }
        self
    }

    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Topic> {
        self.by_name.get(name)
    }

    #[must_use]
    pub fn by_id(&self, id: Uuid) -> Option<&Topic> {
        self.by_name.values().find(|topic| topic.id == id)
    }

    pub fn all(&self) -> impl Iterator<Item = &Topic> {
        self.by_name.values()
    }

    /// # Errors
    /// When the name is taken, the count is out of bounds, or a configuration is unfit.
    pub fn create(
        &self,
        name: &TopicName,
        id: Uuid,
        partitions: i32,
        configs: BTreeMap<String, String>,
    ) -> Result<Change, TopicFault> {
        if self.by_name.contains_key(name) {
            return Err(TopicFault::Exists(name.clone()));
        }
        if self.by_name.len() >= TOPICS_MAX {
            return Err(TopicFault::TooManyTopics);
        }
        if !(1..=PARTITIONS_PER_TOPIC_MAX).contains(&partitions) {
            return Err(TopicFault::Partitions(partitions));
        }
        self.room_for(partitions)?;
        for (key, value) in &configs {
            config::check(key, value)?;
        }
        let settings = Settings::of(&configs);
        Ok(Change::Created(Topic {
            name: name.clone(),
            id,
            partitions,
            configs,
            settings,
        }))
    }

    /// # Errors
    /// When there is no such topic.
    pub fn delete(&self, name: &TopicName) -> Result<Change, TopicFault> {
        self.known(name)?;
        Ok(Change::Deleted(name.clone()))
    }

    /// # Errors
    /// When there is no such topic, or it would not grow, or beyond the bounds.
    pub fn grow(&self, name: &TopicName, partitions: i32) -> Result<Change, TopicFault> {
        let now = self.known(name)?.partitions;
        if partitions <= now || partitions > PARTITIONS_PER_TOPIC_MAX {
            return Err(TopicFault::Growth { now, partitions });
        }
        self.room_for(partitions - now)?;
        let name = name.clone();
        Ok(Change::Grown { name, partitions })
    }

    /// # Errors
    /// When there is no such topic, or a configuration is unfit.
    pub fn alter(
        &self,
        name: &TopicName,
        alterations: &[(String, Alteration, Option<String>)],
    ) -> Result<Change, TopicFault> {
        let mut configs = self.known(name)?.configs.clone();
        for (key, alteration, value) in alterations {
            config::alter(&mut configs, key, *alteration, value.as_deref())?;
        }
        let name = name.clone();
        Ok(Change::Configured { name, configs })
    }

    /// Puts these configurations in the place of all that the topic has.
    ///
    /// # Errors
    /// As [`Self::alter`].
    pub fn replace(
        &self,
        name: &TopicName,
        configs: BTreeMap<String, String>,
    ) -> Result<Change, TopicFault> {
        self.known(name)?;
        for (key, value) in &configs {
            config::check(key, value)?;
        }
        let name = name.clone();
        Ok(Change::Configured { name, configs })
    }

    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Created(topic) => {
                let mut topic = topic.clone();
                topic.settings = Settings::of(&topic.configs);
                self.by_name.insert(topic.name.clone(), topic);
            }
            Change::Deleted(name) => {
                self.by_name.remove(name);
            }
            Change::Grown { name, partitions } => {
                if let Some(topic) = self.by_name.get_mut(name) {
                    topic.partitions = *partitions;
                }
            }
            Change::Configured { name, configs } => {
                if let Some(topic) = self.by_name.get_mut(name) {
                    topic.configs.clone_from(configs);
                    topic.settings = Settings::of(configs);
                }
            }
        }
    }

    fn known(&self, name: &TopicName) -> Result<&Topic, TopicFault> {
        self.by_name
            .get(name)
            .ok_or_else(|| TopicFault::Unknown(name.clone()))
    }

    fn room_for(&self, partitions: i32) -> Result<(), TopicFault> {
        let held: i64 = self.all().map(|topic| i64::from(topic.partitions)).sum();
        let limit = i64::try_from(PARTITIONS_MAX).unwrap_or(i64::MAX);
        if held + i64::from(partitions) > limit {
            return Err(TopicFault::TooManyPartitions);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
