// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who may read and write a node: its owner, the rights of everybody else, and exceptions.

use alloc::vec::Vec;

use super::Error;
use crate::DomId;

/// What a domain may do with a node: one of the letters n, r, w, b.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// Nothing.
    None,
    /// See its value and children.
    Read,
    /// Change its value and children.
    Write,
    /// Both.
    Both,
}

impl Rights {
    /// Whether reading is in these rights.
    #[must_use]
    pub fn can_read(self) -> bool {
        matches!(self, Self::Read | Self::Both)
    }

    /// Whether writing is in these rights.
    #[must_use]
    pub fn can_write(self) -> bool {
        matches!(self, Self::Write | Self::Both)
    }

    fn from_letter(letter: u8) -> Option<Self> {
        match letter {
            b'n' => Some(Self::None),
            b'r' => Some(Self::Read),
            b'w' => Some(Self::Write),
            b'b' => Some(Self::Both),
            _ => None,
        }
    }

    fn letter(self) -> char {
        match self {
            Self::None => 'n',
            Self::Read => 'r',
            Self::Write => 'w',
            Self::Both => 'b',
        }
    }
}

/// Who asks: a domain, with or without the privilege that makes permissions void.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The domain at the other end of the connection.
    pub domid: DomId,
    /// Set for dom0 alone: it may do everything, and no quota holds for it.
    pub privileged: bool,
}

/// The permissions of a node. The first entry on the wire names the owner, and the rights of
/// domains that no other entry names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permissions {
    owner: DomId,
    others: Rights,
    exceptions: Vec<(DomId, Rights)>,
}

impl Permissions {
    /// Most entries in one list.
    pub const ENTRIES_MAX: usize = 16;

    /// A node of `owner`, with `others` for everybody else.
    #[must_use]
    pub fn new(owner: DomId, others: Rights) -> Self {
        Self { owner, others, exceptions: Vec::new() }
    }

    /// The same with an exception for one domain.
    #[must_use]
    pub fn with(mut self, domid: DomId, rights: Rights) -> Self {
        self.exceptions.push((domid, rights));
        self
    }

    /// Reads entries like `n0`, `r5`. `EINVAL` for none, too many, or an ill-formed one.
    pub fn parse<'a>(entries: impl Iterator<Item = &'a str>) -> Result<Self, Error> {
        let mut list = Vec::new();
        for entry in entries {
            if list.len() == Self::ENTRIES_MAX {
                return Err(Error::Enospc);
            }
            list.push(parse_entry(entry)?);
        }
        let (&(owner, others), exceptions) = list.split_first().ok_or(Error::Einval)?;
        Ok(Self { owner, others, exceptions: exceptions.to_vec() })
    }

    /// Appends the entries as the wire has them, each with a NUL behind.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let first = (self.owner, self.others);
        for (domid, rights) in core::iter::once(&first).chain(&self.exceptions) {
            out.extend_from_slice(
                alloc::format!("{}{}\0", rights.letter(), domid.get()).as_bytes(),
            );
        }
    }

    /// The domain that owns the node.
    #[must_use]
    pub fn owner(&self) -> DomId {
        self.owner
    }

    /// Whether `caller` may change these permissions.
    #[must_use]
    pub fn is_owner(&self, caller: Caller) -> bool {
        caller.privileged || self.owner == caller.domid
    }

    /// What `caller` may do.
    #[must_use]
    pub fn rights(&self, caller: Caller) -> Rights {
        if self.is_owner(caller) {
            return Rights::Both;
        }
        let exception = self.exceptions.iter().find(|(domid, _)| *domid == caller.domid);
        exception.map_or(self.others, |&(_, rights)| rights)
    }

    /// The permissions of a new node below a node with these: the same, but a domain owns what it
    /// creates.
    #[must_use]
    pub fn inherit(&self, creator: Caller) -> Self {
        let mut inherited = self.clone();
        if !creator.privileged {
            inherited.owner = creator.domid;
        }
        inherited
    }

    /// Takes the rights of a dead domain out, so that its successor by number does not get them.
    /// Returns whether there were any.
    pub fn forget(&mut self, dead: DomId) -> bool {
        let before = self.exceptions.len();
        self.exceptions.retain(|(domid, _)| *domid != dead);
        before != self.exceptions.len()
    }

    /// Whether a dead domain is named among the exceptions.
    #[must_use]
    pub fn names(&self, domid: DomId) -> bool {
        self.exceptions.iter().any(|entry| entry.0 == domid)
    }
}

fn parse_entry(entry: &str) -> Result<(DomId, Rights), Error> {
    let letter = entry.bytes().next().ok_or(Error::Einval)?;
    let rights = Rights::from_letter(letter).ok_or(Error::Einval)?;
    let digits = entry.get(1..).ok_or(Error::Einval)?;
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Error::Einval);
    }
    let domid = digits.parse().map_err(|_| Error::Einval)?;
    Ok((DomId::new(domid), rights))
}
