// SPDX-License-Identifier: MIT OR Apache-2.0
//! Node paths: which bytes are one, and how they relate.

use alloc::format;
use alloc::string::String;
use core::fmt;

use xen_abi::xenstore::{MAX_ABSOLUTE_PATH, MAX_RELATIVE_PATH};

use super::Error;
use crate::DomId;

/// Deepest path in components: it bounds every recursion over the tree.
pub const DEPTH_MAX: usize = 32;

/// A valid absolute path: `/`, or `/a/b` without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(String);

impl Path {
    /// The root of the tree.
    #[must_use]
    pub fn root() -> Self {
        Self(String::from("/"))
    }

    /// The directory of a domain, `/local/domain/<domid>`: where its relative paths begin.
    #[must_use]
    pub fn home(domid: DomId) -> Self {
        Self(format!("/local/domain/{}", domid.get()))
    }

    /// Reads what a client of domain `domid` sent; a path without leading slash begins at that
    /// domain's home. `EINVAL` for a forbidden character, an empty component, a path too long or
    /// too deep.
    pub fn parse(text: &str, domid: DomId) -> Result<Self, Error> {
        let absolute = if text.starts_with('/') {
            if text.len() > MAX_ABSOLUTE_PATH {
                return Err(Error::Einval);
            }
            String::from(text)
        } else {
            if text.len() > MAX_RELATIVE_PATH {
                return Err(Error::Einval);
            }
            format!("{}/{text}", Self::home(domid))
        };
        let valid = absolute == "/" || absolute.split('/').skip(1).all(is_component);
        if !valid || absolute.split('/').count() > DEPTH_MAX + 1 {
            return Err(Error::Einval);
        }
        Ok(Self(absolute))
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The names on the way from the root to this node; none for the root itself.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|name| !name.is_empty())
    }

    /// The node that holds this one, and this one's name there; `None` for the root.
    #[must_use]
    pub fn split_last(&self) -> Option<(Self, &str)> {
        let (parent, name) = self.0.rsplit_once('/')?;
        if name.is_empty() {
            return None;
        }
        let parent = if parent.is_empty() { "/" } else { parent };
        Some((Self(String::from(parent)), name))
    }

    /// The child `name` of this node.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        if self.0 == "/" { Self(format!("/{name}")) } else { Self(format!("{self}/{name}")) }
    }

    /// Whether `other` is this node or lies below it.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match other.0.strip_prefix(self.0.as_str()) {
            Some(rest) => rest.is_empty() || rest.starts_with('/') || self.0 == "/",
            None => false,
        }
    }

    /// What follows `base` and its slash; `None` if the path does not lie below `base`.
    #[must_use]
    pub fn relative_to(&self, base: &Self) -> Option<&str> {
        self.0.strip_prefix(base.0.as_str())?.strip_prefix('/')
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_component(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'@'))
}
