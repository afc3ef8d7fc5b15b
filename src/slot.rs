//! The adapter in use behind a seam, which another one replaces while the desk runs. An agent may
//! have its own.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::domain::AgentId;

/// The adapter in use. Clones share it.
pub struct AdapterSlot<A: ?Sized> {
    held: Arc<RwLock<Adapters<A>>>,
}

struct Adapters<A: ?Sized> {
    default: Arc<A>,
    of_agents: HashMap<AgentId, Arc<A>>,
}

impl<A: ?Sized> Clone for AdapterSlot<A> {
    fn clone(&self) -> Self {
        Self { held: self.held.clone() }
    }
}

impl<A: ?Sized> AdapterSlot<A> {
    /// Holds this adapter, for every agent.
    pub fn new(default: Arc<A>) -> Self {
        let of_agents = HashMap::new();
        Self { held: Arc::new(RwLock::new(Adapters { default, of_agents })) }
    }

    /// Returns the adapter of agents without an own one.
    pub fn current(&self) -> Arc<A> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).default.clone()
    }

    /// Returns the adapter of an agent.
    pub fn of(&self, agent: &AgentId) -> Arc<A> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.of_agents.get(agent).unwrap_or(&held.default).clone()
    }

    /// Returns the adapter of agents without an own one, and those of agents.
    pub fn all(&self) -> (Arc<A>, HashMap<AgentId, Arc<A>>) {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        (held.default.clone(), held.of_agents.clone())
    }

    /// Replaces all adapters at once.
    pub fn replace(&self, default: Arc<A>, of_agents: HashMap<AgentId, Arc<A>>) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        *held = Adapters { default, of_agents };
    }
}
